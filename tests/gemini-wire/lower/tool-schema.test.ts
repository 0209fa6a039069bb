import { describe, expect, test } from "bun:test";
import { outputSchema, toolParameters } from "../../../src/gemini-wire/tool-schema.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";

const clean = (schema: JsonValue | undefined) => toolParameters(schema, { neverEmpty: false });

/** The cleaned form of one property. */
function property(schema: JsonValue, root: JsonObject = {}): unknown {
  const { properties } = clean({ type: "object", properties: { p: schema }, ...root });
  return (properties as Record<string, unknown>)["p"];
}

/** Spelled so, because an object literal with `then` reads like a promise. */
const conditional = (keyword: string, schema: JsonValue): JsonObject => ({ [keyword]: schema });

const described = (type: string, description: string) => ({ type, description });

describe("one property", () => {
  const rows: [string, JsonValue, unknown][] = [
    ["a type list is its first type and nullable", { type: ["string", "null"] }, { type: "string", nullable: true }],
    ["null first changes nothing", { type: ["null", "integer"] }, { type: "integer", nullable: true }],
    [
      "several types become the first and a hint",
      { type: ["string", "number"] },
      described("string", "(Accepts: string | number)"),
    ],
    ["null alone is a string that may be null", { type: "null" }, { type: "string", nullable: true }],
    ["upper-case types are read", { type: "STRING" }, { type: "string" }],
    ["nullable is kept", { type: "string", nullable: true }, { type: "string", nullable: true }],
    ["an untyped schema is a string", {}, { type: "string" }],
    [
      "properties tell an object",
      { properties: { a: { type: "string" } } },
      { type: "object", properties: { a: { type: "string" } } },
    ],
    ["items tell an array", { items: { type: "number" } }, { type: "array", items: { type: "number" } }],
    ["an enum tells a string", { enum: ["a"] }, { type: "string", enum: ["a"] }],

    ["const is an enum of one", { const: "a" }, { type: "string", enum: ["a"] }],
    ["null in an enum is nullable", { enum: ["a", null] }, { type: "string", nullable: true, enum: ["a"] }],
    ["numbers stay numbers and are told", { type: "integer", enum: [1, 2] }, described("integer", "(enum: 1, 2)")],
    ["a numeric const stays a number", { const: 1.5 }, described("number", "(enum: 1.5)")],
    ["both booleans need no enum", { type: "boolean", enum: [true, false] }, { type: "boolean" }],
    ["one boolean is told", { const: true }, described("boolean", "(enum: true)")],
    ["mixed values become strings", { enum: ["a", 1, true] }, { type: "string", enum: ["a", "1", "true"] }],
    ["numbers of a string type become strings", { type: "string", enum: [1, 2] }, { type: "string", enum: ["1", "2"] }],
    ["repeated values are listed once", { enum: ["a", "a"] }, { type: "string", enum: ["a"] }],
    ["an enum with an empty text is told", { enum: ["", "a"] }, described("string", '(enum: "", "a")')],
    ["an empty enum says nothing", { type: "string", enum: [] }, { type: "string" }],
    [
      "a union of consts is one enum",
      { anyOf: [{ const: "a" }, { const: "b" }] },
      { type: "string", enum: ["a", "b"] },
    ],
    [
      "a union of enums and null is one nullable enum",
      { oneOf: [{ enum: ["a", "b"] }, { const: "c" }, { type: "null" }] },
      { type: "string", nullable: true, enum: ["a", "b", "c"] },
    ],
    [
      "descriptions of consts are told",
      { oneOf: [{ const: "a", description: "first" }, { const: "b" }] },
      { type: "string", description: "(a: first)", enum: ["a", "b"] },
    ],
    ["an open choice of names is not closed", { anyOf: [{ enum: ["a"] }, { type: "string" }] }, { type: "string" }],

    ["an array without items holds strings", { type: "array" }, { type: "array", items: { type: "string" } }],
    ["boolean items are none", { type: "array", items: false }, { type: "array", items: { type: "string" } }],
    [
      "a tuple is its first schema",
      { type: "array", items: [{ type: "number" }] },
      { type: "array", items: { type: "number" } },
    ],
    [
      "prefixItems are the first of them",
      { type: "array", prefixItems: [{ type: "number" }, { type: "string" }] },
      { type: "array", description: "(items in order: number, string)", items: { type: "number" } },
    ],

    [
      "additionalProperties false is told",
      { type: "object", additionalProperties: false },
      described("object", "(No extra properties allowed)"),
    ],
    ["additionalProperties true is nothing", { type: "object", additionalProperties: true }, { type: "object" }],
    [
      "a map is an object whose values are told",
      { type: "object", additionalProperties: { type: "array", items: { type: "string" } } },
      described("object", "(additionalProperties: array of string)"),
    ],

    [
      "a union takes the object",
      { anyOf: [{ type: "string" }, { type: "object", properties: { a: { type: "string" } } }] },
      { type: "object", description: "(Accepts: string | object)", properties: { a: { type: "string" } } },
    ],
    [
      "a union takes the array before the scalar",
      { oneOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
      { type: "array", description: "(Accepts: string | array)", items: { type: "string" } },
    ],
    [
      "a union with null is nullable",
      { anyOf: [{ type: "number" }, { type: "null" }] },
      { type: "number", nullable: true },
    ],
    [
      "a union keeps its own description",
      { description: "d", anyOf: [{ type: "number", description: "n" }, { type: "null" }] },
      { type: "number", description: "d", nullable: true },
    ],
    [
      "objects of a union share one, with what all require",
      {
        oneOf: [
          { type: "object", properties: { kind: { const: "a" }, x: { type: "string" } }, required: ["kind", "x"] },
          { type: "object", properties: { kind: { const: "b" }, y: { type: "number" } }, required: ["kind", "y"] },
        ],
      },
      {
        type: "object",
        properties: { kind: { type: "string", enum: ["a", "b"] }, x: { type: "string" }, y: { type: "number" } },
        required: ["kind"],
      },
    ],
    [
      "alternatives in what is required require nothing",
      {
        type: "object",
        properties: { a: { type: "string" }, b: { type: "string" } },
        anyOf: [{ required: ["a"] }, { required: ["b"] }],
      },
      { type: "object", properties: { a: { type: "string" }, b: { type: "string" } } },
    ],
    [
      "allOf is put together, the first value winning",
      {
        allOf: [
          { type: "object", description: "one", properties: { a: { type: "string" } }, required: ["a"] },
          { description: "two", properties: { a: { type: "number" }, b: { type: "number" } }, required: ["b"] },
        ],
      },
      {
        type: "object",
        description: "one",
        properties: { a: { type: "string" }, b: { type: "number" } },
        required: ["a", "b"],
      },
    ],
    [
      "conditional properties are possible ones",
      {
        type: "object",
        properties: { a: { type: "string" } },
        if: { properties: { a: { const: "x" } } },
        ...conditional("then", { properties: { b: { type: "number" } }, required: ["b"] }),
        else: false,
      },
      { type: "object", properties: { a: { type: "string" }, b: { type: "number" } } },
    ],
    ["not is told", { type: "string", not: { const: "x" } }, described("string", '(not: {"const":"x"})')],

    [
      "constraints are told after the description",
      { type: "string", description: "A link.", format: "uri", minLength: 1, default: "x" },
      described("string", "A link. (format: uri) (minLength: 1) (default: x)"),
    ],
    [
      "a default of false is told, an unset exclusiveMinimum is not",
      { type: "boolean", default: false, exclusiveMinimum: false },
      described("boolean", "(default: false)"),
    ],
    [
      "a number is told by its bounds",
      { minimum: 0, multipleOf: 2 },
      described("number", "(minimum: 0) (multipleOf: 2)"),
    ],
    [
      "notes of other tools are dropped",
      {
        type: "string",
        title: "T",
        deprecated: true,
        readOnly: true,
        writeOnly: true,
        enumDescriptions: ["a"],
        prefill: "p",
        encrypted: true,
        contentEncoding: "base64",
        contentMediaType: "x",
        $comment: "c",
        "x-order": 1,
      },
      { type: "string" },
    ],
    [
      "unevaluated keywords are dropped, dependent ones become words",
      {
        type: "object",
        unevaluatedProperties: false,
        dependentRequired: { a: ["b"] },
        propertyNames: { pattern: "a" },
        patternProperties: { "^x": {} },
      },
      {
        type: "object",
        description: '(dependentRequired: {"a":["b"]}) (propertyNames: {"pattern":"a"}) (patternProperties: {"^x":{}})',
      },
    ],
    ["a description that is no text is dropped", { type: "string", description: 3 }, { type: "string" }],
    ["properties that are no object are dropped", { type: "object", properties: [] }, { type: "object" }],
  ];
  test.each(rows)("%s", (_, schema, cleaned) => {
    expect(property(schema)).toEqual(cleaned);
  });
});

describe("properties", () => {
  test("named __proto__ is a property like any other", () => {
    const schema: JsonObject = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}');
    expect(JSON.stringify(clean(schema))).toBe(JSON.stringify(schema));
  });

  test("named like keywords survive at every level", () => {
    const names = [
      "title",
      "format",
      "pattern",
      "default",
      "$id",
      "$ref",
      "properties",
      "enum",
      "type",
      "required",
      "items",
      "anyOf",
      "description",
      "const",
    ];
    const inner = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
    const schema = {
      type: "object",
      properties: { ...inner, deep: { type: "array", items: { type: "object", properties: inner, required: names } } },
      required: names,
    };
    expect(clean(schema)).toEqual(schema);
  });

  test("that are true or false are dropped, and their entries in required", () => {
    expect(
      clean({ type: "object", properties: { a: { type: "string" }, b: false, c: true }, required: ["a", "b", "c"] }),
    ).toEqual({
      type: "object",
      properties: { a: { type: "string" } },
      required: ["a"],
    });
  });

  test("required names only what exists, once, and nothing at all when empty or no list", () => {
    const properties = { a: { type: "string" } };
    expect(clean({ type: "object", properties, required: ["x", "a", "a", 3] })).toEqual({
      type: "object",
      properties,
      required: ["a"],
    });
    for (const required of [[], ["x"], true, "a"]) {
      expect(clean({ type: "object", properties, required })).toEqual({ type: "object", properties });
    }
  });

  test("that say they are required themselves are required", () => {
    expect(
      clean({ type: "object", properties: { a: { type: "string", required: true }, b: { type: "string" } } }),
    ).toEqual({
      type: "object",
      properties: { a: { type: "string" }, b: { type: "string" } },
      required: ["a"],
    });
  });

  test("with names of Object's own are ordinary", () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"constructor":{"type":"string"},"toString":{"type":"number"}},"required":["constructor","valueOf"]}',
    );
    expect(JSON.stringify(clean(schema))).toBe(
      '{"type":"object","properties":{"constructor":{"type":"string"},"toString":{"type":"number"}},"required":["constructor"]}',
    );
  });
});

