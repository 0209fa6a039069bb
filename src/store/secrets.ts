import type { Database } from "bun:sqlite";
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { basename } from "node:path";
import type { AccountKind } from "../core/account-kind.ts";
import { DataFileError } from "../core/store.ts";
import { createKeyFile, KEY_BYTES, keyFileOf, readKeyFile } from "./key-file.ts";
import { requestScrub } from "./scrub.ts";
import { createSealer, keyIdOf, type Sealer } from "./sealer.ts";

/** Where the key is to be had from. */
export interface KeySource {
  /** The path of the database; ":memory:" needs no key that lasts. */
  database: string;
  /** AG_SECRET_KEY, which goes before the key file. */
  secretKey: Uint8Array | undefined;
}

export interface Secrets {
  /** `subject`: what it is about; the id of an account for its secret. */
  seal(secret: string, subject: string): string;
  /** Throws DataFileError. */
  unseal(sealed: string, subject: string): string;
  /** Equal for equal secrets, and for nothing else; says nothing to those who lack the key. */
  digestOfSecret(secret: string): string;
  /** The same for an owner: an e-mail under a kind of account, in whatever case it is written. */
  digestOfOwner(kind: AccountKind, email: string): string;
  /** Proves that whoever wrote the text can open the secrets. */
  signAsOwner(text: string): string;
  /** Throws DataFileError when another process has sealed the database with another key since: two keys must not mix. */
  assertCurrent(): void;
}

const DIGEST_KEY = "digest-key";

/** What a kept answer is sealed about: it opens under its own id only, and never as the secret of an account. */
export function subjectOfResponse(id: string): string {
  return `response ${id}`;
}

/**
 * The secrets of the database, under the key it is sealed with; a new database is sealed with AG_SECRET_KEY or else with a
 * new key file. When AG_SECRET_KEY is given and the key file's key is the one in use, everything is sealed anew. To be
 * called within an immediate transaction. Throws DataFileError when the right key is not to be had.
 */
export function unlock(database: Database, source: KeySource): Secrets {
  const sealedDigestKey = digestKeyIn(database);
  if (sealedDigestKey === undefined || isNothingSealed(database)) {
    const sealer = createSealer(firstKey(source));
    // A key that is given already keeps what little there is; nothing is lost with one that is gone.
    if (sealedDigestKey !== undefined && keyIdOf(sealedDigestKey) === sealer.keyId) {
      return secretsOf(database, source, sealer, sealer.unseal(sealedDigestKey, DIGEST_KEY));
    }
    const digestKey = randomBytes(KEY_BYTES).toString("base64");
    saveDigestKey(database, sealer.seal(digestKey, DIGEST_KEY));
    return secretsOf(database, source, sealer, digestKey);
  }
  const { current, wanted } = findSealers(source, keyIdOf(sealedDigestKey));
  const digestKey = unsealed(source, current, sealedDigestKey, DIGEST_KEY);
  if (wanted) sealAnew(database, source, current, wanted);
  return secretsOf(database, source, wanted ?? current, digestKey);
}

function digestKeyIn(database: Database): string | undefined {
  return database.query<{ digest_key: string }, []>("select digest_key from vault").get()?.digest_key;
}

function saveDigestKey(database: Database, sealed: string): void {
  database.query("insert or replace into vault (id, digest_key) values (1, ?)").run(sealed);
}

/** Neither an account nor a remembered removal depends on the key. */
function isNothingSealed(database: Database): boolean {
  return !database.query("select 1 from accounts union all select 1 from removed limit 1").get();
}

function firstKey({ database, secretKey }: KeySource): Uint8Array {
  if (secretKey) return secretKey;
  if (database === ":memory:") return randomBytes(KEY_BYTES);
  const file = keyFileOf(database);
  return readKeyFile(file) ?? createKeyFile(file);
}

