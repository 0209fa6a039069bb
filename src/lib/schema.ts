import * as v from "valibot";
import { isJsonObject, type JsonObject } from "./json.ts";

/** A member that is not what we expect is as good as absent: one odd entry must not cost the whole answer. */
export function lenient<T>(schema: v.GenericSchema<unknown, T>) {
  return v.fallback(v.optional(schema), undefined);
}

/** Any JSON object, kept as it came. A list is none. */
export function jsonObject(message: string) {
  return v.custom<JsonObject>(isJsonObject, message);
}
