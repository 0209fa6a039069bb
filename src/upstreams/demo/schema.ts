import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";

/** References and alternatives behind one another that are followed before giving up. */
const MAX_STEPS = 32;

export interface Choice {
  /** Where references begin. */
  root: JsonObject;
  /** Which of several alternatives to take, counted round. */
  alternative: number;
  /** Whether the alternative that ends soonest is wanted, so that a schema that contains itself comes to an end. */
  ending: boolean;
}

/** The schema with references followed, alternatives decided, `allOf` and `if` merged. */
export function settled(schema: JsonObject, choice: Choice): JsonObject {
  let current = schema;
  for (let step = 0; step < MAX_STEPS; step++) {
    const { $ref, allOf, anyOf, oneOf, if: condition } = current;
    if (typeof $ref === "string") {
      current = merged(resolved($ref, choice.root), without(current, "$ref"));
    } else if (Array.isArray(allOf)) {
      current = allOf.filter(isJsonObject).reduce(merged, without(current, "allOf"));
    } else if (Array.isArray(anyOf)) {
      current = merged(without(current, "anyOf"), chosen(anyOf, choice));
    } else if (Array.isArray(oneOf)) {
      current = merged(without(current, "oneOf"), chosen(oneOf, choice));
    } else if (isJsonObject(condition)) {
      const { then, else: otherwise } = current;
      const rest = without(without(without(current, "if"), "then"), "else");
      current =
        choice.alternative === 0 ? merged(merged(rest, condition), asObject(then)) : merged(rest, asObject(otherwise));
    } else return current;
  }
  return current;
}

function chosen(written: readonly JsonValue[], { alternative, ending }: Choice): JsonObject {
  const alternatives = written.filter(isJsonObject);
  const isNull = (schema: JsonObject) => typeOf(schema) === "null" || schema["const"] === null;
  const [first = {}] = alternatives;
  if (ending) return alternatives.find(isNull) ?? alternatives.find(isLeaf) ?? first;
  const values = alternatives.filter((schema) => !isNull(schema));
  return values[alternative % Math.max(values.length, 1)] ?? first;
}

function isLeaf(schema: JsonObject): boolean {
  return schema["$ref"] === undefined && !["object", "array"].includes(typeOf(schema));
}

function without(schema: JsonObject, key: string): JsonObject {
  const { [key]: _, ...rest } = schema;
  return rest;
}

/** What both say; where they contradict each other, the second. */
function merged(left: JsonObject, right: JsonObject): JsonObject {
  const both: JsonObject = { ...left, ...right };
  const properties = [left["properties"], right["properties"]].filter(isJsonObject);
  if (properties.length === 2)
    both["properties"] = mergedProperties(asObject(left["properties"]), asObject(right["properties"]));
  const required = [...strings(left["required"]), ...strings(right["required"])];
  if (required.length > 0) both["required"] = [...new Set(required)];
  const [first, second] = [left["enum"], right["enum"]];
  if (Array.isArray(first) && Array.isArray(second)) {
    const common = second.filter((value) => first.some((other) => JSON.stringify(other) === JSON.stringify(value)));
    if (common.length > 0) both["enum"] = common;
  }
  return both;
}

function mergedProperties(left: JsonObject, right: JsonObject): JsonObject {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return Object.fromEntries(
    names.map((name) => {
      const [first, second] = [left[name], right[name]];
      if (isJsonObject(first) && isJsonObject(second)) return [name, merged(first, second)];
      return [name, second ?? first ?? {}];
    }),
  );
}

function resolved(reference: string, root: JsonObject): JsonObject {
  let target: JsonValue | undefined = root;
  for (const step of reference.replace(/^#\/?/, "").split("/").filter(Boolean)) {
    target = asObject(target)[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return asObject(target);
}

/** Names come in both cases; a missing type is inferred from the other keywords. */
export function typeOf(schema: JsonObject): string {
  const type = schema["type"];
  const named = Array.isArray(type) ? (type.find((name) => name !== "null") ?? type[0]) : type;
  if (typeof named === "string") return named.toLowerCase();
  const has = (...keywords: string[]) => keywords.some((keyword) => schema[keyword] !== undefined);
  if (has("properties", "required", "additionalProperties", "patternProperties", "minProperties")) return "object";
  if (has("items", "prefixItems", "contains", "minItems", "uniqueItems")) return "array";
  return has("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf") ? "number" : "string";
}

export function asObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

export function strings(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}
