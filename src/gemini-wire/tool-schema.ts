import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import { NO_EXTRA_PROPERTIES, type SchemaType, typeOfValue } from "./schema-keywords.ts";
import { refResolver } from "./schema-refs.ts";
import { acceptsHint, readShape, type SchemaNode, type SchemaShape, type ShapeReader } from "./schema-shape.ts";

/** The property an otherwise empty argument object gets where upstream wants at least one; never the client's business. */
export const PLACEHOLDER_PROPERTY = "_ag_noop";

const PLACEHOLDER_SCHEMA: JsonObject = { type: "boolean", description: "Unused. Leave it out." };
const MAX_DEPTH = 32;
const MAX_NODES = 4096;

/**
 * A tool's arguments in the dialect of `parameters`: always an object, only the keywords type, description, nullable,
 * enum, items, properties and required; what else the schema says is told in descriptions. Pure and idempotent.
 */
export function toolParameters(schema: JsonValue | undefined, options: { neverEmpty: boolean }): JsonObject {
  const cleaned = isJsonObject(schema) ? clean(schema, "tool") : {};
  const { description, properties = {}, required } = cleaned["type"] === "object" ? cleaned : {};
  const parameters: JsonObject = { type: "object" };
  if (description !== undefined) parameters["description"] = description;
  const empty = Object.keys(properties ?? {}).length === 0;
  parameters["properties"] = empty && options.neverEmpty ? { [PLACEHOLDER_PROPERTY]: PLACEHOLDER_SCHEMA } : properties;
  if (required !== undefined) parameters["required"] = required;
  return parameters;
}

/**
 * The shape of a structured answer in the dialect of `responseSchema`: as for tools, but of any root type, with nothing
 * added to it, and `additionalProperties: false` as a keyword.
 */
export function outputSchema(schema: JsonObject): JsonObject {
  return clean(schema, "output");
}

type Dialect = "tool" | "output";

function clean(schema: JsonObject, dialect: Dialect): JsonObject {
  const reader: ShapeReader = { resolve: refResolver(schema), nodesLeft: MAX_NODES };
  return write([{ schema, within: undefined }], reader, dialect, 0);
}

function write(nodes: readonly SchemaNode[], reader: ShapeReader, dialect: Dialect, depth: number): JsonObject {
  const shape = readShape(nodes, reader);
  const { type, nullable, values, hints: told } = narrow(shape);
  const closed = dialect === "output" && type === "object" && told.includes(NO_EXTRA_PROPERTIES);
  const hints = closed ? told.filter((hint) => hint !== NO_EXTRA_PROPERTIES) : told;
  const written: JsonObject = { type };
  const description = [
    ...(shape.description === undefined ? [] : [shape.description]),
    ...hints.map((hint) => `(${hint})`),
  ];
  if (description.length > 0) written["description"] = description.join(" ");
  if (nullable) written["nullable"] = true;
  if (values) written["enum"] = values;
  const deeper = depth < MAX_DEPTH && reader.nodesLeft > 0;
  if (type === "array") {
    written["items"] = shape.items && deeper ? write(shape.items, reader, dialect, depth + 1) : { type: "string" };
  }
  if (type === "object" && shape.properties && deeper) {
    // Not by assignment: a property may be called "__proto__".
    const properties: JsonObject = Object.fromEntries(
      [...shape.properties].map(([name, alternatives]) => [name, write(alternatives, reader, dialect, depth + 1)]),
    );
    written["properties"] = properties;
    const required = [...new Set(shape.required)].filter((name) => Object.hasOwn(properties, name));
    if (required.length > 0) written["required"] = required;
  }
  if (closed) written["additionalProperties"] = false;
  return written;
}

interface Narrowed {
  type: SchemaType;
  nullable: boolean;
  values?: string[];
  hints: readonly string[];
}

/** Settles on one type, and on an enum only where it can be one of strings, as the wire's is. */
function narrow(shape: SchemaShape): Narrowed {
  const { types, hints } = shape;
  const values = shape.values?.filter((value) => value !== null) ?? [];
  const nullable = shape.nullable || shape.nothing || (shape.values?.includes(null) ?? false);
  const [first] = values;
  const [declared = shape.properties ? "object" : shape.items ? "array" : undefined] = types;
  if (first === undefined) {
    return { type: declared ?? "string", nullable, hints: types.length > 1 ? [...hints, acceptsHint(types)] : hints };
  }

  const told = [...hints, `enum: ${[...new Set(values.map((value) => JSON.stringify(value)))].join(", ")}`];
  const kinds = new Set(values.map(typeOfValue));
  const structured = [declared, ...kinds].find((type) => type === "array" || type === "object");
  if (structured) return { type: structured, nullable, hints: told };
  if (declared === "boolean" || (kinds.has("boolean") && kinds.size === 1)) {
    return { type: "boolean", nullable, hints: new Set(values).size > 1 ? hints : told };
  }
  const numeric = !kinds.has("string") && !kinds.has("boolean") && declared !== "string";
  // Numbers stay numbers: as strings they would come back as strings.
  if (numeric) {
    return { type: kinds.has("number") || types.includes("number") ? "number" : "integer", nullable, hints: told };
  }
  if (values.includes("")) return { type: "string", nullable, hints: told };
  return { type: "string", nullable, values: [...new Set(values.map(String))], hints };
}
