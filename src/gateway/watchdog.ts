import { GatewayError } from "../core/errors.ts";
import type { Clock } from "../lib/clock.ts";

export interface Patience {
  /** From the request's start to its first batch of events, over all attempts and waits. */
  firstMs: number;
  /** Between two batches. At least `firstMs`. */
  idleMs: number;
}

export interface Watchdog {
  /** A batch arrived. */
  alive(): void;
  /** Until the next batch must have come, in ms. */
  leftMs(): number;
  stop(): void;
}

/** Aborts with a `deadline` GatewayError as reason when events stop coming. One timer per request, however many events. */
export function startWatchdog(patience: Patience, abort: AbortController, clock: Clock): Watchdog {
  const stopped = new AbortController();
  let awaited = "an answer";
  let deadline = clock.now() + patience.firstMs;

  async function watch(): Promise<void> {
    for (let left = patience.firstMs; left > 0; left = deadline - clock.now()) await clock.sleep(left, stopped.signal);
    abort.abort(new GatewayError("deadline", `Upstream did not send ${awaited} in time`));
  }
  watch().catch(() => {}); // stop() ends the sleep by rejecting it

  return {
    alive() {
      awaited = "the rest of its answer";
      deadline = clock.now() + patience.idleMs;
    },
    leftMs: () => deadline - clock.now(),
    stop: () => stopped.abort(),
  };
}
