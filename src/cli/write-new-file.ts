import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../lib/error-code.ts";
import { UserError } from "./failure.ts";

/** Throws UserError when there is something under that name, or no folder to put it into. */
export function checkNewFile(path: string): void {
  if (existsSync(path)) throw alreadyThere(path);
  if (!existsSync(dirname(path))) throw new UserError(`${path} cannot be written: its folder does not exist`);
}

/**
 * Writes a file that only its owner can read: whole or not at all, never over another one. Throws UserError when there is one,
 * and for what the system refuses.
 */
export function writeNewFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.part`;
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    moveInto(path, draft);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const code = errorCode(cause);
    if (code === undefined) throw cause;
    const why = code === "ENOSPC" ? "the disk is full" : code;
    throw new UserError(`${path} cannot be written: ${why}`, { cause });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A link never replaces a file that somebody made meanwhile; where there are no links, as on FAT, a look has to do. */
function moveInto(path: string, draft: string): void {
  try {
    linkSync(draft, path);
  } catch (cause) {
    if (errorCode(cause) === "EEXIST") throw alreadyThere(path);
    checkNewFile(path);
    renameSync(draft, path);
  }
}

function alreadyThere(path: string): UserError {
  return new UserError(`${path} exists already`, {
    hint: "Nothing was written. Give another name, or remove it first",
  });
}
