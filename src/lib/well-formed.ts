import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

/** Half a character, as a cut through the middle of an emoji leaves it, becomes U+FFFD: strict JSON parsers refuse it. */
export function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}

/** The same for all texts and keys in the object, which is returned as it is when there is nothing to mend. */
export function wellFormedObject(object: JsonObject): JsonObject {
  return isWellFormed(object) ? object : (mended(object) as JsonObject);
}

function isWellFormed(value: JsonValue | undefined): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) {
    for (const element of value) if (!isWellFormed(element)) return false;
    return true;
  }
  for (const key in value) if (!isWellFormed(value[key]) || !key.isWellFormed()) return false;
  return true;
}

function mended(value: JsonValue): JsonValue {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(mended);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key.toWellFormed(), mended(entry)]));
}
