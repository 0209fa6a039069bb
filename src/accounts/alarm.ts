import type { Clock } from "../lib/clock.ts";

/** One timer for all who wait: however many they are, only the first moment that matters is slept for. */
export interface Alarm {
  /** Rings at `at` (Unix ms) at the latest; `undefined`: no more, nobody waits. An earlier moment that was set before stays. */
  set(at: number | undefined): void;
}

/** `ring` is called once per ringing and sets the next moment itself. Must not throw. */
export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let timer: { at: number; stop: AbortController } | undefined;

  const keepTime = async (own: { at: number; stop: AbortController }): Promise<void> => {
    await clock.sleep(Math.max(own.at - clock.now(), 0), own.stop.signal);
    if (timer === own) timer = undefined;
    ring();
  };

  return {
    set(at) {
      if (timer !== undefined && at !== undefined && timer.at <= at) return;
      timer?.stop.abort();
      timer = undefined;
      if (at === undefined) return;
      timer = { at, stop: new AbortController() };
      keepTime(timer).catch(() => {}); // stopped: another one is set, or nobody waits
    },
  };
}
