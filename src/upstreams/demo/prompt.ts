import { isJsonObject, type JsonObject, tryParseJson } from "../../lib/json.ts";

/** The text within `length` characters, whitespace folded, an ellipsis where it was cut. */
export function shorten(text: string, length: number): string {
  const folded = text.replace(/\s+/g, " ").trim();
  const characters = Array.from(folded.slice(0, length * 2 + 2));
  return characters.length <= length ? folded : `${characters.slice(0, length - 1).join("")}…`;
}

/** The first text in quotation marks. */
export function quoted(prompt: string): string | undefined {
  const match = /"([^"\n]+)"|“([^”\n]+)”|«([^»\n]+)»|(?<![\p{L}\p{N}])'([^'\n]+)'(?![\p{L}\p{N}])/u.exec(prompt);
  return match?.slice(1).find((group) => group !== undefined);
}

const QUOTATION_MARKS: Record<string, string> = { '"': '"', "'": "'", "“": "”", "«": "»" };

/** The text without quotation marks that stand around all of it, as a shell leaves them that quotes twice. */
export function unwrapped(text: string): string {
  const mark = QUOTATION_MARKS[text.charAt(0)];
  if (mark === undefined || text.length < 2 || !text.endsWith(mark)) return text;
  const inner = text.slice(1, -1);
  return inner.includes(text.charAt(0)) || inner.includes(mark) ? text : inner.trim();
}

/** The text without a quotation mark at its end that nothing in it opens. */
export function withoutStrayQuote(text: string): string {
  const mark = text.at(-1) ?? "";
  const isStray = mark === "”" ? !text.includes("“") : /["']/.test(mark) && text.split(mark).length % 2 === 0;
  return isStray ? text.slice(0, -1).trimEnd() : text;
}

// Words between the verb and what is to be repeated: "reply with *exactly the word*: PONG".
const FILLER =
  /^(?:(?:with|only|just|exactly|precisely|simply|the|single|one|following|words?|text|string|phrase)\b|[:,\s])+/i;
const ORDERS = [
  /\b(?:reply|respond|answer)\b([^\n]*)/i,
  /^(?:please\s+|now\s+|(?:can|could)\s+you\s+)?(?:say|repeat)\b([^\n]*)/im,
];
// "Reply with a haiku" asks for a haiku, not for these words.
const NOT_LITERAL = /^(?:an?|your|some|json|in|to|as|about|me|my|plain|text only|valid|what|how|why|when|if)\b/i;
const END_OF_LITERAL =
  /[.!?;](?:\s|$)|,?\s+(?:and\s+nothing|nothing\s+else|only\b|please\b|without\b|in\s+parallel).*$/i;

/** The X of "reply with the word X", "answer only X", "say X"; undefined when nothing is to be repeated. */
export function saidWord(prompt: string): string | undefined {
  if (prompt.length > 400) return undefined;
  for (const order of ORDERS) {
    const rest = order.exec(prompt)?.[1];
    if (rest === undefined) continue;
    const filler = FILLER.exec(rest)?.[0] ?? "";
    const isSay = order === ORDERS[1];
    if (!isSay && !/\b(?:with|only|just|exactly)\b|:/i.test(filler)) continue;
    const wanted = rest.slice(filler.length);
    const literal = leadingQuote(wanted) ?? unquoted(wanted, /\bword\b/i.test(filler));
    if (literal !== undefined && literal !== "") return literal;
  }
  return undefined;
}

function leadingQuote(text: string): string | undefined {
  return /^[`"'“«]/.test(text) ? (/^`([^`]+)`/.exec(text)?.[1] ?? quoted(text)) : undefined;
}

function unquoted(text: string, oneWord: boolean): string | undefined {
  if (NOT_LITERAL.test(text)) return undefined;
  if (oneWord) return /^[\p{L}\p{N}_'-]+/u.exec(text)?.[0];
  const end = END_OF_LITERAL.exec(text)?.index ?? text.length;
  const literal = text.slice(0, end).trim();
  return literal.length <= 80 ? literal : undefined;
}

/** Six words that could stand above the conversation. */
export function titleOf(prompt: string): string {
  const words = prompt
    .replace(/[`"*_#>]/g, "")
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 6)
    .join(" ");
  const title = words.replace(/[.,:;!?]+$/, "");
  return title === "" ? "Offline demo" : title.charAt(0).toUpperCase() + title.slice(1);
}

export function namedPerson(prompt: string): string | undefined {
  return /\b(?:my name is|i am called|call me|name(?:d|:)?)\s+(\p{Lu}[\p{L}'-]*)/u.exec(prompt)?.[1];
}

const PLACES = [/\bin\s+(?!parallel\b)([^?.!;:\n"]+)/iu, /\b(?:for|of|at)\s+([^?.!;:\n"]+)/iu];
const AFTER_PLACES =
  /[\s,]*\b(?:in parallel|today|tomorrow|tonight|now|right now|please|at once|at the same time|this week|using|with|then)\b.*$/iu;

/** The places of "weather in Oslo and Rome"; names with a capital are preferred to what else follows "in" or "for". */
export function places(prompt: string): string[] {
  const lists = PLACES.map((pattern) => listed(pattern.exec(prompt)?.[1] ?? "")).filter((list) => list.length > 0);
  return lists.find((list) => list.every((place) => /^\p{Lu}/u.test(place))) ?? lists[0] ?? [];
}

function listed(text: string): string[] {
  return text
    .replace(AFTER_PLACES, "")
    .split(/\s*(?:,|&|\band\b|\bor\b|\bversus\b|\bvs\b)\s*/i)
    .map((place) => place.replace(/^(?:in|for|at|of|the)\s+/i, "").trim())
    .filter((place) => place !== "" && place.split(" ").length <= 3);
}

export function firstPlace(prompt: string): string {
  return places(prompt)[0] ?? "Paris";
}

/** How far after the place it is looked for a JSON object may begin, and how many braces may turn out not to begin one. */
const JSON_DISTANCE = 400;
const JSON_ATTEMPTS = 3;

/** The first JSON object written in `text` soon after `from`. */
export function jsonObjectIn(text: string, from: number): JsonObject | undefined {
  let start = text.indexOf("{", from);
  for (let attempt = 0; attempt < JSON_ATTEMPTS && start !== -1 && start - from <= JSON_DISTANCE; attempt += 1) {
    const end = endOfObject(text, start);
    const value = end === undefined ? undefined : tryParseJson(text.slice(start, end));
    if (isJsonObject(value)) return value;
    start = text.indexOf("{", start + 1);
  }
  return undefined;
}

/** The index after the brace that closes the one at `start`. */
function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  let inString = false;
  for (let index = start; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === "\\") index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{") depth += 1;
    else if (character === "}") {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return undefined;
}
