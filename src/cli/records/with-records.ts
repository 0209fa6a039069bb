import type { Store } from "../../core/store.ts";
import { withStore } from "../accounts/with-store.ts";

/** A server writes what has ended a tenth of a second later. */
const WRITTEN_AFTER_MS = 150;

/** The store, with all the requests in it that had ended when this command was given. */
export async function withRecords<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const sinceStartMs = performance.now();
  if (sinceStartMs < WRITTEN_AFTER_MS) await Bun.sleep(WRITTEN_AFTER_MS - sinceStartMs);
  return withStore(work);
}
