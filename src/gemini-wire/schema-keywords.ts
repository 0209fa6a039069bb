import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import { refName } from "./schema-refs.ts";

export type SchemaType = "string" | "number" | "integer" | "boolean" | "array" | "object";

const TYPES: Record<string, SchemaType> = {
  string: "string",
  number: "number",
  integer: "integer",
  boolean: "boolean",
  array: "array",
  object: "object",
  // Spellings of languages, found in hand-written schemas.
  str: "string",
  float: "number",
  double: "number",
  int: "integer",
  bool: "boolean",
  list: "array",
  dict: "object",
};

/** Written as `additionalProperties: false` where that keyword is known. */
export const NO_EXTRA_PROPERTIES = "No extra properties allowed";

// Keywords the upstream dialect lacks but a model can follow when told.
const HINTED: ReadonlySet<string> = new Set([
  "format",
  "pattern",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minItems",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
  "default",
  "examples",
  "not",
  "contains",
  "minContains",
  "maxContains",
  "propertyNames",
  "patternProperties",
  "dependentRequired",
  "dependentSchemas",
]);

/** `required` in both spellings; may name what is not there. */
export function requiredNames({ required, properties }: JsonObject): string[] {
  const names = Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
  if (!isJsonObject(properties)) return names;
  for (const name in properties) {
    const property = properties[name];
    // The spelling of drafts before 4.
    if (isJsonObject(property) && property["required"] === true) names.push(name);
  }
  return names;
}

/** What the schema demands beyond the upstream dialect, in words for the description. */
export function hintsOf(schema: JsonObject): string[] {
  const hints: string[] = [];
  for (const keyword in schema) {
    const value = schema[keyword];
    if (!HINTED.has(keyword) || value === undefined || (value === false && keyword !== "default")) continue;
    hints.push(`${keyword}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  }
  const tuple = tupleOf(schema["items"], schema["prefixItems"]);
  if (tuple && tuple.length > 1) hints.push(`items in order: ${tuple.map((schema) => typeInWords(schema)).join(", ")}`);
  const { additionalProperties } = schema;
  if (additionalProperties === false) hints.push(NO_EXTRA_PROPERTIES);
  else if (isJsonObject(additionalProperties) && Object.keys(additionalProperties).length > 0) {
    hints.push(`additionalProperties: ${typeInWords(additionalProperties)}`);
  }
  return hints;
}

/** The schemas of an array that is described position by position. */
export function tupleOf(items: JsonValue | undefined, prefixItems: JsonValue | undefined): JsonValue[] | undefined {
  if (Array.isArray(prefixItems)) return prefixItems;
  return Array.isArray(items) ? items : undefined;
}

// A keyword that constrains values of one type tells the type where `type` itself is missing. `required` does not: it
// stands alone in alternatives of an object that is described beside them.
const TELLING: readonly (readonly [SchemaType, readonly string[]])[] = [
  ["object", ["properties", "additionalProperties", "patternProperties", "minProperties", "maxProperties"]],
  ["array", ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]],
  ["number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]],
  ["string", ["minLength", "maxLength", "pattern", "format"]],
];

export function impliedTypes(schema: JsonObject): SchemaType[] {
  const telling = TELLING.find(([, keywords]) => keywords.some((keyword) => schema[keyword] !== undefined));
  return telling ? [telling[0]] : [];
}

/** The types `type` names, null aside, in its order. */
export function declaredTypes(declared: JsonValue | undefined): { types: SchemaType[]; nullable: boolean } {
  const types: SchemaType[] = [];
  let nullable = false;
  for (const name of Array.isArray(declared) ? declared : [declared]) {
    if (typeof name !== "string") continue;
    const lower = name.toLowerCase();
    const type = Object.hasOwn(TYPES, lower) ? TYPES[lower] : undefined;
    if (lower === "null") nullable = true;
    else if (type && !types.includes(type)) types.push(type);
  }
  return { types, nullable };
}

export function typeOfValue(value: Exclude<JsonValue, null>): SchemaType {
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value as "string" | "boolean" | "object";
}

function typeInWords(schema: JsonValue, depth = 0): string {
  if (!isJsonObject(schema) || depth > 3) return "any";
  const { types, nullable } = declaredTypes(schema["type"]);
  const { items } = schema;
  const words: string[] = types.map((type) =>
    type === "array" && isJsonObject(items) ? `array of ${typeInWords(items, depth + 1)}` : type,
  );
  if (nullable) words.push("null");
  if (words.length > 0) return words.join(" | ");
  return typeof schema["$ref"] === "string" ? refName(schema["$ref"]) : "any";
}
