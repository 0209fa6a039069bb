import { type Database, SQLiteError } from "bun:sqlite";
import { statSync } from "node:fs";
import { DataFileError } from "../core/store.ts";
import { BUSY_TIMEOUT_MS, isBusy, patiently } from "./busy.ts";

const RESTORE =
  "Stop ag, move the file and those beside it whose names end in -wal and -shm away, and put the newest copy from the folder backups in its place";

/** What SQLite's refusals mean to the file's owner, by how their codes begin. */
const REFUSALS: readonly (readonly [code: string, what: string, hint: string])[] = [
  [
    "SQLITE_FULL",
    "cannot be written: there is no room on the disk",
    "Free some room. What was stored before is intact",
  ],
  ["SQLITE_READONLY", "cannot be written: it is read-only", "Make the file and its folder writable for this user"],
  ["SQLITE_PERM", "cannot be used: permission denied", "Make the file and its folder writable for this user"],
  ["SQLITE_CORRUPT", "is damaged", RESTORE],
  ["SQLITE_NOTADB", "is not a database, or is damaged", RESTORE],
  ["SQLITE_IOERR", "cannot be used: the disk reports an error", "Check the disk and the room on it"],
  [
    "SQLITE_BUSY",
    "is kept locked by another program",
    "Close the program that has it open, as a backup tool or a database viewer, and try again",
  ],
  ["SQLITE_CANTOPEN", "cannot be opened", "Make the file and its folder writable for this user"],
];

/** A refusal by SQLite as a DataFileError that names the file; anything else as it is. */
export function asDataFileError(cause: unknown, path: string): unknown {
  if (!(cause instanceof SQLiteError)) return cause;
  const refusal = REFUSALS.find(([code]) => cause.code?.startsWith(code));
  if (!refusal) return cause;
  const [, what, hint] = refusal;
  return new DataFileError(`The data file ${path} ${what} (${cause.message})`, hint, { cause });
}

/** The open database. What it refuses is thrown as DataFileError; a change is kept as a whole or not at all. */
export class DataFile {
  readonly database: Database;
  readonly path: string;
  private readonly inode: number | undefined;

  constructor(database: Database, path: string) {
    this.database = database;
    this.path = path;
    this.inode = inodeOf(path);
  }

  /**
   * Throws DataFileError when the name leads to another file by now, as after a copy was put back: what is written here, no
   * other process would see, and the other way round.
   */
  assertInPlace(): void {
    if (inodeOf(this.path) === this.inode) return;
    throw new DataFileError(`The data file ${this.path} was moved or replaced while ag ran`, "Start ag again");
  }

  /** "Busy" is thrown as it is. */
  read<T>(query: () => T): T {
    try {
      return query();
    } catch (cause) {
      throw isBusy(cause) ? cause : asDataFileError(cause, this.path);
    }
  }

  /** One transaction, at once. "Busy" is thrown as it is. */
  writeNow<T>(change: () => T): T {
    return this.read(() => this.database.transaction(change).immediate());
  }

  /** The same, but "busy" is thrown without any wait: for what is tried again anyway, beside requests that must not wait. */
  writeIfFree<T>(change: () => T): T {
    this.database.run("pragma busy_timeout = 0");
    try {
      return this.writeNow(change);
    } finally {
      this.database.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }

  /** One transaction, as soon as other processes let go of the database. A power cut may undo it. */
  write<T>(change: () => T): Promise<T> {
    return this.patiently(() => this.writeNow(change));
  }

  /**
   * The same with the log on the disk. A refresh token that a rotation has just replaced cannot be had again, so a power
   * cut must not undo these; `synchronous` belongs to the connection and changes only between transactions.
   */
  writeDurably<T>(change: () => T): Promise<T> {
    return this.patiently(() => {
      this.database.run("pragma synchronous = full");
      try {
        return this.writeNow(change);
      } finally {
        this.database.run("pragma synchronous = normal");
      }
    });
  }

  /** Again and again while another process holds the database, for some seconds at most. */
  async patiently<T>(work: () => T): Promise<T> {
    try {
      return await patiently(work);
    } catch (cause) {
      throw asDataFileError(cause, this.path);
    }
  }
}

function inodeOf(path: string): number | undefined {
  if (path === ":memory:" || process.platform === "win32") return undefined; // there an open file cannot be replaced
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}
