import { expect, test } from "bun:test";
import fc from "fast-check";
import { toolParameters } from "../../../src/gemini-wire/tool-schema.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/lib/json.ts";

const KEYWORDS = new Set(["type", "description", "nullable", "enum", "items", "properties", "required"]);
const TYPES = new Set(["string", "number", "integer", "boolean", "array", "object"]);

/** Where a cleaned schema leaves the dialect of the wire; empty when nowhere. */
function faults(schema: JsonValue, path: string): string[] {
  if (!isJsonObject(schema)) return [`${path} is no schema`];
  const found = Object.keys(schema)
    .filter((key) => !KEYWORDS.has(key))
    .map((key) => `${path} has ${key}`);
  const { type, properties, items, required } = schema;
  if (typeof type !== "string" || !TYPES.has(type)) found.push(`${path} has type ${JSON.stringify(type)}`);
  const values = schema["enum"];
  if (
    values !== undefined &&
    !(
      type === "string" &&
      Array.isArray(values) &&
      values.length > 0 &&
      values.every((value) => typeof value === "string")
    )
  ) {
    found.push(`${path} has enum ${JSON.stringify(values)}`);
  }
  if ((type === "array") !== (items !== undefined)) found.push(`${path} items do not fit its type`);
  if (items !== undefined) found.push(...faults(items, `${path}[]`));
  if (properties !== undefined && !isJsonObject(properties)) found.push(`${path} has no object of properties`);
  if (isJsonObject(properties)) {
    for (const [name, property] of Object.entries(properties)) found.push(...faults(property, `${path}.${name}`));
  }
  if (required !== undefined) {
    const names = isJsonObject(properties) ? Object.keys(properties) : [];
    if (
      !Array.isArray(required) ||
      required.length === 0 ||
      !required.every((name) => typeof name === "string" && names.includes(name))
    ) {
      found.push(`${path} requires ${JSON.stringify(required)}`);
    }
  }
  return found;
}

/** Draft 2020-12, as far as the generated schemas go. */
function accepts(schema: JsonValue, value: JsonValue, root: JsonObject): boolean {
  if (schema === true) return true;
  if (!isJsonObject(schema)) return false;
  const { type, properties, items } = schema;
  if (value === null && schema["nullable"] === true) return true;
  const types = Array.isArray(type) ? type : type === undefined ? [] : [type];
  if (types.length > 0 && !types.some((name) => isOfType(name, value))) return false;
  if (Array.isArray(schema["enum"]) && !schema["enum"].some((allowed) => Bun.deepEquals(allowed, value))) return false;
  if (schema["const"] !== undefined && schema["const"] !== value) return false;
  const ref = schema["$ref"];
  if (typeof ref === "string") {
    const { $defs } = root;
    if (!accepts((isJsonObject($defs) && $defs[ref.slice("#/$defs/".length)]) || false, value, root)) return false;
  }
  if (Array.isArray(schema["allOf"]) && !schema["allOf"].every((part) => accepts(part, value, root))) return false;
  if (Array.isArray(schema["anyOf"]) && !schema["anyOf"].some((part) => accepts(part, value, root))) return false;
  if (Array.isArray(value)) return items === undefined || value.every((item) => accepts(items, item, root));
  if (!isJsonObject(value)) return true;
  if (
    Array.isArray(schema["required"]) &&
    !schema["required"].every((name) => typeof name === "string" && name in value)
  )
    return false;
  return Object.entries(isJsonObject(properties) ? properties : {}).every(
    ([name, property]) => !(name in value) || accepts(property, value[name] ?? null, root),
  );
}

function isOfType(name: JsonValue, value: JsonValue): boolean {
  if (name === "null") return value === null;
  if (name === "array") return Array.isArray(value);
  if (name === "object") return isJsonObject(value);
  if (name === "integer") return Number.isInteger(value);
  return typeof value === name;
}

interface Case {
  schema: JsonObject;
  value: JsonValue;
}

const names = fc.constantFrom("a", "type", "format", "enum", "properties", "title");
const noise = fc.constantFrom<JsonObject>(
  {},
  { title: "T" },
  { format: "uri", minLength: 0 },
  { $comment: "c", "x-a": 1 },
  { description: "d", default: "v" },
);

