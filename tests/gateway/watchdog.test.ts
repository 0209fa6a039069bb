import { expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import { startWatchdog } from "../../src/gateway/watchdog.ts";
import { fakeClock } from "../support/clock.ts";

const patience = { firstMs: 120_000, idleMs: 300_000 };

function setup() {
  const clock = fakeClock();
  const abort = new AbortController();
  return { clock, abort, watchdog: startWatchdog(patience, abort, clock) };
}

test("a request without a first event ends with a deadline", async () => {
  const { clock, abort } = setup();
  await clock.advance(119_999);
  expect(abort.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(abort.signal.reason).toBeInstanceOf(GatewayError);
  expect(abort.signal.reason.kind).toBe("deadline");
});

test("after an event the longer patience counts from that event", async () => {
  const { clock, abort, watchdog } = setup();
  await clock.advance(100_000);
  watchdog.alive();
  await clock.advance(299_999);
  expect(abort.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(abort.signal.aborted).toBe(true);
});

test("a stopped watchdog leaves no timer behind and never aborts", async () => {
  const { clock, abort, watchdog } = setup();
  watchdog.stop();
  await clock.advance(1_000_000);
  expect(abort.signal.aborted).toBe(false);
  expect(clock.sleeping()).toEqual([]);
});
