import type { DataFile } from "./data-file.ts";

const BATCH_MS = 100;
/** Of rows that should not wait for long. */
const BATCH_ROWS = 64;
/** What has piled up goes out in such pieces, so that requests are not held up by one long transaction. */
export const MAX_TRANSACTION_ROWS = 512;
/** While the disk refuses writes, this many rows are kept for later; the oldest give way. */
const MAX_BUFFERED = 10_000;

/** Rows that are written a little later: one transaction for many instead of one each. */
export interface WriteBehind<Row> {
  /** Returns at once. A row that waits under the same key gives way, and the new one counts as young. */
  put(rows: Iterable<readonly [key: string, row: Row]>): void;
  /** The row that waits under this key. */
  get(key: string): Row | undefined;
  waiting(): Iterable<Row>;
  /** Writes what waits at once, unless the database is locked or refuses it: the rows wait on then. Never throws. */
  flushIfFree(): void;
  /** Writes what waits. Throws when the database refuses it; the rows wait on. */
  flush(): Promise<void>;
}

/** `write` is called within a transaction. `batchRows`: when so many wait, they are written at once. */
export function writeBehind<Row>(
  file: DataFile,
  write: (rows: readonly Row[]) => void,
  batchRows = BATCH_ROWS,
): WriteBehind<Row> {
  const buffer = new Map<string, Row>();
  let timer: NodeJS.Timeout | undefined;
  let refused = false;

  const writeSome = (transaction: (change: () => void) => void) => {
    clearTimeout(timer);
    timer = undefined;
    const rows = buffer.entries().take(MAX_TRANSACTION_ROWS).toArray();
    if (rows.length === 0) return;
    transaction(() => write(rows.map(([, row]) => row)));
    for (const [key] of rows) buffer.delete(key);
  };

  /** Whether they could be written. */
  const writeSomeIfFree = (): boolean => {
    try {
      writeSome((change) => file.writeIfFree(change));
      refused = false;
    } catch {
      // Locked by another process, or the disk is full: the rows stay buffered, are found there, and are tried again.
      refused = true;
    }
    if (buffer.size > 0) writeLater();
    return !refused;
  };

  const writeLater = () => {
    timer ??= setTimeout(writeSomeIfFree, BATCH_MS).unref();
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
      // A full batch goes out at once; a refused one only by the timer, or each call would try it again.
      if (buffer.size >= batchRows && !refused) writeSomeIfFree();
      else if (buffer.size > 0) writeLater();
    },

    get: (key) => buffer.get(key),
    waiting: () => buffer.values(),

    flushIfFree() {
      while (buffer.size > 0 && writeSomeIfFree());
    },

    async flush() {
      try {
        while (buffer.size > 0) await file.patiently(() => writeSome((change) => file.writeNow(change)));
      } catch (cause) {
        if (buffer.size > 0) writeLater();
        throw cause;
      }
    },
  };
}
