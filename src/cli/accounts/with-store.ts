import { loadConfig } from "../../config/load.ts";
import type { Store } from "../../core/store.ts";

/** Opens the store for one piece of work and closes it in any case. A running server sees what was changed. */
export async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const { composeStore } = await import("../../compose.ts");
  const store = await composeStore(loadConfig());
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
