import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";
import { isValidAgainst } from "../../lib/json-schema.ts";
import { isTamePattern } from "../../lib/tame-pattern.ts";
import { exampleOf } from "./pattern.ts";
import { asTold } from "./hints.ts";
import { asObject, settled, strings, typeOf } from "./schema.ts";
import { formatted, guessed, type ValueSource } from "./words.ts";

interface Place extends ValueSource {
  root: JsonObject;
  /** Property name, "" at the root and in arrays of unnamed things. */
  name: string;
  depth: number;
  /** Whether properties that are not required get a value too. */
  optional: "all" | "mentioned" | "none";
  /** Which of several alternatives is taken. */
  alternative: number;
  /** Values that must differ from one another have different numbers. */
  variant: number;
  /** Values that may still be made; shared by all places of one schema. */
  budget: { left: number };
}

/** Schemas may refer to themselves; below this depth optional things are left out. */
const MAX_DEPTH = 8;
/** Nor may a schema that contains itself several times fill the memory. */
const MAX_VALUES = 2000;

/** The value that comes first to mind, then those with other alternatives, then with what is required alone. */
const TRIES: readonly Pick<Place, "alternative" | "optional">[] = [
  { alternative: 0, optional: "all" },
  { alternative: 1, optional: "all" },
  { alternative: 2, optional: "all" },
  { alternative: 0, optional: "none" },
  { alternative: 1, optional: "none" },
];

/** A value that the schema accepts, every property filled where it may be. */
export function valueFor(written: JsonObject, source: ValueSource): JsonValue {
  const schema = asTold(written);
  let isSpent = false;
  const values = TRIES.map((choice) => () => {
    const place = { ...startOf(schema, source), ...choice };
    const value = make(schema, place);
    isSpent = place.budget.left <= 0;
    return value;
  });
  // A schema that asks for more than can be made up is not worth a second try.
  return firstThat((value) => isSpent || isValidAgainst(schema, value), values) ?? null;
}

/** Arguments for a tool: what is required and what the prompt speaks of; `given` wins. */
export function argumentsFor(written: JsonObject, source: ValueSource, given: JsonObject = {}): JsonObject {
  const schema = asTold(written);
  const made = make({ ...schema, type: "object" }, { ...startOf(schema, source), optional: "mentioned" });
  return isJsonObject(made) ? { ...made, ...given } : given;
}

function startOf(root: JsonObject, { prompt, now }: ValueSource): Place {
  const choice: Pick<Place, "alternative" | "optional"> = { alternative: 0, optional: "all" };
  return { prompt, now, root, name: "", depth: 0, variant: 0, budget: { left: MAX_VALUES }, ...choice };
}

/** The first value that fits; when none does, the first of all. */
function firstThat<T>(fits: (value: T) => boolean, makers: readonly (() => T)[]): T | undefined {
  let first: { value: T } | undefined;
  for (const maker of makers) {
    const value = maker();
    if (fits(value)) return value;
    first ??= { value };
  }
  return first?.value;
}

