import type { RequestRecord } from "../../src/core/record.ts";
import type { AttemptRecord, ChoiceRecord, Considered } from "../../src/core/trace.ts";

/** Thu 20 Aug 2026, 11:39:05 UTC */
export const AT = Date.UTC(2026, 7, 20, 11, 39, 5);

/** A request that was answered at once by its conversation's own account. */
export function record(parts: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: "req_0123456789abcdefABCDEF01",
    at: AT,
    route: "POST /v1/messages",
    protocol: "anthropic",
    model: "sonnet",
    served: "claude-sonnet-4-6",
    rule: 'shipped alias "sonnet" → "claude-sonnet-*"',
    account: "a1",
    choices: [choice(0, "take", [{ handle: "a1", reason: "own" }])],
    waits: [],
    attempts: [attempt({ ms: 3_400, firstEventMs: 900 })],
    losses: [],
    usage: { input: 12_000, cachedInput: 9_000, output: 340, thinking: 120 },
    firstEventMs: 900,
    waitedMs: 0,
    totalMs: 3_400,
    status: 200,
    outcome: "ok",
    ...parts,
  };
}

/** The same, failed: without an answer's traces. */
export function failed(parts: Partial<RequestRecord>): RequestRecord {
  const { usage: _usage, firstEventMs: _firstEventMs, ...rest } = record({ status: 502, outcome: "unavailable" });
  return { ...rest, ...parts };
}

export function attempt(parts: Partial<AttemptRecord> = {}): AttemptRecord {
  return { accountHandle: "a1", outcome: "ok", atMs: 0, ...parts };
}

export function choice(atMs: number, result: ChoiceRecord["result"], accounts: Considered[]): ChoiceRecord {
  return { atMs, result, accounts };
}

/** An account that is limited for so long after the request arrived. */
export function resting(handle: string, ms: number, evidence = "429 RATE_LIMIT_EXCEEDED, RetryInfo"): Considered {
  return { handle, reason: "resting", rest: { kind: "rate-limited", until: AT + ms, evidence } };
}

export const LIMITED: Partial<AttemptRecord> = {
  outcome: "rate-limited",
  upstreamStatus: 429,
  upstreamReason: "RATE_LIMIT_EXCEEDED",
  retryAfterMs: 34_000,
  retryAfterSource: "RetryInfo",
};
