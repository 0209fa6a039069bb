import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/lib/json.ts";
import { refuseField } from "./refusal.ts";

/** What one field may hold, in the terms of the proto-JSON transcoder. */
export type FieldShape =
  | "string"
  | "integer"
  | "number"
  | "boolean"
  | "bytes"
  /** Any JSON object: google.protobuf.Struct. */
  | "struct"
  /** Any JSON value. */
  | "value"
  | { enum: readonly string[]; type: string; lowerCaseToo?: true }
  | { list: FieldShape }
  | { map: FieldShape }
  | { message: () => MessageShape };

export interface MessageShape {
  type: string;
  fields: Readonly<Record<string, FieldShape>>;
  /** Other accepted spellings, to the canonical one. */
  aliases?: Readonly<Record<string, string>>;
}

const SCALAR_TYPES = {
  string: "TYPE_STRING",
  integer: "TYPE_INT32",
  number: "TYPE_FLOAT",
  boolean: "TYPE_BOOL",
  bytes: "TYPE_BYTES",
} as const;

/**
 * Reads one message the way the service's JSON transcoder does: unknown names, wrong types and unknown enum values
 * are refused at every level. Returns it in canonical spelling. Stricter than the transcoder in two points that only
 * careless writers meet: numbers as text and explicit nulls are refused too.
 */
export function readMessage(shape: MessageShape, value: JsonValue, path: string): JsonObject {
  if (!isJsonObject(value)) invalidValue(path, `type.googleapis.com/${shape.type}`, value);
  const entries: [string, JsonValue][] = [];
  checkWellFormed(Object.keys(value), path);
  const seen = new Set<string>();
  for (const [written, member] of Object.entries(value)) {
    const name = shape.aliases && Object.hasOwn(shape.aliases, written) ? (shape.aliases[written] ?? written) : written;
    const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (field === undefined) refuseUnknownName(written, path);
    if (seen.has(name)) {
      refuseField(
        "duplicate-name",
        path,
        `Invalid JSON payload received. Multiple values for '${snakeCase(name)}' at '${path}'.`,
      );
    }
    seen.add(name);
    entries.push([name, readField(field, member, written, path)]);
  }
  return Object.fromEntries(entries);
}

function readField(shape: FieldShape, value: JsonValue, name: string, parent: string): JsonValue {
  const path = parent === "" ? snakeCase(name) : `${parent}.${snakeCase(name)}`;
  if (Array.isArray(value) && shape !== "value" && !isList(shape)) {
    refuseField(
      "not-repeating",
      parent,
      `Invalid JSON payload received. Unknown name "${name}"${at(parent)}: Proto field is not repeating, cannot start list.`,
    );
  }
  return readValue(shape, value, path);
}

function readValue(shape: FieldShape, value: JsonValue, path: string): JsonValue {
  if (typeof shape === "object") {
    if ("message" in shape) return readMessage(shape.message(), value, path);
    if ("map" in shape) return readMap(shape.map, value, path);
    if ("enum" in shape) {
      const known =
        typeof value === "string" &&
        (shape.enum.includes(value) || (shape.lowerCaseToo === true && shape.enum.includes(upperIfLower(value))));
      if (!known) invalidValue(path, `type.googleapis.com/${shape.type}`, value, "unknown-enum-value");
      return value;
    }
    if (!Array.isArray(value)) invalidValue(path, "repeated field", value);
    return value.map((item, index) => readValue(shape.list, item, `${path}[${index}]`));
  }
  switch (shape) {
    case "value":
      return value;
    case "struct":
      if (!isJsonObject(value)) invalidValue(path, "type.googleapis.com/google.protobuf.Struct", value);
      checkWellFormed(value, path);
      return value;
    case "bytes":
      if (typeof value !== "string") invalidValue(path, SCALAR_TYPES.bytes, value);
      if (!isBase64(value)) {
        refuseField("not-base64", path, `Invalid value at '${path}' (TYPE_BYTES), Base64 decoding failed.`);
      }
      return value;
    case "integer":
      if (typeof value !== "number" || value !== (value | 0)) invalidValue(path, SCALAR_TYPES.integer, value);
      return value;
    case "string":
    case "number":
    case "boolean":
      if (typeof value !== shape) invalidValue(path, SCALAR_TYPES[shape], value);
      checkWellFormed(value, path);
      return value;
    default:
      shape satisfies never;
      return value;
  }
}

/** Map entries show in paths as list entries do: `properties[2].value`. */
function readMap(shape: FieldShape, value: JsonValue, path: string): JsonObject {
  if (!isJsonObject(value)) invalidValue(path, "map", value);
  checkWellFormed(Object.keys(value), path);
  return Object.fromEntries(
    Object.entries(value).map(([key, member], index) => {
      if (Array.isArray(member)) {
        refuseField(
          "not-repeating",
          `${path}[${index}]`,
          `Invalid JSON payload received. Unknown name "value"${at(`${path}[${index}]`)}: Proto field is not repeating, cannot start list.`,
        );
      }
      return [key, readValue(shape, member, `${path}[${index}].value`)];
    }),
  );
}

/** Half a surrogate pair, escaped or not, is no Unicode text. */
function checkWellFormed(value: JsonValue, path: string): void {
  if (typeof value === "string" && !value.isWellFormed()) {
    refuseField("not-well-formed", path, "Invalid JSON payload received. Invalid escape sequence in string.");
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    checkWellFormed(key, path);
    checkWellFormed(member, path);
  }
}

export function refuseUnknownName(name: string, path: string): never {
  refuseField(
    "unknown-name",
    path,
    `Invalid JSON payload received. Unknown name "${name}"${at(path)}: Cannot find field.`,
  );
}

function invalidValue(path: string, type: string, value: JsonValue, rule = "wrong-type"): never {
  const shown = JSON.stringify(value);
  refuseField(rule, path, `Invalid value at '${path}' (${type}), ${shown.length > 120 ? "…" : shown}`);
}

function isList(shape: FieldShape): boolean {
  return typeof shape === "object" && "list" in shape;
}

function at(path: string): string {
  return path === "" ? "" : ` at '${path}'`;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function upperIfLower(value: string): string {
  return value === value.toLowerCase() ? value.toUpperCase() : value;
}

/** Standard or url-safe alphabet, padding optional, as proto-JSON reads bytes. */
export function isBase64(text: string): boolean {
  return (
    text !== "" && /^(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}$/.test(text) && text.replace(/=+$/, "").length % 4 !== 1
  );
}
