import type { Alternatives } from "../core/accounts.ts";
import type { FailureKind, GatewayError, Repair } from "../core/errors.ts";
import type { WaitSource } from "../core/trace.ts";

/** What the rule may know: everything about one request so far, and nothing else. */
export interface Facts {
  /** What the last attempt failed with. Absent: no attempt was made, for the pool found the request limited. */
  error?: GatewayError;
  /** What is left of the limit of the account in question. Absent: not stated. */
  restMs?: number;
  /** The conversation is served by this account: its prompt cache is there. */
  bound: boolean;
  /** What there is besides this account and those given up. */
  others: Alternatives;
  /** Attempts made so far over all accounts, the failed one included. */
  attempts: number;
  /** Attempts made on this account, the failed one included. */
  attemptsOnAccount: number;
  /** Failures so far that were like this one (`likeness`), itself included. */
  alike: number;
  repairs: ReadonlySet<Repair>;
  /** What was already renewed for this account. */
  renewed: ReadonlySet<Renewal>;
  /** Time that this request has spent waiting, in queues included. */
  waitedMs: number;
  /** A limit was waited for, and the next attempt was refused by a limit again. */
  refusedAfterWait: boolean;
  /** How long this request may wait in all. */
  maxWaitMs: number;
  /** What is left until an answer must have begun. */
  deadlineMs: number;
  /** What must be left of that after a wait, for an answer to begin. */
  answerMs: number;
}

export type Renewal = "access-token" | "project";

export type Decision =
  | { type: "stop" }
  /** Try on another account. */
  | { type: "switch" }
  /** Try on the same account, whose slot is kept meanwhile. */
  | { type: "again"; afterMs: number; source?: PauseSource; repair?: Repair; renew?: Renewal }
  /** Give the slot back, wait for the limit to end, then take whichever account is best. `whose` limit that is. */
  | { type: "wait"; ms: number; source: "limit" | "unnamed-limit"; whose: "own" | "other" };

/** Why an attempt is put off. */
export type PauseSource = Exclude<WaitSource, "slot" | "limit">;

export const MAX_ATTEMPTS = 5;

/** Limits that end this soon are sat out in place. */
const BURST_MS = 3_000;
const BURST_MARGIN_MS = 500;
/** How long an account rests that refuses three times and names no time. */
const UNNAMED_LIMIT_MS = 30_000;
/** With less than this left no answer begins: what is known to be wrong is told instead. */
export const SHORTEST_ATTEMPT_MS = 500;

const STOP: Decision = { type: "stop" };
const SWITCH: Decision = { type: "switch" };

type Rule = (facts: Facts, error: GatewayError) => Decision;

/** Each kind's own rule; applies only before anything was given out to the client. */
const RULES: Record<FailureKind, Rule> = {
  "invalid-request": ({ repairs }, { detail: { repair } }) =>
    repair !== undefined && !repairs.has(repair) ? { type: "again", afterMs: 0, repair } : STOP,
  "context-too-long": () => STOP,
  "payload-too-large": () => STOP,
  "unknown-model": () => STOP,
  "unknown-route": () => STOP,
  "not-found": () => STOP,
  unauthorized: () => STOP,
  forbidden: () => STOP,
  "key-limited": () => STOP,
  busy: () => STOP,
  "rate-limited": (facts, error) => (isUnexplained(error) ? secondOpinion(facts) : afterRateLimit(facts)),
  "quota-exhausted": (facts) => waitOrSwitch(facts),
  overloaded: ({ alike }) => (alike <= 3 ? again(1_000 * 2 ** (alike - 1), "back-off") : STOP),
  unavailable: ({ alike, attemptsOnAccount, others }) => {
    if (alike >= 3) return STOP;
    if (attemptsOnAccount === 1) return again(500, "retry-pause");
    // Nobody waits for the end of a limit because something else is broken.
    return others.free > 0 ? SWITCH : STOP;
  },
  "malformed-answer": ({ alike }) => (alike === 1 ? { type: "again", afterMs: 0 } : STOP),
  "version-refused": () => STOP,
  "model-missing": () => SWITCH,
  "access-denied": () => SWITCH,
  "access-token-rejected": renewOnce("access-token"),
  "project-rejected": renewOnce("project"),
  // A terms block is never answered by trying the request on the owner's other sign-ins.
  "account-unusable": (_facts, error) => (error.detail.accountProblem === "terms-block" ? STOP : SWITCH),
  "no-account": () => STOP,
  "region-blocked": () => STOP,
  deadline: () => STOP,
  cancelled: () => STOP,
  internal: () => STOP,
};

