import type { Clock } from "../../lib/clock.ts";
import type { Fetch } from "../../lib/fetch.ts";

export interface ConnectWatchDeps {
  /** The longest time until a connection must have been made. */
  connectMs: number;
  /**
   * Whether nothing answers there, neither yes nor no, when a connection is tried that is not used for anything: to the
   * proxy in use, else to the host. Its time limit is in real time, whatever the clock says. Never rejects.
   */
  isSilent(url: string, limitMs: number): Promise<boolean>;
  clock: Clock;
}

/** A call whose answer has not begun. */
interface Call {
  /** Unix ms. */
  startedAt: number;
  abort: AbortController;
}

/** What one origin has last been seen to do. */
interface Origin {
  /** Unix ms. */
  answeredAt: number;
  /** Nothing answered when it was last tried. */
  isSilent: boolean;
  /** The oldest first. */
  waiting: Set<Call>;
  isWatched: boolean;
  probe?: Promise<boolean>;
}

const MOST_PROBE_MS = 5_000;

/** The code of what a call fails with whose connection could not be made in time; the system's own name for it. */
export const CONNECT_TIMEOUT = "ETIMEDOUT";

/**
 * A fetch that gives up on hosts that do not take connections. Models may think for minutes before the first byte, and fetch
 * does not tell when it is connected; so when a call has been silent for a while, and its origin too, another connection is
 * tried beside it. Only where that is left without any answer the call is given up: a refusal would have reached the call
 * itself, unless it has long been connected. An origin that was found silent is tried at once the next time.
 */
export function createConnectWatch({ connectMs, isSilent, clock }: ConnectWatchDeps): (fetch: Fetch) => Fetch {
  const origins = new Map<string, Origin>();
  const probeMs = Math.min(MOST_PROBE_MS, connectMs / 2);

  function originOf(url: string): Origin {
    const end = url.indexOf("/", url.indexOf("://") + 3);
    const name = end < 0 ? url : url.slice(0, end);
    const known = origins.get(name);
    if (known) return known;
    const origin: Origin = { answeredAt: 0, isSilent: false, waiting: new Set(), isWatched: false };
    origins.set(name, origin); // as many as are configured
    return origin;
  }

  async function probe(url: string, origin: Origin): Promise<boolean> {
    origin.probe ??= tried(url, origin).finally(() => delete origin.probe);
    return (origin.isSilent = await origin.probe);
  }

  /** What answers a call meanwhile is not silent, whatever became of the connection that was tried. */
  async function tried(url: string, origin: Origin): Promise<boolean> {
    const startedAt = clock.now();
    return (await isSilent(url, probeMs)) && origin.answeredAt < startedAt;
  }

  /** Looks after the calls to an origin, each when it is due. One timer for all of them: most are answered long before. */
  async function watch(url: string, origin: Origin): Promise<void> {
    if (origin.isWatched) return;
    origin.isWatched = true;
    for (let [oldest] = origin.waiting; oldest; [oldest] = origin.waiting) {
      const restMs = dueAt(oldest) - clock.now();
      if (restMs > 0) await clock.sleep(restMs);
      else if (origin.answeredAt > oldest.startedAt) origin.waiting.delete(oldest);
      else settleDue(origin, await probe(url, origin));
    }
    origin.isWatched = false;
  }

  /** A probe has ended: what is due by now is given up, or waited for as long as it takes. */
  function settleDue(origin: Origin, isSilent: boolean): void {
    for (const call of origin.waiting) {
      if (dueAt(call) > clock.now()) break;
      origin.waiting.delete(call);
      if (isSilent) call.abort.abort(new ConnectTimeout());
    }
  }

  function dueAt({ startedAt }: Call): number {
    return startedAt + connectMs - probeMs;
  }

  async function probeFor(call: Call, url: string, origin: Origin): Promise<void> {
    if ((await probe(url, origin)) && origin.waiting.has(call)) call.abort.abort(new ConnectTimeout());
  }

  return (fetch) => async (url, options) => {
    const { signal } = options;
    const origin = originOf(url);
    const call: Call = { startedAt: clock.now(), abort: new AbortController() };
    const forward = () => call.abort.abort(signal.reason);
    if (signal.aborted) forward();
    else signal.addEventListener("abort", forward, { once: true });
    origin.waiting.add(call);
    if (origin.isSilent) void probeFor(call, url, origin);
    void watch(url, origin);
    try {
      const response = await fetch(url, { ...options, signal: call.abort.signal });
      origin.answeredAt = clock.now();
      origin.isSilent = false;
      return response;
    } catch (cause) {
      signal.removeEventListener("abort", forward);
      throw cause;
    } finally {
      origin.waiting.delete(call);
    }
  };
}

class ConnectTimeout extends Error {
  readonly code = CONNECT_TIMEOUT;

  constructor() {
    super("no connection in time");
  }
}
