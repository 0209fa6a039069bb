import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { profileOf } from "../../src/models/profile.ts";
import { isOffered, shippedAliases, shippedDiscovery, shippedProfiles } from "../../src/models/shipped.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const Facts = v.strictObject({
  listed: v.exactOptional(v.boolean()),
  displayName: v.exactOptional(v.string()),
  contextTokens: v.exactOptional(count),
  maxOutputTokens: v.exactOptional(count),
  thinking: v.exactOptional(
    v.nullable(v.strictObject({ min: count, max: count, zeroAllowed: v.boolean(), default: count })),
  ),
  mimeTypes: v.exactOptional(v.array(v.pipe(v.string(), v.regex(/^(?:image|audio|video|application)\/[a-z0-9.+-]+$/)))),
});

describe("the shipped data", () => {
  test("has no field that the code does not read", () => {
    for (const facts of Object.values(shippedProfiles)) v.parse(Facts, facts);
  });

  test("lists ids that are offered, with a name and a window", () => {
    expect(shippedDiscovery.models.length).toBeGreaterThan(0);
    for (const { id } of shippedDiscovery.models) {
      const { displayName, contextTokens, maxOutputTokens } = profileOf(id);
      expect([isOffered(id), id.includes("*"), displayName === id]).toEqual([true, false, false]);
      expect(contextTokens).toBeGreaterThan(maxOutputTokens);
    }
  });

  test("has thinking ranges whose default lies within", () => {
    for (const { thinking } of Object.values(shippedProfiles)) {
      if (thinking) expect(thinking.min <= thinking.default && thinking.default <= thinking.max).toBe(true);
    }
  });

  test("has aliases that never leave their family", () => {
    const family = (name: string) => (["opus", "sonnet", "haiku"].includes(name) ? "claude" : name.split("-")[0]);
    for (const [alias, candidates] of Object.entries(shippedAliases)) {
      expect([alias, ...new Set(candidates.map(family))]).toEqual([alias, family(alias)]);
    }
  });
});

test("no upstream model id is written anywhere in src but in the shipped data and the demo upstream", () => {
  const src = join(import.meta.dir, "../../src");
  const data = readFileSync(join(src, "models/shipped.json"), "utf8");
  const ids = new Set(data.match(/"(?:claude|gemini|gpt)-[a-z0-9.-]+"/g)?.map((quoted) => quoted.slice(1, -1)));
  expect(ids.size).toBeGreaterThan(15);
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".ts") && !path.startsWith("upstreams/demo"),
  );
  expect(files.length).toBeGreaterThan(20);
  const offences = files.flatMap((path) => {
    const text = readFileSync(join(src, path), "utf8");
    return [...ids].filter((id) => text.includes(id)).map((id) => `${path}: ${id}`);
  });
  expect(offences).toEqual([]);
});
