import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import { percentDecoded } from "../lib/percent.ts";

/** Finds what a `$ref` inside one document means; `undefined` for what lies outside of it. */
export type RefResolver = (ref: string) => JsonObject | undefined;

/** Pointers are tried from the root; a definition that is kept elsewhere is found by its name or anchor. */
export function refResolver(root: JsonValue): RefResolver {
  const known = new Map<string, JsonObject | undefined>();
  let definitions: Map<string, JsonObject> | undefined;

  const find = (ref: string) => {
    if (ref === "#") return isJsonObject(root) ? root : undefined;
    if (!ref.startsWith("#")) {
      definitions ??= collectDefinitions(root);
      return definitions.get(ref);
    }
    const steps = ref.slice(1).split("/").map(unescape);
    const pointed = steps[0] === "" ? follow(root, steps.slice(1)) : undefined;
    if (pointed) return pointed;
    definitions ??= collectDefinitions(root);
    return definitions.get(steps.at(-1) ?? "");
  };

  return (ref) => {
    if (!known.has(ref)) known.set(ref, find(ref));
    return known.get(ref);
  };
}

/** The last name in a reference, for telling the model what was meant. */
export function refName(ref: string): string {
  return ref === "#" ? "root" : unescape(ref.split(/[#/]/).at(-1) || ref);
}

function follow(root: JsonValue, steps: readonly string[]): JsonObject | undefined {
  let at: JsonValue | undefined = root;
  for (const step of steps) {
    if (Array.isArray(at)) at = at[Number(step)];
    else if (isJsonObject(at) && Object.hasOwn(at, step)) at = at[step];
    else return undefined;
  }
  return isJsonObject(at) ? at : undefined;
}

/** Everything under any `$defs` or `definitions`, and everything with an `$anchor` or `$id`; the first of a name wins. */
function collectDefinitions(root: JsonValue): Map<string, JsonObject> {
  const found = new Map<string, JsonObject>();
  const add = (name: JsonValue | undefined, schema: JsonObject) => {
    if (typeof name === "string" && !found.has(name)) found.set(name, schema);
  };
  const pending: JsonValue[] = [root];
  for (const value of pending) {
    if (Array.isArray(value)) for (const child of value) pending.push(child);
    if (!isJsonObject(value)) continue;
    add(value["$anchor"], value);
    add(value["$id"], value);
    for (const [key, child] of Object.entries(value)) {
      if ((key === "$defs" || key === "definitions") && isJsonObject(child)) {
        for (const [name, schema] of Object.entries(child)) if (isJsonObject(schema)) add(name, schema);
      }
      pending.push(child);
    }
  }
  return found;
}

function unescape(step: string): string {
  return percentDecoded(step.replaceAll("~1", "/").replaceAll("~0", "~"));
}
