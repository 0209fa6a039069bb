import type { Account } from "../../core/accounts.ts";
import type { AccountProblem } from "../../core/errors.ts";
import { durationText } from "../../lib/duration-text.ts";
import { zoneTimes } from "../../limits/zone-times.ts";
import { plain } from "../terminal.ts";
import type { Rest } from "./view.ts";

/** "a1  me@example.com  team": the handle, and what its owner knows it by. */
export function nameOf({ handle, email, label }: Pick<Account, "handle" | "email" | "label">): string {
  return plain([handle, email, label].filter(Boolean).join("  "));
}

/** How each problem is said of an account: "a1 needs a new sign-in". */
export const PROBLEM_TEXT: Readonly<Record<AccountProblem, string>> = {
  "needs-login": "needs a new sign-in",
  "needs-verification": "needs verification by its owner",
  "terms-block": "is stopped for good: Google reports a breach of its terms",
  "no-project": "has no Cloud Code project",
  "key-rejected": "has a key that Google refuses",
};

/** What ends each problem: what to do outside, then the command for afterwards on a line of its own, to be copied. */
const REMEDIES: Readonly<Record<AccountProblem, (handle: string, url: string | undefined) => string[]>> = {
  "needs-login": () => ["Sign in with it again: ag accounts add"],
  "needs-verification": (handle, url) => [
    url === undefined ? "Open the Antigravity app with it and do what Google asks for" : `Open ${url}`,
    thenVerify(handle),
  ],
  "terms-block": (handle, url) => [
    url === undefined ? "Only Google can lift this" : `Appeal to Google: ${url}`,
    `Once Google has granted it: ag accounts verify ${handle} --appeal-granted`,
  ],
  "no-project": (handle) => [
    "Finish the set-up in the Antigravity app, or set cloudcode.fallbackProject",
    thenVerify(handle),
  ],
  "key-rejected": () => ["Add a valid key: ag accounts add --gemini-key"],
};

function thenVerify(handle: string): string {
  return `Then run: ag accounts verify ${handle}`;
}

/** What the owner does about the account's problem, line by line; nothing where there is none. */
export function remedyFor({ handle, problem }: Pick<Account, "handle" | "problem">): string[] {
  if (problem === undefined) return [];
  return REMEDIES[problem.type](handle, problem.url === undefined ? undefined : plain(problem.url));
}

/** What an account rests on, limits that end together on one line: "claude-… rests for 2 h 14 min, until 14:05: 429 …". */
export function restLines(rests: readonly Rest[], now: number): string[] {
  const groups = Map.groupBy(rests, ({ cooldown }) => {
    const end = `${durationText(cooldown.until - now)}, until ${zoneTimes().short(cooldown.until, now)}`;
    return plain(`${end}: ${cooldown.evidence}`);
  });
  return [...groups].map(([end, members]) => {
    const models = members.map(({ model }) => plain(model));
    return `${models.join(", ")} ${models.length === 1 ? "rests" : "rest"} for ${end}`;
  });
}
