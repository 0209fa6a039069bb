import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { asking, bench, declaring, envelope, GEMINI_3, model, says } from "./samples.ts";

/** One world for the tables: nothing in them changes it. */
export const { judge } = bench();

/** [what is wrong, the rule that refuses it, the wrong body, the nearest right body] */
export type Row = [name: string, rule: string, wrong: unknown, right: unknown];

/** Each row: the right body passes, the wrong one is refused by the named rule. */
export function table(title: string, rows: Row[]): void {
  describe(title, () => {
    test.each(rows)("%s is refused (%s)", (_name, expected, wrong, right) => {
      expect(judge(right)).toBeUndefined();
      expect(judge(wrong)?.rule).toBe(expected);
    });
  });
}

export const PNG = { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } };
export const plain = asking(GEMINI_3);
export const ok = (text = "ok"): JsonObject => model(says(text));

export const contents = (modelId: string, ...list: JsonObject[]): JsonObject => envelope(modelId, { contents: list });
export const talk = (modelId: string, fields: JsonObject, ...list: JsonObject[]): JsonObject =>
  envelope(modelId, { contents: list, ...fields });
export const config = (modelId: string, generationConfig: JsonObject): JsonObject =>
  asking(modelId, { generationConfig });
export const tools = (modelId: string, list: JsonObject[], fields: JsonObject = {}): JsonObject =>
  asking(modelId, { tools: list, ...fields });
/** A declaration with these parameters. */
export const schema = (parameters: JsonObject): JsonObject => tools(GEMINI_3, declaring(parameters));
/** A declaration in whose parameters `a` is this, which need not be a schema. */
export const property = (value: unknown): JsonObject =>
  schema(JSON.parse(JSON.stringify({ type: "object", properties: { a: value, b: { type: "string" } } })));
export const without = (body: JsonObject, key: string): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([name]) => name !== key));
