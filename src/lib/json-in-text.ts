import { type JsonValue, tryParseJson } from "./json.ts";

export interface JsonInText {
  /** As it stands in the text. */
  text: string;
  value: JsonValue;
}

/** Texts that begin like JSON again and again and never are any. */
const MOST_STARTS = 100;

const LIKE_AN_OBJECT = /^\{\s*"/;

/**
 * The JSON documents in a text: all of it, or what stands in it among words and code fences, in order; of the latter only
 * objects and lists, and none from within something else in brackets.
 */
export function jsonInText(text: string): JsonInText[] {
  const trimmed = text.trim();
  const whole = tryParseJson(trimmed);
  if (whole !== undefined) return [{ text: trimmed, value: whole }];
  const found: JsonInText[] = [];
  let starts = 0;
  for (let at = nextStart(text, 0); at !== -1 && starts < MOST_STARTS; starts++) {
    const end = endOfDocument(text, at);
    if (end === undefined && LIKE_AN_OBJECT.test(text.slice(at, at + 100))) break; // cut off: what is within is no answer
    const document = text.slice(at, end ?? at);
    const value = tryParseJson(document);
    if (value !== undefined) found.push({ text: document, value });
    at = nextStart(text, end ?? at + 1);
  }
  return found;
}

function nextStart(text: string, from: number): number {
  const pattern = /[{[]/g;
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}

/** Where the brackets are level again that open at `start`; those in strings do not count. */
function endOfDocument(text: string, start: number): number | undefined {
  let depth = 0;
  let isInString = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '"') isInString = !isInString;
    else if (isInString) at += character === "\\" ? 1 : 0;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    if (depth === 0) return at + 1;
  }
  return undefined;
}
