import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";
import { camel } from "./structure.ts";

/**
 * A schema in the API's own dialect (upper-case types, `nullable`, numbers as texts, either spelling of keywords) as JSON
 * Schema. What is JSON Schema already stays as it is, so it may be given anything that clients put in a schema's place:
 * some write upper-case types into `parametersJsonSchema` as well.
 */
export function jsonSchema(schema: JsonObject): JsonObject {
  const converted: [string, JsonValue][] = [];
  for (const [written, value] of Object.entries(schema)) {
    const keyword = camelKeyword(written);
    if (keyword === "nullable" || keyword === "propertyOrdering") continue; // said by `type`, by the order of `properties`
    if (keyword === "example") converted.push(["examples", [value]]);
    else if (keyword === "type") {
      const type = typeOf(value);
      if (type !== undefined) converted.push(["type", type]);
    } else converted.push([keyword, keywordValue(keyword, value)]);
  }
  const result = ordered(Object.fromEntries(converted), schema["propertyOrdering"] ?? schema["property_ordering"]);
  return schema["nullable"] === true ? orNull(result) : result;
}

/** Keywords that hold one schema, or a list of them. */
const OF_SCHEMAS: ReadonlySet<string> = new Set([
  "additionalItems",
  "additionalProperties",
  "allOf",
  "anyOf",
  "contains",
  "else",
  "if",
  "items",
  "not",
  "oneOf",
  "prefixItems",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
]);

/** Keywords that hold schemas by names of the user's choice. */
const OF_NAMED_SCHEMAS: ReadonlySet<string> = new Set([
  "$defs",
  "definitions",
  "dependentSchemas",
  "patternProperties",
  "properties",
]);

/** Protocol buffers write 64-bit numbers as texts. */
const OF_COUNTS: ReadonlySet<string> = new Set([
  "maxItems",
  "maxLength",
  "maxProperties",
  "minItems",
  "minLength",
  "minProperties",
]);

const SNAKE_KEYWORDS: ReadonlySet<string> = new Set(
  ["any_of", "property_ordering", "additional_properties", "prefix_items"].concat(
    [...OF_COUNTS].map((keyword) => keyword.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`)),
  ),
);

function camelKeyword(keyword: string): string {
  return SNAKE_KEYWORDS.has(keyword) ? camel(keyword) : keyword;
}

function keywordValue(keyword: string, value: JsonValue): JsonValue {
  if (OF_SCHEMAS.has(keyword)) return Array.isArray(value) ? value.map(subSchema) : subSchema(value);
  if (OF_NAMED_SCHEMAS.has(keyword) && isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, subSchema(schema)]));
  }
  if (OF_COUNTS.has(keyword) && typeof value === "string" && /^\d{1,15}$/.test(value)) return Number(value);
  return value;
}

function subSchema(value: JsonValue): JsonValue {
  return isJsonObject(value) ? jsonSchema(value) : value;
}

const UNSPECIFIED = "TYPE_UNSPECIFIED";

function typeOf(type: JsonValue): JsonValue | undefined {
  if (Array.isArray(type)) {
    const types = type.filter((name) => name !== UNSPECIFIED).map(lowerCase);
    return types.length > 0 ? types : undefined;
  }
  return type === UNSPECIFIED ? undefined : lowerCase(type);
}

const TYPES: ReadonlySet<JsonValue> = new Set(["STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"]);

function lowerCase(name: JsonValue): JsonValue {
  return typeof name === "string" && TYPES.has(name) ? name.toLowerCase() : name;
}

/** The model writes properties in the order in which they are declared. */
function ordered(schema: JsonObject, ordering: JsonValue | undefined): JsonObject {
  const { properties } = schema;
  if (!Array.isArray(ordering) || !isJsonObject(properties)) return schema;
  const rank = new Map(ordering.map((name, index) => [name, index]));
  const last = ordering.length;
  const entries = Object.entries(properties).sort(
    ([left], [right]) => (rank.get(left) ?? last) - (rank.get(right) ?? last),
  );
  return { ...schema, properties: Object.fromEntries(entries) };
}

function orNull(schema: JsonObject): JsonObject {
  const { type, anyOf, enum: values } = schema;
  const nullable = { ...schema };
  if (typeof type === "string") nullable["type"] = [type, "null"];
  else if (Array.isArray(type)) nullable["type"] = type.includes("null") ? type : [...type, "null"];
  else if (Array.isArray(anyOf)) nullable["anyOf"] = [...anyOf, { type: "null" }];
  if (Array.isArray(values) && !values.includes(null)) nullable["enum"] = [...values, null];
  return nullable;
}
