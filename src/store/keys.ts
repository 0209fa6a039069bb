import * as v from "valibot";
import { type ApiKey, type NewKey, SCOPES } from "../core/keys.ts";
import type { KeyStore } from "../core/store.ts";
import { changeCounter } from "./change-counter.ts";
import type { DataFile } from "./data-file.ts";
import type { Secrets } from "./secrets.ts";
import { writeBehind } from "./write-behind.ts";

interface KeyRow {
  number: number;
  name: string | null;
  digest: string;
  hint: string;
  scopes: string;
  rpm: number | null;
  concurrency: number | null;
  models: string;
  expires_at: number | null;
  created_at: number;
  revoked_at: number | null;
  last_used_at: number | null;
}

interface Touch {
  number: number;
  at: number;
}

export interface BufferedKeyStore extends KeyStore {
  /** Writes what is buffered. Throws when the database refuses it. */
  flush(): Promise<void>;
}

// What a newer version may have added is not what this one would let in.
const scopesSchema = v.pipe(
  v.array(v.string()),
  v.transform((names) => SCOPES.filter((scope) => names.includes(scope))),
);
const modelsSchema = v.array(v.string());

export function keyStore(file: DataFile, secrets: Pick<Secrets, "signAsOwner">): BufferedKeyStore {
  const { database } = file;
  const use = database.query<unknown, { number: number; at: number }>(
    "update keys set last_used_at = max($at, coalesce(last_used_at, 0)) where number = $number",
  );
  const buffer = writeBehind<Touch>(file, (touches) => {
    for (const { number, at } of touches) use.run({ number, at });
  });

  const find = (number: number) => {
    const row = database.query<KeyRow, [number]>("select * from keys where number = ?").get(number);
    return row === null ? undefined : keyOf(row);
  };

  return {
    async list() {
      const rows = await file.patiently(() => database.query<KeyRow, []>("select * from keys order by number").all());
      const waiting = new Map([...buffer.waiting()].map(({ number, at }) => [number, at]));
      return rows.map((row) => {
        const at = waiting.get(row.number);
        return keyOf(at === undefined ? row : { ...row, last_used_at: Math.max(at, row.last_used_at ?? 0) });
      });
    },

    create(key) {
      return file.writeDurably(() => {
        const columns = columnsOf(key);
        const names = Object.keys(columns);
        const { lastInsertRowid } = database
          .query(`insert into keys (${names.join(", ")}) values (${names.map((name) => `$${name}`).join(", ")})`)
          .run(columns);
        const created = find(Number(lastInsertRowid));
        if (created === undefined) throw new Error("a key is gone within the transaction that wrote it");
        return created;
      });
    },

    async revoke(handle, now) {
      const number = numberOf(handle);
      if (number === undefined) return undefined;
      // Durably: what its owner has taken back must not open the door again after a power cut.
      return file.writeDurably(() => {
        database.query("update keys set revoked_at = ? where number = ? and revoked_at is null").run(now, number);
        return find(number);
      });
    },

    touch(handle, now) {
      const number = numberOf(handle);
      if (number !== undefined) buffer.put([[handle, { number, at: now }]]);
    },

    version: changeCounter(file, "key_changes"),

    signAsOwner: secrets.signAsOwner,

    flush: () => buffer.flush(),
  };
}

function columnsOf(key: NewKey) {
  return {
    name: key.name ?? null,
    digest: key.digest,
    hint: key.hint,
    scopes: JSON.stringify(key.scopes),
    rpm: key.rpm ?? null,
    concurrency: key.concurrency ?? null,
    models: JSON.stringify(key.models),
    expires_at: key.expiresAt ?? null,
    created_at: key.createdAt,
  };
}

function numberOf(handle: string): number | undefined {
  const digits = /^k([1-9]\d{0,14})$/.exec(handle)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function keyOf(row: KeyRow): ApiKey {
  return {
    handle: `k${row.number}`,
    digest: row.digest,
    hint: row.hint,
    scopes: v.parse(scopesSchema, JSON.parse(row.scopes)),
    models: v.parse(modelsSchema, JSON.parse(row.models)),
    createdAt: row.created_at,
    ...(row.name !== null && { name: row.name }),
    ...(row.rpm !== null && { rpm: row.rpm }),
    ...(row.concurrency !== null && { concurrency: row.concurrency }),
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
    ...(row.revoked_at !== null && { revokedAt: row.revoked_at }),
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at }),
  };
}