/** The whole rule of retrying, waiting and switching, as a pure function. */
export function decide(facts: Facts): Decision {
  if (facts.attempts >= MAX_ATTEMPTS || facts.deadlineMs < SHORTEST_ATTEMPT_MS) return STOP;
  const decision = facts.error === undefined ? waitOrSwitch(facts) : RULES[facts.error.kind](facts, facts.error);
  const isTooLate =
    decision.type === "again" && decision.afterMs > 0 && decision.afterMs > facts.deadlineMs - facts.answerMs;
  // What the client is told then is the failure itself, not that time ran out.
  return isTooLate ? STOP : decision;
}

/** Of one account on one model, with something to show for it. */
export function isLimit(error: GatewayError): boolean {
  return error.kind === "quota-exhausted" || (error.kind === "rate-limited" && !isUnexplained(error));
}

/**
 * A 429 that says neither why nor until when. It may be about this very request, so it is held against no account and the
 * request is not carried from one to the next.
 */
export function isUnexplained({ kind, detail }: GatewayError): boolean {
  return kind === "rate-limited" && detail.upstreamReason === undefined && detail.retryAfterMs === undefined;
}

/** What two failures have in common when they count as one after the other (`Facts.alike`). */
export function likeness(error: GatewayError): string {
  return isUnexplained(error) ? "unexplained" : error.kind;
}

function secondOpinion({ alike, others }: Facts): Decision {
  if (alike > 1) return STOP;
  return others.free > 0 ? SWITCH : again(1_000, "second-opinion");
}

function afterRateLimit(facts: Facts): Decision {
  const { restMs, attemptsOnAccount, refusedAfterWait, maxWaitMs } = facts;
  const maySitOut = attemptsOnAccount <= 2 && !refusedAfterWait && maxWaitMs > 0;
  // Without a stated time it is often a passing squeeze.
  if (restMs === undefined) {
    if (maySitOut) return again(500 * 3 ** (attemptsOnAccount - 1), "unnamed-limit");
    return waitOrSwitch({ ...facts, restMs: UNNAMED_LIMIT_MS }, "unnamed-limit");
  }
  if (restMs >= BURST_MS) return waitOrSwitch(facts);
  // A burst that does not end when it should is better answered elsewhere, warm cache or not.
  return maySitOut ? again(restMs + BURST_MARGIN_MS, "burst") : waitOrSwitch({ ...facts, bound: false });
}

/**
 * A short limit of the conversation's own account is waited for: another account starts with a cold prompt cache. Else a
 * free account serves at once; else whichever limit ends first is waited for. Waits that do not fit are not begun.
 */
function waitOrSwitch(
  { restMs = Infinity, bound, others, ...facts }: Facts,
  source: "limit" | "unnamed-limit" = "limit",
): Decision {
  const { refusedAfterWait, maxWaitMs, waitedMs, deadlineMs, answerMs } = facts;
  // Whoever has waited as told and is refused again would be told so for ever.
  const patienceMs = refusedAfterWait ? 0 : Math.min(maxWaitMs - waitedMs, deadlineMs - answerMs);
  const mayWait = (ms: number) => patienceMs > 0 && ms <= patienceMs;
  const ownEnd: Decision = { type: "wait", ms: restMs, source, whose: "own" };
  if (bound && mayWait(restMs)) return ownEnd;
  if (others.free > 0) return SWITCH;
  const { soonestMs = Infinity } = others;
  if (!mayWait(Math.min(restMs, soonestMs))) return STOP;
  return restMs <= soonestMs ? ownEnd : { type: "wait", ms: soonestMs, source: "limit", whose: "other" };
}

function renewOnce(renew: Renewal): Rule {
  return ({ renewed }) => (renewed.has(renew) ? SWITCH : { type: "again", afterMs: 0, renew });
}

function again(afterMs: number, source: PauseSource): Decision {
  return { type: "again", afterMs, source };
}
