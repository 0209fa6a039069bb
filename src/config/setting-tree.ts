import type * as v from "valibot";
import { isJsonObject } from "../lib/json.ts";
import { settingsSchema } from "./schema.ts";

/** A place in the file: ["accounts", "0", "reserve"]. */
export type Keys = readonly string[];

/** "accounts[0].reserve" */
export function nameOfPlace(keys: Keys): string {
  return keys.reduce((name, key) => {
    if (/^\d+$/.test(key)) return `${name}[${key}]`;
    return name === "" ? key : `${name}.${key}`;
  }, "");
}

/** What stands below a schema, without what is optional or piped around it. */
type Branch =
  | { type: "object"; entries: Readonly<Record<string, v.GenericSchema>> }
  | { type: "record"; value: v.GenericSchema }
  | { type: "list"; item: v.GenericSchema }
  | { type: "choice"; options: readonly string[] }
  | { type: "leaf" };

function branchOf(schema: v.GenericSchema): Branch {
  if (isOf<v.OptionalSchema<v.GenericSchema, unknown>>(schema, "optional")) return branchOf(schema.wrapped);
  if (isOf<v.StrictObjectSchema<v.ObjectEntries, undefined>>(schema, "strict_object")) {
    return { type: "object", entries: schema.entries as Readonly<Record<string, v.GenericSchema>> };
  }
  if (isOf<v.RecordSchema<v.GenericSchema<string, string>, v.GenericSchema, undefined>>(schema, "record")) {
    return { type: "record", value: schema.value };
  }
  if (isOf<v.ArraySchema<v.GenericSchema, undefined>>(schema, "array")) return { type: "list", item: schema.item };
  if (isOf<v.PicklistSchema<readonly string[], undefined>>(schema, "picklist")) {
    return { type: "choice", options: schema.options };
  }
  if (isOf<v.UnionSchema<v.GenericSchema[], undefined>>(schema, "union")) {
    // A text or an object: only the object has something below it.
    return schema.options.map(branchOf).find(({ type }) => type === "object") ?? { type: "leaf" };
  }
  return { type: "leaf" };
}

/** A pipe carries the type of its first member, and its fields. */
function isOf<T extends v.GenericSchema>(schema: v.GenericSchema, type: T["type"]): schema is v.GenericSchema & T {
  return schema.type === type;
}

function below(branch: Branch, key: string): Branch {
  const schema =
    branch.type === "object" && Object.hasOwn(branch.entries, key)
      ? branch.entries[key]
      : branch.type === "record"
        ? branch.value
        : branch.type === "list"
          ? branch.item
          : undefined;
  return schema === undefined ? { type: "leaf" } : branchOf(schema);
}

function branchAt(keys: Keys): Branch {
  return keys.reduce(below, branchOf(settingsSchema));
}

/** The keys that an object may have at this place. */
export function knownKeys(keys: Keys): string[] {
  const branch = branchAt(keys);
  return branch.type === "object" ? Object.keys(branch.entries) : [];
}

/** The values that may be chosen at this place, if it is a choice. */
export function knownValues(keys: Keys): readonly string[] {
  const branch = branchAt(keys);
  return branch.type === "choice" ? branch.options : [];
}

/** "server.port", "server.host", …, "lanes", "accounts", …, "strict": what can be set by itself. */
export function* knownSettings(): Generator<string> {
  for (const section of knownKeys([])) {
    const keys = knownKeys([section]);
    if (keys.length === 0) yield section;
    else for (const key of keys) yield `${section}.${key}`;
  }
}

/** The first place where a list stands for an object: valibot takes one for the other. */
export function listInPlaceOfObject(value: unknown, keys: Keys = [], branch = branchAt([])): Keys | undefined {
  const wantsObject = branch.type === "object" || branch.type === "record";
  if (Array.isArray(value) && wantsObject) return keys;
  const members = isJsonObject(value) && wantsObject ? Object.entries(value) : [];
  const items = Array.isArray(value) && branch.type === "list" ? Object.entries(value) : [];
  for (const [key, member] of [...members, ...items]) {
    const found = listInPlaceOfObject(member, [...keys, key], below(branch, key));
    if (found !== undefined) return found;
  }
  return undefined;
}
