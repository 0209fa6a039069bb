import { Database } from "bun:sqlite";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataFileError, type Store } from "../core/store.ts";
import { accountStore } from "./accounts.ts";
import { backUp, backupFolderOf, hasCopies } from "./backup.ts";
import { BUSY_TIMEOUT_MS } from "./busy.ts";
import { consentStore } from "./consents.ts";
import { asDataFileError, DataFile } from "./data-file.ts";
import { discoveryStore } from "./discovery.ts";
import { keyFileOf } from "./key-file.ts";
import { keyStore } from "./keys.ts";
import { limitStore } from "./limits.ts";
import { isNew, migrate } from "./migrate.ts";
import { makePrivateFolder, tighten } from "./private-files.ts";
import { recordStores } from "./records.ts";
import { responseStore } from "./responses.ts";
import { scrubIfRequested } from "./scrub.ts";
import { type KeySource, type Secrets, unlock } from "./secrets.ts";
import { sessionStore } from "./sessions.ts";
import { signatureStore } from "./signatures.ts";

/** At start nobody is served yet, so another process' migration may be waited for. */
const OPENING_BUSY_TIMEOUT_MS = 5_000;

export interface StoreOptions {
  /** Seals the secrets: 32 bytes. Absent: a key file beside the database does, made when there is none. */
  secretKey?: Uint8Array | undefined;
}

/**
 * Opens the data file, creating it, its folder and its key for this user only. Throws DataFileError for one that cannot be
 * opened, whose key is not to be had, or that a newer version has written.
 */
export function openStore(path: string, { secretKey }: StoreOptions = {}): Store {
  const source = { database: path, secretKey };
  const { database, secrets } = path === ":memory:" ? openDatabase(source) : openPrivately(source);
  return storeOver(new DataFile(database, path), secrets);
}

export function storeOver(file: DataFile, secrets: Secrets): Store {
  const signatures = signatureStore(file);
  const sessions = sessionStore(file);
  const keys = keyStore(file, secrets);
  const { records, usage } = recordStores(file);
  return {
    accounts: accountStore(file, secrets),
    signatures,
    discovery: discoveryStore(file),
    limits: limitStore(file),
    sessions,
    consents: consentStore(file),
    responses: responseStore(file, secrets),
    keys,
    records,
    usage,
    backUp: (now) => backUp(file, now),
    async close() {
      try {
        await flushAll([sessions, signatures, keys, records]);
      } finally {
        file.database.close();
      }
    },
  };
}

/** All of them, also when one is refused: the next may fit. Throws what the first was refused with. */
async function flushAll(buffered: readonly { flush(): Promise<void> }[]): Promise<void> {
  const refusals: unknown[] = [];
  for (const store of buffered) await store.flush().catch((cause: unknown) => void refusals.push(cause));
  if (refusals.length > 0) throw refusals[0];
}

function openPrivately(source: KeySource) {
  const path = source.database;
  // SQLite creates files as 0644 less the umask; -wal and -shm copy the mode of the main file.
  const umask = process.umask(0o077);
  try {
    makePrivateFolder(dirname(path));
    for (const file of filesOf(path)) tighten(file);
    return openDatabase(source);
  } catch (thrown) {
    const cause = asDataFileError(thrown, path);
    if (cause instanceof DataFileError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataFileError(`The data file ${path} cannot be opened: ${reason}`, undefined, { cause });
  } finally {
    process.umask(umask);
  }
}

/** All that exists of the database, its key and its copies. */
function filesOf(path: string): string[] {
  const backups = backupFolderOf(path);
  const copies = existsSync(backups) ? readdirSync(backups).map((name) => join(backups, name)) : [];
  return [path, `${path}-wal`, `${path}-shm`, keyFileOf(path), backups, ...copies].filter((file) => existsSync(file));
}

/**
 * A file that has lost its content, as some file systems do that to one in a power cut, must not pass for a new one. Asked
 * under the lock: another process may be at its first migration.
 */
function refuseEmptied(database: Database, path: string): void {
  if (!hasCopies(path) || !database.transaction(() => isNew(database)).immediate()) return;
  throw new DataFileError(
    `The data file ${path} is empty, and there are copies of one with accounts`,
    "Put the newest copy from the folder backups in its place, or, to begin anew, remove the empty file",
  );
}

/** The up-to-date database and what opens its secrets. */
export function openDatabase(source: KeySource): { database: Database; secrets: Secrets } {
  const wasEmpty = statSync(source.database, { throwIfNoEntry: false })?.size === 0;
  const database = new Database(source.database, { create: true, strict: true });
  try {
    database.run(`pragma busy_timeout = ${OPENING_BUSY_TIMEOUT_MS}`);
    if (wasEmpty) refuseEmptied(database, source.database);
    database.run("pragma secure_delete = on");
    migrate(database, () => unlock(database, source));
    const secrets = database.transaction(() => unlock(database, source)).immediate();
    database.run("pragma journal_mode = wal");
    database.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
    scrubIfRequested(database);
    database.run("pragma secure_delete = fast");
    // The default for what may be lost in a power cut (remembered signatures); DataFile asks for more where it counts.
    database.run("pragma synchronous = normal");
    database.run("pragma foreign_keys = on");
    return { database, secrets };
  } catch (cause) {
    database.close();
    throw cause;
  }
}
