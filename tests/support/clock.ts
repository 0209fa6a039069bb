import { type Clock, systemClock } from "../../src/lib/clock.ts";

export interface FakeClock extends Clock {
  /** Moves time on and wakes the sleepers that are due, in order. Resolves when their continuations have run. */
  advance(ms: number): Promise<void>;
  /** Lengths of the sleeps under way, as they were asked for. */
  sleeping(): number[];
}

/** Time that only moves when told to. */
export function fakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start;
  const sleepers = new Set<{ wakeAt: number; ms: number; wake(): void }>();
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper = {
          wakeAt: now + ms,
          ms,
          wake() {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
      }),
    async advance(ms) {
      const end = now + ms;
      for (;;) {
        await settle();
        const next = [...sleepers].filter((s) => s.wakeAt <= end).sort((a, b) => a.wakeAt - b.wakeAt)[0];
        if (!next) break;
        now = Math.max(now, next.wakeAt);
        sleepers.delete(next);
        next.wake();
      }
      now = end;
      await settle();
    },
    sleeping: () => [...sleepers].map((s) => s.ms),
  };
}

/**
 * A clock whose sleeps end at once, moving time on by their length. For code whose waits are beside the point. Longer ones
 * than `limitMs` are no waits but time limits, and never end.
 */
export function eagerClock(start = Date.UTC(2026, 0, 1), limitMs = Infinity): Clock & { slept: number[] } {
  let now = start;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      if (ms > limitMs) return systemClock.sleep(FOR_EVER_MS, signal);
      slept.push(ms);
      now += ms;
    },
  };
}

export const PAUSE_LIMIT_MS = 9_000;
const FOR_EVER_MS = 2 ** 31 - 1;

/**
 * The system's clock, except that pauses end at once, moving time on by their length: a whole gateway on it retries
 * without waiting, while its deadlines and signs of life, which are longer, stay in real time.
 */
export function briskClock(): Clock {
  let aheadMs = 0;
  const now = () => systemClock.now() + aheadMs;
  return {
    now,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      if (ms > PAUSE_LIMIT_MS) return systemClock.sleep(ms, signal);
      aheadMs += ms;
    },
  };
}

/** Lets everything that is ready to run, run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}
