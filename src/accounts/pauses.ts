import { abortError } from "../core/abort.ts";
import type { Clock } from "../lib/clock.ts";

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

/** A margin for clocks that differ, and a spread for those who wait for the same moment. */
const MARGIN_MS = 250;
const SPREAD_MS = 1_000;
const LOOK_EVERY_MS = 1_000;

export function createPauses({ clock, random, look }: PausesDeps): Pauses {
  const underWay = new Set<AbortController>();

  return {
    async pause(ms, signal) {
      if (signal.aborted) throw abortError(signal);
      const until = clock.now() + ms + MARGIN_MS + random() * SPREAD_MS;
      const end = new AbortController();
      const stop = AbortSignal.any([signal, end.signal]);
      underWay.add(end);
      try {
        for (let left = until - clock.now(); left > 0 && !end.signal.aborted; left = until - clock.now()) {
          await clock.sleep(Math.min(left, LOOK_EVERY_MS), stop);
          await look();
        }
      } catch (cause) {
        if (signal.aborted) throw abortError(signal);
        if (!end.signal.aborted) throw cause;
      } finally {
        underWay.delete(end);
      }
    },

    endAll() {
      for (const end of underWay) end.abort();
    },
  };
}
