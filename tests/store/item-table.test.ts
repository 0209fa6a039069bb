import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataFileError } from "../../src/core/store.ts";
import { readItemTable } from "../../src/store/item-table.ts";
import { copyFiles, temporaryPath } from "./support.ts";

/** A file as the app writes it, still open. */
function app(path: string, journalMode: "wal" | "delete"): Database {
  mkdirSync(join(path, ".."), { recursive: true });
  const database = new Database(path);
  database.run(`pragma journal_mode = ${journalMode}`);
  database.run("create table ItemTable (key text unique on conflict replace, value blob)");
  const insert = database.query("insert into ItemTable values (?, ?)");
  insert.run("text", "grüße");
  insert.run("blob", new TextEncoder().encode("grüße"));
  insert.run("null", null);
  insert.run("other", "private");
  return database;
}

/** Names, contents and times of all files in the folder. */
const traces = (folder: string) =>
  readdirSync(folder)
    .sort()
    .map((name) => [name, statSync(join(folder, name)).mtimeMs, readFileSync(join(folder, name)).toString("base64")]);

const EXPECTED = new Map([
  ["text", "grüße"],
  ["blob", "grüße"],
]);
const KEYS = ["text", "blob", "null", "missing"];

describe("readItemTable", () => {
  for (const journalMode of ["wal", "delete"] as const) {
    test(`a closed file (${journalMode}) is read, and nothing in its folder changes`, () => {
      using place = temporaryPath();
      const path = join(place.folder, "state #1 100%?.vscdb");
      app(path, journalMode).close();
      const before = traces(place.folder);
      expect(readItemTable(path, KEYS)).toEqual(EXPECTED);
      expect(traces(place.folder)).toEqual(before);
    });

    test(`a file that the app has open (${journalMode}) is read with what was written last`, () => {
      using place = temporaryPath();
      const path = join(place.folder, "state.vscdb");
      using open = app(path, journalMode);
      const names = readdirSync(place.folder).sort();
      open.query("insert into ItemTable values ('text', 'newest')").run();
      expect(readItemTable(path, ["text"])).toEqual(new Map([["text", "newest"]]));
      expect(readdirSync(place.folder).sort()).toEqual(names);
      open.query("insert into ItemTable values ('text', 'the app writes on')").run();
      expect(readItemTable(path, ["text"])).toEqual(new Map([["text", "the app writes on"]]));
    });
  }

  test("the log that a crashed app has left is read too", () => {
    using place = temporaryPath();
    const path = join(place.folder, "state.vscdb");
    using open = app(path, "wal");
    open.query("insert into ItemTable values ('text', 'only in the log')").run();
    const crashed = join(place.folder, "crashed");
    copyFiles(place.folder, crashed, ["state.vscdb", "state.vscdb-wal"]);
    expect(readItemTable(join(crashed, "state.vscdb"), ["text"])).toEqual(new Map([["text", "only in the log"]]));
  });

  test("a file that the app keeps locked is read as it stands", () => {
    using place = temporaryPath();
    const path = join(place.folder, "state.vscdb");
    using open = app(path, "delete");
    open.run("pragma locking_mode = exclusive");
    open.run("begin exclusive");
    expect(readItemTable(path, KEYS)).toEqual(EXPECTED);
    open.run("rollback");
  });

  test("a write-protected file in a write-protected folder is read", () => {
    using place = temporaryPath();
    const path = join(place.folder, "state.vscdb");
    app(path, "wal").close();
    chmodSync(path, 0o400);
    chmodSync(place.folder, 0o500);
    try {
      expect(readItemTable(path, KEYS)).toEqual(EXPECTED);
    } finally {
      chmodSync(place.folder, 0o700);
    }
  });

  test("what cannot be read is an error that names the file, and no file is made", () => {
    using place = temporaryPath();
    const path = join(place.folder, "state.vscdb");
    mkdirSync(place.folder);
    const read = () => readItemTable(path, KEYS);
    expect(read).toThrow(new DataFileError(`There is no file ${path}`));
    expect(readdirSync(place.folder)).toEqual([]);
    writeFileSync(path, "not a database, but long enough to have a header of some kind".repeat(20));
    expect(read).toThrow(new DataFileError(`The file ${path} cannot be read: file is not a database`));
    writeFileSync(path, "");
    expect(read).toThrow(new DataFileError(`${path} has no ItemTable: it is not the state of such a program`));
    expect(() => readItemTable(place.folder, KEYS)).toThrow(DataFileError);
  });
});
