import { describe, expect, test } from "bun:test";
import { afterFailure, afterRoom, afterSuccess, type ModelMemory } from "../../src/accounts/cooldown.ts";
import { type FailureDetail, type FailureKind, GatewayError } from "../../src/core/errors.ts";

const NOW = 1_000_000;
const failure = (kind: FailureKind, detail: FailureDetail = {}) => new GatewayError(kind, "m", detail);
/** A limit that gives a reason and no time. */
const unnamed = () => failure("rate-limited", { upstreamReason: "RATE_LIMIT_EXCEEDED" });
const restMs = (memory: ModelMemory | undefined) => (memory?.cooldown ? memory.cooldown.until - NOW : undefined);

describe("the rest after one failure", () => {
  const MINUTE = 60_000;
  const rows: [kind: FailureKind, retryAfterMs: number | undefined, rest: number | undefined][] = [
    ["rate-limited", 45_000, 45_000],
    ["rate-limited", undefined, undefined],
    ["rate-limited", 0, 1_000],
    ["quota-exhausted", 108 * 60 * MINUTE, 108 * 60 * MINUTE],
    ["quota-exhausted", 30 * 24 * 60 * MINUTE, 7 * 24 * 60 * MINUTE],
    ["quota-exhausted", undefined, MINUTE],
    ["model-missing", undefined, 30 * MINUTE],
    ["access-denied", undefined, 30 * MINUTE],
    ["access-token-rejected", undefined, 5 * MINUTE],
    ["project-rejected", undefined, 5 * MINUTE],
    ["account-unusable", undefined, undefined],
    ["overloaded", 9_000, undefined],
    ["unavailable", undefined, undefined],
    ["invalid-request", undefined, undefined],
    ["context-too-long", undefined, undefined],
    ["payload-too-large", undefined, undefined],
    ["malformed-answer", undefined, undefined],
    ["unknown-model", undefined, undefined],
    ["unknown-route", undefined, undefined],
    ["unauthorized", undefined, undefined],
    ["forbidden", undefined, undefined],
    ["no-account", undefined, undefined],
    ["region-blocked", undefined, undefined],
    ["deadline", undefined, undefined],
    ["cancelled", undefined, undefined],
    ["internal", undefined, undefined],
  ];
  for (const [kind, retryAfterMs, rest] of rows) {
    test(`${kind}${retryAfterMs === undefined ? "" : ` for ${retryAfterMs} ms`}: ${rest ?? "none"}`, () => {
      const detail = retryAfterMs === undefined ? {} : { retryAfterMs };
      expect(restMs(afterFailure(undefined, failure(kind, detail), NOW))).toBe(rest);
    });
  }
});

describe("the memory of one account on one model", () => {
  test("keeps the evidence that set the cooldown", () => {
    const detail = { upstreamStatus: 429, upstreamReason: "RATE_LIMIT_EXCEEDED", retryAfterMs: 5_000 };
    expect(afterFailure(undefined, failure("rate-limited", detail), NOW)?.cooldown).toEqual({
      kind: "rate-limited",
      until: NOW + 5_000,
      since: NOW,
      evidence: "429 RATE_LIMIT_EXCEEDED",
    });
    expect(afterFailure(undefined, failure("model-missing"), NOW)?.cooldown?.evidence).toBe("model-missing");
  });

  test("names who has set the end of a limit", () => {
    const evidence = (detail: FailureDetail) =>
      afterFailure(undefined, failure("quota-exhausted", { upstreamStatus: 429, ...detail }), NOW)?.cooldown?.evidence;
    expect(evidence({ retryAfterMs: 5_000, retryAfterSource: "quotaResetDelay" })).toBe("429, quotaResetDelay");
    expect(evidence({})).toBe("429, no time named");
  });

  test("never shortens a cooldown, and does lengthen it", () => {
    const long = afterFailure(undefined, failure("quota-exhausted", { retryAfterMs: 500_000 }), NOW);
    const still = afterFailure(long, unnamed(), NOW);
    expect(still?.cooldown).toEqual(long?.cooldown);
    expect(restMs(afterFailure(still, failure("quota-exhausted", { retryAfterMs: 900_000 }), NOW))).toBe(900_000);
  });

  test("lets rests without a stated time grow from failure to failure", () => {
    const rests: (number | undefined)[] = [];
    let memory: ModelMemory | undefined;
    for (let now = NOW, round = 0; round < 6; round++) {
      memory = afterFailure(memory, unnamed(), now);
      const until = memory?.cooldown?.until ?? now;
      rests.push(until - now);
      now = until;
    }
    expect(rests).toEqual([30_000, 60_000, 120_000, 300_000, 300_000, 300_000]);
  });

  test("counts failures that come while the cooldown runs as one", () => {
    let memory = afterFailure(undefined, unnamed(), NOW);
    for (let request = 0; request < 5; request++) memory = afterFailure(memory, unnamed(), NOW + request);
    expect(memory?.unnamedFailures).toBe(1);
    expect(restMs(memory)).toBe(30_004);
  });

  test("forgets its failures with a success, but not a cooldown that still runs", () => {
    const memory = afterFailure(undefined, unnamed(), NOW)!;
    expect(afterSuccess(memory)).toEqual({ ...memory, unnamedFailures: 0 });
  });

  test("is not changed by an answer when there is nothing to forget, nor by a refusal without evidence", () => {
    const memory = afterFailure(undefined, failure("quota-exhausted", { retryAfterMs: 5_000 }), NOW)!;
    expect(afterSuccess(memory)).toBe(memory);
    expect(afterFailure(memory, failure("rate-limited"), NOW + 60_000)).toBe(memory);
  });
});

describe("a quota reading that shows room", () => {
  const limited = (kind: FailureKind, retryAfterMs = 500_000) =>
    afterFailure(undefined, failure(kind, { retryAfterMs }), NOW)!;

  test("ends a used-up window that it is newer than", () => {
    expect(afterRoom(limited("quota-exhausted"), NOW + 1)).toEqual({ unnamedFailures: 0, liftedByReading: true });
  });

  test("is no news about a limit that came after it", () => {
    const memory = limited("quota-exhausted");
    expect(afterRoom(memory, NOW)).toBe(memory);
  });

  test("says nothing about short limits and refusals", () => {
    for (const kind of ["rate-limited", "model-missing", "access-denied"] as const) {
      const memory = limited(kind);
      expect(afterRoom(memory, NOW + 1)).toBe(memory);
    }
  });

  test("is believed once, and again after an answer", () => {
    const lifted = afterRoom(limited("quota-exhausted"), NOW + 1);
    const again = afterFailure(lifted, failure("quota-exhausted", { retryAfterMs: 500_000 }), NOW + 2)!;
    expect(afterRoom(again, NOW + 3)).toBe(again);
    expect(afterRoom(afterSuccess(again), NOW + 3).cooldown).toBeUndefined();
  });
});