describe("references", () => {
  const color = { type: "string", enum: ["red"] };

  test.each([
    ["#/$defs/color", { $defs: { color } }],
    ["#/definitions/color", { definitions: { color } }],
    ["#color", { $defs: { x: { $anchor: "color", ...color } } }],
    ["urn:color", { $defs: { x: { $id: "urn:color", ...color } } }],
    ["#/$defs/color", { properties: { q: { type: "object", $defs: { color } }, p: { $ref: "#/$defs/color" } } }],
    ["#/$defs/a~1b%20c", { $defs: { "a/b c": color } }],
    ["#/$defs/again", { $defs: { again: { $ref: "#/$defs/color" }, color } }],
  ])("%s is replaced by what it means: %#", ($ref, root) => {
    expect(property({ $ref }, { properties: { p: { $ref } }, ...root })).toEqual(color);
  });

  test("what stands beside a reference wins over what it means", () => {
    expect(
      property({ $ref: "#/$defs/color", description: "mine" }, { $defs: { color: { ...color, description: "its" } } }),
    ).toEqual({
      ...color,
      description: "mine",
    });
  });

  test.each(["https://example.com/schema.json", "#/$defs/missing", "other.json#/$defs/x", "#/%zz"])(
    "%s, which is not here, is any object and named",
    ($ref) => {
      expect(property({ $ref })).toEqual(
        described("object", expect.stringMatching(/^\(See: \S+\)$/) as unknown as string),
      );
    },
  );

  test("a tree refers to itself once and is then any object", () => {
    const node = {
      type: "object",
      properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#/$defs/node" } } },
    };
    expect(clean({ $ref: "#/$defs/node", $defs: { node } })).toEqual({
      type: "object",
      properties: {
        name: { type: "string" },
        children: { type: "array", items: { type: "object", description: "(See: node)" } },
      },
    });
  });

  test("the same definition may be used side by side", () => {
    expect(
      clean({
        type: "object",
        properties: { a: { $ref: "#/$defs/color" }, b: { $ref: "#/$defs/color" } },
        $defs: { color },
      }),
    ).toEqual({
      type: "object",
      properties: { a: color, b: color },
    });
  });

  test("definitions that multiply do not grow without end", () => {
    const $defs: JsonObject = {};
    for (let level = 0; level < 30; level++) {
      const next = { $ref: `#/$defs/d${level + 1}` };
      $defs[`d${level}`] = { type: "object", properties: { a: next, b: next, c: next } };
    }
    expect(JSON.stringify(clean({ $ref: "#/$defs/d0", $defs })).length).toBeLessThan(1_000_000);
  });

  test("definitions that only refer to each other end", () => {
    const schema = {
      $ref: "#/$defs/a",
      $defs: { a: { $ref: "#/$defs/b" }, b: { anyOf: [{ $ref: "#/$defs/a" }, { type: "null" }] } },
    };
    expect(clean(schema)).toEqual({ type: "object", description: "(See: a)", properties: {} });
  });
});

