import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataFileError } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { addOne, copyFiles, filesWith, login, temporaryPath } from "./support.ts";

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 0, 1, 12);
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("a copy in the place of the database has everything but the signatures", async () => {
  using place = temporaryPath();
  using restored = temporaryPath();
  const store = openStore(place.path);
  const account = await addOne(store, login("1//test-1", { email: "a@example.org", label: 'it\'s "mine"' }));
  const gone = await addOne(store, login("1//test-2"));
  await store.accounts.update(account.id, {
    secret: "1//test-3",
    problem: { type: "no-project", message: "m", since: 1 },
  });
  const cooldown = { kind: "rate-limited", until: 9, since: 1, evidence: "429" } as const;
  const limit = { accountId: account.id, model: "m", cooldown, unnamedFailures: 0, liftedByReading: false };
  await store.limits.save(limit);
  const binding = { session: "s", model: "m", accountId: account.id, usedAt: 5 };
  store.sessions.remember(binding);
  store.signatures.remember([{ key: "call:1", family: "gemini", value: "signature-canary", at: 1 }]);
  await store.sessions.prune(0);
  await store.signatures.prune(0, 10);
  await store.consents.give("terms", 1, 3);
  await store.discovery.save({ models: [{ id: "m" }], replacedIds: {} }, 1);
  await store.accounts.remove(gone.id, 2);
  await store.backUp(NOON);
  const accounts = await store.accounts.list();
  const version = store.accounts.version();
  await store.close();

  const backups = join(place.folder, "backups");
  expect(readdirSync(backups)).toEqual(["ag-2026-01-01.db"]);
  expect([mode(backups), mode(join(backups, "ag-2026-01-01.db"))]).toEqual(["700", "600"]);
  for (const canary of ["signature-canary", "1//test"]) expect(filesWith(backups, canary)).toEqual([]);
  const schema = (path: string) => {
    using database = new Database(path);
    return [
      database.query("pragma user_version").get(),
      database.query("select type, name, tbl_name, sql from sqlite_schema order by name").all(),
    ];
  };
  expect(schema(join(backups, "ag-2026-01-01.db"))).toEqual(schema(place.path));

  copyFiles(place.folder, restored.folder, ["ag.key"]);
  copyFiles(backups, restored.folder, ["ag-2026-01-01.db"]);
  const copy = openStore(join(restored.folder, "ag-2026-01-01.db"));
  expect(await copy.accounts.list()).toEqual(accounts);
  expect(copy.accounts.version()).toBe(version);
  expect(await copy.limits.load()).toEqual([limit]);
  expect(await copy.sessions.load(0)).toEqual([binding]);
  expect((await copy.signatures.find(["call:1"])).size).toBe(0);
  expect(await copy.consents.givenAt("terms", 1)).toBe(3);
  expect(await copy.discovery.load()).toEqual({ models: [{ id: "m" }], replacedIds: {} });
  const later = await copy.accounts.add([login("1//test-1"), login("1//test-2"), login("1//test-4")], 4, {
    again: false,
  });
  expect([later.known.length, later.removed, later.added.map(({ handle }) => handle)]).toEqual([1, ["a2"], ["a3"]]);
  await copy.close();
});

test("there is one copy for each day (UTC), and the seven latest are kept", async () => {
  using place = temporaryPath();
  const store = openStore(place.path);
  await addOne(store, login("1//test-1"));
  const backups = join(place.folder, "backups");
  await store.backUp(NOON);
  const first = statSync(join(backups, "ag-2026-01-01.db"));
  await addOne(store, login("1//test-2"));
  await store.backUp(NOON + DAY_MS / 2 - 1);
  const same = statSync(join(backups, "ag-2026-01-01.db"));
  expect([same.ino, same.mtimeMs]).toEqual([first.ino, first.mtimeMs]);
  writeFileSync(join(backups, "ag-mine.db"), "kept: it is the owner's");
  for (let day = 1; day <= 9; day++) await store.backUp(NOON + day * DAY_MS - DAY_MS / 2);
  const days = ["04", "05", "06", "07", "08", "09", "10"].map((day) => `ag-2026-01-${day}.db`);
  expect(readdirSync(backups).sort()).toEqual([...days, "ag-mine.db"]);
  await store.close();
});

test("a database without accounts is not copied: it must not push out copies that have some", async () => {
  using place = temporaryPath();
  const store = openStore(place.path);
  await store.backUp(NOON);
  expect(readdirSync(place.folder)).not.toContain("backups");
  await store.close();
  await openStore(":memory:").backUp(NOON);
});

test("what an ended process left of a copy is cleared away, but not what one may be writing", async () => {
  using place = temporaryPath();
  const store = openStore(place.path);
  await addOne(store, login("1//test-1"));
  await store.backUp(NOON);
  const backups = join(place.folder, "backups");
  const [old, young] = ["ag-2025-12-31.db.draft-1", "ag-2026-01-02.db.draft-2"];
  const tomorrow = NOON + DAY_MS;
  for (const name of [old, young]) writeFileSync(join(backups, name), "half a copy");
  utimesSync(join(backups, old), NOON / 1_000, NOON / 1_000);
  utimesSync(join(backups, young), tomorrow / 1_000, tomorrow / 1_000 - 60);
  await store.backUp(tomorrow);
  expect(readdirSync(backups).sort()).toEqual(["ag-2026-01-01.db", "ag-2026-01-02.db", young]);
  await store.close();
});

test("a copy that cannot be written is a plain error, and nothing of it stays", async () => {
  using place = temporaryPath();
  const store = openStore(place.path);
  await addOne(store, login("1//test-1"));
  writeFileSync(join(place.folder, "backups"), "a file in the folder's place");
  const backingUp = store.backUp(NOON);
  await expect(backingUp).rejects.toBeInstanceOf(DataFileError);
  await expect(backingUp).rejects.toThrow(
    `The backup ${join(place.folder, "backups", "ag-2026-01-01.db")} cannot be written`,
  );
  await store.close();
});

test("while another process writes, the copy is of what is there", async () => {
  using place = temporaryPath();
  const store = openStore(place.path);
  await addOne(store, login("1//test-1"));
  using other = new Database(place.path);
  other.run("begin immediate");
  other.run("delete from accounts");
  await store.backUp(NOON);
  other.run("rollback");
  using copy = new Database(join(place.folder, "backups", "ag-2026-01-01.db"));
  expect(copy.query("select count(*) n from accounts").get()).toEqual({ n: 1 });
  await store.close();
});
