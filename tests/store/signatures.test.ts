import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import type { SignatureRecord } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { temporaryPath } from "./support.ts";

const record = (number: number, value = `value-${number}`): SignatureRecord => ({
  key: `call:${number}`,
  family: "gemini",
  value,
  at: number,
});
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => record(from + index));
const keys = (from: number, to: number) => range(from, to).map(({ key }) => key);
const rows = (database: Database) => database.query<{ n: number }, []>("select count(*) n from signatures").get()?.n;

describe("signatures", () => {
  test("what was just remembered is found before it is written", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    using reader = new Database(place.path);
    store.signatures.remember([record(1)]);
    expect(rows(reader)).toBe(0);
    expect(await store.signatures.find(["call:1", "call:2"])).toEqual(new Map([["call:1", record(1)]]));
    await store.close();
  });

  test("a batch of 64 is written at once", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    using reader = new Database(place.path);
    store.signatures.remember(range(1, 63));
    expect(rows(reader)).toBe(0);
    store.signatures.remember([record(64)]);
    expect(rows(reader)).toBe(64);
    await store.close();
  });

  test("a smaller batch is written by a timer that does not keep the process alive", async () => {
    using place = temporaryPath();
    const source = JSON.stringify(`${import.meta.dir}/../../src/store/open-store.ts`);
    const script =
      `const { openStore } = await import(${source}); const store = openStore(process.argv[1]);` +
      `store.signatures.remember([{ key: "call:1", family: "gemini", value: "v", at: 1 }]);`;
    const leaver = Bun.spawn([process.execPath, "-e", script, place.path], { stderr: "inherit" });
    expect(await leaver.exited).toBe(0);

    const store = openStore(place.path);
    using reader = new Database(place.path);
    store.signatures.remember([record(2)]);
    while (rows(reader) === 0) await Bun.sleep(5); // ends by the test's own time limit when nothing is ever written
    expect(reader.query("select key from signatures").values()).toEqual([["call:2"]]);
    await store.close();
  });

  test("closing writes what is buffered, and the next start finds it", async () => {
    using place = temporaryPath();
    const first = openStore(place.path);
    first.signatures.remember([record(1)]);
    await first.close();
    const second = openStore(place.path);
    expect(await second.signatures.find(["call:1"])).toEqual(new Map([["call:1", record(1)]]));
    await second.close();
  });

  test("a key remembered again has its new value, buffered or written", async () => {
    const store = openStore(":memory:");
    store.signatures.remember(range(1, 64));
    store.signatures.remember([record(1, "new")]);
    expect((await store.signatures.find(["call:1"])).get("call:1")?.value).toBe("new");
    await store.signatures.prune(0, 100);
    expect((await store.signatures.find(["call:1"])).get("call:1")?.value).toBe("new");
  });

  test("thousands of keys are one query", async () => {
    const store = openStore(":memory:");
    store.signatures.remember(range(1, 3_000));
    expect((await store.signatures.find(keys(1, 5_000))).size).toBe(3_000);
    expect(await store.signatures.find([])).toEqual(new Map());
  });

  test("pruning deletes what is older than the limit, then the oldest beyond the number to keep", async () => {
    const store = openStore(":memory:");
    store.signatures.remember(range(1, 100));
    await store.signatures.prune(31, 50);
    expect([...(await store.signatures.find(keys(1, 100))).keys()].sort()).toEqual(keys(51, 100).sort());
    await store.signatures.prune(91, 50);
    expect([...(await store.signatures.find(keys(1, 100))).keys()].sort()).toEqual(keys(91, 100).sort());
  });

  test("records survive a time in which another process holds the database", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    const other = new Database(place.path);
    other.run("begin immediate");
    store.signatures.remember(range(1, 64));
    store.signatures.remember([record(65)]);
    expect(await store.signatures.find(["call:65"])).toEqual(new Map([["call:65", record(65)]]));
    other.run("rollback");
    await store.close();
    expect(rows(other)).toBe(65);
    other.close();
  });
});
