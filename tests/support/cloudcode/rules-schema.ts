import { refuse } from "./refusal.ts";
import type { WireSchema } from "./wire-types.ts";

/** Deeper nesting makes the transcoder give up. */
const MAX_DEPTH = 64;

/** What the shape check cannot see: types present, arrays with items, enums on strings, required ⊆ properties, depth. */
export function checkSchema(schema: WireSchema, path: string, depth = 1): void {
  if (depth > MAX_DEPTH) refuse("schema-depth", `${path}: Message too deep. Max recursion depth reached.`);
  if (schema.type === undefined)
    refuse("schema-type-missing", `* GenerateContentRequest.${path}.type: must be specified`);
  const type = schema.type.toUpperCase();
  checkEnum(schema, type, path);
  checkItems(schema, type, path, depth);
  checkProperties(schema, type, path, depth);
}

export function checkRootObject(schema: WireSchema, path: string): void {
  if (schema.type?.toUpperCase() !== "OBJECT") {
    refuse("schema-root", `* GenerateContentRequest.${path}: schema should be of type OBJECT`);
  }
}

function checkEnum(schema: WireSchema, type: string, path: string): void {
  if (!schema.enum) return;
  if (type !== "STRING")
    refuse("schema-enum-type", `* GenerateContentRequest.${path}.enum: only allowed for STRING type`);
  const blank = schema.enum.indexOf("");
  if (blank >= 0) refuse("schema-enum-empty-value", `* GenerateContentRequest.${path}.enum[${blank}]: cannot be empty`);
  if (schema.enum.length === 0) refuse("schema-enum-empty", `* GenerateContentRequest.${path}.enum: must not be empty`);
}

function checkItems(schema: WireSchema, type: string, path: string, depth: number): void {
  if (type === "ARRAY") {
    if (!schema.items) refuse("schema-items-missing", `* GenerateContentRequest.${path}.items: missing field.`);
    checkSchema(schema.items, `${path}.items`, depth + 1);
  } else if (schema.items) {
    refuse("schema-items-type", `* GenerateContentRequest.${path}.items: only allowed for ARRAY type`);
  }
}

function checkProperties(schema: WireSchema, type: string, path: string, depth: number): void {
  if (type !== "OBJECT") {
    if (schema.properties)
      refuse("schema-properties-type", `* GenerateContentRequest.${path}.properties: only allowed for OBJECT type`);
    if (schema.required)
      refuse("schema-required-type", `* GenerateContentRequest.${path}.required: only allowed for OBJECT type`);
    return;
  }
  const properties = schema.properties ?? {};
  schema.required?.forEach((name, index) => {
    if (!Object.hasOwn(properties, name)) {
      refuse("schema-required", `* GenerateContentRequest.${path}.required[${index}]: property is not defined`);
    }
  });
  if (schema.required && new Set(schema.required).size !== schema.required.length) {
    refuse("schema-required-twice", `* GenerateContentRequest.${path}.required: has duplicate entries`);
  }
  for (const [name, property] of Object.entries(properties)) {
    checkSchema(property, `${path}.properties[${name}]`, depth + 1);
  }
}
