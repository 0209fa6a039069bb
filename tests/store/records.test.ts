import { Database } from "bun:sqlite";
import { describe, expect, spyOn, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RequestRecord } from "../../src/core/record.ts";
import type { RecordQuery, Store } from "../../src/core/store.ts";
import { DataFile } from "../../src/store/data-file.ts";
import { openDatabase, openStore, storeOver } from "../../src/store/open-store.ts";
import { addOne, login, record, temporaryPath } from "./support.ts";

const rows = (database: Database) => database.query<{ n: number }, []>("select count(*) n from requests").get()?.n;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const appendAll = (store: Store, numbers: readonly number[], more: Partial<RequestRecord> = {}) => {
  for (const number of numbers) store.records.append(record(`req_${number}`, { at: number, ...more }));
};
const idsOf = async (store: Store, query: RecordQuery) =>
  (await store.records.list(query)).map(({ record: { id } }) => id.replace("req_", ""));

/** A store whose connection is at hand, to make it refuse what a disk would. */
function openWithConnection(path: string) {
  mkdirSync(dirname(path), { recursive: true });
  const { database, secrets } = openDatabase({ database: path, secretKey: new Uint8Array(32).fill(1) });
  return { store: storeOver(new DataFile(database, path), secrets), database };
}

describe("records", () => {
  test("one that was just appended is found before it is written", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    using reader = new Database(place.path);
    store.records.append(record("req_1"));
    expect(rows(reader)).toBe(0);
    expect(await store.records.find("req_1")).toEqual(record("req_1"));
    expect(await store.records.find("req_2")).toBeUndefined();
    await store.close();
    expect(rows(reader)).toBe(1);
  });

  test("what is found and listed is the same before and after it is written, and after a restart", async () => {
    using place = temporaryPath();
    const first = openStore(place.path);
    const long = record("req_1", {
      reason: "x".repeat(9_000),
      losses: range(1, 900).map((number) => `f${number}: gone`),
    });
    first.records.append(long);
    const buffered = await first.records.find("req_1");
    expect(await first.records.list({ limit: 9 })).toEqual([{ place: 1, record: buffered ?? long }]);
    expect(await first.records.find("req_1")).toEqual(buffered);
    await first.close();
    const second = openStore(place.path);
    expect(await second.records.find("req_1")).toEqual(buffered);
    expect(buffered?.omitted?.losses).toBeGreaterThan(100);
    await second.close();
  });

  test("a timer writes what is buffered, once: an idle database is left alone", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    using reader = new Database(place.path);
    const timers = spyOn(globalThis, "setTimeout");
    try {
      store.records.append(record("req_1"));
      store.records.append(record("req_2"));
      while (rows(reader) === 0) await Bun.sleep(5); // ends by the test's own time limit when nothing is ever written
      expect(timers).toHaveBeenCalledTimes(1);
    } finally {
      timers.mockRestore();
    }
    await store.close();
  });

  test("are listed from the newest, all or those that failed", async () => {
    const store = openStore(":memory:");
    appendAll(store, range(1, 5));
    appendAll(store, range(6, 7), { outcome: "client-closed", status: 0 });
    appendAll(store, range(8, 9), { outcome: "no-account", status: 503 });
    expect(await idsOf(store, { limit: 4 })).toEqual(["9", "8", "7", "6"]);
    expect(await idsOf(store, { limit: 100 })).toHaveLength(9);
    expect(await idsOf(store, { limit: 100, failedOnly: true })).toEqual(["9", "8"]);
    expect(await idsOf(store, { limit: 1, failedOnly: true })).toEqual(["9"]);
    await store.close();
  });

  test("behind a place are listed in the order in which they were written, also when all before were pruned", async () => {
    const store = openStore(":memory:");
    appendAll(store, range(1, 3));
    const [newest] = await store.records.list({ limit: 1 });
    const after = newest?.place ?? 0;
    expect(await idsOf(store, { limit: 10, after })).toEqual([]);
    await store.records.prune(100, 0);
    appendAll(store, range(4, 8));
    appendAll(store, [9], { outcome: "internal" });
    expect(await idsOf(store, { limit: 10, after })).toEqual(["4", "5", "6", "7", "8", "9"]);
    expect(await idsOf(store, { limit: 2, after })).toEqual(["4", "5"]);
    expect(await idsOf(store, { limit: 10, after, failedOnly: true })).toEqual(["9"]);
    await store.close();
  });

  test("of two with the same id the later counts, and is the newest", async () => {
    for (const writeBetween of [true, false]) {
      const store = openStore(":memory:");
      store.records.append(record("req_1", { outcome: "internal", status: 500 }));
      store.records.append(record("req_2"));
      if (writeBetween) await store.records.list({ limit: 1 });
      store.records.append(record("req_1", { totalMs: 7 }));
      expect(await store.records.list({ limit: 10 })).toMatchObject([
        { record: { id: "req_1", totalMs: 7, outcome: "ok" } },
        { record: { id: "req_2" } },
      ]);
      expect(await idsOf(store, { limit: 10, failedOnly: true })).toEqual([]);
      await store.close();
    }
  });

  test("an odd one does not keep the others from being written", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    const odd = { input: Number.NaN, cachedInput: 1.5, output: Infinity, thinking: -3 };
    store.records.append(record("req_\ud83d", { at: 1.5, served: "\u0000\ud83d", usage: odd }));
    store.records.append(record("req_1", { at: Number.MAX_VALUE, key: "x".repeat(10_000) }));
    store.records.append(record("req_2", { at: Number.NaN }));
    store.records.append(record("req_3"));
    await store.close();
    using reader = new Database(place.path);
    expect(rows(reader)).toBe(4);
  });

  test("a row that is no record, as after a hand was laid on it, is passed over", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    appendAll(store, range(1, 3));
    await store.records.list({ limit: 1 });
    using other = new Database(place.path);
    other.run("update requests set record = '{' where id = 'req_2'");
    expect(await idsOf(store, { limit: 10 })).toEqual(["3", "1"]);
    expect(await store.records.find("req_2")).toBeUndefined();
    appendAll(store, [2]);
    expect(await idsOf(store, { limit: 10 })).toEqual(["2", "3", "1"]);
    await store.close();
  });
});

