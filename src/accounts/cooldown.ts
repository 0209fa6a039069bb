import type { Cooldown } from "../core/accounts.ts";
import type { FailureKind, GatewayError } from "../core/errors.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** "Resets after 0 s" must not become a loop without a pause; a week is the longest window there is. */
const SHORTEST_MS = SECOND;
const LONGEST_MS = 7 * 24 * HOUR;

/** The kinds that say something about one account on one model. The others punish nobody. */
export type CoolingKind = Extract<
  FailureKind,
  "rate-limited" | "quota-exhausted" | "model-missing" | "access-denied" | "access-token-rejected" | "project-rejected"
>;

export interface ModelCooldown extends Cooldown {
  kind: CoolingKind;
}

/** What is remembered about one account on one model. */
export interface ModelMemory {
  cooldown?: ModelCooldown;
  /** Failures in a row that named no time of their own; a success forgets them. */
  unnamedFailures: number;
}

/** Rests where upstream names no time: the n-th failure in a row takes the n-th, then the last. */
const UNNAMED_RESTS: Record<CoolingKind, readonly number[]> = {
  "rate-limited": [30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE],
  "quota-exhausted": [MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR],
  "model-missing": [30 * MINUTE],
  "access-denied": [30 * MINUTE],
  // These two reach the pool only after renewing has not helped.
  "access-token-rejected": [5 * MINUTE],
  "project-rejected": [5 * MINUTE],
};

/** The memory after a failure. A longer cooldown is never replaced by a shorter one. */
export function afterFailure(
  memory: ModelMemory | undefined,
  error: GatewayError,
  now: number,
): ModelMemory | undefined {
  const { kind } = error;
  if (!isCooling(kind)) return memory;
  const before = memory ?? { unnamedFailures: 0 };
  const isResting = before.cooldown !== undefined && before.cooldown.until > now;
  const named = error.detail.retryAfterMs;
  // Requests that failed together are one piece of news: while a cooldown runs, the count stays.
  const unnamedFailures = named === undefined && !isResting ? before.unnamedFailures + 1 : before.unnamedFailures;
  const rests = UNNAMED_RESTS[kind];
  const restMs = named ?? rests[Math.min(unnamedFailures, rests.length) - 1] ?? rests[0] ?? SHORTEST_MS;
  const until = now + Math.min(Math.max(restMs, SHORTEST_MS), LONGEST_MS);
  if (before.cooldown !== undefined && before.cooldown.until >= until) return { ...before, unnamedFailures };
  return { unnamedFailures, cooldown: { kind, until, evidence: evidenceOf(error) } };
}

/** The memory after a success. A cooldown that a later request has set in the meantime stays. */
export function afterSuccess(memory: ModelMemory): ModelMemory {
  return { ...memory, unnamedFailures: 0 };
}

function isCooling(kind: FailureKind): kind is CoolingKind {
  return kind in UNNAMED_RESTS;
}

function evidenceOf({ kind, detail }: GatewayError): string {
  const evidence = [detail.upstreamStatus, detail.upstreamReason].filter((piece) => piece !== undefined).join(" ");
  return evidence === "" ? kind : evidence;
}
