import type * as v from "valibot";
import { nearest } from "../lib/nearest.ts";
import { ConfigError } from "./config-error.ts";
import type { JsoncDocument } from "./jsonc.ts";
import type { settingsSchema } from "./schema.ts";
import { type Keys, knownKeys, knownSettings, knownValues, nameOfPlace } from "./setting-tree.ts";

type Issue = v.BaseIssue<unknown>;
export type SettingsIssue = v.InferIssue<typeof settingsSchema>;

const SECRETS: ReadonlySet<string> = new Set(["oauth.clientSecret"]);

/** Names file, line, column and setting, says what is wrong, and what was probably meant. */
export function fileError(path: string, document: JsoncDocument, settingsIssue: SettingsIssue): ConfigError {
  const { issue, keys } = innermost(settingsIssue);
  const name = nameOfPlace(keys);
  const place = placeOf(path, document, keys);
  if (issue.type !== "strict_object") {
    return new ConfigError(
      "file",
      `${place}: ${name} ${issue.message}${shown(keys, issue.input)}`,
      hintFor(keys, issue),
    );
  }
  if (issue.expected === "Object") return notAnObject(path, document, keys);
  if (issue.expected !== "never") {
    const object = keys.slice(0, -1);
    return new ConfigError("file", `${placeOf(path, document, object)}: ${name} is missing`);
  }
  const suggestion = nearestSetting(keys);
  return new ConfigError("file", `${place}: Unknown key ${name}`, {
    hint: suggestion ? `Did you mean ${suggestion}?` : `Known here: ${knownKeys(keys.slice(0, -1)).join(", ")}.`,
  });
}

export function notAnObject(path: string, document: JsoncDocument, keys: Keys): ConfigError {
  const name = nameOfPlace(keys) || "the configuration";
  return new ConfigError("file", `${placeOf(path, document, keys)}: ${name} must be an object in { }`);
}

/** ", not 70000"; nothing of a secret. */
export function shown(keys: Keys, input: unknown): string {
  return SECRETS.has(keys.join(".")) ? "" : `, not ${JSON.stringify(input)}`;
}

/** Where a value is one of a few, the one that was probably meant. */
export function hintFor(keys: Keys, { input }: Pick<Issue, "input">): { hint?: string } {
  const [meant] = typeof input === "string" ? nearest(input, knownValues(keys)) : [];
  return meant === undefined ? {} : { hint: `Did you mean ${meant}?` };
}

/** Of a value that may be a text or an object, and is an object: what is wrong inside it. */
function innermost(outer: Issue, above: Keys = []): { issue: Issue; keys: Keys } {
  const keys = [...above, ...issueKeys(outer)];
  const inner = outer.type === "union" ? outer.issues?.find(({ path }) => path !== undefined) : undefined;
  return inner === undefined ? { issue: outer, keys } : innermost(inner, keys);
}

export function issueKeys(issue: Issue): string[] {
  return issue.path?.map((item) => String(item.key)) ?? [];
}

function placeOf(path: string, document: JsoncDocument, keys: Keys): string {
  const { line, column } = document.positionOf(keys) ?? { line: 1, column: 1 };
  return `${path}:${line}:${column}`;
}

/** The setting a wrong key may have meant: a sibling with nearly that name, else one elsewhere with that last word. */
function nearestSetting(keys: Keys): string | undefined {
  const parent = keys.slice(0, -1);
  const [sibling] = nearest(keys.at(-1) ?? "", knownKeys(parent));
  if (sibling !== undefined) return nameOfPlace([...parent, sibling]);
  return [...knownSettings()].find((path) => path.split(".").at(-1) === keys.at(-1));
}