/** The sealer that the database was sealed with, and the one to seal it with from now on when that is another. */
function findSealers({ database, secretKey }: KeySource, keyId: string | undefined) {
  const given = secretKey && createSealer(secretKey);
  if (given?.keyId === keyId && given) return { current: given, wanted: undefined };
  const file = keyFileOf(database);
  const filed = readKeyFile(file);
  const fromFile = filed && createSealer(filed);
  if (fromFile?.keyId === keyId && fromFile) return { current: fromFile, wanted: given };
  if (given) {
    const back = fromFile ? "" : `, or put the key file ${file} back if that did`;
    throw new DataFileError(
      `The secrets in ${database} are sealed with another key than AG_SECRET_KEY`,
      `Set AG_SECRET_KEY to the key that sealed them${back}. To change the key: with the old one run ag accounts export FILE, ` +
        `stop ag, move ${basename(database)} and those beside it whose names end in -wal and -shm away, and with the new one run ` +
        "ag accounts import FILE",
    );
  }
  if (fromFile) {
    throw new DataFileError(
      `The secrets in ${database} are sealed with another key than the one in ${file}`,
      "Set AG_SECRET_KEY again if it was set when ag ran last; otherwise put the key file back that belongs to the database",
    );
  }
  throw new DataFileError(
    `The key to the secrets in ${database} is missing`,
    `Put the key file ${file} back, or set AG_SECRET_KEY if that sealed them. Without the key, move the database away and add the accounts again`,
  );
}

/** All secrets under the new key, in the caller's transaction. The key file stays: backups of earlier days need it. */
function sealAnew(database: Database, source: KeySource, from: Sealer, to: Sealer): void {
  const seal = (sealed: string, subject: string) => to.seal(unsealed(source, from, sealed, subject), subject);
  const rows = database.query<{ id: string; secret: string }, []>("select id, secret from accounts").all();
  const update = database.query("update accounts set secret = ? where id = ?");
  for (const { id, secret } of rows) update.run(seal(secret, id), id);
  sealResponsesAnew(database, from, to);
  saveDigestKey(database, seal(digestKeyIn(database) ?? "", DIGEST_KEY));
  requestScrub(database); // what the old key opens must not lie about in free pages
}

/** One at a time: each may be megabytes. One that is damaged is given up. */
function sealResponsesAnew(database: Database, from: Sealer, to: Sealer): void {
  const ids = database.query<{ id: string }, []>("select id from responses").all();
  const select = database.query<{ document: string }, [string]>("select document from responses where id = ?");
  const update = database.query("update responses set document = ? where id = ?");
  const remove = database.query("delete from responses where id = ?");
  for (const { id } of ids) {
    const subject = subjectOfResponse(id);
    const text = opened(from, select.get(id)?.document ?? "", subject);
    if (text === undefined) remove.run(id);
    else update.run(to.seal(text, subject), id);
  }
}

function opened(sealer: Sealer, sealed: string, subject: string): string | undefined {
  try {
    return sealer.unseal(sealed, subject);
  } catch {
    return undefined; // what cannot be opened was lost before
  }
}

function secretsOf(database: Database, source: KeySource, sealer: Sealer, digestKey: string): Secrets {
  const digest = (text: string) =>
    createHmac("sha256", Buffer.from(digestKey, "base64")).update(text).digest("base64url");
  // A key of its own: a signature is shown to a server, and must say nothing about digests.
  const ownerKey = () => new Uint8Array(hkdfSync("sha256", Buffer.from(digestKey, "base64"), "", "ag: owner", 32));
  return {
    seal: (secret, subject) => sealer.seal(secret, subject),
    unseal: (sealed, subject) => unsealed(source, sealer, sealed, subject),
    digestOfSecret: (secret) => digest(`secret\n${secret}`),
    digestOfOwner: (kind, email) => digest(`owner\n${kind}\n${email.toLowerCase()}`),
    signAsOwner: (text) => createHmac("sha256", ownerKey()).update(text).digest("base64url"),
    assertCurrent() {
      if (keyIdOf(digestKeyIn(database) ?? "") !== sealer.keyId) throw sealedMeanwhile(source);
    },
  };
}

function unsealed(source: KeySource, sealer: Sealer, sealed: string, subject: string): string {
  try {
    return sealer.unseal(sealed, subject);
  } catch (cause) {
    if (keyIdOf(sealed) !== sealer.keyId) throw sealedMeanwhile(source);
    throw new DataFileError(
      `A secret in ${source.database} was damaged and cannot be unsealed`,
      "Put a copy from the folder backups in its place",
      { cause },
    );
  }
}

function sealedMeanwhile({ database }: KeySource): DataFileError {
  return new DataFileError(
    `The secrets in ${database} were sealed with another key while this program ran`,
    "Start it again with the AG_SECRET_KEY that was used then",
  );
}
