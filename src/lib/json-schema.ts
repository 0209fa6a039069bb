import { type Schema, type SchemaDraft, Validator } from "@cfworker/json-schema";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { isTamePattern } from "./tame-pattern.ts";

/**
 * Whether a value is valid against a JSON Schema of any draft, or of the OpenAPI dialect that Google's clients write (types
 * in capitals, `nullable`). What cannot be checked counts as valid: references that lead nowhere, round in circles or to more
 * work than any answer is worth, and regular expressions that might take for ever. Never throws.
 */
export function isValidAgainst(schema: JsonObject, value: JsonValue): boolean {
  let left = MOST_STEPS;
  const onUse = (steps: number) => {
    left -= steps;
    if (left < 0) throw new Error("too much work");
  };
  try {
    return new Validator(checkable(schema, onUse) as Schema, draftOf(schema)).validate(value).valid;
  } catch {
    return true; // a schema that is broken or bottomless decides nothing
  }
}

/** Uses of a schema on a value: a tenth of a second or two, and several times what the largest answer takes. */
const MOST_STEPS = 200_000;

function draftOf({ $schema }: JsonObject): SchemaDraft {
  const name = typeof $schema === "string" ? $schema : "";
  if (name.includes("draft-04")) return "4";
  if (/draft-0[67]/.test(name)) return "7";
  return name.includes("2019-09") ? "2019-09" : "2020-12";
}

const TYPES = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);

/** Keywords that hold values; into these no reference leads. */
const HOLD_VALUES = new Set(["const", "default", "enum"]);
/** Those that hold a schema under each name. In all others whatever is no scalar may be a schema, or be referred to as one. */
const HOLD_NAMED_SCHEMAS = new Set([
  "$defs",
  "definitions",
  "dependencies",
  "dependentSchemas",
  "patternProperties",
  "properties",
]);

/** A copy without what cannot be checked, which tells of its use; the validator writes its notes into it. */
function checkable(schema: JsonValue, onUse: (steps: number) => void): JsonValue {
  if (Array.isArray(schema)) return schema.map((item) => checkable(item, onUse));
  if (!isJsonObject(schema)) return schema;
  const { pattern, format, nullable, uniqueItems, ...rest } = schema;
  const copy: JsonObject = {};
  for (const [keyword, value] of Object.entries(rest)) {
    if (keyword === "type") setType(copy, value);
    else if (HOLD_VALUES.has(keyword)) copy[keyword] = value;
    else if (HOLD_NAMED_SCHEMAS.has(keyword) && isJsonObject(value)) {
      copy[keyword] = Object.fromEntries(Object.entries(value).map(([name, named]) => [name, checkable(named, onUse)]));
    } else if (keyword !== "__proto__") copy[keyword] = checkable(value, onUse);
  }
  if (typeof pattern === "string" && isTamePattern(pattern)) {
    addCondition(copy, { pattern }, { type: "string", minLength: LONGEST_MATCHED + 1 });
  }
  // "url" is no word of JSON Schema, and slow to match.
  if (typeof format === "string" && format !== "url") {
    addCondition(copy, { format }, { type: "string", minLength: LONGEST_FORMATTED + 1 });
  }
  if (uniqueItems === true) addCondition(copy, { uniqueItems }, { type: "array", minItems: MOST_COMPARED + 1 });
  if (nullable === true) allowNull(copy);
  dropWildNames(copy);
  tellUses(copy, onUse);
  return copy;
}

/** The validator reads this keyword of a schema whenever it applies it. References make it apply a small one without end. */
function tellUses(copy: JsonObject, onUse: (steps: number) => void): void {
  const { $recursiveAnchor: anchor, enum: values } = copy;
  const steps = 1 + (Array.isArray(values) ? values.length : 0);
  Object.defineProperty(copy, "$recursiveAnchor", {
    get() {
      onUse(steps);
      return anchor;
    },
  });
}

function setType(copy: JsonObject, type: JsonValue): void {
  const names = (Array.isArray(type) ? type : [type]).map((name) => String(name).toLowerCase());
  if (names.every((name) => TYPES.has(name))) copy["type"] = names;
}

/** What these take grows with the text, or with the list, faster than that. */
const LONGEST_MATCHED = 256;
const LONGEST_FORMATTED = 2_000;
const MOST_COMPARED = 250;

function addCondition(copy: JsonObject, condition: JsonObject, exception: JsonObject): void {
  const { allOf } = copy;
  copy["allOf"] = [...(Array.isArray(allOf) ? allOf : []), { if: exception, else: condition }];
}

function allowNull(copy: JsonObject): void {
  const { type, enum: values, anyOf } = copy;
  if (Array.isArray(type)) copy["type"] = [...type, "null"];
  if (Array.isArray(values)) copy["enum"] = [...values, null];
  if (Array.isArray(anyOf)) copy["anyOf"] = [...anyOf, { type: "null" }];
}

/** Of properties whose names are not checked, none is one too many. */
function dropWildNames(copy: JsonObject): void {
  const { patternProperties: patterns } = copy;
  if (!isJsonObject(patterns) || Object.keys(patterns).every(isTamePattern)) return;
  for (const keyword of ["patternProperties", "additionalProperties", "unevaluatedProperties"]) delete copy[keyword];
}
