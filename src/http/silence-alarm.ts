import type { Clock } from "../lib/clock.ts";

export interface SilenceAlarm {
  /** Resolves to `undefined` when nothing has been sent for the agreed time. */
  rung(): Promise<undefined>;
  /** Something was sent. */
  sent(): void;
  stop(): void;
}

/** Tells when a stream has been silent for `ms`, again and again. One timer per stream, however much is sent. */
export function silenceAlarm(ms: number, clock: Clock): SilenceAlarm {
  const stopped = new AbortController();
  let sentAt = clock.now();
  let ring = Promise.withResolvers<undefined>();

  async function watch(): Promise<never> {
    for (;;) {
      const left = sentAt + ms - clock.now();
      if (left > 0) {
        await clock.sleep(left, stopped.signal);
        continue;
      }
      sentAt = clock.now();
      ring.resolve(undefined);
      ring = Promise.withResolvers();
    }
  }
  watch().catch(() => {}); // stop() ends the sleep by rejecting it

  return {
    rung: () => ring.promise,
    sent() {
      sentAt = clock.now();
    },
    stop: () => stopped.abort(),
  };
}
