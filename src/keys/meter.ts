import { GatewayError } from "../core/errors.ts";
import type { ApiKey } from "../core/keys.ts";
import type { Clock } from "../lib/clock.ts";

/** Counts the requests of one key against its limits. */
export interface Meter {
  /** One more request; disposing ends it. Throws GatewayError("key-limited"), and then counts nothing. */
  begin(): Disposable;
}

const MINUTE_MS = 60_000;
/** How soon a place may be free is nobody's to know. */
const RUNNING_RETRY_MS = 1_000;

type Limits = Pick<ApiKey, "handle" | "rpm" | "concurrency">;

/** `rpm` holds for every span of a minute, wherever it begins. */
export function createMeter({ handle, rpm, concurrency = Infinity }: Limits, clock: Pick<Clock, "now">): Meter {
  const minute = rpm === undefined ? undefined : createMinute(rpm);
  let running = 0;
  return {
    begin() {
      const now = clock.now();
      const waitMs = minute?.waitMs(now) ?? 0;
      if (waitMs > 0) {
        const message = `The API key ${handle} may send ${requests(rpm)} a minute`;
        throw new GatewayError("key-limited", message, { retryAfterMs: waitMs });
      }
      if (running >= concurrency) {
        const message = `The API key ${handle} may have ${requests(concurrency)} running at the same time`;
        throw new GatewayError("key-limited", message, { retryAfterMs: RUNNING_RETRY_MS });
      }
      minute?.add(now);
      running++;
      let isRunning = true;
      return {
        [Symbol.dispose]() {
          if (isRunning) running--;
          isRunning = false;
        },
      };
    },
  };
}

/** The times of the last `size` requests. */
function createMinute(size: number) {
  const times = new Float64Array(size).fill(-Infinity);
  let oldest = 0;
  let newest = -Infinity;
  return {
    /** How long until another one may come; 0 for now. */
    waitMs(now: number): number {
      if (now < newest) {
        // The clock was set back: what is in its future tells nothing about the last minute.
        times.fill(-Infinity);
        newest = now;
      }
      return Math.max(0, (times[oldest] ?? -Infinity) + MINUTE_MS - now);
    },
    add(now: number): void {
      times[oldest] = now;
      oldest = (oldest + 1) % size;
      newest = now;
    },
  };
}

function requests(count: number | undefined): string {
  return count === 1 ? "1 request" : `${count} requests`;
}
