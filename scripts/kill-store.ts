/**
 * Ends a process that changes accounts with `kill -9` at random moments, and looks each time whether the database is whole
 * and has every account that the process had said to have written, in the state it came in. Usage:
 * bun scripts/kill-store.ts [number of kills]
 *
 * Each series of ten kills begins with a database of schema 1 or with none, so that the migration and the making of the key
 * are hit too, and ends with another key, so that sealing anew is.
 */
import { Database } from "bun:sqlite";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupFolderOf } from "../src/store/backup.ts";
import { MIGRATIONS } from "../src/store/migrate.ts";
import { openStore } from "../src/store/open-store.ts";
import { type Accounts, type Effect, type Line, STOPPED } from "./lib/store-work.ts";

const SERIES = 10;
/** From this run of a series on, the database is opened with a key of its own. */
const KEYED_FROM = 7;
const KEY = "5a".repeat(32);
/** Counted from the start of the process in the runs that begin or change a database, else from its first change. */
const LATEST_KILL_AT_START_MS = 150;
const LATEST_KILL_MS = 60;

const kills = Number(process.argv[2] ?? 200);
if (!Number.isInteger(kills) || kills < 1) {
  console.error("usage: bun scripts/kill-store.ts [number of kills]");
  process.exit(2);
}

const counts = { acknowledged: 0, unfinished: 0, kept: 0, beforeReady: 0 };
const folder = mkdtempSync(join(tmpdir(), "ag-kill-"));
try {
  let accounts: Accounts = {};
  for (let kill = 0; kill < kills; kill++) {
    const inSeries = kill % SERIES;
    const path = join(folder, `${Math.floor(kill / SERIES)}`, "ag.db");
    if (inSeries === 0) accounts = kill % (2 * SERIES) === 0 ? writeFirstSchema(path) : {};
    const key = inSeries >= KEYED_FROM ? KEY : undefined;
    const atStart = inSeries === 0 || inSeries === 1 || inSeries === KEYED_FROM;
    accounts = await killOnce(path, kill, key, atStart, accounts);
  }
  console.log(
    `${kills} kills, ${counts.beforeReady} of them before the first change: no account lost. ` +
      `${counts.acknowledged} changes acknowledged, all there; ${counts.unfinished} cut off, ${counts.kept} of them kept as a whole.`,
  );
} catch (cause) {
  console.error(`FAILED: ${cause instanceof Error ? cause.message : String(cause)}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** One process, killed. Returns what is in the database afterwards. Throws when that is not what must be in it. */
async function killOnce(path: string, run: number, key: string | undefined, atStart: boolean, before: Accounts) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "lib/store-work.ts"), path, `${run}`, key ?? ""], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = new Response(child.stdout);
  const text = atStart ? output.text() : undefined;
  let said = "";
  if (text) {
    await Bun.sleep(Math.random() * LATEST_KILL_AT_START_MS);
    child.kill("SIGKILL");
    said = await text;
  } else {
    const decoder = new TextDecoder();
    let isCounting = false;
    for await (const chunk of output.body ?? []) {
      said += decoder.decode(chunk, { stream: true });
      if (isCounting) continue;
      isCounting = true;
      setTimeout(() => child.kill("SIGKILL"), Math.random() * LATEST_KILL_MS);
    }
  }
  await child.exited;
  if (child.signalCode !== "SIGKILL") throw new Error(`run ${run} ended by itself, exit code ${child.exitCode}`);

  // A line without its end was never said.
  const lines = said
    .split("\n")
    .slice(0, -1)
    .map((line): Line => JSON.parse(line));
  if (lines.length === 0) counts.beforeReady++;
  let acknowledged = before;
  let unfinished: Effect | undefined;
  for (const line of lines) {
    if (line.type === "begin") unfinished = line.effect;
    if (line.type !== "done" || !unfinished) continue;
    acknowledged = after(acknowledged, unfinished);
    unfinished = undefined;
    counts.acknowledged++;
  }
  const found = await readAccounts(path, key);
  const isAcknowledged = isSame(found, acknowledged);
  const isKept = unfinished !== undefined && isSame(found, after(acknowledged, unfinished));
  if (!isAcknowledged && !isKept) {
    throw new Error(
      `run ${run}: ${Object.keys(found).length} accounts are there; ${Object.keys(acknowledged).length} were acknowledged, ` +
        `then came ${JSON.stringify(lines.at(-1))}`,
    );
  }
  if (unfinished) counts.unfinished++;
  if (isKept) counts.kept++;
  return found;
}

function after(accounts: Accounts, effect: Effect): Accounts {
  const changed = Object.entries({ ...accounts, ...effect });
  return Object.fromEntries(changed.filter((entry): entry is [string, string] => entry[1] !== null));
}

function isSame(one: Accounts, other: Accounts): boolean {
  return Bun.deepEquals(one, other);
}

/** By what the next process sees: after recovery, migrated, unsealed. */
async function readAccounts(path: string, key: string | undefined): Promise<Accounts> {
  const store = openStore(path, { secretKey: key === undefined ? undefined : Buffer.from(key, "hex") });
  const accounts = await store.accounts.list();
  await store.close();
  const copies = backupFolderOf(path);
  const names = existsSync(copies) ? readdirSync(copies).filter((name) => name.endsWith(".db")) : [];
  for (const file of [path, ...names.map((name) => join(copies, name))]) checkIntegrity(file);
  const released = accounts.find(
    ({ email, enabled, problem }) => email?.startsWith(STOPPED) && (enabled || problem?.type !== "terms-block"),
  );
  if (released) throw new Error(`${released.email} came in stopped, and is not stopped`);
  return Object.fromEntries(accounts.map(({ email = "", secret }) => [email, secret]));
}

function checkIntegrity(path: string): void {
  using database = new Database(path);
  const problems = database.query<{ integrity_check: string }, []>("pragma integrity_check").all();
  if (problems[0]?.integrity_check !== "ok") throw new Error(`${path}: integrity_check: ${JSON.stringify(problems)}`);
  const orphans = database.query("pragma foreign_key_check").all();
  if (orphans.length > 0) throw new Error(`${path}: foreign_key_check: ${JSON.stringify(orphans)}`);
}

/** Some accounts as version 0.1 kept them. */
function writeFirstSchema(path: string): Accounts {
  mkdirSync(join(path, ".."));
  using database = new Database(path);
  database.run("pragma journal_mode = wal");
  database.run(MIGRATIONS[0]?.sql ?? "");
  const insert = database.query(
    "insert into accounts (id, kind, email, refresh_token, added_at) values (?, 'antigravity', ?, ?, 1)",
  );
  const accounts = Object.fromEntries(
    [1, 2, 3].map((number) => [`old-${number}@example.org`, `1//test-old-${number}`]),
  );
  for (const [email, token] of Object.entries(accounts)) insert.run(crypto.randomUUID(), email, token);
  database.run("pragma user_version = 1");
  return accounts;
}
