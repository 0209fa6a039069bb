import { type CoolingKind, evidenceOf, type FailureKind, type GatewayError } from "../core/errors.ts";
import type { LimitRecord } from "../core/store.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** "Resets after 0 s" must not become a loop without a pause; a week is the longest window there is. */
const SHORTEST_MS = SECOND;
const LONGEST_MS = 7 * 24 * HOUR;

/** What is remembered about one account on one model. */
export type ModelMemory = Omit<LimitRecord, "accountId" | "model">;

const NOTHING: ModelMemory = { unnamedFailures: 0, liftedByReading: false };

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

/** The memory after a failure; the same object when it says nothing new. A longer cooldown is never replaced by a shorter one. */
export function afterFailure(
  memory: ModelMemory | undefined,
  error: GatewayError,
  now: number,
): ModelMemory | undefined {
  const { kind } = error;
  if (!isCooling(kind) || !isEvidence(error)) return memory;
  const before = memory ?? NOTHING;
  const isResting = before.cooldown !== undefined && before.cooldown.until > now;
  const named = error.detail.retryAfterMs;
  // Requests that failed together are one piece of news: while a cooldown runs, the count stays.
  const unnamedFailures = named === undefined && !isResting ? before.unnamedFailures + 1 : before.unnamedFailures;
  const rests = UNNAMED_RESTS[kind];
  const restMs = named ?? rests[Math.min(Math.max(unnamedFailures, 1), rests.length) - 1] ?? SHORTEST_MS;
  const until = now + Math.min(Math.max(restMs, SHORTEST_MS), LONGEST_MS);
  if (before.cooldown !== undefined && before.cooldown.until >= until) return before;
  return { ...before, unnamedFailures, cooldown: { kind, until, since: now, evidence: evidenceFor(error) } };
}

/** The memory after an answer; the same object when there is nothing to forget. A cooldown of a later failure stays. */
export function afterSuccess(memory: ModelMemory): ModelMemory {
  if (memory.unnamedFailures === 0 && !memory.liftedByReading) return memory;
  return { ...memory, unnamedFailures: 0, liftedByReading: false };
}

/**
 * The memory after a reading that shows room for the model: it ends a used-up window that it is newer than, though only once
 * until an answer has come, because some accounts read "100 %" while their requests are refused. A short limit is no
 * matter of quota and stays.
 */
export function afterRoom(memory: ModelMemory, readAt: number): ModelMemory {
  const { cooldown, ...rest } = memory;
  if (cooldown?.kind !== "quota-exhausted" || cooldown.since >= readAt || memory.liftedByReading) return memory;
  return { ...rest, liftedByReading: true };
}

function isCooling(kind: FailureKind): kind is CoolingKind {
  return Object.hasOwn(UNNAMED_RESTS, kind);
}

/** Upstream refuses some prompts with a bare 429: one that names neither a time nor a reason says nothing about the account. */
function isEvidence({ kind, detail }: GatewayError): boolean {
  return kind !== "rate-limited" || detail.retryAfterMs !== undefined || detail.upstreamReason !== undefined;
}

/** Says so when the end of a limit is a guess of ours. */
function evidenceFor(error: GatewayError): string {
  const { kind, detail } = error;
  const isGuess = (kind === "rate-limited" || kind === "quota-exhausted") && detail.retryAfterMs === undefined;
  return isGuess ? `${evidenceOf(error)}, no time named` : evidenceOf(error);
}
