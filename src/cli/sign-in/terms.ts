import type { ConsentStore } from "../../core/store.ts";
import { UsageError, UserError } from "../failure.ts";
import { paragraphs } from "../terminal.ts";

const SUBJECT = "third-party-sign-in";
/** Raise it when the notice says something new: everybody is asked again. */
const VERSION = 1;

const NOTICE = `Please read this before you sign in.

${[
  "ag signs in to Antigravity with your Google account, and it is not a program of Google's.",
  "Google's terms do not allow this sign-in to third-party programs.",
  "Google may limit or suspend the account for it: the AI services, and in the worst case all of the account.",
  "ag hides nothing about itself and cannot get a suspended account back.",
  "Do not sign in with an account that you cannot do without.",
].join(" ")}

The way that Google allows is an official Gemini API key:
  ag accounts add --gemini-key
`;

const OFFICIAL_LANE = "An official Gemini API key needs no such sign-in: ag accounts add --gemini-key";

export interface TermsDeps {
  consents: ConsentStore;
  now(): number;
  say(text: string): void;
  /** Asks for a yes. Absent: nobody is there to be asked. */
  confirm?(question: string): Promise<boolean>;
}

/**
 * Shows the notice and wants an explicit yes, once for each version of the text; `accepted` is the yes of a script. Throws
 * UsageError when there is nobody to ask, UserError when the answer is no.
 */
export async function agreeToTerms(accepted: boolean, { consents, now, say, confirm }: TermsDeps): Promise<void> {
  if ((await consents.givenAt(SUBJECT, VERSION)) !== undefined) return;
  say(paragraphs(NOTICE));
  if (!accepted) {
    if (confirm === undefined) {
      throw new UsageError(
        "Nobody is here to agree to this, since the input is not a terminal",
        "If you have read it and agree, add --accept-terms",
      );
    }
    if (!(await confirm("Sign in all the same, at your own risk?"))) {
      throw new UserError("Not signed in, since you did not agree", { hint: OFFICIAL_LANE });
    }
  }
  await consents.give(SUBJECT, VERSION, now());
}
