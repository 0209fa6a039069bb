import { consola } from "consola/basic";
import type { Config } from "../config/load.ts";
import type { Store } from "../core/store.ts";
import type { Clock } from "../lib/clock.ts";

const EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SIGNATURES_KEPT_MS = 30 * DAY_MS;
const SIGNATURES_KEPT = 100_000;
/** Of answers that are kept on their owner's wish: about as many bytes. */
const RESPONSE_CHARACTERS_KEPT = 500_000_000;

/**
 * What is done at start and then every hour: a copy of the accounts is kept (one a day), and what is old is forgotten. The
 * function that is returned ends it.
 */
export function keepUp(store: Store, { scheduling, responses, records }: Config, clock: Clock): () => void {
  const stopped = new AbortController();
  const telling = (what: string) => (cause: unknown) => {
    if (!stopped.signal.aborted) consola.warn(`${what}:`, cause); // afterwards the database is closed, which is no news
  };
  async function keep(): Promise<never> {
    for (;;) {
      const now = clock.now();
      await store.backUp(now).catch(telling("The daily copy of the accounts could not be made"));
      await store.signatures
        .prune(now - SIGNATURES_KEPT_MS, SIGNATURES_KEPT)
        .catch(telling("Old signatures could not be removed"));
      await store.sessions
        .prune(now - scheduling.sessionIdleMs)
        .catch(telling("Old conversations could not be removed"));
      await store.responses
        .prune(responses.store ? now - responses.keepMs : now, RESPONSE_CHARACTERS_KEPT)
        .catch(telling("Old answers could not be removed"));
      await store.records
        .prune(now - records.keepDays * DAY_MS, records.maxBytes)
        .catch(telling("Old records of requests could not be removed"));
      await clock.sleep(EVERY_MS, stopped.signal);
    }
  }
  keep().catch(() => {}); // the sleep rejects when it is stopped
  return () => stopped.abort();
}
