import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { DataFileError, type Store } from "../../src/core/store.ts";
import { asDataFileError, DataFile } from "../../src/store/data-file.ts";
import { openDatabase, openStore, storeOver } from "../../src/store/open-store.ts";
import { addOne, login, temporaryPath } from "./support.ts";

const isRoot = process.getuid?.() === 0;

/** A store whose connection is at hand, to make it refuse what a disk would. */
function openWithConnection(path: string) {
  mkdirSync(dirname(path), { recursive: true });
  const { database, secrets } = openDatabase({ database: path, secretKey: new Uint8Array(32).fill(1) });
  return { store: storeOver(new DataFile(database, path), secrets), database };
}

async function refusal(act: () => Promise<unknown>): Promise<DataFileError> {
  try {
    await act();
  } catch (cause) {
    if (cause instanceof DataFileError) return cause;
    throw cause;
  }
  throw new Error("nothing was refused");
}

const LONG = "x".repeat(40_000);

/** Everything that writes more than one page. */
const writes = (id: string): Record<string, (store: Store) => Promise<unknown>> => ({
  add: ({ accounts }) => accounts.add([login("1//test-2"), login("1//test-3", { label: LONG })], 2, { again: true }),
  update: ({ accounts }) => accounts.update(id, { label: LONG }),
  limit: ({ limits }) =>
    limits.save({
      accountId: id,
      model: "m",
      cooldown: { kind: "rate-limited", until: 1, since: 1, evidence: LONG },
      unnamedFailures: 0,
      liftedByReading: false,
    }),
  discovery: ({ discovery }) => discovery.save({ models: [{ id: LONG }], replacedIds: {} }, 1),
  consent: ({ consents }) => consents.give(LONG, 1, 1),
});

describe("a disk that refuses", () => {
  test("without room each write is an error that names the file, and the old data is intact", async () => {
    using place = temporaryPath();
    const { store, database } = openWithConnection(place.path);
    const account = await addOne(store, login("1//test-1"));
    const pages = database.query<{ page_count: number }, []>("pragma page_count").get()?.page_count ?? 0;
    database.run(`pragma max_page_count = ${pages}`);
    for (const [name, write] of Object.entries(writes(account.id))) {
      const error = await refusal(() => write(store));
      expect(`${name}: ${error.message}`).toStartWith(
        `${name}: The data file ${place.path} cannot be written: there is no room on the disk`,
      );
      expect(error.hint).toContain("What was stored before is intact");
    }
    store.signatures.remember([{ key: "call:1", family: "gemini", value: LONG, at: 1 }]);
    expect((await store.signatures.find(["call:1"])).size).toBe(1);
    expect(await store.accounts.list()).toEqual([account]);
    expect(database.query("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });

    database.run("pragma max_page_count = 100000");
    for (const write of Object.values(writes(account.id))) await write(store);
    expect((await store.accounts.list()).map(({ handle }) => handle)).toEqual(["a1", "a2", "a3"]);
    await store.close();
  });

  test("a lock that another program does not let go of is an error that names the file", async () => {
    using place = temporaryPath();
    const { store, database } = openWithConnection(place.path);
    const file = new DataFile(database, place.path);
    using other = new Database(place.path);
    other.run("begin immediate");
    database.run("pragma busy_timeout = 0");
    const busy = (() => {
      try {
        return file.writeNow(() => undefined);
      } catch (cause) {
        return cause;
      }
    })();
    const error = asDataFileError(busy, place.path);
    expect(String(error)).toContain(`The data file ${place.path} is kept locked by another program`);
    other.run("rollback");
    await store.close();
  });

  test("a closing store that cannot write what is buffered says so, and closes", async () => {
    using place = temporaryPath();
    const { store, database } = openWithConnection(place.path);
    const pages = database.query<{ page_count: number }, []>("pragma page_count").get()?.page_count ?? 0;
    database.run(`pragma max_page_count = ${pages}`);
    store.signatures.remember([{ key: "call:1", family: "gemini", value: LONG, at: 1 }]);
    expect((await refusal(() => store.close())).message).toContain("no room");
    expect(() => database.run("select 1")).toThrow("closed");
  });

  test("a connection that may not write is an error that says what to do", async () => {
    using place = temporaryPath();
    const { store, database } = openWithConnection(place.path);
    const account = await addOne(store, login("1//test-1"));
    database.run("pragma query_only = 1");
    const error = await refusal(() => store.accounts.update(account.id, { label: "x" }));
    expect(error.message).toStartWith(`The data file ${place.path} cannot be written: it is read-only`);
    expect(error.hint).toBe("Make the file and its folder writable for this user");
    expect(await store.accounts.list()).toEqual([account]);
    database.run("pragma query_only = 0");
    await store.close();
  });

  test.skipIf(isRoot)("a folder without the right to write is an error that names the file", async () => {
    using place = temporaryPath();
    await openStore(place.path).close();
    chmodSync(place.folder, 0o500);
    chmodSync(place.path, 0o400);
    try {
      expect((await refusal(async () => openStore(place.path))).message).toContain(place.path);
    } finally {
      chmodSync(place.folder, 0o700);
    }
  });

  test("a damaged file is refused with where the copies are, and is left as it is", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    for (let number = 0; number < 50; number++) await addOne(store, login(`1//test-${number}`, { label: LONG }));
    await store.close();
    const file = openSync(place.path, "r+");
    // All but the first page, which holds the header and the schema.
    const rest = new Uint8Array(readFileSync(place.path).length - 4_096).fill(0xee);
    writeSync(file, rest, 0, rest.length, 4_096);
    closeSync(file);
    const before = readFileSync(place.path);
    const error = await refusal(async () => openStore(place.path).accounts.list());
    expect(error.message).toStartWith(`The data file ${place.path} is damaged`);
    expect(error.hint).toContain("the newest copy from the folder backups");
    expect(readFileSync(place.path).equals(before)).toBe(true);
  });
});
