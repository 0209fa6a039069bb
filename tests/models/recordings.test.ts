import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Discovery } from "../../src/core/models.ts";
import { isJsonObject, type JsonValue } from "../../src/lib/json.ts";
import { resolveModel } from "../../src/models/resolve.ts";
import { shippedDiscovery } from "../../src/models/shipped.ts";
import { defaultModels } from "../support/cloudcode/model-table.ts";

const root = join(import.meta.dir, "../../../shared/recordings");

/** Every model that a real client has asked for: in the body, or in the address. */
function recordedNames(): string[] {
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const files = folders.flatMap(({ name }) => readdirSync(join(root, name)).map((file) => join(root, name, file)));
  const names = files
    .filter((file) => file.endsWith(".json"))
    .flatMap((file) => {
      const { path, body } = JSON.parse(readFileSync(file, "utf8")) as { path: string; body?: JsonValue };
      const inBody = isJsonObject(body) ? body["model"] : undefined;
      const inPath = /\/models\/([^/:?]+)/.exec(path)?.[1];
      return [inBody, inPath].filter((name) => typeof name === "string");
    });
  return [...new Set(names)];
}

const lists: [whose: string, list: Discovery][] = [
  ["the shipped ids", shippedDiscovery],
  ["the strict server's list", { models: defaultModels().map(({ id }) => ({ id })), replacedIds: {} }],
];

if (existsSync(root)) {
  describe.each(lists)("with %s, recorded clients find", (_, list) => {
    test.each(recordedNames())("%s", (name) => {
      expect(list.models.map(({ id }) => id)).toContain(resolveModel(name, list, {}).profile.id);
    });
  });
} else {
  test("no recordings of real clients are at hand: the table of names covers theirs", () => {
    expect(existsSync(root)).toBe(false);
  });
}
