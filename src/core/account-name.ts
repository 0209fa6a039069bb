import type { Account } from "./accounts.ts";

/**
 * The accounts that a person means by this text: the one with this handle, else all with this e-mail or label. Case does
 * not count. Used alike by the command line and for `accounts[].account` of the configuration.
 */
export function accountsNamed<Named extends Pick<Account, "handle" | "label" | "email">>(
  text: string,
  accounts: readonly Named[],
): Named[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  const byHandle = accounts.find(({ handle }) => handle.toLowerCase() === wanted);
  if (byHandle !== undefined) return [byHandle];
  return accounts.filter(
    ({ label, email }) => label?.trim().toLowerCase() === wanted || email?.trim().toLowerCase() === wanted,
  );
}

/** What is spelled like a handle cannot be a label: it would name two accounts. */
export function looksLikeHandle(text: string): boolean {
  return /^a\d+$/i.test(text.trim());
}
