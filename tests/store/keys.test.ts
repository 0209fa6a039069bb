import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { ApiKey, NewKey } from "../../src/core/keys.ts";
import { DataFile } from "../../src/store/data-file.ts";
import { keyStore } from "../../src/store/keys.ts";
import { openDatabase } from "../../src/store/open-store.ts";
import { temporaryPath } from "./support.ts";

const NOW = Date.UTC(2026, 0, 1);

function newKey(digest: string, more: Partial<NewKey> = {}): NewKey {
  return { digest, hint: "sk-ag-test…", scopes: ["inference"], models: [], createdAt: NOW, ...more };
}

function open(path: string) {
  // The folder is the store's matter; here it is only there.
  const { database, secrets } = openDatabase({ database: path, secretKey: new Uint8Array(32) });
  const keys = keyStore(new DataFile(database, path), secrets);
  return { keys, database, [Symbol.dispose]: () => database.close() };
}

/** A store in memory. */
function inMemory() {
  return open(":memory:");
}

async function handles(keys: { list(): Promise<ApiKey[]> }): Promise<string[]> {
  return (await keys.list()).map(({ handle }) => handle);
}

test("a key comes back as it was made, with what it may and how much", async () => {
  using store = inMemory();
  const plain = newKey("d1");
  const limited = newKey("d2", {
    name: "laptop",
    scopes: ["admin", "metrics"],
    rpm: 5,
    concurrency: 2,
    models: ["gemini-*", "team, north"],
    expiresAt: NOW + 1,
  });
  expect(await store.keys.create(plain)).toEqual({ ...plain, handle: "k1" });
  expect(await store.keys.create(limited)).toEqual({ ...limited, handle: "k2" });
  expect(await store.keys.list()).toEqual([
    { ...plain, handle: "k1" },
    { ...limited, handle: "k2" },
  ]);
});

test("a key that was revoked stays in the list with the time at which it was, and keeps that time", async () => {
  using store = inMemory();
  await store.keys.create(newKey("d1"));
  expect(await store.keys.revoke("k1", NOW + 5)).toMatchObject({ handle: "k1", revokedAt: NOW + 5 });
  expect(await store.keys.revoke("k1", NOW + 9)).toMatchObject({ revokedAt: NOW + 5 });
  expect(await store.keys.list()).toMatchObject([{ handle: "k1", revokedAt: NOW + 5 }]);
});

test("a handle is never given out twice, not even when the newest key was deleted by hand", async () => {
  using store = inMemory();
  await store.keys.create(newKey("d1"));
  await store.keys.create(newKey("d2"));
  store.database.run("delete from keys where number = 2");
  await store.keys.create(newKey("d3"));
  expect(await handles(store.keys)).toEqual(["k1", "k3"]);
});

for (const unknown of ["k2", "k0", "k01", "K1", "1", "", "k", "k1 ", "k99999999999999999999", "a1"]) {
  test(`there is no key ${JSON.stringify(unknown)} to revoke or to touch`, async () => {
    using store = inMemory();
    await store.keys.create(newKey("d1"));
    expect(await store.keys.revoke(unknown, NOW)).toBeUndefined();
    store.keys.touch(unknown, NOW);
    await store.keys.flush();
    expect(await store.keys.list()).toEqual([{ ...newKey("d1"), handle: "k1" }]);
  });
}

test("the time of use is known at once, written later, and never goes back", async () => {
  using place = temporaryPath();
  await Bun.write(`${place.folder}/.keep`, "");
  using store = open(place.path);
  using reader = new Database(place.path);
  const written = () => reader.query<{ at: number | null }, []>("select last_used_at at from keys").get()?.at;
  await store.keys.create(newKey("d1"));
  store.keys.touch("k1", NOW + 10);
  expect(written()).toBeNull();
  expect(await store.keys.list()).toMatchObject([{ lastUsedAt: NOW + 10 }]);
  await store.keys.flush();
  expect(written()).toBe(NOW + 10);
  store.keys.touch("k1", NOW + 7);
  expect(await store.keys.list()).toMatchObject([{ lastUsedAt: NOW + 10 }]);
  await store.keys.flush();
  expect(written()).toBe(NOW + 10);
});

test("the version tells of a key that another process makes, revokes or deletes, and of nothing else", async () => {
  using place = temporaryPath();
  await Bun.write(`${place.folder}/.keep`, "");
  using server = open(place.path);
  using command = open(place.path);
  const changed = async (work: () => unknown) => {
    const before = server.keys.version();
    await work();
    return server.keys.version() !== before;
  };
  expect(await changed(() => command.keys.create(newKey("d1")))).toBe(true);
  expect(await changed(() => command.keys.touch("k1", NOW))).toBe(false);
  expect(await changed(() => command.keys.flush())).toBe(false);
  expect(await changed(() => command.keys.revoke("k1", NOW))).toBe(true);
  expect(await changed(() => command.keys.revoke("k1", NOW + 1))).toBe(false);
  expect(await changed(() => command.database.run("delete from keys"))).toBe(true);
});

test("two keys cannot have the same digest", async () => {
  using store = inMemory();
  await store.keys.create(newKey("d1"));
  await expect(store.keys.create(newKey("d1"))).rejects.toThrow();
  expect(await handles(store.keys)).toEqual(["k1"]);
});

test("a scope that a newer version may know opens nothing here", async () => {
  using store = inMemory();
  await store.keys.create(newKey("d1"));
  store.database.run(`update keys set scopes = '["everything","metrics"]'`);
  expect(await store.keys.list()).toMatchObject([{ scopes: ["metrics"] }]);
});

test("who has the data folder signs alike, whoever has another does not, and closing changes nothing", async () => {
  using place = temporaryPath();
  await Bun.write(`${place.folder}/.keep`, "");
  const first = open(place.path);
  const signature = first.keys.signAsOwner("now");
  expect(signature).toMatch(/^[\w-]{43}$/);
  expect(first.keys.signAsOwner("later")).not.toBe(signature);
  first.database.close();
  expect(first.keys.signAsOwner("now")).toBe(signature);
  using again = open(place.path);
  expect(again.keys.signAsOwner("now")).toBe(signature);
  using other = inMemory();
  expect(other.keys.signAsOwner("now")).not.toBe(signature);
});
