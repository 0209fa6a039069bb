import * as v from "valibot";
import { GatewayError } from "../../core/errors.ts";
import { checkFields, type Fields, type FieldTable } from "../../core/field-table.ts";
import { fieldPath, isAbsent } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import { isJsonObject, type JsonObject, kindOf } from "../../lib/json.ts";

/**
 * One object of the protocol's own structure. Clients write its members as `topK` or as `top_k`; here they have the former
 * name, and are reported under the one they came with. Never for the user's data: arguments, results, schemas.
 */
export interface Structure {
  fields: Fields;
  /** Where a member stands, in the client's spelling. */
  place(name: string): string;
}

export function structure(object: JsonObject, path: string): Structure {
  const spellings = new Map<string, string>();
  for (const key in object) if (SNAKE.test(key)) spellings.set(camel(key), key);
  const at = (key: string) => (path === "" ? key : `${path}.${key}`);
  if (spellings.size === 0) return { fields: object, place: at };
  const renamed = Object.entries(object).map(([key, value]) => [SNAKE.test(key) ? camel(key) : key, value] as const);
  return {
    // Not by assignment, to which `__proto__` would not be a name like any other.
    fields: Object.fromEntries(renamed),
    place: (name) => at(spellings.get(name) ?? name),
  };
}

const SNAKE = /^[a-z][a-z\d]*(?:_[a-z\d]+)+$/;

export function camel(key: string): string {
  return key.replace(/_([a-z\d])/g, (_, letter: string) => letter.toUpperCase());
}

/** The structure a field holds. Absent: `undefined`; anything but an object is refused. */
export function structureIn(value: unknown, path: string): Structure | undefined {
  return isAbsent(value) ? undefined : requireStructure(value, path);
}

export function requireStructure(value: unknown, path: string): Structure {
  if (isJsonObject(value)) return structure(value, path);
  throw invalid(path, `expected an object, but got ${kindOf(value)}`);
}

/** A repeated field. One object stands for a list of it, as Google's own parser has it. */
export function listIn(value: unknown, path: string): readonly unknown[] {
  if (isAbsent(value)) return [];
  if (Array.isArray(value)) return value;
  if (isJsonObject(value)) return [value];
  throw invalid(path, `expected a list, but got ${kindOf(value)}`);
}

/** A refusal of the client's request that names the field at fault. */
export function invalid(field: string, problem: string, extra?: JsonObject): GatewayError {
  const message = field === "" ? `The request body: ${problem}` : `${field}: ${problem}`;
  return new GatewayError("invalid-request", message, { ...(field !== "" && { field }), ...(extra && { extra }) });
}

/** The members as the schema describes them; absent ones are left out first. Throws the refusal of the first that is not so. */
export function check<Schema extends v.GenericSchema>(
  schema: Schema,
  { fields, place }: Structure,
): v.InferOutput<Schema> {
  const present = Object.fromEntries(Object.entries(fields).filter(([, value]) => !isAbsent(value)));
  const result = v.safeParse(schema, present, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const [first, ...rest] = issue.path ?? [];
  throw invalid(fieldPath(rest, first ? place(String(first.key)) : place("")), describe(issue));
}

/** Applies a table to what a structure holds: refuses, reports losses, reports what the table does not know. */
export function judgeStructure(table: FieldTable, { fields, place }: Structure, losses: LossList): void {
  const placed: LossList = { add: (name, why) => losses.add(place(name), why), all: () => losses.all() };
  checkFields(table, fields, "", placed, (name, why, extra) => {
    throw invalid(place(name), `not supported: ${why}`, extra);
  });
}

function describe(issue: v.BaseIssue<unknown>): string {
  if (issue.input === undefined) return "this field is required";
  if (issue.kind === "validation") return `expected ${issue.message}`;
  const expected = issue.type === "custom" ? issue.message : issue.expected;
  if (issue.type === "picklist") return `supported values are ${expected ?? ""}`;
  return `expected ${expected?.toLowerCase() ?? "another type"}, but got ${kindOf(issue.input)}`;
}
