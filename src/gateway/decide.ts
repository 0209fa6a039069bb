import type { FailureKind, GatewayError, Repair } from "../core/errors.ts";

/** What the retry rule may know. Everything about one request so far; nothing else. */
export interface Facts {
  error: GatewayError;
  /** Attempts made so far over all accounts, the failed one included. */
  attempts: number;
  /** Attempts made on the current account, the failed one included. */
  attemptsOnAccount: number;
  repairs: ReadonlySet<Repair>;
  /** What was already renewed for the current account. */
  renewed: ReadonlySet<Renewal>;
}

export type Renewal = "access-token" | "project";

export type Decision =
  | { type: "stop" }
  /** Try on another account. */
  | { type: "switch" }
  /** Try on the same account. */
  | { type: "again"; afterMs: number; repair?: Repair; renew?: Renewal };

export const MAX_ATTEMPTS = 5;

/** Limits that end this soon are waited for in place: another account would start with a cold prompt cache. */
const BURST_MS = 3_000;
const BURST_MARGIN_MS = 500;

const STOP: Decision = { type: "stop" };
const SWITCH: Decision = { type: "switch" };

/** Each kind's own rule; applies only before anything was given out to the client. */
const RULES: Record<FailureKind, (facts: Facts) => Decision> = {
  "invalid-request": ({ error, repairs }) => {
    const repair = error.detail.repair;
    return repair !== undefined && !repairs.has(repair) ? { type: "again", afterMs: 0, repair } : STOP;
  },
  "context-too-long": () => STOP,
  "payload-too-large": () => STOP,
  "unknown-model": () => STOP,
  "unknown-route": () => STOP,
  unauthorized: () => STOP,
  forbidden: () => STOP,
  "rate-limited": ({ error, attemptsOnAccount }) => {
    const delay = error.detail.retryAfterMs;
    // Without a stated time it is often a passing squeeze: two short waits before the account is believed to be limited.
    if (delay === undefined)
      return attemptsOnAccount <= 2 ? { type: "again", afterMs: 500 * 3 ** (attemptsOnAccount - 1) } : SWITCH;
    return delay < BURST_MS && attemptsOnAccount <= 2 ? { type: "again", afterMs: delay + BURST_MARGIN_MS } : SWITCH;
  },
  "quota-exhausted": () => SWITCH,
  overloaded: ({ attempts }) => (attempts <= 3 ? { type: "again", afterMs: 1_000 * 2 ** (attempts - 1) } : STOP),
  unavailable: ({ attempts, attemptsOnAccount }) => {
    if (attempts >= 3) return STOP;
    return attemptsOnAccount === 1 ? { type: "again", afterMs: 500 } : SWITCH;
  },
  "malformed-answer": ({ attempts }) => (attempts === 1 ? { type: "again", afterMs: 0 } : STOP),
  "version-refused": () => STOP,
  "model-missing": () => SWITCH,
  "access-denied": () => SWITCH,
  "access-token-rejected": ({ renewed }) =>
    renewed.has("access-token") ? SWITCH : { type: "again", afterMs: 0, renew: "access-token" },
  "project-rejected": ({ renewed }) =>
    renewed.has("project") ? SWITCH : { type: "again", afterMs: 0, renew: "project" },
  // A terms block is never answered by trying the request on the owner's other sign-ins.
  "account-unusable": ({ error }) => (error.detail.accountProblem === "terms-block" ? STOP : SWITCH),
  "no-account": () => STOP,
  "region-blocked": () => STOP,
  deadline: () => STOP,
  cancelled: () => STOP,
  internal: () => STOP,
};

/** The whole retry policy, as a pure function. */
export function decide(facts: Facts): Decision {
  return facts.attempts >= MAX_ATTEMPTS ? STOP : RULES[facts.error.kind](facts);
}