describe("records while the database refuses", () => {
  test("wait for another process that writes, are found meanwhile, and hold nobody up", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    using other = new Database(place.path);
    other.run("begin immediate");
    appendAll(store, range(1, 200));
    expect(await store.records.find("req_200")).toMatchObject({ id: "req_200" });
    expect(await store.records.list({ limit: 10 })).toEqual([]);
    expect(await store.usage.totals("day")).toEqual([]);
    other.run("rollback");
    expect(await idsOf(store, { limit: 2 })).toEqual(["200", "199"]);
    expect(await store.usage.totals("day")).toMatchObject([{ requests: 200 }]);
    await store.close();
  });

  test("wait for room on the disk, the newest at the cost of the oldest, and are then written with their usage", async () => {
    using place = temporaryPath();
    const { store, database } = openWithConnection(place.path);
    const pages = database.query<{ page_count: number }, []>("pragma page_count").get()?.page_count ?? 0;
    database.run(`pragma max_page_count = ${pages}`);
    appendAll(store, range(1, 12_000));
    expect(await store.records.find("req_12000")).toMatchObject({ id: "req_12000" });
    expect(rows(database)).toBe(0);
    database.run("pragma max_page_count = 100000");
    const listed = await idsOf(store, { limit: 20_000 });
    expect([listed.length, listed[0], listed.at(-1)]).toEqual([10_000, "12000", "2001"]);
    expect(await store.usage.totals("day")).toMatchObject([{ requests: 10_000 }]);
    await store.close();
  });

  test("that closing could not write are an error of the closing, after the others were written", async () => {
    using place = temporaryPath();
    const { store, database } = openWithConnection(place.path);
    database.run("drop table requests");
    store.signatures.remember([{ key: "call:1", family: "gemini", value: "v", at: 1 }]);
    store.records.append(record("req_1"));
    expect(await store.close().then(String, String)).toContain("no such table: requests");
    using reader = new Database(place.path);
    expect(reader.query("select key from signatures").values()).toEqual([["call:1"]]);
  });
});

