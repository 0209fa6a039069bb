import type { AccountProblem, CoolingKind, FailureKind, Repair } from "../core/errors.ts";
import type { AttemptRecord, Considered, Reason, WaitRecord, WaitSource } from "../core/trace.ts";
import { durationText } from "../lib/duration-text.ts";

/** "a1", "a1 and a2", "a1, a2 and a3" */
export function listText(items: readonly string[]): string {
  const last = items.at(-1) ?? "";
  return items.length < 2 ? last : `${items.slice(0, -1).join(", ")} and ${last}`;
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** "once", "twice", "3 times" */
export function timesText(count: number): string {
  if (count === 1) return "once";
  return count === 2 ? "twice" : `${count} times`;
}

const SHOWN_NAME = 80;

/** A name or path that a client made up, at a length that can be read. */
export function nameText(name: string, shown = SHOWN_NAME): string {
  if (name.trim() === "") return `"${name}"`;
  return name.length > shown ? `${name.slice(0, shown - 1).toWellFormed()}…` : name;
}

/** Why an account was taken, or not, as an addition to its handle. `resting` and `reserved` have their own words. */
const REASON_WORDS: Readonly<Record<Exclude<Reason, "resting" | "reserved">, string>> = {
  own: "the conversation's own account",
  best: "the best of those that are free",
  spill: "beside the conversation's own account, which is busy",
  disabled: "disabled",
  "needs-login": "needs a new sign-in",
  "needs-verification": "needs verification by its owner",
  "terms-block": "stopped for good by Google",
  "no-project": "has no Cloud Code project",
  "key-rejected": "has a key that Google refuses",
  "lane-unused": "not used: lanes does not name its kind",
  "given-up": "tried or passed over before",
  "lacks-model": "does not offer the model",
  full: "busy: all its slots are taken",
  "lower-lane": "of a kind that lanes names later",
  "not-own": "the conversation stays on another",
  "less-fit": "free, but another one fits better",
};

const REST_WORDS: Readonly<Record<CoolingKind, string>> = {
  "rate-limited": "limited",
  "quota-exhausted": "out of quota",
  "model-missing": "without the model",
  "access-denied": "refused the model",
  "access-token-rejected": "refused by its sign-in",
  "project-rejected": "refused by its project",
};

/** Why an account was taken, or not. `now`: Unix ms at which it was looked at. */
export function reasonText({ reason, rest }: Considered, now: number): string {
  switch (reason) {
    case "resting":
      return rest ? `${REST_WORDS[rest.kind]} ${restText(rest, now)}` : "limited";
    case "reserved":
      return rest ? `what is left is kept for its owner ${restText(rest, now)}` : "what is left is kept for its owner";
    default:
      return REASON_WORDS[reason];
  }
}

function restText({ until, evidence }: NonNullable<Considered["rest"]>, now: number): string {
  return `for ${durationText(until - now)} more: ${evidence}`;
}

/** What a wait was for, after "waited 2 s". */
const WAIT_WORDS: Readonly<Record<WaitSource, (whose: string) => string>> = {
  slot: () => "for a free slot",
  limit: (whose) => `for the end of ${whose} limit`,
  burst: (whose) => `for the end of ${whose} short limit`,
  "unnamed-limit": (whose) => `for the end of ${whose} limit, which named no time`,
  "back-off": () => "for the model to have room again",
  "retry-pause": () => "before trying again",
  "second-opinion": () => "before asking a second time",
};

export function waitText({ source, handle }: Pick<WaitRecord, "source" | "handle">): string {
  return WAIT_WORDS[source](handle === undefined ? "the" : `${handle}'s`);
}

/** Who set the timer of a wait. */
export const TIMER_WORDS: Readonly<Record<WaitSource, string>> = {
  slot: "no timer: the first slot to come free ended it",
  limit: "the time that the limit named, and a little more",
  burst: "the time that the limit named, and a little more",
  "unnamed-limit": "ag's own timer",
  "back-off": "ag's own timer, which doubles",
  "retry-pause": "ag's own timer",
  "second-opinion": "ag's own timer",
};

const PROBLEM_WORDS: Readonly<Record<AccountProblem, string>> = {
  "needs-login": "needed a new sign-in",
  "needs-verification": "needed verification by its owner",
  "terms-block": "was stopped for good: Google reports a breach of its terms",
  "no-project": "had no Cloud Code project",
  "key-rejected": "had a key that Google refuses",
};

/** The commands that end a problem, or lead to what ends it. */
export const PROBLEM_REMEDY: Readonly<Record<AccountProblem, (handle: string) => string>> = {
  "needs-login": (handle) => `ag accounts add signs ${handle} in again.`,
  "needs-verification": (handle) => `ag accounts verify ${handle} shows the link that its owner must open.`,
  "terms-block": () => "ag accounts list shows where to appeal; only Google can lift this.",
  "no-project": (handle) => `Finish its set-up in the Antigravity app, then run ag accounts verify ${handle}.`,
  "key-rejected": () => "ag accounts add --gemini-key takes a valid key.",
};

/** What went wrong on some accounts in attempts of the same kind, as a clause in the past. */
const FAILURE_WORDS: Readonly<Record<FailureKind, (who: Accounts) => string>> = {
  "rate-limited": ({ names, were }) => `${names} ${were} limited`,
  "quota-exhausted": ({ names, were }) => `${names} ${were} out of quota`,
  overloaded: () => "the model had no capacity",
  unavailable: ({ names }) => `upstream failed on ${names}`,
  "version-refused": () => "upstream wanted a newer client version",
  "malformed-answer": ({ names }) => `the answer from ${names} could not be used`,
  "model-missing": ({ names }) => `${names} lacked the model`,
  "access-denied": ({ names, were }) => `${names} ${were} refused the model`,
  "access-token-rejected": ({ names }) => `the sign-in of ${names} was refused`,
  "project-rejected": ({ names }) => `the project of ${names} was refused`,
  "account-unusable": ({ names }) => `${names} could not be used`,
  "region-blocked": () => "upstream did not serve this location",
  "invalid-request": ({ names }) => `upstream refused the request on ${names}`,
  "context-too-long": () => "the prompt was too long for the model",
  "no-account": () => "no account was left",
  deadline: ({ names }) => `${names} did not begin to answer in time`,
  cancelled: ({ names }) => `the answer from ${names} was given up`,
  internal: ({ names }) => `ag itself failed on ${names}`,
  "payload-too-large": ({ names }) => `the request was too large for ${names}`,
  "unknown-model": ({ names }) => `the model was not found on ${names}`,
  "unknown-route": ({ names }) => `upstream had no such address on ${names}`,
  "not-found": ({ names }) => `something was not found on ${names}`,
  unauthorized: ({ names, were }) => `${names} ${were} not let in`,
  forbidden: ({ names, were }) => `${names} ${were} not allowed this`,
  "key-limited": ({ names, were }) => `${names} ${were} not allowed more`,
  // One that is busy lets nobody in to begin with.
  busy: ({ names }) => `ag was stopped before the answer from ${names} was complete`,
};

interface Accounts {
  /** "a1 and a2" */
  names: string;
  were: string;
}

type Failed = Pick<
  AttemptRecord,
  "outcome" | "accountProblem" | "upstreamStatus" | "upstreamReason" | "retryAfterMs" | "firstEventMs"
>;

/** What went wrong, the same on each of these accounts: "a1 and a2 were limited". An `ok` attempt is none of it. */
export function failureText(attempt: Failed, handles: readonly string[]): string {
  const { outcome, accountProblem, firstEventMs } = attempt;
  const names = listText(handles);
  if (isBare429(attempt)) return `${names} refused without naming a reason or a time`;
  if (outcome === "ok") return `${names} answered`;
  if (outcome === "deadline" && firstEventMs !== undefined) return `${names} did not finish its answer in time`;
  if (outcome === "account-unusable" && accountProblem !== undefined) {
    return handles.map((handle) => `${handle} ${PROBLEM_WORDS[accountProblem]}`).join(" and ");
  }
  return FAILURE_WORDS[outcome]({ names, were: handles.length === 1 ? "was" : "were" });
}

/** Upstream refuses some prompts so: it says nothing about the account. */
function isBare429({ outcome, upstreamStatus, upstreamReason, retryAfterMs }: Failed): boolean {
  return (
    outcome === "rate-limited" &&
    upstreamStatus !== undefined &&
    upstreamReason === undefined &&
    retryAfterMs === undefined
  );
}

type Said = Pick<AttemptRecord, "upstreamStatus" | "upstreamReason">;

/** What upstream said, as far as a record holds it: "429 RATE_LIMIT_EXCEEDED", "200". "": nothing. */
export function statusText({ upstreamStatus, upstreamReason }: Said): string {
  return [upstreamStatus, upstreamReason].filter((piece) => piece !== undefined).join(" ");
}

/** The same about a failure, which is not explained by a request that was taken: "" for "200". */
export function evidenceText(said: Said): string {
  const { upstreamStatus = 0, upstreamReason = "" } = said;
  return upstreamStatus >= 200 && upstreamStatus < 300 ? upstreamReason : statusText(said);
}

export const REPAIR_WORDS: Readonly<Record<Repair, string>> = {
  "drop-thinking": "without the earlier thinking",
  "thinking-other-form": "with thinking asked for in the other form",
  "thinking-config-off": "without a thinking configuration",
};
