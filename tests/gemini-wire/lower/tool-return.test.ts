import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { claude, gemini3, lower, tool } from "./support.ts";

function restored(schema: JsonObject | undefined, args: JsonObject, target = gemini3): JsonObject {
  return lower({ tools: [tool("t", schema)] }, target).tools.restore("t", args).args;
}

const list = { type: "array", items: { type: "object", properties: { a: { type: "number" } } } };

describe("an argument written as JSON text", () => {
  const rows: [string, JsonObject, JsonObject, JsonObject][] = [
    ["is parsed where the schema takes an array", { p: list }, { p: '[{"a":1}]' }, { p: [{ a: 1 }] }],
    [
      "is parsed where the schema takes an object",
      { p: { properties: { a: {} } } },
      { p: ' {"a":1} ' },
      { p: { a: 1 } },
    ],
    [
      "is parsed inside of what was parsed",
      { p: { type: "array", items: list } },
      { p: '["[{\\"a\\":1}]"]' },
      { p: [[{ a: 1 }]] },
    ],
    ["is parsed through references", { p: { $ref: "#/properties/q" }, q: list }, { p: "[]" }, { p: [] }],
    [
      "is parsed where only null is the alternative",
      { p: { anyOf: [list, { type: "null" }] } },
      { p: "[]" },
      { p: [] },
    ],
    [
      "is parsed below maps",
      { p: { type: "object", additionalProperties: list } },
      { p: { k: "[]" } },
      { p: { k: [] } },
    ],
    ["stays text where the schema takes text", { p: { type: "string" } }, { p: '{"a":1}' }, { p: '{"a":1}' }],
    [
      "stays text where the schema takes either",
      { p: { anyOf: [list, { type: "string" }] } },
      { p: "[]" },
      { p: "[]" },
    ],
    [
      "stays text where the schema takes a list of types with string",
      { p: { type: ["array", "string"] } },
      { p: "[]" },
      { p: "[]" },
    ],
    ["stays text where the schema does not say", { p: { description: "anything" } }, { p: "[]" }, { p: "[]" }],
    ["stays text where nothing is declared", {}, { p: "[]" }, { p: "[]" }],
    ["stays text where it is of the other kind", { p: list }, { p: "{}" }, { p: "{}" }],
    ["stays text where it is no JSON", { p: list }, { p: "[1, 2" }, { p: "[1, 2" }],
    [
      "stays text where the reference leads nowhere",
      { p: { $ref: "https://example.com/x" } },
      { p: "[]" },
      { p: "[]" },
    ],
  ];
  test.each(rows)("%s", (_, properties, args, expected) => {
    expect(restored({ type: "object", properties }, args)).toEqual(expected);
  });

  test("is judged by the schema the client declared, not by the cleaned one", () => {
    const schema = {
      type: "object",
      properties: { p: { oneOf: [{ type: "object", properties: {} }, { type: "string" }] } },
    };
    expect(restored(schema, { p: "{}" })).toEqual({ p: "{}" });
  });

  test("nested in a schema that refers to itself is followed as deep as the arguments go", () => {
    const node = { type: "object", properties: { children: { type: "array", items: { $ref: "#" } } } };
    expect(restored(node, { children: '[{"children":"[{\\"children\\":[]}]"}]' })).toEqual({
      children: [{ children: [{ children: [] }] }],
    });
  });
});

test("arguments that need no change are handed on as they are", () => {
  const args = { content: '{"json": "text"}', list: [1, { a: "[]" }] };
  const schema = { type: "object", properties: { content: { type: "string" }, list: { type: "array", items: {} } } };
  expect(restored(schema, args)).toBe(args);
});

test("the private placeholder never reaches a client", () => {
  expect(restored(undefined, { _ag_noop: true }, claude)).toEqual({});
  expect(
    restored({ type: "object", properties: {}, additionalProperties: false }, { _ag_noop: false, x: 1 }, claude),
  ).toEqual({ x: 1 });
});

test("a property the client itself named like the placeholder is the client's", () => {
  expect(
    restored({ type: "object", properties: { _ag_noop: { type: "boolean" } } }, { _ag_noop: true }, claude),
  ).toEqual({ _ag_noop: true });
});
