import { sameText } from "./same-text.ts";

/** Signs a text as only those can who may read the data folder. */
export type SignAsOwner = (text: string) => string;

const PREFIX = "ag-owner";
const VALID_MS = 60_000;

/**
 * Lets a command on this machine in to the server that works on the same data folder, for a minute: who may read the folder
 * owns all there is.
 */
export function ownerToken(sign: SignAsOwner, now: number): string {
  const stamped = `${PREFIX}.${Math.floor(now / 1_000)}`;
  return `${stamped}.${sign(stamped)}`;
}

/** Whether the token was made with this data folder within a minute of `now`. */
export function isOwnerToken(text: string, sign: SignAsOwner, now: number): boolean {
  const [, stamped = "", seconds = "", signature = ""] = /^(ag-owner\.(\d{1,12}))\.([\w-]{1,100})$/.exec(text) ?? [];
  return stamped !== "" && Math.abs(now - Number(seconds) * 1_000) <= VALID_MS && sameText(signature, sign(stamped));
}
