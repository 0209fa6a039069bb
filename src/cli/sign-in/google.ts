import type { Verification } from "../../accounts/verify.ts";
import type { Account } from "../../core/accounts.ts";
import { GatewayError } from "../../core/errors.ts";
import type { SignedIn, SignIn, SignInTalk } from "../../core/sign-in.ts";
import { nameOf } from "../accounts/text.ts";
import { verificationText } from "../accounts/verification.ts";
import { EXIT, UserError } from "../failure.ts";
import { outputWidth, paragraphs, plain } from "../terminal.ts";
import type { Owner } from "./owner.ts";

export interface GoogleSignInDeps {
  signIn: SignIn;
  verify(accountId: string, signal: AbortSignal): Promise<Verification>;
  /** Resolves with false when no browser could be started. */
  openBrowser(url: string): Promise<boolean>;
  pasted: AsyncIterable<string>;
  now(): number;
}

export interface GoogleSignInOptions {
  browser: boolean;
  label: string | undefined;
}

/**
 * Signs the owner in, says how it goes, and has the new account verified. Throws UserError: nothing was stored then.
 */
export async function signInWithGoogle(
  { browser, label }: GoogleSignInOptions,
  owner: Owner,
  deps: GoogleSignInDeps,
  signal: AbortSignal,
): Promise<Account> {
  const talk = browser ? talkWithBrowser(owner, deps) : talkByPaste(owner, deps);
  let signedIn: SignedIn;
  try {
    signedIn = await deps.signIn({ listen: browser, ...(label !== undefined && { label }) }, talk, signal);
  } catch (cause) {
    throw signInUserError(cause);
  }
  const { account, isNew } = signedIn;
  owner.say(isNew ? `Added ${nameOf(account)}` : `Signed in again: ${nameOf(account)}`);
  if (account.email === undefined) {
    owner.say("Google did not tell its e-mail address, so signing in again would add it a second time.");
  }
  return verified(account, owner, deps, signal);
}

/** The account as it is once Google was asked about it. That may fail: the account is stored all the same. */
async function verified(
  account: Account,
  owner: Owner,
  { verify, now }: GoogleSignInDeps,
  signal: AbortSignal,
): Promise<Account> {
  owner.say("Asking Google what it can use …");
  try {
    const verification = await verify(account.id, signal);
    owner.say(verificationText(verification, now(), outputWidth()));
    return verification.account;
  } catch (cause) {
    if (signal.aborted) {
      throw new UserError(`Interrupted; ${account.handle} is stored, but was not verified`, {
        hint: `ag accounts verify ${account.handle}`,
        exitCode: EXIT.interrupted,
      });
    }
    throw cause;
  }
}

function talkWithBrowser(owner: Owner, { openBrowser, pasted }: GoogleSignInDeps): SignInTalk {
  const tryToOpen = async (url: string) => {
    if (!(await openBrowser(url))) {
      owner.say("No browser could be opened here: please open the address above yourself.");
    }
  };
  return {
    ...commonTalk(owner, pasted),
    showAddress(url) {
      owner.say(
        `Opening your browser to sign in. If it stays closed, open this address yourself:\n\n  ${plain(url)}\n`,
      );
      owner.say("Waiting for you to sign in there, for at most five minutes. Ctrl-C stops.");
      void tryToOpen(url);
    },
    askForPaste() {
      owner.say(
        paragraphs(`\nIf the browser is on another machine, or stops at a page that it cannot open: ${HOW_TO_PASTE}`),
      );
    },
  };
}

function talkByPaste(owner: Owner, { pasted }: GoogleSignInDeps): SignInTalk {
  return {
    ...commonTalk(owner, pasted),
    showAddress(url) {
      owner.say(`Open this address in a browser, on any machine, and sign in:\n\n  ${plain(url)}\n`);
    },
    askForPaste() {
      const where = "At the end the browser stops at a page that it cannot open. That is as it should be:";
      owner.say(paragraphs(`${where} ${HOW_TO_PASTE} There are five minutes for it. Ctrl-C stops.`));
    },
  };
}

/** Goes on after what the browser does. */
const HOW_TO_PASTE =
  "copy the whole address of that page (http://localhost:…/oauth-callback?…), or only the code in it.\n" +
  "Then paste it here and press Enter.";

function commonTalk(owner: Owner, pasted: AsyncIterable<string>) {
  return {
    pasted,
    refusePaste: (reason: string) => owner.say(paragraphs(`${reason}. Please try again:`)),
    codeReceived: () => owner.say("\nGot the code; fetching the account from Google …"),
  };
}

function signInUserError(cause: unknown): unknown {
  if (!(cause instanceof GatewayError) || cause.kind === "internal") return cause;
  if (cause.kind === "cancelled") {
    return new UserError("Interrupted; nothing was stored", { exitCode: EXIT.interrupted, cause });
  }
  return new UserError(cause.message, { hint: cause.detail.remedy, cause });
}
