import { randomBytes } from "node:crypto";
import { existsSync, linkSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataFileError } from "../core/store.ts";
import { errorCode } from "../lib/error-code.ts";
import { syncFolder, writePrivateFile } from "./private-files.ts";

export const KEY_BYTES = 32;

/** The key file of a database: "ag.key" beside "ag.db". */
export function keyFileOf(database: string): string {
  return join(dirname(database), "ag.key");
}

/** `undefined` when there is no such file. Throws DataFileError when it cannot be read or holds no key. */
export function readKeyFile(path: string): Uint8Array | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const digits = text.trim(); // an editor may have added an end of line, or a byte order mark
  if (!/^[0-9a-f]{64}$/i.test(digits)) {
    throw new DataFileError(
      `The key file ${path} holds no key: 64 hexadecimal digits are expected`,
      "Put the right key file back, or set AG_SECRET_KEY to the key",
    );
  }
  return Buffer.from(digits, "hex");
}

/**
 * A new random key, in a file for its owner only, whole or not at all; when another process makes one at the same moment,
 * both get the same. To be called under the database's write lock: some file systems know no links.
 */
export function createKeyFile(path: string): Uint8Array {
  const key = randomBytes(KEY_BYTES);
  const draft = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    writePrivateFile(draft, `${key.toString("hex")}\n`);
    linkOrRename(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  syncFolder(dirname(path));
  return readKeyFile(path) ?? key;
}

function linkOrRename(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (cause) {
    if (errorCode(cause) === "EEXIST") return; // another process was first: its key counts
    if (!existsSync(path)) renameSync(draft, path);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataFileError(`The key file ${path} cannot be read: ${reason}`, "Make it readable for this user", {
      cause,
    });
  }
}
