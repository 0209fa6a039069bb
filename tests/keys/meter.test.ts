import { describe, expect, test } from "bun:test";
import { asGatewayError, type GatewayError } from "../../src/core/errors.ts";
import { createMeter, type Meter } from "../../src/keys/meter.ts";
import { fakeClock } from "../support/clock.ts";

const HANDLE = { handle: "k1" };

function refusalOf(meter: Meter): GatewayError | undefined {
  try {
    meter.begin();
    return undefined;
  } catch (cause) {
    return asGatewayError(cause);
  }
}

describe("requests per minute", () => {
  test("the one too many is refused until the first of them is a minute old, to the millisecond", async () => {
    const clock = fakeClock();
    const meter = createMeter({ ...HANDLE, rpm: 5 }, clock);
    for (let sent = 0; sent < 5; sent++) {
      meter.begin()[Symbol.dispose]();
      await clock.advance(1_000);
    }
    expect(refusalOf(meter)).toMatchObject({
      kind: "key-limited",
      message: "The API key k1 may send 5 requests a minute",
      detail: { retryAfterMs: 55_000 },
    });
    await clock.advance(54_999);
    expect(refusalOf(meter)?.detail.retryAfterMs).toBe(1);
    await clock.advance(1);
    expect(refusalOf(meter)).toBeUndefined();
    expect(refusalOf(meter)?.detail.retryAfterMs).toBe(1_000);
  });

  test("a burst at the end of one minute and one at the beginning of the next do not both come in", async () => {
    const clock = fakeClock(Date.UTC(2026, 0, 1, 0, 0, 59));
    const meter = createMeter({ ...HANDLE, rpm: 3 }, clock);
    for (let sent = 0; sent < 3; sent++) meter.begin();
    await clock.advance(2_000);
    expect(refusalOf(meter)?.detail.retryAfterMs).toBe(58_000);
  });

  test("in no span of a minute are there more, however the requests come", async () => {
    const clock = fakeClock();
    const meter = createMeter({ ...HANDLE, rpm: 7 }, clock);
    const admitted: number[] = [];
    let step = 17;
    for (let count = 0; count < 2_000; count++) {
      step = (step * 48_271) % 2_147_483_647;
      await clock.advance(step % 5_000);
      if (refusalOf(meter) === undefined) admitted.push(clock.now());
    }
    for (const [index, at] of admitted.entries()) {
      const eighth = admitted[index + 7];
      if (eighth !== undefined) expect(eighth - at).toBeGreaterThanOrEqual(60_000);
    }
    expect(admitted.length).toBeGreaterThan(500);
  });

  test("what is refused does not count", async () => {
    const clock = fakeClock();
    const meter = createMeter({ ...HANDLE, rpm: 1 }, clock);
    meter.begin();
    for (let tried = 0; tried < 100; tried++) {
      await clock.advance(500);
      expect(refusalOf(meter)).toBeDefined();
    }
    await clock.advance(10_000);
    expect(refusalOf(meter)).toBeUndefined();
  });

  test("a clock that is set back locks nobody out for longer than a minute", async () => {
    const clock = fakeClock();
    let backMs = 0;
    const meter = createMeter({ ...HANDLE, rpm: 1 }, { now: () => clock.now() - backMs });
    meter.begin();
    backMs = 3_600_000;
    expect(refusalOf(meter)).toBeUndefined();
    expect(refusalOf(meter)?.detail.retryAfterMs).toBe(60_000);
  });
});

describe("requests at the same time", () => {
  test("the one too many is refused for as long as the others run", () => {
    const meter = createMeter({ ...HANDLE, concurrency: 2 }, fakeClock());
    const first = meter.begin();
    meter.begin();
    expect(refusalOf(meter)).toMatchObject({
      kind: "key-limited",
      message: "The API key k1 may have 2 requests running at the same time",
      detail: { retryAfterMs: 1_000 },
    });
    first[Symbol.dispose]();
    expect(refusalOf(meter)).toBeUndefined();
    expect(refusalOf(meter)).toBeDefined();
  });

  test("ending one request twice frees one place", () => {
    const meter = createMeter({ ...HANDLE, concurrency: 2 }, fakeClock());
    const first = meter.begin();
    meter.begin();
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    meter.begin();
    expect(refusalOf(meter)?.message).toContain("2 requests running");
  });

  test("a request that finds no place does not count for the minute", async () => {
    const clock = fakeClock();
    const meter = createMeter({ ...HANDLE, rpm: 2, concurrency: 1 }, clock);
    const first = meter.begin();
    for (let tried = 0; tried < 5; tried++) expect(refusalOf(meter)?.message).toContain("1 request running");
    first[Symbol.dispose]();
    expect(refusalOf(meter)).toBeUndefined();
    expect(refusalOf(meter)?.message).toContain("2 requests a minute");
  });
});
