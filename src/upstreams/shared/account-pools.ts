import type { Clock } from "../../lib/clock.ts";
import type { Fetch } from "../../lib/fetch.ts";

/** Connections that are shared with nobody: `Bun.FetchSession`, or what stands in for it. */
export interface Connections {
  fetch: Fetch;
  /** Closes those that are idle. Calls under way go on, and later ones are welcome. */
  close(): void;
}

export interface AccountPoolsDeps {
  /** `kept`: a connection is kept for later calls, else closed after its answer. */
  open(kept: boolean): Connections;
  clock: Clock;
  /** A clock that stands still while the machine sleeps and does not follow when somebody sets the time, in ms. */
  uptimeMs(): number;
  /** The most accounts whose connections are kept. */
  most: number;
}

/** A call that was given up after such a silence may have waited at a connection that is dead without knowing it. */
const SILENT_MS = 10_000;
/** The time of day was corrected, or the machine has slept, and nobody has told the other ends. */
const SLEPT_MS = 10_000;

/**
 * One pool of connections for each account. After a failure of the network its idle connections are closed, so that what is
 * tried next gets a new one: where one was dead, the others are mostly dead as well. So are all after the machine's sleep.
 */
export function createAccountPools({ open, clock, uptimeMs, most }: AccountPoolsDeps): Connections {
  const pools = new Map<string, Connections>();
  const single = open(false);
  let sleptMs = clock.now() - uptimeMs();

  function poolOf(account: string): Connections {
    const pool = pools.get(account) ?? open(true);
    pools.delete(account);
    pools.set(account, pool); // the last used stands last
    for (const [oldest, forgotten] of pools) {
      if (pools.size <= most) break;
      pools.delete(oldest);
      forgotten.close();
    }
    return pool;
  }

  function closeAll(): void {
    for (const pool of pools.values()) pool.close();
  }

  function closeAfterSleep(now: number): void {
    const before = sleptMs;
    sleptMs = now - uptimeMs();
    if (Math.abs(sleptMs - before) > SLEPT_MS) closeAll();
  }

  return {
    async fetch(url, options) {
      if (options.pool === undefined) return single.fetch(url, options);
      const startedAt = clock.now();
      closeAfterSleep(startedAt);
      const pool = poolOf(options.pool);
      try {
        return await pool.fetch(url, options);
      } catch (cause) {
        if (!options.signal.aborted || clock.now() - startedAt >= SILENT_MS) pool.close();
        throw cause;
      }
    },
    close: closeAll,
  };
}
