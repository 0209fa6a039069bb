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

  test("has aliases of Claude and Gemini names that never leave their family, and of others that stand for Gemini", () => {
    for (const [alias, candidates] of Object.entries(shippedAliases)) {
      const [family] = /^(?:claude|gemini|gpt-oss)/.exec(alias) ?? [];
      const own = ["opus", "sonnet", "haiku"].includes(alias) ? "claude" : (family ?? "gemini");
      expect([alias, candidates.filter((candidate) => !candidate.startsWith(own))]).toEqual([alias, []]);
    }
  });

  test("has aliases that stand for text or for images, never for both", () => {
    for (const [alias, candidates] of Object.entries(shippedAliases)) {
      const images = new Set(candidates.map((candidate) => candidate.includes("image")));
      expect([alias, images.size]).toEqual([alias, 1]);
      expect([alias, images.has(true)]).toEqual([alias, /image|dall-e/.test(alias)]);
    }
  });
});

describe("no model id", () => {
  const src = join(import.meta.dir, "../../src");
  const data = readFileSync(join(src, "models/shipped.json"), "utf8");
  const shipped = new Set(data.match(/"(?:claude|gemini|gpt)-[a-z0-9.-]+"/g)?.map((quoted) => quoted.slice(1, -1)));
  /** Whatever looks like an id: a family and a number, whether or not the shipped data has it. */
  const LOOKS_LIKE_ONE =
    /\b(?:claude|gemini|gpt|chatgpt|codex|dall-e|imagen|veo)-[a-z0-9.-]*\d[a-z0-9.-]*|\bo[134]-[a-z]+\b/gi;
  /** Generations, and windows of quota. */
  const NO_IDS = new Set(["gemini-2.5", "gemini-3", "gemini-5h"]);

  function idsIn(text: string): string[] {
    const likely = (text.match(LOOKS_LIKE_ONE) ?? []).filter((found) => !NO_IDS.has(found));
    return [...new Set([...likely, ...[...shipped].filter((id) => text.includes(id))])];
  }

  test("is written anywhere in src but in the shipped data and the demo upstream", () => {
    expect(shipped.size).toBeGreaterThan(15);
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
      (path) => path.endsWith(".ts") && !path.startsWith("upstreams/demo"),
    );
    expect(files.length).toBeGreaterThan(200);
    const offences = files.flatMap((path) =>
      idsIn(readFileSync(join(src, path), "utf8")).map((id) => `${path}: ${id}`),
    );
    expect(offences).toEqual([]);
  });

  test("would go unseen", () => {
    const planted: [code: string, ids: string[]][] = [
      ['if (id === "gemini-pro-agent") return;', ["gemini-pro-agent"]],
      ['model: "claude-opus-9-1-thinking"', ["claude-opus-9-1-thinking"]],
      ['const CHEAP = ["gpt-7o-mini", "o3-pro"];', ["gpt-7o-mini", "o3-pro"]],
      ["// Gemini-12-ultra is different", ["Gemini-12-ultra"]],
      ['generation === "gemini-2.5" || family === "gpt-oss"', []],
    ];
    for (const [code, ids] of planted) expect(idsIn(code)).toEqual(ids);
  });
});
