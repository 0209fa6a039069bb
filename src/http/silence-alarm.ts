import type { Clock } from "../lib/clock.ts";

export interface SilenceAlarm {
  /** What `work` comes to, or `undefined` when nothing has been sent for the agreed time. One wait at a time. */
  wait<T>(work: Promise<T>): Promise<T | undefined>;
  /** Something was sent. */
  sent(): void;
  stop(): void;
}

/** Tells when a stream has been silent for `ms`, again and again. One timer per stream, however much is sent. */
export function silenceAlarm(ms: number, clock: Clock): SilenceAlarm {
  const stopped = new AbortController();
  let sentAt = clock.now();
  // Each wait has a promise of its own: racing all of a long answer's batches against one that lives as long as the
  // stream would keep every batch in memory.
  let wakeUp = () => {};

  async function watch(): Promise<never> {
    for (;;) {
      const left = sentAt + ms - clock.now();
      if (left > 0) {
        await clock.sleep(left, stopped.signal);
        continue;
      }
      sentAt = clock.now();
      wakeUp();
    }
  }
  watch().catch(() => {}); // stop() ends the sleep by rejecting it

  return {
    wait<T>(work: Promise<T>) {
      const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
      wakeUp = () => resolve(undefined);
      work.then(resolve, reject);
      return promise;
    },
    sent() {
      sentAt = clock.now();
    },
    // Without a reason of ours it makes an exception, with its stack.
    stop: () => stopped.abort("stopped"),
  };
}
