import { accountsNamed } from "../../core/account-name.ts";
import type { Account } from "../../core/accounts.ts";
import { nearest } from "../../lib/nearest.ts";
import { ADD_ACCOUNT, UserError } from "../failure.ts";
import { looksLikeSecret } from "../secret-shaped.ts";
import { plain } from "../terminal.ts";
import { nameOf } from "./text.ts";

const SHOWN = 5;

/** The one account that the owner means by handle, label or e-mail. Throws UserError naming the candidates. */
export function chooseAccount(text: string, accounts: readonly Account[]): Account {
  const [account, ...others] = accountsNamed(text, accounts);
  if (account !== undefined && others.length === 0) return account;
  // A token or key that was pasted here by mistake is not repeated.
  const shown = looksLikeSecret(text) ? "of that name" : JSON.stringify(plain(text));
  if (account !== undefined) {
    throw new UserError(`${shown} names ${others.length + 1} accounts`, {
      hint: `Name one by its handle: ${listed([account, ...others])}`,
    });
  }
  throw new UserError(`There is no account ${shown}`, { hint: hintFor(text, accounts) });
}

function hintFor(text: string, accounts: readonly Account[]): string {
  if (accounts.length === 0) return `No account is stored. ${ADD_ACCOUNT}`;
  const names = accounts.flatMap(({ handle, label = "", email = "" }) => [handle, label, email].filter(Boolean));
  const [meant] = nearest(text, new Set(names));
  // A handle is near any other handle: only a name that is longer tells what was meant.
  if (meant !== undefined && meant.length > 3) return `Did you mean ${plain(meant)}?`;
  return `There are: ${listed(accounts)}`;
}

function listed(accounts: readonly Account[]): string {
  const names = accounts.slice(0, SHOWN).map((account) => nameOf(account).replaceAll("  ", " "));
  const rest = accounts.length - names.length;
  return [...names, ...(rest > 0 ? [`${rest} more (ag accounts list)`] : [])].join(", ");
}
