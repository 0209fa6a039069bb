import { abortError } from "../core/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { createAlarm } from "./alarm.ts";

export interface PausesDeps {
  clock: Clock;
  /** In [0, 1). */
  random(): number;
  /** Looks for what other processes have changed. */
  look(): Promise<void>;
}

/** Requests that wait for time to pass, without holding anything. */
export interface Pauses {
  /** Ends `ms` and a little more from now, or with `endAll`; rejects with `abortError` when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  endAll(): void;
}

interface Pause {
  until: number;
  end(): void;
}

/** A margin for clocks that differ, and a spread for those who wait for the same moment. */
const MARGIN_MS = 250;
const SPREAD_MS = 1_000;
const LOOK_EVERY_MS = 1_000;

export function createPauses({ clock, random, look }: PausesDeps): Pauses {
  const underWay = new Set<Pause>();
  let lookAt = 0;

  const setAlarm = () => {
    let first = lookAt;
    for (const { until } of underWay) first = Math.min(first, until);
    alarm.set(underWay.size > 0 ? first : undefined);
  };

  const alarm = createAlarm(clock, () => {
    const now = clock.now();
    for (const one of underWay) if (one.until <= now) one.end();
    if (now >= lookAt) {
      lookAt = now + LOOK_EVERY_MS;
      look().catch(() => {}); // looked for again in a second
    }
    setAlarm();
  });

  return {
    async pause(ms, signal) {
      if (signal.aborted) throw abortError(signal);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const now = clock.now();
      const one: Pause = { until: now + Math.ceil(ms + MARGIN_MS + random() * SPREAD_MS), end: resolve };
      const onAbort = () => reject(abortError(signal));
      if (underWay.size === 0) lookAt = now + LOOK_EVERY_MS;
      underWay.add(one);
      signal.addEventListener("abort", onAbort, { once: true });
      alarm.set(Math.min(one.until, lookAt));
      try {
        await promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
        underWay.delete(one);
        if (underWay.size === 0) alarm.set(undefined);
      }
    },

    endAll() {
      for (const { end } of underWay) end();
    },
  };
}
