import { describe, expect, test } from "bun:test";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { isValidAgainst } from "../../../src/lib/json-schema.ts";
import { exampleOf } from "../../../src/upstreams/demo/pattern.ts";
import { argumentsFor, valueFor } from "../../../src/upstreams/demo/values.ts";
import { testClient, userText } from "./client.ts";

const source = { prompt: "Fill it, please: 🙂", now: Date.UTC(2026, 7, 20, 12) };

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
});
const text = (more: JsonObject): JsonObject => object({ value: { type: "string", ...more } });

const SCHEMAS: readonly [name: string, schema: JsonObject][] = [
  ["a pattern", text({ pattern: String.raw`^[A-Z]{3}-\d{4}$` })],
  ["a pattern with alternatives and groups", text({ pattern: "^(?:red|(?<dark>dark )green)-(ok|no)+$" })],
  ["a pattern and a length", text({ pattern: "^[a-z]+$", minLength: 40, maxLength: 42 })],
  ["a pattern with a look ahead", text({ pattern: String.raw`^(?!\.)[\w.+-]+@(\w+\.)+[a-z]{2,}$` })],
  ["a pattern of far letters", text({ pattern: String.raw`^[\u0400-\u04ff]{2}$` })],
  ["lengths", text({ minLength: 40, maxLength: 45 })],
  ["a length that cuts the words", text({ maxLength: 2 })],
  ["a length that would cut a character in two", text({ minLength: 18, maxLength: 18 })],
  ...["date", "date-time", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"].map(
    (format): [string, JsonObject] => [`the format ${format}`, text({ format })],
  ),
  ["the least number of items", object({ list: { type: "array", items: { type: "string" }, minItems: 3 } })],
  [
    "items that all differ",
    object({
      list: { type: "array", items: { type: "integer", minimum: 5, maximum: 9 }, minItems: 4, uniqueItems: true },
    }),
  ],
  [
    "values of a list that all differ",
    { type: "array", items: { enum: ["a", "b", "c"] }, minItems: 3, uniqueItems: true },
  ],
  ["texts that all differ", { type: "array", items: { type: "string" }, minItems: 3, uniqueItems: true }],
  ["an item among others", { type: "array", items: { type: "integer" }, contains: { const: 5 } }],
  ["a tuple", { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }], items: false, minItems: 2 }],
  ["a tuple of the old kind", { type: "array", items: [{ type: "string" }, { type: "boolean" }], minItems: 2 }],
  ["no items", { type: "array", items: { type: "string" }, maxItems: 0 }],
  ["multiples", object({ count: { type: "integer", minimum: 10, multipleOf: 7 } })],
  ["multiples of a fraction", object({ price: { type: "number", minimum: 0.05, multipleOf: 0.01 } })],
  ["a narrow range", object({ share: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 0.2 } })],
  [
    "a whole number between bounds that are none",
    object({ count: { type: "integer", exclusiveMinimum: 2, maximum: 3.5 } }),
  ],
  ["constants", object({ one: { const: 42 }, two: { const: { q: [1, 2] } }, three: { enum: [null, 3] } })],
  ["parts", { allOf: [object({ a: { type: "string" } }, { additionalProperties: true }), { required: ["b"] }] }],
  [
    "the same property in two parts",
    { allOf: [{ properties: { a: { type: "string" } } }, { properties: { a: { minLength: 50 } }, required: ["a"] }] },
  ],
  [
    "alternatives",
    { oneOf: [object({ kind: { const: "a" }, x: { type: "integer" } }), object({ kind: { const: "b" } })] },
  ],
  ["an alternative that excludes the first", { oneOf: [{ type: "integer" }, { type: "number" }, { type: "boolean" }] }],
  [
    "a condition",
    JSON.parse(`{
      "type": "object", "properties": { "kind": { "enum": ["a", "b"] } }, "required": ["kind"],
      "if": { "properties": { "kind": { "const": "a" } } },
      "then": { "required": ["extra"], "properties": { "extra": { "type": "string" } } }
    }`) as JsonObject,
  ],
  ["a record", { type: "object", additionalProperties: { type: "integer" }, minProperties: 2 }],
  [
    "names of a form",
    {
      type: "object",
      propertyNames: { pattern: "^[a-z]{4}$" },
      additionalProperties: { type: "string" },
      minProperties: 2,
    },
  ],
  [
    "properties by pattern",
    {
      type: "object",
      patternProperties: { "^x-[a-z]+$": { type: "boolean" } },
      additionalProperties: false,
      minProperties: 1,
    },
  ],
  ["few properties", { type: "object", properties: { a: {}, b: {}, c: {} }, required: ["b"], maxProperties: 1 }],
  ["a required property without a schema", { type: "object", required: ["loose"] }],
  ["a property with an inherited name", { ...object({}), properties: { ["__proto__"]: { type: "integer" } } }],
  [
    "a list that ends in null",
    {
      $defs: {
        node: object({ value: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } }),
      },
      $ref: "#/$defs/node",
    },
  ],
  [
    "a tree of lists",
    { $defs: { node: object({ kids: { type: "array", items: { $ref: "#/$defs/node" } } }) }, $ref: "#/$defs/node" },
  ],
  ["types in a list", object({ a: { type: ["null", "string"] }, b: { type: ["integer", "string"], minimum: 3 } })],
  ["a number alone", { type: "integer", minimum: 10 }],
  ["nothing", {}],
];

