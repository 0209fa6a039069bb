import { SQLiteError } from "bun:sqlite";

/** Waiting inside SQLite blocks the event loop, so it is kept short and repeated from out here. */
export const BUSY_TIMEOUT_MS = 100;
const PAUSE_MS = 50;
const TRIES = 30;

/** Whether another process held the database for longer than the busy timeout. */
export function isBusy(cause: unknown): boolean {
  return cause instanceof SQLiteError && (cause.code ?? "").startsWith("SQLITE_BUSY");
}

/** Runs a write, again while another process holds the database, for some seconds at most. */
export async function patiently<T>(write: () => T): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return write();
    } catch (cause) {
      if (!isBusy(cause) || tried === TRIES) throw cause;
    }
    await Bun.sleep(PAUSE_MS);
  }
}