describe("the root", () => {
  test.each([[undefined], [null], [{ type: "array", items: {} }], [{ type: "string" }], [[]], [true], [{}]])(
    "%j takes no arguments",
    (schema) => {
      expect(clean(schema as JsonValue)).toEqual({ type: "object", properties: {} });
    },
  );

  test("is never nullable", () => {
    expect(clean({ type: ["object", "null"], properties: { a: { type: "string" } } })).toEqual({
      type: "object",
      properties: { a: { type: "string" } },
    });
  });

  test("may be a union or a conjunction", () => {
    const a = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
    expect(clean({ allOf: [a] })).toEqual(a);
    expect(clean({ anyOf: [a, { type: "null" }] })).toEqual(a);
  });

  test("loses the words about itself", () => {
    expect(
      clean({ $schema: "https://json-schema.org/draft/2020-12/schema", $id: "x", type: "object", properties: {} }),
    ).toEqual({ type: "object", properties: {} });
  });

  test("gets a private property where an empty object is refused, and only there", () => {
    const emptied = (schema: JsonValue | undefined) => toolParameters(schema, { neverEmpty: true });
    const placeholder = { _ag_noop: { type: "boolean", description: expect.any(String) } };
    expect(emptied(undefined)).toEqual({ type: "object", properties: placeholder });
    expect(emptied({ type: "object", additionalProperties: { type: "string" } })).toEqual({
      type: "object",
      description: "(additionalProperties: string)",
      properties: placeholder,
    });
    const full = { type: "object", properties: { o: { type: "object" } } };
    expect(emptied(full)).toEqual(full);
    expect(outputSchema({ type: "object" })).toEqual({ type: "object" });
  });
});

test("two hundred levels are cut, not followed", () => {
  let nested: JsonObject = { type: "string" };
  for (let level = 0; level < 200; level++)
    nested = { type: "object", properties: { p: nested }, anyOf: [{ allOf: [nested] }] };
  const depth = JSON.stringify(clean(nested)).split('"properties"').length;
  expect(depth).toBeGreaterThan(20);
  expect(depth).toBeLessThan(40);
});
