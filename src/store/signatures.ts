import type { Database } from "bun:sqlite";
import type { Family } from "../core/models.ts";
import type { SignatureRecord, SignatureStore } from "../core/store.ts";
import { patiently } from "./busy.ts";

const BATCH_ROWS = 64;
const BATCH_MS = 100;
/** While the disk refuses writes, this many records are kept for later; the oldest give way. */
const MAX_BUFFERED = 10_000;

export interface BufferedSignatureStore extends SignatureStore {
  /** Writes what is buffered. Throws when the database refuses it. */
  flush(): Promise<void>;
}

/** Written behind: one transaction for many records instead of one each. What is buffered is found like the rest. */
export function signatureStore(database: Database): BufferedSignatureStore {
  const buffer = new Map<string, SignatureRecord>();
  let timer: NodeJS.Timeout | undefined;
  let refused = false;

  const insert = database.query<unknown, { key: string; family: Family; value: string; at: number }>(
    "insert into signatures (key, family, value, at) values ($key, $family, $value, $at) " +
      "on conflict (key) do update set family = excluded.family, value = excluded.value, at = excluded.at",
  );
  const select = database.query<SignatureRecord, [string]>(
    "select key, family, value, at from signatures where key in (select value from json_each(?))",
  );

  const write = database.transaction(() => {
    for (const { key, family, value, at } of buffer.values()) insert.run({ key, family, value, at });
  });

  const flushNow = () => {
    clearTimeout(timer);
    timer = undefined;
    if (buffer.size === 0) return;
    write.immediate();
    buffer.clear();
  };

  const flushInBackground = () => {
    try {
      flushNow();
      refused = false;
    } catch {
      // Locked by another process, or the disk is full: the records stay buffered, are found there, and are tried again.
      refused = true;
      flushLater();
    }
  };

  const flushLater = () => {
    timer ??= setTimeout(flushInBackground, BATCH_MS).unref();
  };

  return {
    remember(records) {
      for (const record of records) {
        buffer.delete(record.key); // so that a record written again counts as young
        buffer.set(record.key, record);
      }
      for (const oldest of buffer.keys()) {
        if (buffer.size <= MAX_BUFFERED) break;
        buffer.delete(oldest);
      }
      // A full batch goes out at once; a refused one only by the timer, or each call would wait for the lock.
      if (buffer.size >= BATCH_ROWS && !refused) flushInBackground();
      else if (buffer.size > 0) flushLater();
    },

    async find(keys) {
      const found = new Map<string, SignatureRecord>();
      if (keys.length === 0) return found;
      for (const record of select.all(JSON.stringify(keys))) found.set(record.key, record);
      for (const key of keys) {
        const buffered = buffer.get(key);
        if (buffered) found.set(key, buffered);
      }
      return found;
    },

    async prune(before, keep) {
      await patiently(flushNow);
      await patiently(() =>
        database
          .transaction(() => {
            database.query("delete from signatures where at < ?").run(before);
            database
              .query(
                "delete from signatures where key in (select key from signatures order by at desc limit -1 offset ?)",
              )
              .run(keep);
          })
          .immediate(),
      );
    },

    flush: () => patiently(flushNow),
  };
}
