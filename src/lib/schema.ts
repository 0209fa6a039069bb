import * as v from "valibot";
import { isJsonObject, type JsonObject } from "./json.ts";

/** A member that is not what we expect is as good as absent: one odd entry must not cost the whole answer. */
export function lenient<T>(schema: v.GenericSchema<unknown, T>) {
  return v.fallback(v.optional(schema), undefined);
}

// The messages of these complete the sentence "expected …".

export const integer = v.pipe(v.number(), v.integer("a whole number"));

export function wholeNumber(minimum: number, maximum = Infinity) {
  return v.pipe(integer, v.minValue(minimum, `at least ${minimum}`), v.maxValue(maximum, `at most ${maximum}`));
}

export function numberBetween(minimum: number, maximum: number) {
  return v.pipe(v.number(), v.minValue(minimum, `at least ${minimum}`), v.maxValue(maximum, `at most ${maximum}`));
}

/** Any JSON object, kept as it came. A list is none. */
export function jsonObject(message: string) {
  return v.custom<JsonObject>(isJsonObject, message);
}
