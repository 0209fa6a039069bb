import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { MIGRATIONS, type Migration, migrate } from "../../src/store/migrate.ts";
import { openStore } from "../../src/store/open-store.ts";
import { unlock } from "../../src/store/secrets.ts";
import { addOne, filesWith, login, temporaryPath, writeFirstSchema } from "./support.ts";

const FIRST = { sql: "create table one (id integer primary key) strict" };
const SECOND = { sql: "create table two (id integer primary key) strict; insert into one values (7)" };

const tables = (database: Database) =>
  database
    .query<{ name: string }, []>("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    .all()
    .map(({ name }) => name)
    .sort();
const version = (database: Database) => database.query("pragma user_version").get();
const run = (database: Database, migrations?: readonly Migration[]) =>
  migrate(database, () => unlock(database, { database: ":memory:", secretKey: undefined }), migrations);

describe("migrate", () => {
  test("an empty database gets every migration", () => {
    using database = new Database(":memory:");
    run(database);
    expect(tables(database)).toEqual([
      "accounts",
      "changes",
      "consents",
      "discovery",
      "former_secrets",
      "key_changes",
      "keys",
      "limits",
      "pending",
      "removed",
      "requests",
      "responses",
      "sessions",
      "signatures",
      "usage",
      "vault",
    ]);
    expect(version(database)).toEqual({ user_version: MIGRATIONS.length });
  });

  test("a database of an earlier version gets only what it lacks and keeps its rows", () => {
    using database = new Database(":memory:");
    run(database, [FIRST]);
    database.run("insert into one values (1)");
    run(database, [FIRST, SECOND]);
    run(database, [FIRST, SECOND]);
    expect(database.query("select id from one order by id").values()).toEqual([[1], [7]]);
    expect(version(database)).toEqual({ user_version: 2 });
  });

  test("a migration that fails halfway, in its code too, leaves the database as it was", () => {
    using database = new Database(":memory:");
    run(database, [FIRST]);
    expect(() => run(database, [FIRST, { sql: "create table two (id); insert into missing values (1)" }])).toThrow();
    const finish = () => {
      throw new Error("no key");
    };
    expect(() => run(database, [FIRST, { ...SECOND, finish }])).toThrow("no key");
    expect(tables(database)).toEqual(["one"]);
    expect(version(database)).toEqual({ user_version: 1 });
  });

  test("a database of a newer version is refused, naming both versions, and stays untouched", () => {
    using database = new Database(":memory:");
    database.run("pragma user_version = 9");
    expect(() => run(database, [FIRST])).toThrow(/schema 9.*schemas up to 1.*newer ag/);
    expect(tables(database)).toEqual([]);
    expect(version(database)).toEqual({ user_version: 9 });
  });
});

describe("from schema 1", () => {
  const TOKENS = [
    { number: 2, token: "1//test-canary-2" },
    { number: 5, token: "1//test-canary-5" },
  ];

  test("every account keeps all it had, and the handles that were given out stay given out", async () => {
    using place = temporaryPath();
    writeFirstSchema(place.path, [...TOKENS, { number: 9, token: "1//test-canary-9" }]);
    using editor = new Database(place.path);
    editor.run("delete from accounts where number = 9");
    editor.run("insert into signatures values ('call:1', 'gemini', 'v', 1)");
    const store = openStore(place.path);
    expect(await store.accounts.list()).toEqual(
      TOKENS.map(({ number, token }) => ({
        id: `id-${number}`,
        handle: `a${number}`,
        kind: "antigravity",
        label: "work",
        email: `n${number}@example.org`,
        secret: token,
        projectId: "p",
        tier: "pro",
        enabled: false,
        problem: { type: "needs-login", message: "Sign in again", url: "https://accounts.google.com/x", since: 5 },
        addedAt: 6,
        lastUsedAt: 7,
      })),
    );
    expect((await store.signatures.find(["call:1"])).size).toBe(1);
    expect((await store.accounts.add([login("1//test-canary-2")], 1, { again: false })).known).toHaveLength(1);
    expect((await addOne(store, login("1//test-new"))).handle).toBe("a10");
    await store.close();
  });

  test("no trace of a plain token stays, in no file and from no earlier row", async () => {
    using place = temporaryPath();
    writeFirstSchema(place.path, [...TOKENS, { number: 9, token: "1//test-deleted" }]);
    const editor = new Database(place.path);
    editor.run("delete from accounts where number = 9");
    editor.close();
    expect(filesWith(place.folder, "1//test-deleted")).not.toEqual([]);
    const store = openStore(place.path);
    for (const canary of ["1//test-canary", "1//test-deleted"]) expect(filesWith(place.folder, canary)).toEqual([]);
    await store.close();
    for (const canary of ["1//test-canary", "1//test-deleted"]) expect(filesWith(place.folder, canary)).toEqual([]);
  });

  test("while another process reads the old rows, their traces stay asked to be removed, and the next start does it", async () => {
    using place = temporaryPath();
    writeFirstSchema(place.path, TOKENS);
    const reader = new Database(place.path, { readonly: true });
    reader.run("begin");
    expect(reader.query("select count(*) n from accounts").get()).toEqual({ n: 2 });
    const first = openStore(place.path);
    expect(await first.accounts.list()).toHaveLength(2);
    await first.close();
    reader.close();
    await openStore(place.path).close();
    expect(filesWith(place.folder, "1//test-canary")).toEqual([]);
  });
});

describe("from schema 3", () => {
  test("all stays as it was, and a first key and its revocation find their place", async () => {
    using place = temporaryPath();
    mkdirSync(dirname(place.path), { recursive: true });
    const before = new Database(place.path);
    const secrets = () => unlock(before, { database: place.path, secretKey: undefined });
    migrate(before, secrets, MIGRATIONS.slice(0, 3));
    before.transaction(secrets).immediate();
    before.run("insert into responses values ('resp_1', 'sealed', 1)");
    before.close();
    const store = openStore(place.path);
    expect([await store.keys.list(), store.keys.version(), await store.usage.totals("key")]).toEqual([[], 0, []]);
    const made = { digest: "d", hint: "sk-ag-…", scopes: ["inference"], models: [], createdAt: 1 } as const;
    const { handle } = await store.keys.create(made);
    expect([handle, store.keys.version()]).toEqual(["k1", 1]);
    await store.keys.revoke(handle, 2);
    expect([(await store.keys.list())[0]?.revokedAt, store.keys.version()]).toEqual([2, 2]);
    await store.close();
    using after = new Database(place.path);
    expect(after.query("select id from responses").values()).toEqual([["resp_1"]]);
    expect(version(after)).toEqual({ user_version: MIGRATIONS.length });
  });
});
