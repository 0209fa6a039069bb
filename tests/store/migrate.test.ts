import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { MIGRATIONS, migrate } from "../../src/store/migrate.ts";

const FIRST = "create table one (id integer primary key) strict";
const SECOND = "create table two (id integer primary key) strict; insert into one values (7)";

const tables = (database: Database) =>
  database
    .query<{ name: string }, []>("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    .all()
    .map(({ name }) => name)
    .sort();
const version = (database: Database) => database.query("pragma user_version").get();

describe("migrate", () => {
  test("an empty database gets every migration", () => {
    using database = new Database(":memory:");
    migrate(database);
    expect(tables(database)).toEqual(["accounts", "discovery", "signatures"]);
    expect(version(database)).toEqual({ user_version: MIGRATIONS.length });
  });

  test("a database of an earlier version gets only what it lacks and keeps its rows", () => {
    using database = new Database(":memory:");
    migrate(database, [FIRST]);
    database.run("insert into one values (1)");
    migrate(database, [FIRST, SECOND]);
    migrate(database, [FIRST, SECOND]);
    expect(database.query("select id from one order by id").values()).toEqual([[1], [7]]);
    expect(version(database)).toEqual({ user_version: 2 });
  });

  test("a migration that fails halfway leaves the database as it was", () => {
    using database = new Database(":memory:");
    migrate(database, [FIRST]);
    expect(() => migrate(database, [FIRST, "create table two (id); insert into missing values (1)"])).toThrow();
    expect(tables(database)).toEqual(["one"]);
    expect(version(database)).toEqual({ user_version: 1 });
  });

  test("a database of a newer version is refused, naming both versions, and stays untouched", () => {
    using database = new Database(":memory:");
    database.run("pragma user_version = 9");
    expect(() => migrate(database, [FIRST])).toThrow(/schema 9.*schemas up to 1.*newer ag/);
    expect(tables(database)).toEqual([]);
    expect(version(database)).toEqual({ user_version: 9 });
  });
});
