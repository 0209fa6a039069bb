import * as v from "valibot";
import { GatewayError } from "../../core/errors.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";

/** A refusal of the client's request that names the field at fault. */
export function invalid(field: string, message: string): GatewayError {
  return new GatewayError("invalid-request", message, field === "" ? {} : { field });
}

/** The value as the schema describes it. Throws the refusal of the first field that is not; never quotes a value. */
export function check<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  field: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const at = fieldOf(issue, field);
  throw invalid(at, describe(issue, at));
}

/** Some clients serialise an unset option as this text. */
const UNSET_TEXT = "[undefined]";

/** `null` and the text "[undefined]" mean the same as leaving a field out. */
export function isAbsent(value: unknown): value is null | undefined | typeof UNSET_TEXT {
  return value === undefined || value === null || value === UNSET_TEXT;
}

/**
 * An object of options: absent fields are removed before the entries are checked, unknown ones are kept.
 * Not for what holds the user's own text or JSON Schema, where `null` and any text are data.
 */
export function options<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(v.unknown(), v.transform(withoutAbsent), v.looseObject(entries));
}

export const jsonObject = v.custom<JsonObject>(isJsonObject, "object");

/** The same object without the keys whose value is `undefined`: absent means absent. */
export function compact<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const kept: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) if (entry !== undefined) kept[key] = entry;
  return kept as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}

function withoutAbsent(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const kept: JsonObject = {};
  for (const key in value) {
    const entry = value[key];
    if (entry !== undefined && !isAbsent(entry)) kept[key] = entry;
  }
  return kept;
}

function fieldOf(issue: v.BaseIssue<unknown>, base: string): string {
  let field = base;
  for (const { key } of issue.path ?? []) {
    if (typeof key === "number") field += `[${key}]`;
    else field += field === "" ? String(key) : `.${String(key)}`;
  }
  return field;
}

function describe(issue: v.BaseIssue<unknown>, field: string): string {
  const name = field === "" ? "the request body" : `'${field}'`;
  if (issue.input === undefined) return `Missing required parameter: ${name}.`;
  if (issue.kind === "validation") return `Invalid value for ${name}: expected ${issue.message}.`;
  const expected = issue.type === "custom" ? issue.message : issue.expected;
  if (issue.type === "picklist") return `Invalid value for ${name}. Supported values are: ${expected ?? ""}.`;
  return `Invalid type for ${name}: expected ${expected?.toLowerCase() ?? "another type"}, but got ${kindOf(issue.input)} instead.`;
}

export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return `a ${typeof value}`;
}
