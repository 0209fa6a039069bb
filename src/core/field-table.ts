import { isAbsent } from "./lenient.ts";
import { type LossList, UNKNOWN_FIELD } from "./losses.ts";
import type { JsonObject } from "../lib/json.ts";

/** What becomes of one field of a published API. */
export type Treatment =
  /** Carried over, or decides the form of the reply. */
  | { type: "mapped" }
  /** Without effect on the answer, or already true of every answer. */
  | { type: "harmless"; why: string }
  | Rejection;

interface Rejection {
  /** Approximated: served without it, or with what comes nearest, and reported. Refused: serving without it would mislead. */
  type: "approximated" | "refused";
  /** One short clause. */
  why: string;
  /** The value asks for nothing that is not done anyway. */
  unless?: (value: unknown) => boolean;
  /** Typed extras of the refusal (GatewayError.detail.extra). */
  extra?: JsonObject;
}

/** The treatments of the fields of one kind of object. */
export interface FieldTable {
  /** Which object of the request, for people: "", "messages[] (user)", "tools[].function". */
  object: string;
  rows: Readonly<Record<string, Treatment>>;
  /** The rows that can change what becomes of a request, so that judging an object costs one or two look-ups. */
  rejections: readonly (readonly [field: string, rejection: Rejection])[];
}

export function fieldTable(object: string, rows: Readonly<Record<string, Treatment>>): FieldTable {
  const rejections = Object.entries(rows).flatMap(([field, treatment]) =>
    treatment.type === "approximated" || treatment.type === "refused" ? [[field, treatment] as const] : [],
  );
  return { object, rows, rejections };
}

export const mapped: Treatment = { type: "mapped" };

export function harmless(why: string): Treatment {
  return { type: "harmless", why };
}

export function approximated(why: string, unless?: (value: unknown) => boolean): Treatment {
  return { type: "approximated", why, ...(unless && { unless }) };
}

/** `extra`: typed extras of the refusal. */
export function refused(why: string, unless?: (value: unknown) => boolean, extra?: JsonObject): Treatment {
  return { type: "refused", why, ...(unless && { unless }), ...(extra && { extra }) };
}

// Values that ask for nothing, for rows in whose field such a value says what is true anyway.

export function is(expected: unknown): (value: unknown) => boolean {
  return (value) => value === expected;
}

export const isFalse = is(false);

/** A list or an object with nothing in it. */
export function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** What is known of an object's fields; values may be anything. */
export type Fields = Readonly<Record<string, unknown>>;

/** Throws the protocol's own refusal of a field: `why` is the row's clause. */
export type Refuse = (field: string, why: string, extra?: JsonObject) => never;

/**
 * Applies a table to the fields that an object really has: throws, by `refuse`, for refused ones; absent values ask for
 * nothing. Fields that the table says nothing about are reported: none may vanish without a word.
 */
export function checkFields(table: FieldTable, object: Fields, path: string, losses: LossList, refuse: Refuse): void {
  judge(table, object, path, losses, refuse);
  reportUnknown(table, object, path, losses);
}

function judge({ rejections }: FieldTable, object: Fields, path: string, losses: LossList, refuse: Refuse): void {
  for (const [key, { type, why, unless, extra }] of rejections) {
    const value = object[key];
    if (isAbsent(value) || unless?.(value)) continue;
    const field = fieldAt(path, key);
    if (type === "refused") refuse(field, why, extra);
    losses.add(field, why);
  }
}

function reportUnknown({ rows }: FieldTable, object: Fields, path: string, losses: LossList): void {
  for (const key in object) {
    if (!Object.hasOwn(rows, key) && !isAbsent(object[key])) losses.add(fieldAt(path, key), UNKNOWN_FIELD);
  }
}

/**
 * Applies a table of kinds to the object at `path`: its rows are not fields but the values that the object's `type` may have,
 * and decide about the object as a whole. `unless` is given the object.
 */
export function judgeKind(
  { rows }: FieldTable,
  kind: string,
  object: Fields,
  path: string,
  losses: LossList,
  refuse: Refuse,
): void {
  const treatment = Object.hasOwn(rows, kind) ? rows[kind] : undefined;
  if (treatment?.type !== "approximated" && treatment?.type !== "refused") return;
  if (treatment.unless?.(object)) return;
  if (treatment.type === "refused") refuse(path, treatment.why, treatment.extra);
  losses.add(path, treatment.why);
}

function fieldAt(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
