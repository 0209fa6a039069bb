import { GatewayError } from "../core/errors.ts";
import type { Clock } from "../lib/clock.ts";

/** How long a request may take, in ms. */
export interface Patience {
  /** Until the first event of an answer, over all attempts and waits. */
  firstMs: number;
  /** Between two events. */
  idleMs: number;
  /** From its start to its end, however much happens in between. */
  totalMs: number;
}

/** Silence is normal while a model thinks: attempts have no limit of their own, all of them share that of the request. */
export interface Watchdog {
  /** Upstream has sent something. */
  alive(): void;
  /** What had begun is over before anything of it was given out: another answer must begin, as soon as a first one. */
  anew(): void;
  /** Something was given out. Until more is asked for, it is not upstream that is slow. */
  given(): void;
  asked(): void;
  /** What is left until the next event must have come, in ms. */
  leftMs(): number;
  stop(): void;
}

/** Without a reason of ours each `abort` makes an exception, with its stack. */
const NOT_NEEDED = "not needed any more";

/** What is waited for. */
type Phase = "answer" | "other-answer" | "event" | "reader";

/**
 * Aborts with a `deadline` GatewayError as reason when a request takes longer than it may; the message says which limit it
 * was. One timer per request, however many events.
 */
export function startWatchdog(patience: Patience, abort: AbortController, clock: Clock): Watchdog {
  const { firstMs, idleMs, totalMs } = patience;
  const endsAt = clock.now() + totalMs;
  let phase: Phase = "answer";
  let deadline = Math.min(clock.now() + firstMs, endsAt);
  let timer = new AbortController();
  let wakesAt = deadline;

  function sleep(): void {
    wakesAt = deadline;
    clock.sleep(deadline - clock.now(), timer.signal).then(wake, () => {}); // rejects when it is not needed any more
  }

  function wake(): void {
    if (clock.now() < deadline) sleep();
    else abort.abort(new GatewayError("deadline", deadline < endsAt ? whatLacks(phase, patience) : overTotal(totalMs)));
  }

  function awaitNext(next: Phase, ms: number): void {
    phase = next;
    deadline = Math.min(clock.now() + ms, endsAt);
    if (deadline >= wakesAt) return;
    timer.abort(NOT_NEEDED);
    timer = new AbortController();
    sleep();
  }

  sleep();
  return {
    alive: () => awaitNext("event", idleMs),
    anew() {
      if (phase === "event") awaitNext("other-answer", firstMs);
    },
    given() {
      phase = "reader";
    },
    asked: () => awaitNext("event", idleMs),
    leftMs: () => deadline - clock.now(),
    stop: () => timer.abort(NOT_NEEDED),
  };
}

function whatLacks(phase: Phase, { firstMs, idleMs }: Patience): string {
  switch (phase) {
    case "answer":
      return `No answer began within ${spoken(firstMs)} (timeouts.firstEventMs)`;
    case "other-answer":
      return `An answer broke off, and no other began within ${spoken(firstMs)} (timeouts.firstEventMs)`;
    case "event":
      return `Upstream was silent for ${spoken(idleMs)} (timeouts.idleMs)`;
    case "reader":
      return `The client did not read the answer for ${spoken(idleMs)} (timeouts.idleMs)`;
    default:
      return phase satisfies never;
  }
}

function overTotal(totalMs: number): string {
  return `The request was not done within ${spoken(totalMs)} (timeouts.totalMs)`;
}

function spoken(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  return ms <= 600_000 ? `${ms / 1_000} s` : `${Math.round(ms / 6_000) / 10} min`;
}
