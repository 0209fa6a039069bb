import { describe, expect, test } from "bun:test";
import { isValidAgainst } from "../../src/lib/json-schema.ts";
import type { JsonObject, JsonValue } from "../../src/lib/json.ts";

const person: JsonObject = {
  type: "object",
  properties: { name: { type: "string", minLength: 1 }, age: { type: ["integer", "null"] } },
  required: ["name", "age"],
  additionalProperties: false,
};

const LEVELS = 40;

/** Schemas each of which refers to the next one twice. */
function doubling(at: string): JsonObject {
  const next = (index: number) => ({ $ref: `${at}/${index + 1}` });
  const rows = Array.from({ length: LEVELS }, (_, index) => [String(index), { allOf: [next(index), next(index)] }]);
  return { ...Object.fromEntries(rows), [LEVELS]: { type: "object" } };
}

function nested(levels = LEVELS): JsonObject {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}

describe("isValidAgainst", () => {
  test.each([
    ["an object as it should be", person, { name: "a", age: 1 }],
    ["a value that may be null", person, { name: "a", age: null }],
    ["anything, without a schema", {}, [1]],
    ["a list of references", { $defs: { n: { type: "number" } }, items: { $ref: "#/$defs/n" } }, [1, 2]],
    ["a tuple", { prefixItems: [{ type: "number" }, { type: "string" }], items: false }, [1, "a"]],
    [
      "a tuple of draft 7",
      { $schema: "http://json-schema.org/draft-07/schema#", items: [{ type: "number" }] },
      [1, "a"],
    ],
    [
      "types in capitals",
      { type: "OBJECT", properties: { a: { type: "ARRAY", items: { type: "INTEGER" } } } },
      { a: [1] },
    ],
    [
      "null where nullable",
      { type: "OBJECT", properties: { a: { type: "STRING", enum: ["x"], nullable: true } } },
      { a: null },
    ],
    [
      "null where one of several is nullable",
      { anyOf: [{ type: "string" }, { type: "number" }], nullable: true },
      null,
    ],
    ["an unknown type", { type: "TYPE_UNSPECIFIED" }, 7],
    ["a matching text", { pattern: "^\\d+$" }, "12"],
    ["a text too long to be matched", { type: "string", pattern: "^\\d+$" }, "a".repeat(300)],
    [
      "a property of the name __proto__",
      JSON.parse('{"properties":{"__proto__":{"type":"number"}}}'),
      JSON.parse('{"__proto__":1}'),
    ],
    // What cannot be checked.
    ["a reference to nothing", { $ref: "#/$defs/none" }, 1],
    ["a reference in a circle", { $ref: "#" }, 1],
    ["a broken regular expression", { pattern: "(" }, "a"],
    ["a regular expression that may take for ever", { pattern: "^(a+)+$" }, `${"a".repeat(50)}!`],
    ["a format that JSON Schema does not have", { type: "string", format: "url" }, `http://${"a".repeat(100_000)} `],
    ["names that may take for ever", { patternProperties: { "^(a+)+$": {} }, additionalProperties: false }, { b: 1 }],
    ["a text too long for its pattern", { pattern: "^a*a*a*$" }, `${"a".repeat(20_000)}!`],
    [
      "a regular expression in a place of its own that may take for ever",
      { x: { pattern: "^(a+)+$" }, $ref: "#/x" },
      `${"a".repeat(50)}!`,
    ],
    ["what doubles with every reference", { $defs: doubling("#/$defs"), $ref: "#/$defs/0" }, {}],
    ["the same in a place of its own", { x: doubling("#/x"), $ref: "#/x/0" }, {}],
    [
      "the same in a dependency",
      { dependencies: { a: { x: doubling("#/dependencies/a/x"), $ref: "#/dependencies/a/x/0" } } },
      { a: 1 },
    ],
    ["what doubles with every level", { properties: { a: { allOf: [{ $ref: "#" }, { $ref: "#" }] } } }, nested()],
    ["a list too long to be compared", { uniqueItems: true }, Array.from({ length: 20_000 }, () => ({ a: [1] }))],
    ["a text too long for its format", { format: "uri-reference" }, "%".repeat(200_000)],
    ["nonsense", { type: 7, required: "a", properties: [1], items: "x", enum: {} }, { a: 1 }],
  ] as [string, JsonObject, JsonValue][])("%s is valid", (_, schema, value) => {
    expect(isValidAgainst(schema, value)).toBe(true);
  });

  test.each([
    ["a missing property", person, { name: "a" }],
    ["a property too many", person, { name: "a", age: 1, more: true }],
    ["a wrong type", person, { name: "a", age: "1" }],
    ["a text too short", person, { name: "", age: 1 }],
    ["a value that is not listed", { enum: ["a", "b"] }, "c"],
    ["a list of wrong references", { $defs: { n: { type: "number" } }, items: { $ref: "#/$defs/n" } }, [1, "a"]],
    ["a wrong deep value under types in capitals", { type: "OBJECT", properties: { a: { type: "STRING" } } }, { a: 1 }],
    ["a text that does not match", { pattern: "^\\d+$" }, "a"],
    ["a value that comes twice", { uniqueItems: true }, [{ a: 1 }, { a: 1 }]],
    ["what a dependency lacks", { dependencies: { a: ["b"] } }, { a: 1 }],
    ["what a schema in a place of its own refuses", { x: { y: { type: "string" } }, $ref: "#/x/y" }, 1],
    ["a text in a wrong format", { type: "string", format: "date" }, "tomorrow"],
    [
      "a wrong __proto__",
      JSON.parse('{"properties":{"__proto__":{"type":"number"}}}'),
      JSON.parse('{"__proto__":"a"}'),
    ],
  ] as [string, JsonObject, JsonValue][])("%s is not", (_, schema, value) => {
    expect(isValidAgainst(schema, value)).toBe(false);
  });

  test("the schema is left as it was", () => {
    const schema = { ...person, pattern: "(a+)+", nullable: true, $ref: "#" };
    const before = JSON.stringify(schema);
    isValidAgainst(schema, {});
    expect(JSON.stringify(schema)).toBe(before);
    expect(Object.getOwnPropertyNames(schema)).not.toContain("__absolute_uri__");
  });
});
