import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";
import { firstPlace, namedPerson, quoted, saidWord, shorten, titleOf, withoutStrayQuote } from "./prompt.ts";

/** What made-up values may draw on. */
export interface ValueSource {
  /** The user's words. */
  prompt: string;
  /** Unix ms. */
  now: number;
}

interface Place extends ValueSource {
  root: JsonObject;
  /** Property name, "" at the root and in arrays of unnamed things. */
  name: string;
  depth: number;
  /** Whether properties that are not required get a value too. */
  optional: "all" | "mentioned";
}

/** Schemas may refer to themselves; below this depth optional things are left out. */
const MAX_DEPTH = 8;

/** A value that the schema accepts, every property filled. */
export function valueFor(schema: JsonObject, source: ValueSource): JsonValue {
  return make(schema, { ...source, root: schema, name: "", depth: 0, optional: "all" });
}

/** Arguments for a tool: what is required and what the prompt speaks of; `given` wins. */
export function argumentsFor(schema: JsonObject, source: ValueSource, given: JsonObject = {}): JsonObject {
  const made = make(
    { ...schema, type: "object" },
    { ...source, root: schema, name: "", depth: 0, optional: "mentioned" },
  );
  return isJsonObject(made) ? { ...made, ...given } : given;
}

function make(written: JsonObject, place: Place): JsonValue {
  const schema = follow(written, place.root);
  if (schema["const"] !== undefined) return schema["const"];
  const choices = schema["enum"];
  if (Array.isArray(choices) && choices.length > 0) return choose(choices, place.prompt);
  switch (typeOf(schema)) {
    case "object":
      return makeObject(schema, place);
    case "array":
      return makeArray(schema, place);
    case "boolean":
      return schema["default"] === true;
    case "integer":
      return makeNumber(schema, place, 1);
    case "number":
      return makeNumber(schema, place, 0);
    case "null":
      return null;
    default:
      return makeString(schema, place);
  }
}

/** The schema with references followed, alternatives decided and `allOf` merged. */
function follow(schema: JsonObject, root: JsonObject): JsonObject {
  let current = schema;
  for (let step = 0; step < MAX_DEPTH; step += 1) {
    const reference = current["$ref"];
    const alternatives = current["anyOf"] ?? current["oneOf"];
    if (typeof reference === "string") current = resolve(reference, root);
    else if (Array.isArray(alternatives)) {
      const objects = alternatives.filter(isJsonObject);
      current = {
        ...without(current, ["anyOf", "oneOf"]),
        ...(objects.find((alternative) => typeOf(alternative) !== "null") ?? objects[0]),
      };
    } else if (Array.isArray(current["allOf"])) {
      current = current["allOf"].filter(isJsonObject).reduce(merge, without(current, ["allOf"]));
    } else return current;
  }
  return current;
}

function without(schema: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key)));
}

function merge(left: JsonObject, right: JsonObject): JsonObject {
  const properties = { ...asObject(left["properties"]), ...asObject(right["properties"]) };
  const required = [...strings(left["required"]), ...strings(right["required"])];
  return { ...left, ...right, properties, required };
}

