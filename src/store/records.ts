import { decodeRecord, encodeRecord } from "../core/record-text.ts";
import { isFailed } from "../core/record.ts";
import type { RecordQuery, RecordStore, StoredRecord, UsageStore } from "../core/store.ts";
import type { DataFile } from "./data-file.ts";
import { usageLedger, type UsageRow, usageRowOf, usageStore, wholeNumber } from "./usage.ts";
import { MAX_TRANSACTION_ROWS, writeBehind } from "./write-behind.ts";

/** What a row takes on disk, about: its places in the indexes, and pages that are never quite full. */
const ROW_BYTES = 200;
const BYTES_PER_RECORD_BYTE = 1.25;
/** So many rows are deleted, or looked at, at once: a few milliseconds in which nobody is served. */
const STEP_ROWS = 250;

interface RecordRow {
  id: string;
  at: number;
  failed: 0 | 1;
  record: string;
}

interface StoredRow {
  place: number;
  record: string;
}

/** A row on its way to the disk, with what it adds to the usage in the same transaction. */
interface Entry {
  row: RecordRow;
  usage: UsageRow | undefined;
}

export interface BufferedRecordStore extends RecordStore {
  /** Writes what is buffered. Throws when the database refuses it. */
  flush(): Promise<void>;
}

/** Records are written behind, each together with what it adds to the usage: the two never differ, whatever ends the process. */
export function recordStores(file: DataFile): { records: BufferedRecordStore; usage: UsageStore } {
  const { database } = file;
  const ledger = usageLedger(database);
  const insert = database.query<unknown, { id: string; at: number; failed: number; record: string }>(
    "insert into requests (id, at, failed, record) values ($id, $at, $failed, $record) on conflict (id) do nothing",
  );
  const select = database.query<StoredRow, [string]>("select place, record from requests where id = ?");
  const removeOne = database.query<unknown, [string]>("delete from requests where id = ?");
  const buffer = writeBehind<Entry>(
    file,
    (entries) => {
      for (const { row } of entries) write(row);
      ledger.add(entries.flatMap(({ usage }) => usage ?? []));
    },
    MAX_TRANSACTION_ROWS,
  );

  const write = ({ id, at, failed, record }: RecordRow) => {
    if (insert.run({ id, at, failed, record }).changes > 0) return;
    takeBack(id);
    insert.run({ id, at, failed, record });
  };

  const takeBack = (id: string) => {
    const earlier = decodeRecord(select.get(id)?.record ?? "");
    const usage = earlier && usageRowOf(earlier);
    if (usage) ledger.takeBack(usage);
    removeOne.run(id);
  };

  const records: BufferedRecordStore = {
    append(record) {
      const { id, at } = record;
      const row = { id, at: wholeNumber(at), failed: isFailed(record) ? 1 : 0, record: encodeRecord(record) } as const;
      buffer.put([[id, { row, usage: usageRowOf(record) }]]);
    },

    async find(id) {
      const waiting = buffer.get(id)?.row.record;
      const text = waiting ?? (await file.patiently(() => select.get(id)))?.record;
      return text === undefined ? undefined : decodeRecord(text);
    },

    async list(query) {
      buffer.flushIfFree();
      const rows = await file.patiently(() => rowsOf(query));
      return rows.flatMap(({ place, record: text }): StoredRecord[] => {
        const record = decodeRecord(text);
        return record ? [{ place, record }] : [];
      });
    },

    async prune(before, keepBytes) {
      await removeBelow("at", before);
      const last = await lastPlaceBeyond(keepBytes);
      if (last !== undefined) await removeBelow("place", last + 1);
    },

    flush: () => buffer.flush(),
  };

  function rowsOf({ limit, failedOnly = false, after }: RecordQuery): StoredRow[] {
    const failed = failedOnly ? "failed = 1" : "true";
    return after === undefined
      ? database
          .query<StoredRow, [number]>(`select place, record from requests where ${failed} order by place desc limit ?`)
          .all(limit)
      : database
          .query<StoredRow, [number, number]>(
            `select place, record from requests where ${failed} and place > ? order by place limit ?`,
          )
          .all(after, limit);
  }

  async function removeBelow(column: "at" | "place", bound: number): Promise<void> {
    const remove = database.query<unknown, [number, number]>(
      `delete from requests where place in (select place from requests where ${column} < ? order by ${column} limit ?)`,
    );
    while ((await file.write(() => remove.run(bound, STEP_ROWS).changes)) === STEP_ROWS) await Bun.sleep(0);
  }

  /** The newest place that, with all that are newer, takes more than so many bytes. */
  async function lastPlaceBeyond(keepBytes: number): Promise<number | undefined> {
    if (bytesInUse(file) <= keepBytes) return undefined;
    const sizes = database.query<{ place: number; bytes: number }, [number, number]>(
      "select place, octet_length(record) as bytes from requests where place < ? order by place desc limit ?",
    );
    let left = keepBytes;
    let seen = Number.MAX_SAFE_INTEGER;
    for (;;) {
      const rows = await file.patiently(() => sizes.all(seen, STEP_ROWS));
      for (const { place, bytes } of rows) {
        left -= bytes * BYTES_PER_RECORD_BYTE + ROW_BYTES;
        if (left < 0) return place;
        seen = place;
      }
      if (rows.length < STEP_ROWS) return undefined;
      await Bun.sleep(0);
    }
  }

  return { records, usage: usageStore(file, buffer.flushIfFree) };
}

/** Of the whole file: quickly asked. */
function bytesInUse(file: DataFile): number {
  const ask = (pragma: string) => {
    const row = file.database.query<Record<string, number>, []>(`pragma ${pragma}`).get();
    return row?.[pragma] ?? 0;
  };
  return file.read(() => (ask("page_count") - ask("freelist_count")) * ask("page_size"));
}
