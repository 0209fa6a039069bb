import { Database } from "bun:sqlite";
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DataFileError, type Store } from "../core/store.ts";
import { accountStore } from "./accounts.ts";
import { BUSY_TIMEOUT_MS } from "./busy.ts";
import { discoveryStore } from "./discovery.ts";
import { migrate } from "./migrate.ts";
import { signatureStore } from "./signatures.ts";

/** At start nobody is served yet, so another process' migration may be waited for. */
const OPENING_BUSY_TIMEOUT_MS = 5_000;

/**
 * Opens the data file, creating it and its folder for this user only. Throws DataFileError for one that cannot be opened
 * or that a newer version has written.
 */
export function openStore(path: string): Store {
  const database = path === ":memory:" ? openDatabase(path) : openPrivately(path);
  const signatures = signatureStore(database);
  return {
    accounts: accountStore(database),
    signatures,
    discovery: discoveryStore(database),
    async close() {
      try {
        await signatures.flush();
      } finally {
        database.close();
      }
    },
  };
}

function openPrivately(path: string): Database {
  // SQLite creates files as 0644 less the umask; -wal and -shm copy the mode of the main file.
  const umask = process.umask(0o077);
  try {
    const folder = dirname(path);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    tighten(folder);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) tighten(file);
    return openDatabase(path);
  } catch (cause) {
    if (cause instanceof DataFileError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataFileError(`The data file ${path} cannot be opened: ${reason}`, undefined, { cause });
  } finally {
    process.umask(umask);
  }
}

/** Takes everybody else's rights away. What belongs to somebody else, or is shared like /tmp, is left as it is. */
function tighten(path: string): void {
  if (process.platform === "win32") return;
  const { mode, uid } = statSync(path);
  const isShared = (mode & 0o1000) !== 0;
  if ((mode & 0o077) !== 0 && !isShared && uid === process.getuid?.()) chmodSync(path, mode & 0o700);
}

function openDatabase(path: string): Database {
  const database = new Database(path, { create: true, strict: true });
  try {
    database.run(`pragma busy_timeout = ${OPENING_BUSY_TIMEOUT_MS}`);
    migrate(database);
    database.run("pragma journal_mode = wal");
    // The default for what may be lost in a power cut (remembered signatures); accounts.ts asks for more.
    database.run("pragma synchronous = normal");
    database.run("pragma foreign_keys = on");
    database.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}
