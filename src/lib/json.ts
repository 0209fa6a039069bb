export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The parsed document, or `undefined` when the text is not JSON. Never throws. */
export function tryParseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined; // "not JSON" is an answer here, not a failure
  }
}

/** Five times what Google's own parser takes. Writing some ten thousand levels takes seconds, then the whole stack. */
const DEEPEST_NESTING = 500;

/** Whether lists and objects stand in one another deeper than anything that can be passed on. */
export function isNestedTooDeep(value: unknown, levelsLeft = DEEPEST_NESTING): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levelsLeft === 0) return true;
  if (Array.isArray(value)) {
    for (const element of value) if (isNestedTooDeep(element, levelsLeft - 1)) return true;
    return false;
  }
  for (const key in value) {
    const member = (value as JsonObject)[key];
    // Most are texts, and long histories have thousands: not even a call for them.
    if (typeof member === "object" && isNestedTooDeep(member, levelsLeft - 1)) return true;
  }
  return false;
}

/** What a value is, in words: "an array", "a string". */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return `a ${typeof value}`;
}