describe("made-up values", () => {
  test.each(SCHEMAS)("are valid against a schema with %s", (_name, schema) => {
    const value = valueFor(schema, source);
    expect({ value, valid: isValidAgainst(schema, value) }).toEqual({ value, valid: true });
    expect(JSON.stringify(value).isWellFormed()).toBe(true);
  });

  test.each(SCHEMAS)(
    "are valid as well when a model without a JSON mode is told of %s in words",
    async (_name, schema) => {
      const { text: answer } = await testClient().ask(
        {
          systemInstruction: {
            parts: [{ text: `Your answer must be a single JSON value and nothing else.\n${JSON.stringify(schema)}` }],
          },
          contents: [userText("Fill it.")],
        },
        { model: "claude-sonnet-4-6" },
      );
      const value = JSON.parse(answer) as JsonValue;
      expect({ value, valid: isValidAgainst(schema, value) }).toEqual({ value, valid: true });
    },
  );

  test("follow what the description says of keywords that upstream's dialect does not have", () => {
    const properties = {
      list: { type: "ARRAY", items: { type: "INTEGER" }, description: "Some. (minItems: 3) (uniqueItems: true)" },
      code: { type: "STRING", description: "(pattern: ^(A|B)[0-9]{2}$) (maxLength: 9)" },
      answer: { type: "INTEGER", description: "The answer (enum: 42)" },
      pair: {
        type: "ARRAY",
        items: { type: "STRING" },
        description: "(minItems: 2) (items in order: array of string, integer)",
      },
      scores: { type: "OBJECT", description: "(minProperties: 2) (additionalProperties: integer | null)" },
      next: { type: "OBJECT", nullable: true, description: "(See: node)" },
      plain: { type: "STRING", description: "Says (minItems: 3) in the middle of a sentence." },
    };
    expect(valueFor({ type: "OBJECT", properties }, { ...source, prompt: "hi" })).toEqual({
      list: [1, 2, 3],
      code: "A01",
      answer: 42,
      pair: [["hi"], 1],
      scores: { key1: 1, key2: 1 },
      next: null,
      plain: "hi",
    });
  });

  test.each([
    ["Anthropic's SDK", "Tags.\n\n{minItems: 2, maxItems: 3}", '{pattern: "^[A-Z]{2}, \\\\d$", maxLength: 9}'],
    ["the AI SDK", "Tags.\nmin items: 2; max items: 3.", "pattern: ^[A-Z]{2}, \\d$; max length: 9."],
  ])("follow what %s moves from the schema into the description", (_name, list, code) => {
    const schema = object({
      list: { type: "array", items: { type: "string" }, description: list },
      code: { type: "string", description: code },
    });
    expect(valueFor(schema, { ...source, prompt: "hi" })).toEqual({ list: ["hi", "hi"], code: "AB, 2" });
  });

  test("take words of the prompt only where the schema lets them stand", () => {
    const schema = object({ city: { type: "string" }, code: { type: "string", pattern: "^[A-Z]{2}$" } });
    expect(valueFor(schema, { ...source, prompt: "the weather in Oslo" })).toEqual({ city: "Oslo", code: "AB" });
  });

  test("come to an end whatever refers to itself", () => {
    const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
    const node = object(Object.fromEntries(names.map((name) => [name, { $ref: "#/$defs/node" }])));
    const list = { type: "array", minItems: 1000, items: { $ref: "#/$defs/list" } };
    const round = { $ref: "#/$defs/round" };
    for (const name of ["node", "list", "round"]) {
      const made = JSON.stringify(valueFor({ $defs: { node, list, round }, $ref: `#/$defs/${name}` }, source));
      expect(made.length).toBeLessThan(200_000);
    }
    expect(JSON.stringify(argumentsFor({ $defs: { node }, $ref: "#/$defs/node" }, source)).length).toBeLessThan(
      200_000,
    );
  });
});

describe("an example of a regular expression", () => {
  test.each([
    String.raw`^\+[1-9]\d{6,14}$`,
    String.raw`^(?:\+?1[-. ]?)?\(?([2-9]\d{2})\)?[-. ]?(\d{3})[-. ]?(\d{4})$`,
    "^#[0-9a-fA-F]{6}$",
    "^[a-z0-9]+(?:-[a-z0-9]+)*$",
    String.raw`^v?\d+\.\d+\.\d+$`,
    String.raw`^[^\s@]+@[^\s@]+\.[^\s@]+$`,
    String.raw`^(['"])\w+\1$`,
    String.raw`^[\w-.]+$`,
    String.raw`^\p{Lu}\p{Ll}+$`,
    "^a{2}b{0}c{1,}d{2,3}?$",
    "^.{3}$",
    "^(a|b|)$",
    "^[[]$",
    "x|y",
    "",
  ])("fits %s", (pattern) => {
    const flags = pattern.includes(String.raw`\p`) ? "u" : "";
    const example = [0, 1].map((more) => exampleOf(pattern, { more }));
    expect(example.some((each) => new RegExp(pattern, flags).test(each))).toBe(true);
  });

  test.each(["(((((", "[a-", "a{99999}{99999}", "((a{999}){999}){999}", "(a|", ")", String.raw`\1`, "\\"])(
    "is short and soon made even for %s",
    (pattern) => expect(exampleOf(pattern, { more: 40 }).length).toBeLessThanOrEqual(2000),
  );
});
