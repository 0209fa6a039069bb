import { type Dirent, existsSync } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isArchive } from "../../accounts/archive.ts";
import { readAppState } from "../../accounts/import/app-state.ts";
import type { ImportFormat, Reading, Skipped } from "../../accounts/import/entry.ts";
import { isManagerIndex, readAccounts, readFolder, type StoreFile } from "../../accounts/import/read.ts";
import { GatewayError } from "../../core/errors.ts";
import { errorCode } from "../../lib/error-code.ts";
import { UserError, UsageError } from "../failure.ts";
import { looksLikeSecret } from "../secret-shaped.ts";
import { printError } from "../terminal.ts";
import { appStateBelow } from "./places.ts";

export type Source = { type: "reading"; reading: Reading } | { type: "archive"; text: string };

export interface SourceOptions {
  /** Absent: told by what is found. */
  format: ImportFormat | undefined;
  /** The rows that matter of an app's `state.vscdb`. */
  readItems(path: string): Promise<ReadonlyMap<string, string>>;
}

const LARGEST_INPUT_BYTES = 1024 ** 2;
const MOST_FILES = 1000;

/** What stdin holds. Throws UserError. */
export async function readStdin({ format }: SourceOptions): Promise<Source> {
  if (process.stdin.isTTY) await printError("Paste refresh tokens, one a line, then press Ctrl-D:");
  return sourceOf(await collectText(Bun.stdin.stream(), "The input"), format);
}

/** What a file or a folder holds; nothing in it is changed. Throws UserError, and what `readItems` throws. */
export async function readPath(path: string, options: SourceOptions): Promise<Source> {
  if (looksLikeSecret(path)) {
    throw new UsageError(
      "Tokens come from a file or from stdin, not from the command line, where other programs can read them",
      "Write them to a file and name that, or run: ag accounts import -   and paste them",
    );
  }
  return naming(path, async () =>
    (await stat(path)).isDirectory() ? readDirectory(path, options) : readFile(path, options),
  );
}

async function readFile(path: string, { format, readItems }: SourceOptions): Promise<Source> {
  if (await isDatabase(path)) {
    if (format !== undefined && format !== "antigravity")
      throw new UserError(`${path} is a database, no store of ${format}`);
    return { type: "reading", reading: readAppState(await readItems(path)) };
  }
  const text = await readText(path);
  const isList = (format === undefined || format === "antigravity-manager") && isManagerIndex(text);
  if (isList && existsSync(join(dirname(path), ACCOUNT_FILES)))
    return readDirectory(dirname(path), { format, readItems });
  return sourceOf(text, format);
}

function sourceOf(text: string, format: ImportFormat | undefined): Source {
  if (isArchive(text)) {
    if (format !== undefined)
      throw new UserError("The input is an archive made by ag accounts export", { hint: "Leave --from out" });
    return { type: "archive", text };
  }
  try {
    return { type: "reading", reading: readAccounts(text, format) };
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new UserError(cause.message, { hint: "Nothing was imported. See ag accounts import --help", cause });
  }
}

async function readDirectory(folder: string, options: SourceOptions): Promise<Source> {
  const { format } = options;
  if (format === undefined || format === "antigravity") {
    const state = appStateBelow(folder).find((path) => existsSync(path));
    if (state !== undefined) return readFile(state, options);
  }
  const files: StoreFile[] = [];
  const unread: Skipped[] = [];
  for (const path of await filesOf(folder)) {
    const name = basename(path);
    try {
      files.push({ name, text: await readText(path) });
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause;
      unread.push({ place: name, reason: "cannot be read" });
    }
  }
  const { accounts, skipped } = readFolder(files, format);
  const reading: Reading = { accounts, skipped: [...skipped, ...unread] };
  if (reading.accounts.length === 0 && reading.skipped.length === 0) {
    throw new UserError(`${folder} holds no accounts of ${format ?? "a tool that is known"}`, {
      hint: "Nothing was imported. See ag accounts import --help",
    });
  }
  return { type: "reading", reading };
}

/** Beside its list, antigravity-manager has a folder with a file for each account. */
const ACCOUNT_FILES = "accounts";
const ACCOUNT_LIST = "accounts.json";

/** The JSON files of a folder; of antigravity-manager's, which holds other things too, the list and the accounts. */
async function filesOf(folder: string): Promise<string[]> {
  const accounts = join(folder, ACCOUNT_FILES);
  if (existsSync(accounts)) return [join(folder, ACCOUNT_LIST), ...(await jsonFiles(accounts))].filter(existsSync);
  const list = join(dirname(folder), ACCOUNT_LIST);
  const files = await jsonFiles(folder);
  return basename(folder) === ACCOUNT_FILES && existsSync(list) ? [list, ...files] : files;
}

async function jsonFiles(folder: string): Promise<string[]> {
  const isJson = (entry: Dirent) => !entry.isDirectory() && /\.json$/i.test(entry.name);
  const names = (await readdir(folder, { withFileTypes: true })).filter(isJson).map(({ name }) => name);
  if (names.length > MOST_FILES) {
    throw new UserError(`${folder} holds ${names.length} JSON files, which cannot all be accounts`);
  }
  return names.toSorted().map((name) => join(folder, name));
}

const DATABASE_MARK = "SQLite format 3\0";

async function isDatabase(path: string): Promise<boolean> {
  // What is read from a pipe, as in <(command) or /dev/stdin, is gone for whoever reads next.
  if (!(await stat(path)).isFile()) return false;
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(DATABASE_MARK.length) });
    return buffer.toString("latin1", 0, bytesRead) === DATABASE_MARK;
  } finally {
    await file.close();
  }
}

async function readText(path: string): Promise<string> {
  return naming(path, () => collectText(Bun.file(path).stream(), path));
}

/** Says of what the system refuses which file it was. */
async function naming<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const code = errorCode(cause);
    if (cause instanceof UserError || code === undefined || !/^E[A-Z]+$/.test(code)) throw cause;
    throw new UserError(`${path} ${code === "ENOENT" ? "does not exist" : `cannot be read (${code})`}`, { cause });
  }
}

/** Stops reading at the limit, so that an endless input ends too. */
async function collectText(stream: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > LARGEST_INPUT_BYTES) {
      throw new UserError(`${name} holds more than 1 MiB, which cannot be a list of refresh tokens`, {
        hint: "Nothing was imported",
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
