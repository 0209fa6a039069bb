import { expect, test } from "bun:test";
import { createLoopLag } from "../../src/metrics/loop-lag.ts";
import { metricsOf, samples } from "./support.ts";

/** A timer that fires when told to, late by so much. */
function heldTimers() {
  let now = 1_000;
  let tick: (() => void) | undefined;
  let intervalMs = 0;
  return {
    now: () => now,
    every(ms: number, each: () => void) {
      intervalMs = ms;
      tick = each;
      return () => void (tick = undefined);
    },
    fire(lateMs: number) {
      now += intervalMs + lateMs;
      tick?.();
    },
    isRunning: () => tick !== undefined,
  };
}

test("the lag of the event loop is that of the last minute: what was worst is forgotten after it", () => {
  const timers = heldTimers();
  const lag = createLoopLag(timers);
  expect(lag.read()).toBeUndefined();
  lag.start();
  timers.fire(500);
  for (let index = 0; index < 99; index++) timers.fire(2);
  expect(lag.read()).toEqual({ p50: 0.002, p99: 0.002, max: 0.5 });
  for (let index = 0; index < 300; index++) timers.fire(0);
  expect(lag.read()).toEqual({ p50: 0, p99: 0, max: 0 });
});

test("a timer that fires early is not late", () => {
  const timers = heldTimers();
  const lag = createLoopLag(timers);
  lag.start();
  timers.fire(-1);
  expect(lag.read()).toEqual({ p50: 0, p99: 0, max: 0 });
});

test("nothing runs before the start, twice started is once, and nothing after the stop", async () => {
  const timers = heldTimers();
  const metrics = metricsOf({ timers });
  expect(timers.isRunning()).toBe(false);
  expect(samples((await metrics.render()).text, "ag_event_loop_lag_seconds")).toEqual({});
  metrics.start();
  metrics.start();
  timers.fire(30);
  expect(samples((await metrics.render()).text, "ag_event_loop_lag_seconds")).toEqual({
    'quantile="0.5"': 0.03,
    'quantile="0.99"': 0.03,
    'quantile="1"': 0.03,
  });
  metrics.stop();
  expect(timers.isRunning()).toBe(false);
});
