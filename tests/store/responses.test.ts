import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { StoredResponse } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { addOne, filesWith, login, temporaryPath } from "./support.ts";

const CANARY = "a text of the prompt";
const OTHER_KEY = new Uint8Array(32).fill(8);

function record(id: string, createdAt = 10): StoredResponse {
  const input = [{ type: "message", role: "user", content: CANARY }, "half \ud83d\ude00"];
  return { id, input, response: { id, output: [{ type: "message", id: "msg_1" }] }, createdAt };
}

describe("kept answers", () => {
  test("come back as they were, also after a restart, the newest of one id", async () => {
    using place = temporaryPath();
    const first = openStore(place.path);
    await first.responses.save(record("resp_1", 9));
    await first.responses.save(record("resp_1"));
    await first.close();
    const second = openStore(place.path);
    expect(await second.responses.find("resp_1", 0)).toEqual(record("resp_1"));
    expect(await second.responses.find("resp_2", 0)).toBeUndefined();
    await second.close();
  });

  test("are found until they are too old", async () => {
    const { responses } = openStore(":memory:");
    await responses.save(record("resp_1", 10));
    expect(await responses.find("resp_1", 10)).toEqual(record("resp_1", 10));
    expect(await responses.find("resp_1", 11)).toBeUndefined();
  });

  test("can be removed, once", async () => {
    const { responses } = openStore(":memory:");
    await responses.save(record("resp_1"));
    await responses.save(record("resp_2"));
    expect([await responses.remove("resp_1"), await responses.remove("resp_1")]).toEqual([true, false]);
    expect(await responses.find("resp_1", 0)).toBeUndefined();
    expect(await responses.find("resp_2", 0)).toBeDefined();
  });

  test("that are old are deleted, and all of them when asked to", async () => {
    const { responses } = openStore(":memory:");
    for (const [id, at] of [
      ["resp_1", 9],
      ["resp_2", 10],
    ] as const)
      await responses.save(record(id, at));
    await responses.prune(10, Infinity);
    expect([await responses.find("resp_1", 0), await responses.find("resp_2", 0)]).toEqual([
      undefined,
      record("resp_2"),
    ]);
    await responses.prune(Infinity, Infinity);
    expect(await responses.find("resp_2", 0)).toBeUndefined();
  });

  test("that are too much together are deleted, the oldest first", async () => {
    const { responses } = openStore(":memory:");
    for (const at of [1, 2, 3]) await responses.save(record(`resp_${at}`, at));
    const found = async () => (await Promise.all([1, 2, 3].map((at) => responses.find(`resp_${at}`, 0)))).map(Boolean);
    await responses.prune(0, 1_000_000);
    expect(await found()).toEqual([true, true, true]);
    await responses.prune(0, 500); // each is some 250 characters
    expect(await found()).toEqual([false, false, true]);
  });

  test("lie sealed in the file, and are in none of its copies", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    await addOne(store, login("1//test-1"));
    await store.responses.save(record("resp_1"));
    await store.backUp(Date.UTC(2026, 0, 1));
    expect(filesWith(place.folder, CANARY)).toEqual([]);
    using copy = new Database(join(place.folder, "backups", "ag-2026-01-01.db"), { readonly: true });
    expect(copy.query("select count(*) as count from responses").get()).toEqual({ count: 0 });
    await store.close();
    expect(filesWith(place.folder, CANARY)).toEqual([]);
  });

  test("open under their own id only", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    await store.responses.save(record("resp_1"));
    using database = new Database(place.path);
    database.run("insert into responses select 'resp_2', document, created_at from responses");
    expect(await store.responses.find("resp_2", 0)).toBeUndefined();
    expect(await store.responses.find("resp_1", 0)).toEqual(record("resp_1"));
    await store.close();
  });

  test("are sealed anew with a new key, and one that is damaged is given up", async () => {
    using place = temporaryPath();
    const before = openStore(place.path);
    await addOne(before, login("1//test-1"));
    for (const id of ["resp_1", "resp_2"]) await before.responses.save(record(id));
    await before.close();
    {
      using database = new Database(place.path);
      database.run("update responses set document = 'v1.x.y' where id = 'resp_2'");
    }
    const after = openStore(place.path, { secretKey: OTHER_KEY });
    expect(await after.responses.find("resp_1", 0)).toEqual(record("resp_1"));
    expect(await after.responses.find("resp_2", 0)).toBeUndefined();
    expect(await after.accounts.list()).toHaveLength(1);
    await after.close();
    using database = new Database(place.path, { readonly: true });
    expect(database.query("select id from responses").values()).toEqual([["resp_1"]]);
  });

  test("whose key is gone with the accounts are gone too", async () => {
    using place = temporaryPath();
    const before = openStore(place.path);
    await before.responses.save(record("resp_1"));
    await before.close();
    const after = openStore(place.path, { secretKey: OTHER_KEY });
    expect(await after.responses.find("resp_1", 0)).toBeUndefined();
    await after.close();
  });

  test("that another process seals with another key meanwhile are not mixed with ours", async () => {
    using place = temporaryPath();
    const ours = openStore(place.path);
    await addOne(ours, login("1//test-1"));
    await openStore(place.path, { secretKey: OTHER_KEY }).close();
    expect(ours.responses.save(record("resp_1"))).rejects.toThrow("sealed with another key");
    await ours.close();
  });
});
