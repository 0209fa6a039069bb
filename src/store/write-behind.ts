import type { DataFile } from "./data-file.ts";

const BATCH_ROWS = 64;
const BATCH_MS = 100;
/** While the disk refuses writes, this many rows are kept for later; the oldest give way. */
const MAX_BUFFERED = 10_000;

/** Rows that are written a little later: one transaction for many instead of one each. */
export interface WriteBehind<Row> {
  /** Returns at once. A row that waits under the same key gives way, and the new one counts as young. */
  put(rows: Iterable<readonly [key: string, row: Row]>): void;
  /** The row that waits under this key. */
  get(key: string): Row | undefined;
  waiting(): Iterable<Row>;
  /** Writes what waits. Throws when the database refuses it; the rows wait on. */
  flush(): Promise<void>;
}

/** `write` is called within a transaction. */
export function writeBehind<Row>(file: DataFile, write: (row: Row) => void): WriteBehind<Row> {
  const buffer = new Map<string, Row>();
  let timer: NodeJS.Timeout | undefined;
  let refused = false;

  const flushNow = () => {
    clearTimeout(timer);
    timer = undefined;
    if (buffer.size === 0) return;
    file.writeNow(() => {
      for (const row of buffer.values()) write(row);
    });
    buffer.clear();
  };

  const flushInBackground = () => {
    try {
      flushNow();
      refused = false;
    } catch {
      // Locked by another process, or the disk is full: the rows stay buffered, are found there, and are tried again.
      refused = true;
      flushLater();
    }
  };

  const flushLater = () => {
    timer ??= setTimeout(flushInBackground, BATCH_MS).unref();
  };

  return {
    put(rows) {
      for (const [key, row] of rows) {
        buffer.delete(key);
        buffer.set(key, row);
      }
      for (const oldest of buffer.keys()) {
        if (buffer.size <= MAX_BUFFERED) break;
        buffer.delete(oldest);
      }
      // A full batch goes out at once; a refused one only by the timer, or each call would wait for the lock.
      if (buffer.size >= BATCH_ROWS && !refused) flushInBackground();
      else if (buffer.size > 0) flushLater();
    },

    get: (key) => buffer.get(key),
    waiting: () => buffer.values(),

    async flush() {
      try {
        await file.patiently(flushNow);
      } catch (cause) {
        if (buffer.size > 0) flushLater();
        throw cause;
      }
    },
  };
}
