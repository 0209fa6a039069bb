import type { Account } from "./accounts.ts";

export interface SignInOptions {
  /** Take the redirect on a local port too. Without it the owner's paste is the only way back. */
  listen: boolean;
  label?: string;
}

/** What a sign-in shows to its owner, and what it hears from them. */
export interface SignInTalk {
  /** The address at which the owner signs in. If anybody listens for the way back, he does so by now. */
  showAddress(url: string): void;
  /** The owner may as well paste what the browser shows at the end: after a while, or at once when nobody listens. */
  askForPaste(): void;
  /** The last line was of no use, and why. The sign-in goes on. */
  refusePaste(reason: string): void;
  /** A code has come; the rest goes without the owner. */
  codeReceived(): void;
  /** What the owner pastes, line by line. Ends when nothing more can come. */
  pasted: AsyncIterable<string>;
}

export interface SignedIn {
  account: Account;
  /** False: the account was there, and its sign-in was renewed in place. */
  isNew: boolean;
}

/**
 * Signs an owner in with Google, in their browser, and stores the account. Throws GatewayError, with `detail.remedy` for
 * all that the owner can do something about: `no-account` when the OAuth client is missing or refused, `account-unusable`
 * when Google or the owner said no, `deadline` after five minutes, `unavailable`, `cancelled` when the signal aborts.
 */
export type SignIn = (options: SignInOptions, talk: SignInTalk, signal: AbortSignal) => Promise<SignedIn>;
