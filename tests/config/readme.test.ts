import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { settingsSchema } from "../../src/config/schema.ts";
import { knownSettings } from "../../src/config/setting-tree.ts";
import { isJsonObject } from "../../src/lib/json.ts";

const ROOT = resolve(import.meta.dir, "../..");

/** The table under "Configuration", a row's cells each. */
const ROWS = (readFileSync(join(ROOT, "README.md"), "utf8").split("\n## Configuration\n")[1] ?? "")
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .slice(2)
  .map((line) => line.split("|").map((cell) => cell.trim()));

/** Setting → what stands for its default. `records.keepDays`, `.maxBytes` share a row, and so do their defaults, in order. */
const TOLD = new Map(
  ROWS.flatMap(([, , , cell = "", written = ""]) => {
    const names = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name.replace(/\[\].*/, ""));
    const section = names[0]?.split(".")[0] ?? "";
    const defaults = names.length > 1 ? written.split(", ") : [written];
    return names.map(
      (name, index) => [name.startsWith(".") ? section + name : name, defaults[index] ?? written] as const,
    );
  }),
);

test("the README tells of every setting there is, and of no other", () => {
  expect([...TOLD.keys()].toSorted()).toEqual([...knownSettings()].toSorted());
});

test("the README tells every default that is a number, a word or a switch", () => {
  const defaults: Record<string, unknown> = v.parse(settingsSchema, {});
  for (const name of knownSettings()) {
    const [section = "", key = ""] = name.split(".");
    const found = defaults[section];
    const value = key !== "" && isJsonObject(found) ? found[key] : found;
    const isAddress = typeof value === "string" && value.startsWith("https:");
    if (isAddress || value === undefined || typeof value === "object") continue;
    expect(`${name}: ${TOLD.get(name)}`).toBe(`${name}: ${String(value)}`);
  }
});

test("the README tells of every variable that the configuration is read from", () => {
  const folder = join(ROOT, "src/config");
  const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const variables = new Set(sources.join("\n").match(/\bAG_(?!BUILD_)[A-Z_]+\b/g)); // those are a build's, not a start's
  const told = new Set(ROWS.flatMap(([, cell = ""]) => cell.match(/\bAG_[A-Z_]+\b/g) ?? []));
  expect([...told].toSorted()).toEqual([...variables].toSorted());
});
