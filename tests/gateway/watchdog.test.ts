import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import { type Patience, startWatchdog } from "../../src/gateway/watchdog.ts";
import { fakeClock } from "../support/clock.ts";

const MINUTE = 60_000;

function setup(over: Partial<Patience> = {}) {
  const clock = fakeClock();
  const abort = new AbortController();
  const patience = { firstMs: 120_000, idleMs: 300_000, totalMs: 60 * MINUTE, ...over };
  const watchdog = startWatchdog(patience, abort, clock);
  const startedAt = clock.now();
  /** Lets time pass until it bites, a second at a time; the second it does, and what it says. */
  const bite = async (mostMs = 2 * patience.totalMs) => {
    while (!abort.signal.aborted && clock.now() - startedAt < mostMs) await clock.advance(1_000);
    const { reason } = abort.signal;
    expect(reason).toBeInstanceOf(GatewayError);
    expect(reason.kind).toBe("deadline");
    return [clock.now() - startedAt, reason.message];
  };
  return { clock, abort, watchdog, bite };
}

describe("a request ends when", () => {
  test("no answer has begun in time", async () => {
    const { clock, abort, bite } = setup();
    await clock.advance(119_999);
    expect(abort.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(await bite()).toEqual([120_000, "No answer began within 120 s (timeouts.firstEventMs)"]);
  });

  test("its answer goes silent, counted from the last event", async () => {
    const { clock, watchdog, bite } = setup();
    await clock.advance(100_000);
    watchdog.alive();
    expect(await bite()).toEqual([400_000, "Upstream was silent for 300 s (timeouts.idleMs)"]);
  });

  test("its answer goes silent, however patient the wait for its beginning was", async () => {
    const { clock, watchdog, bite } = setup({ idleMs: 5_000 });
    await clock.advance(1_000);
    watchdog.alive();
    expect(await bite()).toEqual([6_000, "Upstream was silent for 5 s (timeouts.idleMs)"]);
  });

  test("its answer trickles for ever", async () => {
    const { clock, abort, watchdog } = setup();
    while (!abort.signal.aborted) {
      watchdog.alive();
      await clock.advance(MINUTE);
    }
    expect(abort.signal.reason.message).toBe("The request was not done within 60 min (timeouts.totalMs)");
  });

  test("all its time is over before an answer may begin", async () => {
    const { bite } = setup({ totalMs: 20_000 });
    expect(await bite()).toEqual([20_000, "The request was not done within 20 s (timeouts.totalMs)"]);
  });

  test("what had begun broke off unseen and nothing else begins", async () => {
    const { clock, watchdog, bite } = setup();
    await clock.advance(100_000);
    watchdog.alive();
    watchdog.anew();
    const message = "An answer broke off, and no other began within 120 s (timeouts.firstEventMs)";
    expect(await bite()).toEqual([220_000, message]);
  });

  test("its client does not read, for which upstream is not blamed", async () => {
    const { watchdog, bite } = setup();
    watchdog.alive();
    watchdog.given();
    expect(await bite()).toEqual([300_000, "The client did not read the answer for 300 s (timeouts.idleMs)"]);
  });
});

test("attempts that fail before anything has come do not win time", async () => {
  const { clock, watchdog, bite } = setup();
  await clock.advance(60_000);
  watchdog.anew();
  expect((await bite())[0]).toBe(120_000);
});

test("the silence counts from when the client has asked for more", async () => {
  const { clock, watchdog, bite } = setup();
  watchdog.alive();
  watchdog.given();
  await clock.advance(200_000);
  watchdog.asked();
  expect(await bite()).toEqual([500_000, "Upstream was silent for 300 s (timeouts.idleMs)"]);
});

test("what is left is told at each moment, and never more than the whole has left", async () => {
  const { clock, watchdog } = setup({ totalMs: 310_000 });
  expect(watchdog.leftMs()).toBe(120_000);
  await clock.advance(100_000);
  expect(watchdog.leftMs()).toBe(20_000);
  watchdog.alive();
  expect(watchdog.leftMs()).toBe(210_000);
});

test("there is one timer, however many events there are", async () => {
  const { clock, watchdog } = setup({ idleMs: 5_000 });
  for (let second = 0; second < 300; second++) {
    watchdog.alive();
    watchdog.given();
    watchdog.asked();
    expect(clock.sleeping()).toHaveLength(1);
    await clock.advance(1_000);
  }
});

test("a stopped watchdog leaves no timer behind and never aborts", async () => {
  const { clock, abort, watchdog } = setup();
  watchdog.alive();
  watchdog.stop();
  await clock.advance(10_000_000);
  expect(abort.signal.aborted).toBe(false);
  expect(clock.sleeping()).toEqual([]);
});
