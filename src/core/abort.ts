import type { Clock } from "../lib/clock.ts";
import { GatewayError } from "./errors.ts";

/** The signal's reason when it is an error of ours (a deadline), else `cancelled`. */
export function abortError(signal: AbortSignal): GatewayError {
  if (signal.reason instanceof GatewayError) return signal.reason;
  return new GatewayError("cancelled", "The client closed the request", {}, { cause: signal.reason });
}

/** The outcome of shared work, or `abortError` once this caller's signal aborts. The work itself goes on for the others. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(abortError(signal));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Gives work that no single caller owns a signal of its own, and fails it with `unavailable` after `ms`. The signal aborts
 * at the end in any case, so that nothing the work has left behind goes on.
 */
export async function within<T>(
  ms: number,
  what: string,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const timer = new AbortController();
  const timeout = clock.sleep(ms, timer.signal).then(() => {
    const error = new GatewayError("unavailable", `${what} took longer than ${ms / 1000} s`);
    stop.abort(error);
    throw error;
  });
  try {
    return await Promise.race([work(stop.signal), timeout]);
  } finally {
    timer.abort();
    stop.abort();
  }
}