describe("records and other processes", () => {
  test("another process reads them while they are written, and sees the ones behind a place as they come", async () => {
    using place = temporaryPath();
    const server = openStore(place.path);
    const command = openStore(place.path);
    let after = 0;
    const seen: string[] = [];
    for (const round of range(0, 9)) {
      appendAll(server, range(round * 50 + 1, round * 50 + 50));
      await server.usage.totals("day"); // writes what is buffered
      const found = await command.records.list({ limit: 1_000, after });
      after = found.at(-1)?.place ?? after;
      seen.push(...found.map(({ record: { id } }) => id));
    }
    expect(seen).toEqual(range(1, 500).map((number) => `req_${number}`));
    expect(await command.usage.totals("day")).toEqual(await server.usage.totals("day"));
    await command.close();
    await server.close();
  });

  test("a reader in the middle of a long look hinders nobody", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    appendAll(store, range(1, 10));
    await store.records.list({ limit: 1 });
    using reader = new Database(place.path, { readonly: true });
    reader.run("begin");
    expect(rows(reader)).toBe(10);
    appendAll(store, range(11, 20));
    expect(await idsOf(store, { limit: 100 })).toHaveLength(20);
    await store.records.prune(5, 1e9);
    expect([rows(reader), (await idsOf(store, { limit: 100 })).length]).toEqual([10, 16]);
    reader.run("rollback");
    await store.close();
  });

  test("what is written when a process is killed stays, and its usage with it", async () => {
    using place = temporaryPath();
    const source = JSON.stringify(join(import.meta.dir, "../../src/store/open-store.ts"));
    const one = JSON.stringify(record("req_"));
    const script =
      `const { openStore } = await import(${source}); const store = openStore(process.argv[1]);` +
      `for (let n = 1; n <= 100; n++) store.records.append({ ...${one}, id: "req_" + n });` +
      `await store.records.list({ limit: 1 });` +
      `for (let n = 101; n <= 130; n++) store.records.append({ ...${one}, id: "req_" + n });` +
      `process.kill(process.pid, "SIGKILL");`;
    const child = Bun.spawn([process.execPath, "-e", script, place.path], { stderr: "inherit" });
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    const store = openStore(place.path);
    expect(await idsOf(store, { limit: 1_000 })).toEqual(range(1, 100).map(String).toReversed());
    expect(await store.usage.totals("day")).toMatchObject([{ requests: 100 }]);
    await store.close();
  });

  test("the daily copy has the keys and the usage, and not the records", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    await addOne(store, login("1//test-1"));
    const key = { digest: "d", hint: "sk-ag-test…", scopes: ["inference"], models: [], createdAt: 1 } as const;
    const { handle } = await store.keys.create(key);
    appendAll(store, range(1, 10), { reason: "a sentence to be found" });
    const usage = await store.usage.totals("day");
    await store.backUp(0);
    await store.close();
    const copies = join(place.folder, "backups");
    using copy = new Database(join(copies, readdirSync(copies)[0] ?? ""));
    expect(rows(copy)).toBe(0);
    expect(copy.query("select number from keys").values()).toEqual([[Number(handle.slice(1))]]);
    expect(copy.query("select day, requests from usage").values()).toEqual(
      usage.map(({ group, requests }) => [group, requests]),
    );
  });
});

describe("pruning", () => {
  test("deletes what arrived before, and no usage", async () => {
    const store = openStore(":memory:");
    appendAll(store, range(1, 2_000));
    await store.records.list({ limit: 1 });
    await store.records.prune(1_501, 1e9);
    expect((await idsOf(store, { limit: 5_000 })).at(-1)).toBe("1501");
    expect(await idsOf(store, { limit: 5_000 })).toHaveLength(500);
    expect(await store.usage.totals("day")).toMatchObject([{ requests: 2_000 }]);
    await store.close();
  });

  test("deletes the oldest of what takes more than it may, and nothing when there is room", async () => {
    const store = openStore(":memory:");
    appendAll(store, range(1, 3_000), { reason: "x".repeat(700) });
    await store.records.list({ limit: 1 });
    await store.records.prune(0, 10 * 1024 ** 2);
    expect(await idsOf(store, { limit: 5_000 })).toHaveLength(3_000);
    await store.records.prune(0, 1024 ** 2);
    const left = await idsOf(store, { limit: 5_000 });
    expect(left).toEqual(
      range(3_000 - left.length + 1, 3_000)
        .map(String)
        .toReversed(),
    );
    expect([left.length > 600, left.length < 1_100]).toEqual([true, true]);
    await store.records.prune(0, 0);
    expect(await idsOf(store, { limit: 5_000 })).toEqual([]);
    await store.close();
  });

  test("lets others run between its steps", async () => {
    const store = openStore(":memory:");
    appendAll(store, range(1, 2_000));
    await store.records.list({ limit: 1 });
    let turns = 0;
    const run = () => {
      turns++;
      next = setImmediate(run);
    };
    let next = setImmediate(run);
    await store.records.prune(3_000, 1e9);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(3);
    await store.close();
  });

  test("keeps the file at its size, however many rounds go through it", async () => {
    using place = temporaryPath();
    const keepBytes = 2 * 1024 ** 2;
    const { store, database } = openWithConnection(place.path);
    const bytes = () =>
      (database.query<{ page_count: number }, []>("pragma page_count").get()?.page_count ?? 0) * 4_096;
    const sizes: number[] = [];
    for (const round of range(0, 5)) {
      for (const number of range(1, 2_500)) {
        const id = `req_${crypto.randomUUID()}`; // random, as ids are
        store.records.append(record(id, { at: round * 10_000 + number, reason: "y".repeat((number * 37) % 2_000) }));
      }
      await store.records.list({ limit: 1 });
      await store.records.prune(0, keepBytes);
      sizes.push(bytes());
    }
    const [, second = 0, ...later] = sizes;
    expect(Math.max(...later)).toBeLessThanOrEqual(second * 1.05);
    const inUse = database.query<{ n: number }, []>("select sum(pgsize) n from dbstat").get()?.n ?? 0;
    expect([inUse > keepBytes * 0.6, inUse < keepBytes * 1.15]).toEqual([true, true]);
    await store.close();
  });
});