function make(written: JsonObject, place: Place): JsonValue {
  place.budget.left -= 1;
  const { root, alternative, variant, prompt } = place;
  const schema = settled(written, { root, alternative, ending: isLate(place) });
  if (schema["const"] !== undefined) return schema["const"];
  const choices = schema["enum"];
  if (Array.isArray(choices) && choices.length > 0) return choose(choices, prompt, variant);
  switch (typeOf(schema)) {
    case "object":
      return makeObject(schema, place);
    case "array":
      return makeArray(schema, place);
    case "boolean":
      return (schema["default"] === true) !== (variant % 2 === 1);
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

function isLate({ depth, budget }: Place): boolean {
  return depth >= MAX_DEPTH || budget.left <= 0;
}

function makeObject(schema: JsonObject, place: Place): JsonObject {
  const properties = asObject(schema["properties"]);
  const required = new Set(strings(schema["required"]));
  const made = new Map<string, JsonValue>();
  const add = (name: string, property: JsonObject) => {
    // A required property that contains itself has no finite value.
    if (place.depth >= MAX_DEPTH * 2 || place.budget.left <= -MAX_VALUES) return;
    made.set(name, make(property, { ...place, name, depth: place.depth + 1, variant: 0 }));
  };
  for (const [index, [name, property]] of Object.entries(properties).entries()) {
    if (!isJsonObject(property)) continue;
    const isOnlyHope = index === 0 && place.depth === 0 && required.size === 0 && typeOf(property) === "string";
    if (required.has(name) || isWanted(property, isOnlyHope, place)) add(name, property);
  }
  for (const name of required) if (!made.has(name)) add(name, furtherProperty(schema, name));
  const most = limit(schema["maxProperties"], Infinity);
  for (const name of [...made.keys()].toReversed()) if (made.size > most && !required.has(name)) made.delete(name);
  const least = Math.min(limit(schema["minProperties"], 0), 100);
  for (let variant = 0; made.size < least && variant < least * 2; variant++) {
    const name = furtherName(schema, place, variant);
    add(name, furtherProperty(schema, name));
  }
  return Object.fromEntries(made);
}

function isWanted(property: JsonObject, isOnlyHope: boolean, place: Place): boolean {
  if (place.optional === "all") return !isLate(place);
  return place.optional === "mentioned" && (isOnlyHope || isMentioned(property, place.prompt));
}

/** A name of a property that the schema speaks of in general only. */
function furtherName(schema: JsonObject, place: Place, variant: number): string {
  const [pattern] = Object.keys(asObject(schema["patternProperties"]));
  const names = asObject(schema["propertyNames"]);
  if (Object.keys(names).length === 0 && pattern === undefined) return `key${variant + 1}`;
  const rule: JsonObject = { type: "string", ...(pattern !== undefined && { pattern }), ...names };
  return String(make(rule, { ...place, name: "", prompt: "demo", variant }));
}

function furtherProperty(schema: JsonObject, name: string): JsonObject {
  const patterns = Object.entries(asObject(schema["patternProperties"]));
  const own = patterns.find(([pattern]) => isValidAgainst({ pattern }, name))?.[1];
  return asObject(own ?? schema["additionalProperties"]);
}

function isMentioned(schema: JsonObject, prompt: string): boolean {
  const choices = schema["enum"];
  return Array.isArray(choices) && choices.some((choice) => mentions(prompt, choice));
}

function choose(choices: readonly JsonValue[], prompt: string, variant: number): JsonValue {
  const start = Math.max(
    choices.findIndex((choice) => mentions(prompt, choice)),
    0,
  );
  return choices[(start + variant) % choices.length] ?? null;
}

function mentions(prompt: string, choice: JsonValue): boolean {
  if (typeof choice !== "string" || choice === "") return false;
  return ` ${prompt.toLowerCase().replace(/[^\p{L}\p{N}_-]+/gu, " ")} `.includes(` ${choice.toLowerCase()} `);
}

function makeArray(schema: JsonObject, place: Place): JsonValue[] {
  const { items, prefixItems, additionalItems, contains, uniqueItems } = schema;
  const tuple = [prefixItems, items].find(Array.isArray)?.map(asObject) ?? [];
  const further = Array.isArray(items) ? additionalItems : items;
  const contained = isJsonObject(contains) ? Math.max(limit(schema["minContains"], 1), 0) : 0;
  const least = Math.max(limit(schema["minItems"], 0), isLate(place) ? 0 : 1, tuple.length, tuple.length + contained);
  const most = further === false ? tuple.length : limit(schema["maxItems"], Infinity);
  const values: JsonValue[] = [];
  for (let index = 0; index < Math.min(least, most) && place.budget.left > -MAX_VALUES; index++) {
    const isContained = index >= tuple.length && index < tuple.length + contained;
    const item = tuple[index] ?? asObject(isContained ? contains : further);
    values.push(make(item, { ...place, depth: place.depth + 1, variant: uniqueItems === true ? index : 0 }));
  }
  return values;
}

function makeNumber(schema: JsonObject, { prompt, variant }: Place, step: 0 | 1): number {
  const unit = Math.max(limit(schema["multipleOf"], 0), 0) || step;
  const low = Math.max(limit(schema["minimum"], -Infinity), limit(schema["exclusiveMinimum"], -Infinity));
  const high = Math.min(limit(schema["maximum"], Infinity), limit(schema["exclusiveMaximum"], Infinity));
  const spoken = /-?\d+(?:\.\d+)?/.exec(prompt)?.[0];
  const start = limit(schema["default"], Number(spoken ?? 1));
  const range = high - low;
  const pace = unit || (Number.isFinite(range) ? Math.min(range / 100, 0.5) : 0.5);
  const numbers = [start, Math.max(low, Math.min(start, high)), low + pace, high - pace, low + range / 2]
    .filter(Number.isFinite)
    .flatMap((number) => [number + variant * pace, number - variant * pace])
    .map((number) => (unit > 0 ? Number((Math.round(number / unit) * unit).toPrecision(15)) : number));
  const bounds = { ...schema, type: step === 1 ? "integer" : "number" };
  return (
    firstThat(
      (number) => isValidAgainst(bounds, number),
      numbers.map((number) => () => number),
    ) ?? 1
  );
}

/** How often a pattern's open repetitions are repeated before an example is given up. */
const MORE_REPEATS = [0, 1, 2, 3, 5, 8, 12, 20, 40];

function makeString(schema: JsonObject, place: Place): string {
  const { pattern, format, minLength, maxLength } = schema;
  const least = Math.min(limit(minLength, 0), 10_000);
  const most = limit(maxLength, Infinity);
  const ownWords = typeof schema["default"] === "string" ? schema["default"] : undefined;
  const ofFormat = typeof format === "string" ? formatted(format, place) : undefined;
  const words = ownWords ?? ofFormat ?? guessed(place.name, place);
  const plain = fitted(place.variant === 0 ? words : `${words} ${place.variant + 1}`, least, most);
  if (typeof pattern !== "string") return plain;
  const rule: JsonObject = { type: "string", pattern, minLength: least, maxLength: Math.min(most, 10_000) };
  const examples = [...MORE_REPEATS, least].map((more) => () => exampleOf(pattern, { more, variant: place.variant }));
  // What cannot be checked is more likely to be right when it was made for the pattern.
  const texts = ofFormat !== undefined || isTamePattern(pattern) ? [() => plain, ...examples] : examples;
  return firstThat((text) => isValidAgainst(rule, text), texts) ?? plain;
}

/** The text filled up with points, or cut, to a length in characters. */
function fitted(text: string, least: number, most: number): string {
  const characters = Array.from(text);
  if (characters.length > most) return characters.slice(0, most).join("");
  return text + ".".repeat(Math.max(0, least - characters.length));
}

function limit(value: JsonValue | undefined, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}
