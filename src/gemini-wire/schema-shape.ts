import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import {
  declaredTypes,
  hintsOf,
  impliedTypes,
  requiredNames,
  type SchemaType,
  tupleOf,
  typeOfValue,
} from "./schema-keywords.ts";
import { refName, type RefResolver } from "./schema-refs.ts";

/** A schema still to be read, with the references that led to it (so that a circle is noticed). */
export interface SchemaNode {
  schema: JsonObject;
  within: Expansion | undefined;
}

interface Expansion {
  target: JsonObject;
  outer: Expansion | undefined;
}

/** What one schema says about a value once references, conjunctions and alternatives are folded into one. */
export interface SchemaShape {
  /** Accepted types in order of preference, null aside. Empty: not said. */
  types: readonly SchemaType[];
  nullable: boolean;
  /** Whether null is the only value. */
  nothing: boolean;
  description?: string;
  /** From `enum` and `const`. */
  values?: readonly JsonValue[];
  /** More than one node: alternatives. */
  properties?: ReadonlyMap<string, readonly SchemaNode[]>;
  required: readonly string[];
  items?: readonly SchemaNode[];
  /** What has no keyword upstream, in words. */
  hints: readonly string[];
}

/** Spent by every node that is read: keeps schemas whose references multiply from growing without end. */
export interface ShapeReader {
  resolve: RefResolver;
  nodesLeft: number;
}

const MAX_NESTING = 32;

/** Folds alternatives (usually one) into one shape that accepts what any of them accepts, as far as one shape can. */
export function readShape(nodes: readonly SchemaNode[], reader: ShapeReader): SchemaShape {
  const [first] = nodes;
  if (first && nodes.length === 1) return shapeOf(first, reader, 0);
  return unite(nodes.map((node) => shapeOf(node, reader, 0)));
}

function shapeOf(node: SchemaNode, reader: ShapeReader, nesting: number): SchemaShape {
  const shape = ownShape(node);
  if (nesting <= MAX_NESTING && --reader.nodesLeft >= 0) compose(shape, node, reader, nesting);
  // Only where no part of the schema names a type: constraints may stand beside a reference that does.
  if (shape.types.length === 0 && !shape.nothing && !shape.values) shape.types = impliedTypes(node.schema);
  return shape;
}

function compose(shape: SchemaShape, node: SchemaNode, reader: ShapeReader, nesting: number): void {
  const { schema, within } = node;
  const ref = schema["$ref"];
  if (typeof ref === "string") addReferred(shape, ref, node, reader, nesting);
  for (const part of subSchemas(schema["allOf"])) {
    conjoin(shape, shapeOf({ schema: part, within }, reader, nesting + 1));
  }
  // Whichever branch holds, its properties may occur.
  for (const branch of [schema["then"], schema["else"]]) {
    if (!isJsonObject(branch)) continue;
    const { properties } = shapeOf({ schema: branch, within }, reader, nesting + 1);
    if (properties) conjoin(shape, { ...NOTHING_SAID, properties });
  }
  for (const union of [schema["anyOf"], schema["oneOf"]]) {
    const branches = subSchemas(union);
    if (branches.length === 0) continue;
    conjoin(shape, unite(branches.map((branch) => shapeOf({ schema: branch, within }, reader, nesting + 1))));
  }
}

function addReferred(shape: SchemaShape, ref: string, { within }: SchemaNode, reader: ShapeReader, nesting: number) {
  const target = reader.resolve(ref);
  if (!target || isWithin(target, within)) {
    const known = target ? declaredTypes(target["type"]).types[0] : undefined;
    conjoin(shape, { ...NOTHING_SAID, types: [known ?? "object"], hints: [`See: ${refName(ref)}`] });
    return;
  }
  conjoin(shape, shapeOf({ schema: target, within: { target, outer: within } }, reader, nesting + 1));
}

const NOTHING_SAID: Readonly<SchemaShape> = { types: [], nullable: false, nothing: false, required: [], hints: [] };

function isWithin(target: JsonObject, expansion: Expansion | undefined): boolean {
  for (let at = expansion; at; at = at.outer) if (at.target === target) return true;
  return false;
}

/** Reads the keywords of one level. */
function ownShape({ schema, within }: SchemaNode): SchemaShape {
  const { types, nullable } = declaredTypes(schema["type"]);
  const shape: SchemaShape = {
    types,
    nullable: nullable || schema["nullable"] === true,
    nothing: nullable && types.length === 0,
    required: requiredNames(schema),
    hints: hintsOf(schema),
  };
  const { description, properties, items, prefixItems } = schema;
  if (typeof description === "string" && description !== "") shape.description = description;
  if (isJsonObject(properties)) {
    const nodes = new Map<string, SchemaNode[]>();
    for (const name in properties) {
      const property = properties[name];
      // true, false and null in the place of a schema are refused upstream.
      if (isJsonObject(property)) nodes.set(name, [{ schema: property, within }]);
    }
    shape.properties = nodes;
  }
  const element = tupleOf(items, prefixItems)?.find(isJsonObject) ?? items;
  if (isJsonObject(element)) shape.items = [{ schema: element, within }];
  if (Array.isArray(schema["enum"])) shape.values = schema["enum"];
  else if (schema["const"] !== undefined) shape.values = [schema["const"]];
  return shape;
}

