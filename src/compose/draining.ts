import type { Exchanges } from "../http/exchange.ts";
import type { Clock } from "../lib/clock.ts";

/** The part of a server that stopping it takes. */
export interface Stoppable {
  /** Closes idle connections and takes no new ones; resolves when all are closed. `true`: closes them now. */
  stop(closeConnections?: boolean): Promise<unknown>;
  /** Requests whose reply has not been written to its last byte. */
  readonly pendingRequests: number;
}

/** How long those that are ended may take to say so, and their clients to read it. */
const FAREWELL_MS = 2_000;
const HURRIED_FAREWELL_MS = 250;

/**
 * Takes no new requests and lets running ones finish; those that have not by `drainMs`, or when `hurry` aborts, are ended with
 * their protocol's error. What even then does not end is cut: clients that do not read. Resolves when nobody is connected.
 */
export async function drain(
  server: Stoppable | null,
  exchanges: Pick<Exchanges, "abortAll" | "close" | "giveUp" | "idle">,
  drainMs: number,
  clock: Clock,
  hurry?: AbortSignal,
): Promise<void> {
  exchanges.close();
  const closed = Promise.resolve(server?.stop());
  // A connection that has sent half a request head is open but nobody's request; a reply that is still being read is one.
  const isAnswered = exchanges.idle().then(() => (server?.pendingRequests ? closed : undefined));
  await settled(Promise.race([isAnswered, closed]), drainMs, clock, hurry);
  exchanges.abortAll();
  const ended = Promise.all([exchanges.idle(), server?.pendingRequests ? closed : undefined]);
  if (!hurry?.aborted) await settled(ended, FAREWELL_MS, clock, hurry);
  if (hurry?.aborted) await settled(ended, HURRIED_FAREWELL_MS, clock);
  await server?.stop(true);
  exchanges.giveUp();
}

/** Resolves when the work is done, after `ms`, or when nobody wants to wait any more. */
async function settled(work: Promise<unknown>, ms: number, clock: Clock, hurry?: AbortSignal): Promise<void> {
  const done = new AbortController();
  const signal = hurry ? AbortSignal.any([done.signal, hurry]) : done.signal;
  const timeUp = clock.sleep(ms, signal).catch(() => {}); // aborted: the work is done, or given up
  await Promise.race([work, timeUp]);
  done.abort();
}
