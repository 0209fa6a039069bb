import { isJsonObject, isNestedTooDeep, type JsonObject, type JsonValue, tryParseJson } from "../lib/json.ts";
import { wellFormed, wellFormedObject } from "../lib/well-formed.ts";

// How clients of every protocol write what they mean, other than its specification says.

/** Some clients serialise an unset option as this text. */
const UNSET_TEXT = "[undefined]";

/** `null` and the text "[undefined]" mean the same as leaving a field out. */
export function isAbsent(value: unknown): value is null | undefined | typeof UNSET_TEXT {
  return value === undefined || value === null || value === UNSET_TEXT;
}

/** The text a client meant: some send numbers, or the block inside the field (`{"text": {"text": "…"}}`). */
export function textOf(value: unknown): string {
  if (typeof value === "string") return wellFormed(value);
  if (value === undefined || value === null) return "";
  if (isJsonObject(value) && "text" in value) return textOf(value["text"]);
  return typeof value === "object" ? JSON.stringify(value) : String(value); // JSON writes half characters as escapes
}

/** What a model takes as a call's arguments is an object; anything else one once produced is kept inside an object. */
export function toolArguments(value: unknown): JsonObject {
  if (isAbsent(value)) return {};
  if (typeof value === "string") return argumentsInText(value);
  return wellFormedObject(isJsonObject(value) ? value : { params: value as JsonValue });
}

function argumentsInText(text: string): JsonObject {
  if (text.trim() === "") return {};
  const parsed = tryParseJson(text);
  if (parsed === undefined || isNestedTooDeep(parsed)) return { params: wellFormed(text) };
  return parsed === null ? {} : wellFormedObject(isJsonObject(parsed) ? parsed : { params: parsed });
}

/** A path of keys, below `base`, as clients know their fields: "messages[2].content". */
export function fieldPath(path: readonly { key: unknown }[] | undefined, base: string): string {
  let field = base;
  for (const { key } of path ?? []) {
    if (typeof key === "number") field += `[${key}]`;
    else field += field === "" ? String(key) : `.${String(key)}`;
  }
  return field;
}