/** A schema that one shape can stand for, with a value it accepts. */
const { node } = fc.letrec<{ node: Case }>((tie) => ({
  node: fc
    .tuple(
      fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.string().map((value) => ({ schema: { type: "string" }, value })),
        fc.integer().map((value) => ({ schema: { type: "integer" }, value })),
        fc.integer().map((value) => ({ schema: { enum: [value, 7] }, value })),
        fc.boolean().map((value) => ({ schema: { type: "boolean" }, value })),
        fc.constantFrom("x", "y").map((value) => ({ schema: { anyOf: [{ const: "x" }, { const: "y" }] }, value })),
        fc.constantFrom("", "y", null).map((value) => ({ schema: { enum: ["", "y", null] }, value })),
        fc.constantFrom("z", null).map((value) => ({ schema: { type: ["string", "null"] }, value })),
        tie("node").map(({ schema, value }) => ({ schema: { anyOf: [schema, { type: "null" }] }, value })),
        tie("node").map(({ schema }) => ({ schema: { anyOf: [{ type: "null" }, schema] }, value: null })),
        tie("node").map(({ schema, value }) => ({ schema: { allOf: [schema, { description: "also" }] }, value })),
        tie("node").map(({ schema, value }) => ({ schema: { $defs: { here: schema }, $ref: "#/$defs/here" }, value })),
        tie("node").map(({ schema, value }) => ({ schema: { type: "array", items: schema }, value: [value, value] })),
        fc.dictionary(names, tie("node"), { maxKeys: 3 }).map((fields) => ({
          schema: {
            properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.schema])),
            required: Object.keys(fields).slice(0, 1),
            additionalProperties: false,
          },
          value: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value])),
        })),
        fc.tuple(tie("node"), tie("node")).map(([one, other]) => ({
          schema: {
            oneOf: [
              { type: "object", properties: { kind: { const: "one" }, one: one.schema }, required: ["kind", "one"] },
              { type: "object", properties: { kind: { const: "other" }, other: other.schema }, required: ["kind"] },
            ],
          },
          value: { kind: "other", other: other.value },
        })),
      ),
      noise,
    )
    .map(([{ schema, value }, extra]) => ({ schema: { ...extra, ...schema }, value }) as Case),
}));

/** References are absolute: definitions move to the root, each under a name of its own. */
function hoist(schema: JsonValue, $defs: JsonObject): JsonValue {
  if (Array.isArray(schema)) return schema.map((item) => hoist(item, $defs));
  if (!isJsonObject(schema)) return schema;
  const local = schema["$defs"];
  if (!isJsonObject(local) || typeof schema["$ref"] !== "string" || local["here"] === undefined) {
    return Object.fromEntries(Object.entries(schema).map(([key, child]) => [key, hoist(child, $defs)]));
  }
  const name = `d${Object.keys($defs).length}`;
  $defs[name] = true;
  $defs[name] = hoist(local["here"], $defs);
  const { $defs: _, ...rest } = schema;
  return { ...rest, $ref: `#/$defs/${name}` };
}

const tools = node.map(({ schema, value }) => {
  const $defs: JsonObject = {};
  const property = hoist(schema, $defs);
  return { schema: { type: "object", properties: { p: property }, required: ["p"], $defs }, args: { p: value } };
});

test("every cleaned schema speaks the wire's dialect, and cleaning it again changes nothing", () => {
  fc.assert(
    fc.property(fc.jsonValue(), tools, fc.boolean(), (anything, { schema }, neverEmpty) => {
      for (const original of [
        anything as JsonValue,
        { type: "object", properties: { p: anything as JsonValue } },
        schema,
      ]) {
        const cleaned = toolParameters(original, { neverEmpty });
        expect(faults(cleaned, "$")).toEqual([]);
        expect(toolParameters(cleaned, { neverEmpty })).toEqual(cleaned);
      }
    }),
    { numRuns: 300 },
  );
});

test("arguments that fit the declared schema fit the cleaned one", () => {
  fc.assert(
    fc.property(tools, ({ schema, args }) => {
      const cleaned = toolParameters(schema, { neverEmpty: true });
      expect(accepts(schema, args, schema)).toBe(true);
      expect(accepts(cleaned, args, cleaned)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
