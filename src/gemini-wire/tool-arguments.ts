import { isJsonObject, type JsonObject, type JsonValue, tryParseJson } from "../lib/json.ts";
import { type RefResolver, refResolver } from "./schema-refs.ts";

const MAX_DEPTH = 64;

/**
 * The arguments as the declared schema means them: models sometimes write an array or an object as JSON text. Such a
 * text is parsed only where the schema takes the parsed kind and no string, so that text that happens to be JSON stays
 * text. Returns `args` itself when nothing had to change.
 */
export function reviveArguments(args: JsonObject, schema: JsonObject): JsonObject {
  const revived = revive(args, [schema], refResolver(schema), 0);
  return isJsonObject(revived) ? revived : args;
}

function revive(value: JsonValue, schemas: readonly JsonValue[], resolve: RefResolver, depth: number): JsonValue {
  if (
    depth > MAX_DEPTH ||
    schemas.length === 0 ||
    value === null ||
    typeof value === "number" ||
    value === true ||
    value === false
  ) {
    return value;
  }
  const facets = expand(schemas, resolve);
  if (typeof value === "string") {
    const parsed = parseWhereMeant(value, facets);
    return parsed === undefined ? value : revive(parsed, schemas, resolve, depth + 1);
  }
  if (Array.isArray(value)) {
    return mapChanged(value, (item, index) => revive(item, itemSchemas(facets, index), resolve, depth + 1));
  }
  let copy: JsonObject | undefined;
  for (const [name, item] of Object.entries(value)) {
    const revived = revive(item, propertySchemas(facets, name), resolve, depth + 1);
    if (revived !== item) (copy ??= { ...value })[name] = revived;
  }
  return copy ?? value;
}

/** Every schema that has a say: the given ones, what they refer to, their conjuncts and their alternatives. */
function expand(schemas: readonly JsonValue[], resolve: RefResolver): JsonObject[] {
  const facets = new Set<JsonObject>();
  const pending = [...schemas];
  for (const schema of pending) {
    if (!isJsonObject(schema) || facets.has(schema)) continue;
    facets.add(schema);
    const ref = schema["$ref"];
    if (typeof ref === "string") pending.push(resolve(ref) ?? {});
    for (const keyword of ["allOf", "anyOf", "oneOf"]) {
      const parts = schema[keyword];
      if (Array.isArray(parts)) for (const part of parts) pending.push(part);
    }
    for (const keyword of ["then", "else"]) {
      const part = schema[keyword];
      if (part !== undefined) pending.push(part);
    }
  }
  return [...facets];
}

function parseWhereMeant(text: string, facets: readonly JsonObject[]): JsonValue | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  const types = new Set(facets.flatMap(typesSaid));
  if (types.has("string") || types.has("any")) return undefined;
  const parsed = tryParseJson(text);
  if (Array.isArray(parsed)) return types.has("array") ? parsed : undefined;
  return isJsonObject(parsed) && types.has("object") ? parsed : undefined;
}

/** The types a facet names; none when it leaves that to others, "any" when nobody can know. */
function typesSaid(facet: JsonObject): string[] {
  const { type } = facet;
  if (typeof type === "string") return [type.toLowerCase()];
  if (Array.isArray(type)) return type.filter((name) => typeof name === "string").map((name) => name.toLowerCase());
  if (isJsonObject(facet["properties"])) return ["object"];
  if (facet["items"] !== undefined || facet["prefixItems"] !== undefined) return ["array"];
  const values = Array.isArray(facet["enum"]) ? facet["enum"] : facet["const"] === undefined ? [] : [facet["const"]];
  if (values.some((value) => typeof value === "string")) return ["string"];
  if (values.length > 0 || CONTAINERS.some((keyword) => keyword in facet)) return [];
  return Object.keys(facet).some((keyword) => keyword === "required") ? [] : ["any"];
}

const CONTAINERS = ["$ref", "allOf", "anyOf", "oneOf"];

function itemSchemas(facets: readonly JsonObject[], index: number): JsonValue[] {
  return facets.flatMap(({ items, prefixItems }) => {
    const tuple = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : [];
    const schema = tuple[index] ?? (Array.isArray(items) ? undefined : items);
    return schema === undefined ? [] : [schema];
  });
}

function propertySchemas(facets: readonly JsonObject[], name: string): JsonValue[] {
  return facets.flatMap(({ properties, additionalProperties }) => {
    if (isJsonObject(properties) && Object.hasOwn(properties, name)) return [properties[name] ?? {}];
    return isJsonObject(additionalProperties) ? [additionalProperties] : [];
  });
}

function mapChanged(values: JsonValue[], change: (value: JsonValue, index: number) => JsonValue): JsonValue[] {
  const changed = values.map(change);
  return changed.every((value, index) => value === values[index]) ? values : changed;
}
