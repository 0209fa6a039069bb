import type { Database } from "bun:sqlite";

/** Asks for `scrubIfRequested` once the transaction is through. It is asked for until it has been done. */
export function requestScrub(database: Database): void {
  database.run("insert or ignore into pending values ('scrub')");
}

/**
 * Rebuilds the file from its live rows, so that nothing of what was replaced is left in free pages or in the log. While
 * another process is in the way, or there is no room, it stays asked for: the next start tries again.
 */
export function scrubIfRequested(database: Database): void {
  if (!database.query("select 1 from pending where task = 'scrub'").get()) return;
  try {
    if (!emptyLog(database)) return;
    database.run("vacuum");
    if (!emptyLog(database)) return;
    database.run("delete from pending where task = 'scrub'");
  } catch {
    // Busy or full. What the owner came for does not depend on it.
  }
}

/** Whether the whole log went into the file, and is of length 0 now. */
function emptyLog(database: Database): boolean {
  return database.query<{ busy: number }, []>("pragma wal_checkpoint(truncate)").get()?.busy === 0;
}
