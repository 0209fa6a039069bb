import type { Family } from "../core/models.ts";
import type { SignatureRecord, SignatureStore } from "../core/store.ts";
import type { DataFile } from "./data-file.ts";
import { writeBehind } from "./write-behind.ts";

export interface BufferedSignatureStore extends SignatureStore {
  /** Writes what is buffered. Throws when the database refuses it. */
  flush(): Promise<void>;
}

/** Written behind. What is buffered is found like the rest. */
export function signatureStore(file: DataFile): BufferedSignatureStore {
  const { database } = file;
  const insert = database.query<unknown, { key: string; family: Family; value: string; at: number }>(
    "insert into signatures (key, family, value, at) values ($key, $family, $value, $at) " +
      "on conflict (key) do update set family = excluded.family, value = excluded.value, at = excluded.at",
  );
  const select = database.query<SignatureRecord, [string]>(
    "select key, family, value, at from signatures where key in (select value from json_each(?))",
  );
  const buffer = writeBehind<SignatureRecord>(file, (records) => {
    for (const { key, family, value, at } of records) insert.run({ key, family, value, at });
  });

  return {
    remember(records) {
      buffer.put(records.map((record) => [record.key, record] as const));
    },

    async find(keys) {
      const found = new Map<string, SignatureRecord>();
      if (keys.length === 0) return found;
      for (const record of file.read(() => select.all(JSON.stringify(keys)))) found.set(record.key, record);
      for (const key of keys) {
        const buffered = buffer.get(key);
        if (buffered) found.set(key, buffered);
      }
      return found;
    },

    async prune(before, keep) {
      await buffer.flush();
      await file.write(() => {
        database.query("delete from signatures where at < ?").run(before);
        database
          .query("delete from signatures where key in (select key from signatures order by at desc limit -1 offset ?)")
          .run(keep);
      });
    },

    flush: () => buffer.flush(),
  };
}
