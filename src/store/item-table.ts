import { constants, Database, SQLiteError } from "bun:sqlite";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { DataFileError } from "../core/store.ts";

/** Another program may be writing; it is a matter of moments. */
const BUSY_TIMEOUT_MS = 500;
/** Where the header says how the file is written, and what it says when that is by a write-ahead log. */
const WRITE_VERSION_OFFSET = 18;
const WRITE_AHEAD_LOG = 2;

interface ItemRow {
  key: string;
  value: string | Uint8Array | null;
}

/**
 * What another program's `ItemTable` (key, value) has under these keys; those that it lacks are left out. Reads only: the
 * file, and as far as SQLite allows its folder, stay as they are, also while that program runs. Throws DataFileError.
 */
export function readItemTable(path: string, keys: readonly string[]): ReadonlyMap<string, string> {
  if (!existsSync(path)) throw new DataFileError(`There is no file ${path}`);
  try {
    return new Map(readRows(path, keys).flatMap(({ key, value }) => (value === null ? [] : [[key, textOf(value)]])));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function readRows(path: string, keys: readonly string[]): ItemRow[] {
  if (!isPlainReadingTraceless(path)) return query(openImmutable(path), keys);
  try {
    return query(new Database(path, { readonly: true }), keys);
  } catch (cause) {
    if (!isLockedOut(cause)) throw cause;
    return query(openImmutable(path), keys);
  }
}

/**
 * Opening a file with a write-ahead log makes the log's files where they are missing. Then no program has the file open and
 * everything is in the file itself, unless a log was left by one that crashed.
 */
function isPlainReadingTraceless(path: string): boolean {
  const hasLog = existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0;
  return hasLog || existsSync(`${path}-shm`) || !isWrittenAhead(path);
}

function isWrittenAhead(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const header = new Uint8Array(WRITE_VERSION_OFFSET + 1);
    readSync(file, header, 0, header.length, 0);
    return header[WRITE_VERSION_OFFSET] === WRITE_AHEAD_LOG;
  } finally {
    closeSync(file);
  }
}

/** Takes the file as it stands, without locks, log or journal. */
function openImmutable(path: string): Database {
  const address = `${pathToFileURL(path).href}?mode=ro&immutable=1`;
  return new Database(address, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
}

function query(database: Database, keys: readonly string[]): ItemRow[] {
  using open = database;
  open.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return open
    .query<ItemRow, [string]>("select key, value from ItemTable where key in (select value from json_each(?))")
    .all(JSON.stringify(keys));
}

/** Locks that the other program holds, a log or journal that we may not touch. */
function isLockedOut(cause: unknown): boolean {
  return cause instanceof SQLiteError && /^SQLITE_(BUSY|LOCKED|READONLY|CANTOPEN|IOERR)/.test(cause.code ?? "");
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : new TextDecoder().decode(value);
}

function unreadable(path: string, cause: unknown): DataFileError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (reason.startsWith("no such table")) {
    return new DataFileError(`${path} has no ItemTable: it is not the state of such a program`, undefined, { cause });
  }
  return new DataFileError(
    `The file ${path} cannot be read: ${reason}`,
    "Close the program that uses it and try again",
    {
      cause,
    },
  );
}
