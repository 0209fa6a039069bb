import { isJsonObject, type JsonObject, type JsonValue, tryParseJson } from "../../lib/json.ts";

/** The schema with the keywords that its descriptions tell of, as those do that had to leave them out. */
export function asTold(schema: JsonObject): JsonObject {
  const inner = Object.entries(schema).map(([keyword, value]): [string, JsonValue] => [keyword, toldWithin(value)]);
  const { description } = schema;
  const hints = typeof description === "string" ? hintsIn(description.slice(-LONGEST_HINTS)) : [];
  const told = hints.flatMap(([keyword, text]): [string, JsonValue][] => {
    const value = valueTold(keyword, text, schema);
    return value === undefined ? [] : [value];
  });
  return Object.fromEntries([...inner, ...told]);
}

function toldWithin(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(toldWithin);
  return isJsonObject(value) ? asTold(value) : value;
}

const LONGEST_HINTS = 2000;

type Hint = [keyword: string, text: string];

/** The gateway writes "(minItems: 3) (pattern: ^a$)", where upstream's dialect has no such keyword. */
const IN_PARENTHESES = /\(([a-zA-Z]+(?: in order)?): (.*?)\)(?= \(|\s*$)/gs;
/** Anthropic's SDK writes `{minItems: 3, pattern: "^a$"}`. */
const IN_BRACES = /([a-zA-Z]+): ("(?:[^"\\]|\\.)*"|[^,{}"]+)(?=, |\}$)/g;
/** The AI SDK writes "min items: 3; pattern: ^a$." */
const IN_WORDS = /^([a-z]+(?: [a-z]+)?): (.*)$/s;

function hintsIn(description: string): Hint[] {
  const text = description.trimEnd();
  const hints = [...text.matchAll(IN_PARENTHESES)].map(([, keyword = "", value = ""]): Hint => [keyword, value]);
  const paragraph = text.slice(text.lastIndexOf("\n\n") + 1).trimStart();
  if (/^\{.*\}$/s.test(paragraph)) {
    for (const [, keyword = "", value = ""] of paragraph.matchAll(IN_BRACES)) hints.push([keyword, unquoted(value)]);
  }
  const line = text.slice(text.lastIndexOf("\n") + 1);
  if (line.endsWith(".")) {
    for (const part of line.slice(0, -1).split("; ")) {
      const [, words = "", value = ""] = IN_WORDS.exec(part) ?? [];
      hints.push([words.replace(/ ([a-z])/, (_, letter: string) => letter.toUpperCase()), value]);
    }
  }
  return hints;
}

function unquoted(text: string): string {
  const value = tryParseJson(text);
  return typeof value === "string" ? value : text;
}

const NUMBERS_AND_SWITCHES = new Set(
  (
    "minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems " +
    "minProperties maxProperties"
  ).split(" "),
);

function valueTold(keyword: string, text: string, { nullable }: JsonObject): [string, JsonValue] | undefined {
  if (keyword === "pattern" || keyword === "format") return [keyword, text];
  if (keyword === "items in order") return ["prefixItems", text.split(", ").map(typeInWords)];
  if (keyword === "additionalProperties") return [keyword, typeInWords(text)];
  // What a reference in a circle leads to is not told; null is the safe way out.
  if (keyword === "See" && nullable === true) return ["const", null];
  const isJson = keyword === "enum" || NUMBERS_AND_SWITCHES.has(keyword);
  const value = isJson ? tryParseJson(keyword === "enum" ? `[${text}]` : text) : undefined;
  return value === undefined ? undefined : [keyword, value];
}

/** "integer", "string | null", "array of string". */
function typeInWords(text: string): JsonObject {
  const [first = ""] = text.split(" | ");
  const item = /^array of (.*)$/s.exec(first)?.[1];
  if (item !== undefined) return { type: "array", items: typeInWords(item) };
  return ["string", "number", "integer", "boolean", "array", "object", "null"].includes(first) ? { type: first } : {};
}