function resolve(reference: string, root: JsonObject): JsonObject {
  let target: JsonValue | undefined = root;
  for (const step of reference.replace(/^#\/?/, "").split("/").filter(Boolean)) {
    target = asObject(target)[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return asObject(target);
}

/** Names come in both cases; a missing type is inferred from the other keywords. */
function typeOf(schema: JsonObject): string {
  const type = schema["type"];
  const named = Array.isArray(type) ? type.find((name) => name !== "null") : type;
  if (typeof named === "string") return named.toLowerCase();
  if (schema["properties"] !== undefined) return "object";
  if (schema["items"] !== undefined || schema["prefixItems"] !== undefined) return "array";
  return "string";
}

function makeObject(schema: JsonObject, place: Place): JsonObject {
  const properties = Object.entries(asObject(schema["properties"]));
  const required = new Set(strings(schema["required"]));
  const value: JsonObject = {};
  for (const [index, [name, property]] of properties.entries()) {
    if (!isJsonObject(property)) continue;
    const isOnlyHope = index === 0 && place.depth === 0 && required.size === 0 && typeOf(property) === "string";
    const wanted =
      place.optional === "all" ? place.depth < MAX_DEPTH : isOnlyHope || isMentioned(property, place.prompt);
    if (!required.has(name) && !wanted) continue;
    if (place.depth >= MAX_DEPTH * 2) continue; // a required property that contains itself has no finite value
    value[name] = make(property, { ...place, name, depth: place.depth + 1 });
  }
  return value;
}

function isMentioned(schema: JsonObject, prompt: string): boolean {
  const choices = schema["enum"];
  return Array.isArray(choices) && choices.some((choice) => mentions(prompt, choice));
}

function choose(choices: readonly JsonValue[], prompt: string): JsonValue {
  return choices.find((choice) => mentions(prompt, choice)) ?? choices[0] ?? null;
}

function mentions(prompt: string, choice: JsonValue): boolean {
  if (typeof choice !== "string" || choice === "") return false;
  return ` ${prompt.toLowerCase().replace(/[^\p{L}\p{N}_-]+/gu, " ")} `.includes(` ${choice.toLowerCase()} `);
}

function makeArray(schema: JsonObject, place: Place): JsonValue[] {
  const tuple = schema["prefixItems"];
  const inner = { ...place, depth: place.depth + 1 };
  if (Array.isArray(tuple)) return tuple.filter(isJsonObject).map((item) => make(item, inner));
  const wanted = typeof schema["minItems"] === "number" ? schema["minItems"] : 1;
  const length = place.depth >= MAX_DEPTH ? 0 : Math.min(Math.max(wanted, 1), maximum(schema["maxItems"]), 20);
  return Array.from({ length }, () => make(asObject(schema["items"]), inner));
}

function makeNumber(schema: JsonObject, { prompt }: Place, step: 0 | 1): number {
  const exclusiveLow = schema["exclusiveMinimum"];
  const low = typeof exclusiveLow === "number" ? exclusiveLow + (step || 0.5) : (schema["minimum"] ?? -Infinity);
  const exclusiveHigh = schema["exclusiveMaximum"];
  const high = typeof exclusiveHigh === "number" ? exclusiveHigh - (step || 0.5) : maximum(schema["maximum"]);
  const spoken = /-?\d+(?:\.\d+)?/.exec(prompt)?.[0];
  const start = typeof schema["default"] === "number" ? schema["default"] : Number(spoken ?? 1);
  const inside = Math.min(Math.max(start, typeof low === "number" ? low : -Infinity), high);
  return step === 1 ? Math.round(inside) : inside;
}

function maximum(limit: JsonValue | undefined): number {
  return typeof limit === "number" ? limit : Infinity;
}

function makeString(schema: JsonObject, place: Place): string {
  if (typeof schema["default"] === "string") return schema["default"];
  const least = typeof schema["minLength"] === "number" ? schema["minLength"] : 0;
  const text = formatted(schema["format"], place) ?? guess(place);
  return text.padEnd(Math.min(least, 10_000), ".").slice(0, maximum(schema["maxLength"]));
}

function formatted(format: JsonValue | undefined, { now }: Place): string | undefined {
  const time = new Date(now).toISOString();
  switch (format) {
    case "date-time":
      return time;
    case "date":
      return time.slice(0, 10);
    case "time":
      return time.slice(11);
    case "email":
      return "demo@example.com";
    case "uri":
    case "url":
      return "https://example.com/";
    case "uuid":
      return "00000000-0000-4000-8000-000000000000";
    default:
      return undefined;
  }
}

/** What a property of that name usually wants, taken from the prompt where it says so. First match wins. */
const GUESSES: readonly { name: RegExp; value(place: Place): string }[] = [
  { name: /\b(path|file|filename|dir|directory|folder|cwd|workdir)\b/, value: ({ prompt }) => path(prompt) },
  { name: /\b(command|cmd|script)\b/, value: ({ prompt }) => command(prompt) },
  {
    name: /\b(city|location|place|town|country|destination|region|where)\b/,
    value: ({ prompt }) => firstPlace(prompt),
  },
  { name: /\b(url|uri|link|href|website)\b/, value: ({ prompt }) => webAddress(prompt) },
  { name: /\b(email|mail)\b/, value: ({ prompt }) => /\S+@\S+\.\w+/.exec(prompt)?.[0] ?? "demo@example.com" },
  { name: /\b(date|day)\b/, value: ({ now }) => new Date(now).toISOString().slice(0, 10) },
  { name: /\b(time|timestamp|at|created|updated)\b/, value: ({ now }) => new Date(now).toISOString() },
  { name: /\b(pattern|glob|regex)\b/, value: ({ prompt }) => quoted(prompt) ?? "**/*" },
  { name: /\b(title|subject|headline|label|description|summary)\b/, value: ({ prompt }) => titleOf(prompt) },
  { name: /\b(language|lang|locale)\b/, value: () => "en" },
  { name: /\b(currency)\b/, value: () => "EUR" },
  { name: /\b(colou?r)\b/, value: () => "teal" },
  { name: /\b(name|person|author|user)\b/, value: ({ prompt }) => namedPerson(prompt) ?? quoted(prompt) ?? "Ada" },
];

function guess(place: Place): string {
  const words = place.name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[^A-Za-z0-9]+/g, " ")
    .toLowerCase();
  const known = GUESSES.find(({ name }) => name.test(words));
  if (known) return known.value(place);
  return saidWord(place.prompt) ?? quoted(place.prompt) ?? (shorten(place.prompt, 200) || "demo");
}

function path(prompt: string): string {
  return /(?:[~.]{0,2}\/[\w./-]*\w|\b[\w-]+(?:\/[\w.-]+)*\.[a-zA-Z]\w{0,5}\b)/.exec(prompt)?.[0] ?? "README.md";
}

const COMMAND =
  /\b(?:run|execute|command|to)\b[\s:]+((?:ls|pwd|cat|head|wc|echo|git|date|whoami|uname|node|npm|bun)\b[^\n]*)/i;

/** A command the prompt spells out, else a harmless one. */
function command(prompt: string): string {
  const written = COMMAND.exec(prompt)?.[1]?.trim();
  const spelled =
    /`([^`]+)`/.exec(prompt)?.[1] ?? (written === undefined ? quoted(prompt) : withoutStrayQuote(written));
  return spelled ?? (/\blist|\bls\b|\bfiles?\b/i.test(prompt) ? "ls -la" : "echo hello from the demo");
}

function webAddress(prompt: string): string {
  return /https?:\/\/[^\s"'`<>)]+/.exec(prompt)?.[0] ?? "https://example.com/";
}

function asObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function strings(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}
