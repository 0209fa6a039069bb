import { Database } from "bun:sqlite";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "../../src/core/accounts.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import type { NewAccount, Store } from "../../src/core/store.ts";
import init from "../../src/store/migrations/001-init.sql" with { type: "text" };

/** A path for a data file in a folder that exists only for one test. */
export function temporaryPath(): { path: string; folder: string; [Symbol.dispose](): void } {
  const root = mkdtempSync(join(tmpdir(), "ag-store-"));
  const folder = join(root, "data");
  return { folder, path: join(folder, "ag.db"), [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
}

export function login(secret: string, more: Partial<NewAccount> = {}): NewAccount {
  return { kind: "antigravity", secret, ...more };
}

/** Adds one account, which must be new. */
export async function addOne({ accounts }: Pick<Store, "accounts">, fresh: NewAccount, now = 1): Promise<Account> {
  const { added } = await accounts.add([fresh], now, { again: true });
  if (!added[0]) throw new Error("the account was not new");
  return added[0];
}

/** Of a request that a model was asked by, on the first of January 1970. */
export function record(id: string, more: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id,
    at: 1,
    route: "POST /v1/messages",
    protocol: "anthropic",
    choices: [],
    waits: [],
    attempts: [],
    losses: [],
    waitedMs: 0,
    totalMs: 5,
    status: 200,
    outcome: "ok",
    ...more,
  };
}

/** A data file as version 0.1 wrote it: schema 1, with plain refresh tokens. */
export function writeFirstSchema(path: string, accounts: readonly { number: number; token: string }[]): void {
  mkdirSync(join(path, ".."), { recursive: true });
  using database = new Database(path);
  database.run("pragma journal_mode = wal");
  database.run(init);
  const insert = database.query(
    "insert into accounts (number, id, kind, label, email, refresh_token, project_id, tier, enabled, problem_type, " +
      "problem_message, problem_url, problem_since, added_at, last_used_at) values " +
      "(?, ?, 'antigravity', 'work', ?, ?, 'p', 'pro', 0, 'needs-login', 'Sign in again', 'https://accounts.google.com/x', 5, 6, 7)",
  );
  for (const { number, token } of accounts) insert.run(number, `id-${number}`, `n${number}@example.org`, token);
  database.run("pragma user_version = 1");
}

/** The files in the folder and below whose raw bytes hold the text. */
export function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name);
}

/** The database with its log, as they stand, in another folder. */
export function copyFiles(from: string, to: string, names: readonly string[]): void {
  mkdirSync(to, { recursive: true });
  for (const name of names) copyFileSync(join(from, name), join(to, name));
}
