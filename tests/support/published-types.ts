import { join } from "node:path";
import { API, type Checker, type Symbol as TypeSymbol, type Type } from "typescript/unstable/async";

/** An object somewhere in a published type. */
export interface PublishedObject {
  /** From the root, with the kinds on the way: "messages[] (user).content[]". */
  path: string;
  /** The values that its `type` or `role` may have, where the type names them. */
  kinds: string[];
  /** How the declaration file names it, for messages. */
  name: string;
  fields: string[];
}

/** Says which fields' own objects are to be looked at. */
export type Visit = (object: PublishedObject) => readonly string[];

export interface PublishedTypes extends AsyncDisposable {
  /** Visits the objects of an exported type, wherever unions, lists and intersections have them; each type once per path. */
  walk(exported: string, path: string, visit: Visit): Promise<void>;
}

const ROOT = join(import.meta.dir, "../..");
/** Neither exists: the compiler is told what stands in them. */
const SOURCE = join(ROOT, "tests/published-types.virtual.ts");
const PROJECT = join(ROOT, "tests/published-types.virtual.json");

/** Asks the compiler about types. `source`: a module whose exports are the types in question. */
export async function openTypes(source: string): Promise<PublishedTypes> {
  const project = { extends: join(ROOT, "tsconfig.json"), files: [SOURCE], include: [] };
  const virtual = new Map([
    [SOURCE, source],
    [PROJECT, JSON.stringify(project)],
  ]);
  const api = new API({
    cwd: ROOT,
    fs: {
      readFile: (path) => virtual.get(path),
      fileExists: (path) => (virtual.has(path) ? true : undefined),
    },
  });
  const snapshot = await api.updateSnapshot({ openProjects: [PROJECT] });
  const { program, checker } = found(snapshot.getProject(PROJECT));
  const errors = await program.getSemanticDiagnostics(SOURCE);
  if (errors.length > 0) throw new Error(errors.map(({ text }) => text).join("\n"));
  const module = found(await checker.getSymbolAtLocation(found(await program.getSourceFile(SOURCE))));
  const exports = await checker.getExportsOfModule(module);

  return {
    async walk(exported, path, visit) {
      const symbol = found(exports.find(({ name }) => name === exported));
      await walkType(await checker.getDeclaredTypeOfSymbol(symbol), path, checker, visit);
    },
    [Symbol.asyncDispose]: () => api.close(),
  };
}

async function walkType(root: Type, start: string, checker: Checker, visit: Visit): Promise<void> {
  const seen = new Set<string>();
  const queue: { type: Type; path: string; within: readonly Type[] }[] = [{ type: root, path: start, within: [] }];
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { type, path, within } = next;
    const key = `${path} ${type.id}`;
    // A type within itself says nothing new.
    if (seen.has(key) || within.includes(type)) continue;
    seen.add(key);
    if (type.isUnionType()) {
      for (const member of await type.getTypes()) queue.push({ type: member, path, within });
    } else if (type.isTypeReference() && (await checker.isArrayLikeType(type))) {
      for (const item of await checker.getTypeArguments(type)) queue.push({ type: item, path: `${path}[]`, within });
    } else if (await isObject(type)) {
      const properties = await checker.getPropertiesOfType(type);
      // What has no fields of its own is data under any names.
      if (properties.length === 0) continue;
      const types = await checker.getTypeOfSymbol(properties);
      const fields = properties.map(({ name }) => name);
      const kinds = await kindsOf(fields, types);
      const name = (await type.getSymbol())?.name ?? "";
      const into = new Set(visit({ path, name, fields, kinds }));
      for (const [index, field] of fields.entries()) {
        const value = types[index];
        const own = kinds.length === 1 && path !== "" ? `${path} (${kinds[0]})` : path;
        const at = own === "" ? field : `${own}.${field}`;
        if (value && into.has(field)) queue.push({ type: value, path: at, within: [...within, type] });
      }
    }
  }
}

async function kindsOf(fields: readonly string[], types: readonly (Type | undefined)[]): Promise<string[]> {
  for (const field of ["type", "role"]) {
    const value = types[fields.indexOf(field)];
    const values = value?.isUnionType() ? await value.getTypes() : value ? [value] : [];
    // An optional one may also be `undefined` or `null`.
    const named = values.filter((one) => !one.isIntrinsicType());
    const kinds = named.flatMap((one) => (one.isStringLiteralType() ? one.value : []));
    if (kinds.length > 0 && kinds.length === named.length) return kinds;
  }
  return [];
}

/** Whether it is an object of the API: no function, and nothing of the language's own, such as a date. */
async function isObject(type: Type): Promise<boolean> {
  if (type.isIntersectionType()) {
    const members = await type.getTypes();
    return members.every((member) => member.isObjectType());
  }
  return type.isObjectType() && !isBuiltIn(await type.getSymbol());
}

function isBuiltIn(symbol: TypeSymbol | undefined): boolean {
  return symbol?.declarations.some(({ path }) => /\/(?:lib\.[\w.]+\.d\.ts$|bun-types\/|@types\/)/.test(path)) ?? false;
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("The compiler does not know it");
  return value;
}
