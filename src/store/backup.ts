import { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DataFileError } from "../core/store.ts";
import { patiently } from "./busy.ts";
import type { DataFile } from "./data-file.ts";
import { makePrivateFolder, syncFolder, writePrivateFile } from "./private-files.ts";

const COPIES_KEPT = 7;
const DRAFT = ".draft-";
const DRAFT_KEPT_MS = 3_600_000;
/** Can be had again, or is kept for a while only; either may be a hundred megabytes. */
const LEFT_EMPTY: ReadonlySet<string> = new Set(["signatures", "responses", "requests"]);

export function backupFolderOf(database: string): string {
  return join(dirname(database), "backups");
}

/** Whether there are copies to take in the place of a database that is lost. */
export function hasCopies(database: string): boolean {
  const folder = backupFolderOf(database);
  return existsSync(folder) && copiesIn(folder, basename(database, ".db")).length > 0;
}

/**
 * Keeps the day's (UTC) copy of the database unless there is one, and the seven latest. A copy can be put in the place of the
 * database; it has everything but signatures, kept answers and records of requests, the secrets as they are sealed. A
 * database without accounts is not copied: it must not push out the copies that have some. Throws DataFileError; the copies of earlier days stay.
 */
export async function backUp({ database, path }: DataFile, now: number): Promise<void> {
  if (path === ":memory:") return;
  const folder = backupFolderOf(path);
  const stem = basename(path, ".db");
  const target = join(folder, `${stem}-${new Date(now).toISOString().slice(0, 10)}.db`);
  if (existsSync(target)) return;
  try {
    if (!database.query("select 1 from accounts").get()) return;
    makePrivateFolder(folder);
    removeOldDrafts(folder, stem, now);
    const draft = `${target}${DRAFT}${randomBytes(4).toString("hex")}`;
    try {
      writePrivateFile(draft, ""); // SQLite would make it readable for all
      await patiently(() => writeCopy(path, draft));
      renameSync(draft, target);
      syncFolder(folder);
    } finally {
      for (const file of [draft, `${draft}-journal`]) rmSync(file, { force: true });
    }
    for (const name of copiesIn(folder, stem).slice(COPIES_KEPT)) rmSync(join(folder, name), { force: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataFileError(
      `The backup ${target} cannot be written: ${reason}`,
      "Check the disk and the rights of the folder. The copies of earlier days are still there",
      { cause },
    );
  }
}

/** The names of a database's copies in the folder, the latest first. */
function copiesIn(folder: string, stem: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${stem}-`) && /^\d{4}-\d{2}-\d{2}\.db$/.test(name.slice(stem.length + 1)))
    .sort()
    .toReversed();
}

/** What processes that were ended midway have left. A young one may be another process' that is at work. */
function removeOldDrafts(folder: string, stem: string, now: number): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${stem}-`) || !name.includes(DRAFT)) continue;
    const path = join(folder, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: now };
    if (now - mtimeMs > DRAFT_KEPT_MS) rmSync(path, { force: true });
  }
}

/** One read transaction, which hinders nobody. */
function writeCopy(path: string, draft: string): void {
  using copy = new Database(draft, { readwrite: true, create: false, strict: true });
  copy.query("attach ? as live").run(path);
  copy
    .transaction(() => {
      const objects = copy
        .query<{ type: string; name: string; sql: string }, []>(
          "select type, name, sql from live.sqlite_schema where sql is not null and name not like 'sqlite!_%' escape '!' order by rowid",
        )
        .all();
      const tables = objects.filter(({ type }) => type === "table");
      for (const { name, sql } of tables) {
        copy.run(sql);
        if (!LEFT_EMPTY.has(name)) copy.run(`insert into main."${name}" select * from live."${name}"`);
      }
      copy.run("delete from main.sqlite_sequence");
      copy.run("insert into main.sqlite_sequence select * from live.sqlite_sequence");
      // After the rows: triggers must not count the copying as changes.
      for (const { type, sql } of objects) if (type !== "table") copy.run(sql);
      const version = copy.query<{ user_version: number }, []>("pragma live.user_version").get()?.user_version ?? 0;
      copy.run(`pragma main.user_version = ${version}`);
    })
    .deferred(); // immediate would lock the live database as well
  copy.run("detach live");
  const [check] = copy.query<{ integrity_check: string }, []>("pragma integrity_check").all();
  if (check?.integrity_check !== "ok") throw new Error(`the copy is damaged: ${check?.integrity_check}`);
}
