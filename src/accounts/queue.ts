import { abortError } from "../core/abort.ts";
import { GatewayError } from "../core/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { createAlarm } from "./alarm.ts";

/** What came of asking for a place once more. `recheckAt`: Unix ms at which time alone may have changed the answer. */
export type Attempt<Result> = { type: "done"; result: Result } | { type: "wait"; recheckAt?: number };

export interface QueueDeps {
  clock: Clock;
  /** Requests that may wait at the same time. */
  maxQueued: number;
  /** Time has passed: `review` is due, which sets the next moment. */
  onTime(): void;
}

export interface Queue<Result> {
  readonly size: number;
  readonly isFull: boolean;
  /**
   * Waits until `attempt` is done or throws; it has just been made in vain. Rejects with `rate-limited` at once when the
   * queue is full, with `abortError` when the signal aborts.
   */
  wait(
    conversation: string,
    attempt: (waitedMs: number) => Attempt<Result>,
    inVain: { recheckAt?: number },
    signal: AbortSignal,
  ): Promise<Result>;
  /** Asks for everybody once more, in order, until `isOver` says that there is nothing left to be had. */
  review(isOver?: () => boolean): void;
}

interface Waiter<Result> {
  conversation: string;
  attempt(waitedMs: number): Attempt<Result>;
  since: number;
  recheckAt: number;
  resolve(result: Result): void;
  reject(cause: unknown): void;
}

/** Whatever else happens, those who wait are looked at this often. */
const REVIEW_EVERY_MS = 10_000;
/** What somebody is told who finds the queue full: slots change hands every few seconds. */
const FULL_RETRY_MS = 2_000;

/**
 * A line that is fair over conversations: whoever is served sends the rest of its conversation to the end of the line, so
 * that the one served least recently is next, and newcomers overtake nobody who waits for his turn.
 */
export function createQueue<Result>({ clock, maxQueued, onTime }: QueueDeps): Queue<Result> {
  let line: Waiter<Result>[] = [];
  const alarm = createAlarm(clock, onTime);

  const setAlarm = () => {
    let first = clock.now() + REVIEW_EVERY_MS;
    for (const { recheckAt } of line) first = Math.min(first, recheckAt);
    alarm.set(line.length > 0 ? first : undefined);
  };

  const leave = (waiter: Waiter<Result>) => {
    line = line.filter((other) => other !== waiter);
  };

  /** Whether the waiter is done with. */
  const tryOnce = (waiter: Waiter<Result>): boolean => {
    try {
      const attempt = waiter.attempt(clock.now() - waiter.since);
      if (attempt.type === "done") waiter.resolve(attempt.result);
      else waiter.recheckAt = attempt.recheckAt ?? Infinity;
      return attempt.type === "done";
    } catch (cause) {
      waiter.reject(cause);
      return true;
    }
  };

  return {
    get size() {
      return line.length;
    },
    get isFull() {
      return line.length >= maxQueued;
    },

    async wait(conversation, attempt, inVain, signal) {
      if (signal.aborted) throw abortError(signal);
      if (line.length >= maxQueued) throw queueFull(maxQueued);
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const recheckAt = inVain.recheckAt ?? Infinity;
      const waiter = { conversation, attempt, since: clock.now(), recheckAt, resolve, reject };
      const onAbort = () => {
        leave(waiter);
        setAlarm();
        reject(abortError(signal));
      };
      line.push(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
      setAlarm();
      try {
        return await promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },

    review(isOver = () => false) {
      for (let index = 0; index < line.length && !isOver();) {
        const waiter = line[index];
        if (waiter === undefined || !tryOnce(waiter)) {
          index++;
          continue;
        }
        const { conversation } = waiter;
        const isOther = (one: Waiter<Result>) => one.conversation !== conversation;
        index = line.slice(0, index).filter(isOther).length;
        leave(waiter);
        line = [...line.filter(isOther), ...line.filter((one) => !isOther(one))];
      }
      setAlarm();
    },
  };
}

function queueFull(maxQueued: number): GatewayError {
  const message =
    maxQueued === 0
      ? "Every usable account is busy, and requests are not queued: try again in a moment"
      : `Every usable account is busy and the queue is full (scheduling.maxQueued: ${maxQueued}): try again in a moment`;
  return new GatewayError("rate-limited", message, { retryAfterMs: FULL_RETRY_MS });
}
