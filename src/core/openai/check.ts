import * as v from "valibot";
import { isJsonObject, type JsonObject, kindOf } from "../../lib/json.ts";
import { GatewayError } from "../errors.ts";
import { fieldPath, isAbsent } from "../lenient.ts";

// How the requests of all of OpenAI's APIs are checked, and in which words they are refused.

/** A refusal of the client's request that names the field at fault. */
export function invalid(field: string, message: string, extra?: JsonObject): GatewayError {
  return new GatewayError("invalid-request", message, { ...(field !== "" && { field }), ...(extra && { extra }) });
}

/** Refuses a field that the loss tables refuse; `why` is the row's clause. */
export function refuseField(field: string, why: string, extra?: JsonObject): never {
  throw invalid(field, `'${field}' is not supported: ${why}.`, extra);
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
  const at = fieldPath(issue.path, field);
  throw invalid(at, describe(issue, at));
}

/**
 * An object of options: absent fields are removed before the entries are checked, unknown ones are kept.
 * Not for what holds the user's own text or JSON Schema, where `null` and any text are data.
 */
export function options<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(v.unknown(), v.transform(withoutAbsent), v.looseObject(entries));
}

function withoutAbsent(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  // Not by assignment, to which `__proto__` would not be a name like any other.
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => !isAbsent(entry)));
}

function describe(issue: v.BaseIssue<unknown>, field: string): string {
  const name = field === "" ? "the request body" : `'${field}'`;
  if (issue.input === undefined) return `Missing required parameter: ${name}.`;
  if (issue.kind === "validation") return `Invalid value for ${name}: expected ${issue.message}.`;
  const expected = issue.type === "custom" ? issue.message : issue.expected;
  if (issue.type === "picklist") return `Invalid value for ${name}. Supported values are: ${expected ?? ""}.`;
  return `Invalid type for ${name}: expected ${expected?.toLowerCase() ?? "another type"}, but got ${kindOf(issue.input)} instead.`;
}
