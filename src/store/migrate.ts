import type { Database } from "bun:sqlite";
import { DataFileError } from "../core/store.ts";
import init from "./migrations/001-init.sql" with { type: "text" };
import sealed from "./migrations/002-sealed.sql" with { type: "text" };
import responses from "./migrations/003-responses.sql" with { type: "text" };
import keys from "./migrations/004-keys.sql" with { type: "text" };
import records from "./migrations/005-records.sql" with { type: "text" };
import { sealPlainAccounts } from "./migrations/seal-plain-accounts.ts";
import type { Secrets } from "./secrets.ts";

export interface Migration {
  sql: string;
  /** What SQL cannot do, in the same transaction. `unlocked` makes the key when there is none. */
  finish?(database: Database, unlocked: () => Secrets): void;
}

/** In order; the database's `user_version` is the number of those it has. Released ones are never edited. */
export const MIGRATIONS: readonly Migration[] = [
  { sql: init },
  { sql: sealed, finish: sealPlainAccounts },
  { sql: responses },
  { sql: keys },
  { sql: records },
];

/** Brings the database up to date, all or nothing. Refuses, untouched, one that a newer program has migrated further. */
export function migrate(
  database: Database,
  unlocked: () => Secrets,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  refuseNewer(schemaVersion(database), migrations.length);
  database
    .transaction(() => {
      const from = schemaVersion(database); // asked again: another process may have migrated while we waited for the lock
      refuseNewer(from, migrations.length);
      if (from === migrations.length) return;
      for (const { sql, finish } of migrations.slice(from)) {
        database.run(sql);
        finish?.(database, unlocked);
      }
      database.run(`pragma user_version = ${migrations.length}`);
    })
    .immediate();
}

/** Whether no migration has been run yet. */
export function isNew(database: Database): boolean {
  return schemaVersion(database) === 0;
}

function schemaVersion(database: Database): number {
  return database.query<{ user_version: number }, []>("pragma user_version").get()?.user_version ?? 0;
}

function refuseNewer(found: number, known: number): void {
  if (found <= known) return;
  throw new DataFileError(
    `The data file has schema ${found}, this program knows schemas up to ${known}: it was written by a newer ag`,
    "Update ag, or restore a backup made by this version",
  );
}