function subSchemas(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** Adds to `shape` what must hold as well. Where the two disagree, what was there first stays. */
function conjoin(shape: SchemaShape, other: SchemaShape): void {
  if (shape.types.length === 0) {
    shape.types = other.types;
    shape.nothing = other.nothing;
  }
  shape.nullable ||= other.nullable;
  if (shape.description === undefined && other.description !== undefined) shape.description = other.description;
  if (!shape.values && other.values) shape.values = other.values;
  if (other.properties) {
    const merged = new Map(shape.properties);
    for (const [name, nodes] of other.properties) if (!merged.has(name)) merged.set(name, nodes);
    shape.properties = merged;
  }
  shape.required = distinct([...shape.required, ...other.required]);
  if (!shape.items && other.items) shape.items = other.items;
  shape.hints = distinct([...shape.hints, ...other.hints]);
}

/** The shape that stands for a choice: the richest kind of branch wins, branches of that kind are put together. */
function unite(branches: readonly SchemaShape[]): SchemaShape {
  const nullable = branches.some((branch) => branch.nullable || branch.nothing);
  const spoken = branches.filter((branch) => !branch.nothing);
  const [first] = spoken;
  if (!first) return { ...NOTHING_SAID, nullable, nothing: nullable };
  if (spoken.length === 1) return { ...first, nullable };
  if (spoken.every((branch) => branch.values)) return uniteValues(spoken, nullable);

  const best = spoken.reduce((most, branch) => Math.max(most, rank(branch)), UNKNOWN_RANK);
  const chosen = spoken.filter((branch) => rank(branch) === best);
  const [richest = first] = chosen;
  const united: SchemaShape = {
    ...NOTHING_SAID,
    types: typesOf(richest).slice(0, 1),
    nullable,
    required: chosen.map((branch) => branch.required).reduce((all, some) => all.filter((name) => some.includes(name))),
  };
  const items = chosen.flatMap((branch) => branch.items ?? []);
  if (best === ARRAY_RANK && items.length > 0) united.items = items;
  if (best === OBJECT_RANK) united.properties = uniteProperties(chosen);
  if (chosen.length === 1 && richest.values) united.values = richest.values;
  const description = chosen.find((branch) => branch.description !== undefined)?.description;
  if (description !== undefined) united.description = description;
  const kinds = distinct(spoken.flatMap(typesOf));
  united.hints = [...(chosen.length === 1 ? richest.hints : []), ...(kinds.length > 1 ? [acceptsHint(kinds)] : [])];
  return united;
}

/** Tells the model about the types that could not be kept. */
export function acceptsHint(types: readonly SchemaType[]): string {
  return `Accepts: ${types.join(" | ")}`;
}

function uniteValues(branches: readonly SchemaShape[], nullable: boolean): SchemaShape {
  const values = branches.flatMap((branch) => branch.values ?? []);
  const hints = branches.flatMap(({ values: [value] = [], description }) =>
    description === undefined || value === undefined ? [] : [`${String(value)}: ${description}`],
  );
  const types = distinct(branches.flatMap((branch) => branch.types));
  return { ...NOTHING_SAID, types, nullable, values, hints };
}

function uniteProperties(branches: readonly SchemaShape[]): Map<string, readonly SchemaNode[]> {
  const properties = new Map<string, readonly SchemaNode[]>();
  for (const branch of branches) {
    for (const [name, nodes] of branch.properties ?? []) {
      const known = properties.get(name) ?? [];
      const added = nodes.filter(({ schema }) => !known.some((node) => node.schema === schema));
      properties.set(name, [...known, ...added]);
    }
  }
  return properties;
}

const OBJECT_RANK = 3;
const ARRAY_RANK = 2;
const SCALAR_RANK = 1;
const UNKNOWN_RANK = 0;

function rank(shape: SchemaShape): number {
  const [type] = typesOf(shape);
  if (type === "object") return OBJECT_RANK;
  if (type === "array") return ARRAY_RANK;
  return type === undefined ? UNKNOWN_RANK : SCALAR_RANK;
}

function typesOf(shape: SchemaShape): readonly SchemaType[] {
  if (shape.types.length > 0) return shape.types;
  if (shape.properties) return ["object"];
  if (shape.items) return ["array"];
  const value = shape.values?.find((candidate) => candidate !== null);
  return value === undefined || value === null ? [] : [typeOfValue(value)];
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
