import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataFileError } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { addOne, login, temporaryPath } from "./support.ts";

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const modes = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, mode(join(folder, name))]));

describe("openStore", () => {
  test("the folder and every file of the database are readable by their owner only", async () => {
    using place = temporaryPath();
    const umask = process.umask(0o022);
    try {
      const store = openStore(place.path);
      await addOne(store, login("1//test-1"));
      expect(mode(place.folder)).toBe("700");
      expect(modes(place.folder)).toEqual({
        "ag.db": "600",
        "ag.db-shm": "600",
        "ag.db-wal": "600",
        "ag.key": "600",
      });
      expect(process.umask().toString(8)).toBe("22");
      await store.close();
    } finally {
      process.umask(umask);
    }
  });

  test("rights that somebody loosened are tightened at the next start", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    await addOne(store, login("1//test-1"));
    await store.backUp(0);
    await store.close();
    const backups = join(place.folder, "backups");
    const files = [place.path, join(place.folder, "ag.key"), join(backups, "ag-1970-01-01.db")];
    for (const file of files) chmodSync(file, 0o664);
    for (const folder of [place.folder, backups]) chmodSync(folder, 0o755);
    await openStore(place.path).close();
    expect([place.folder, backups, ...files].map(mode)).toEqual(["700", "700", "600", "600", "600"]);
  });

  test("a shared folder with the sticky bit keeps its rights", async () => {
    using place = temporaryPath();
    mkdirSync(place.folder);
    chmodSync(place.folder, 0o1777);
    await openStore(place.path).close();
    expect([mode(place.folder), mode(place.path)]).toEqual(["777", "600"]);
  });

  test("several processes may open a new data file at the same moment", async () => {
    using place = temporaryPath();
    const script =
      `const { openStore } = await import(${JSON.stringify(join(import.meta.dir, "../../src/store/open-store.ts"))});` +
      "const store = openStore(process.argv[1]);" +
      "await store.accounts.add([{ kind: 'antigravity', secret: process.argv[2] }], 1, { again: true }); await store.close();";
    const started = [1, 2, 3, 4].map((number) =>
      Bun.spawn([process.execPath, "-e", script, place.path, `1//test-${number}`], { stderr: "inherit" }),
    );
    expect(await Promise.all(started.map(({ exited }) => exited))).toEqual([0, 0, 0, 0]);
    const store = openStore(place.path);
    const accounts = await store.accounts.list();
    expect(accounts.map(({ handle }) => handle)).toEqual(["a1", "a2", "a3", "a4"]);
    expect(accounts.map(({ secret }) => secret).sort()).toEqual([1, 2, 3, 4].map((number) => `1//test-${number}`));
    expect(readdirSync(place.folder).sort()).toEqual(["ag.db", "ag.db-shm", "ag.db-wal", "ag.key"]);
    await store.close();
  });

  test("the write-ahead log is on", async () => {
    using place = temporaryPath();
    await openStore(place.path).close();
    using database = new Database(place.path);
    expect(database.query("pragma journal_mode").get()).toEqual({ journal_mode: "wal" });
  });

  test("a data file of a newer version is refused with both versions", async () => {
    using place = temporaryPath();
    await openStore(place.path).close();
    using database = new Database(place.path);
    database.run("pragma user_version = 99");
    expect(() => openStore(place.path)).toThrow(/schema 99.*schemas up to 5/);
  });

  test("a file that has lost its content is refused while there are copies, and is a new one otherwise", async () => {
    using place = temporaryPath();
    mkdirSync(place.folder);
    writeFileSync(place.path, "");
    const store = openStore(place.path);
    await addOne(store, login("1//test-1"));
    await store.backUp(0);
    await store.close();
    writeFileSync(place.path, "");
    expect(() => openStore(place.path)).toThrow(`The data file ${place.path} is empty, and there are copies`);
    rmSync(place.path);
    const anew = openStore(place.path);
    expect(await anew.accounts.list()).toEqual([]);
    await anew.close();
  });

  test("a data file that was replaced while it was open is noticed", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    await addOne(store, login("1//test-1"));
    expect(store.accounts.version()).toBe(1);
    renameSync(place.path, `${place.path}.away`);
    expect(() => store.accounts.version()).toThrow("was moved or replaced while ag ran");
    writeFileSync(place.path, "");
    expect(() => store.accounts.version()).toThrow("was moved or replaced while ag ran");
    renameSync(`${place.path}.away`, place.path);
    expect(store.accounts.version()).toBe(1);
    await store.close();
  });

  test("a file that is no database is named in a plain error and left alone", () => {
    using place = temporaryPath();
    mkdirSync(place.folder);
    writeFileSync(place.path, "not a database, but long enough to have a header of some kind".repeat(20));
    const open = () => openStore(place.path);
    expect(open).toThrow(DataFileError);
    expect(open).toThrow(`The data file ${place.path} is not a database, or is damaged`);
  });
});
