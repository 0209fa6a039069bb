import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statSync, writeSync } from "node:fs";

/** Makes the folder, or takes everybody else's rights to it away. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  tighten(path);
}

/** Takes everybody else's rights away. What belongs to somebody else, or is shared like /tmp, is left as it is. */
export function tighten(path: string): void {
  if (process.platform === "win32") return;
  const { mode, uid } = statSync(path);
  const isShared = (mode & 0o1000) !== 0;
  if ((mode & 0o077) !== 0 && !isShared && uid === process.getuid?.()) chmodSync(path, mode & 0o700);
}

/** A new file, for its owner only, that is on the disk when this returns. Bun.write would ignore the mode. */
export function writePrivateFile(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes new and changed names in the folder survive a power cut. */
export function syncFolder(path: string): void {
  if (process.platform === "win32") return; // folders cannot be opened there
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
