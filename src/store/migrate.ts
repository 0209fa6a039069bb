import type { Database } from "bun:sqlite";
import { DataFileError } from "../core/store.ts";
import init from "./migrations/001-init.sql" with { type: "text" };

/** In order; the database's `user_version` is the number of those it has. Released ones are never edited. */
export const MIGRATIONS: readonly string[] = [init];

/** Brings the database up to date, all or nothing. Refuses, untouched, one that a newer program has migrated further. */
export function migrate(database: Database, migrations: readonly string[] = MIGRATIONS): void {
  refuseNewer(schemaVersion(database), migrations.length);
  database
    .transaction(() => {
      const from = schemaVersion(database); // asked again: another process may have migrated while we waited for the lock
      refuseNewer(from, migrations.length);
      if (from === migrations.length) return;
      for (const sql of migrations.slice(from)) database.run(sql);
      database.run(`pragma user_version = ${migrations.length}`);
    })
    .immediate();
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
