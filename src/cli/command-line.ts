import type { ArgDef, ArgsDef, CommandDef, SubCommandsDef } from "citty";
import { nearest } from "../lib/nearest.ts";
import { UsageError } from "./failure.ts";
import { looksLikeSecret, shownWord } from "./secret-shaped.ts";

/** A command found in the tree, with the words that led to it: ["ag", "accounts", "list"]. */
export interface FoundCommand {
  path: readonly string[];
  command: CommandDef;
}

export type ParsedLine =
  | ({ type: "run"; rawArgs: string[] } & FoundCommand)
  | ({ type: "help" } & FoundCommand)
  | { type: "version"; json: boolean };

export interface ParseOptions {
  /** Somebody can be asked: a group with an action of its own, such as a menu, runs it when nothing follows its name. */
  interactive: boolean;
}

/**
 * Finds the command and checks every word after it. citty alone takes unknown flags silently, exits 1 on wrong usage and
 * lets a flag swallow the next one as its value. Throws UsageError.
 */
export async function parseLine(
  root: CommandDef,
  words: readonly string[],
  { interactive }: ParseOptions = { interactive: false },
): Promise<ParsedLine> {
  let found: FoundCommand = { path: ["ag"], command: root };
  let helpAsked = false;
  for (let index = 0; ; index++) {
    const subCommands = await resolve(found.command.subCommands);
    if (!subCommands) {
      const rawArgs = words.slice(index);
      if (helpAsked || asksForHelp(rawArgs)) return { type: "help", ...found };
      checkArguments(found, await argumentsOf(found.command), rawArgs);
      return { type: "run", ...found, rawArgs };
    }
    const word = words[index];
    if (word === undefined && interactive && !helpAsked && found.command.run) {
      return { type: "run", ...found, rawArgs: [] };
    }
    if (word === undefined || word === "--help" || word === "-h") return { type: "help", ...found };
    if (word === "help" && !Object.hasOwn(subCommands, word)) {
      helpAsked = true;
      continue;
    }
    const atRoot = found.path.length === 1;
    if (atRoot && isVersionFlag(word)) return { type: "version", json: onlyJson(words.slice(index + 1)) };
    if (word.startsWith("-")) throw groupFlagError(found, word);
    found = await descend(found, subCommands, word);
  }
}

export async function subCommandsOf(command: CommandDef): Promise<[string, CommandDef][]> {
  const entries = Object.entries((await resolve(command.subCommands)) ?? {});
  return Promise.all(entries.map(async ([name, lazy]): Promise<[string, CommandDef]> => [name, await resolve(lazy)]));
}

export async function argumentsOf(command: CommandDef): Promise<ArgsDef> {
  return (await resolve(command.args)) ?? {};
}

export async function descriptionOf(command: CommandDef): Promise<string> {
  return (await resolve(command.meta))?.description ?? "";
}

async function descend(parent: FoundCommand, subCommands: SubCommandsDef, word: string): Promise<FoundCommand> {
  const lazy = Object.hasOwn(subCommands, word) ? subCommands[word] : undefined;
  if (lazy === undefined) {
    if (looksLikeSecret(word)) throw unexpected(word, parent.path);
    const isVersion = parent.path.length === 1 && word === "version";
    const [suggestion] = isVersion ? ["ag --version"] : nearest(word, Object.keys(subCommands));
    throw new UsageError(
      `Unknown command ${[...parent.path.slice(1), word].join(" ")}${didYouMean(suggestion)}`,
      seeHelp(parent.path),
    );
  }
  return { path: [...parent.path, word], command: await resolve(lazy) };
}

function checkArguments({ path }: FoundCommand, definitions: ArgsDef, words: readonly string[]): void {
  const flags = new Map(Object.entries(definitions).filter(([, { type }]) => type !== "positional"));
  const expected = Object.entries(definitions).filter(([, { type }]) => type === "positional");
  const positionals: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--") {
      positionals.push(...words.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    const [written = word] = word.split("=", 1);
    const flag = findFlag(flags, written);
    if (flag === undefined) {
      const [suggestion] = nearest(
        written,
        [...flags.keys()].map((name) => `--${name}`),
      );
      throw new UsageError(`Unknown flag ${written}${didYouMean(suggestion)}`, seeHelp(path));
    }
    const [name, definition] = flag;
    const inline = word.includes("=") ? word.slice(written.length + 1) : undefined;
    if (definition.type === "boolean") {
      if (inline !== undefined) throw new UsageError(`--${name} takes no value`, seeHelp(path));
      continue;
    }
    const value = inline ?? words[++index];
    if (value === undefined || value === "" || (inline === undefined && /^--?[a-z]/i.test(value))) {
      throw new UsageError(`--${name} needs a value`, seeHelp(path));
    }
    checkChoice(name, definition, value, path);
  }
  if (positionals.length > expected.length) {
    throw unexpected(positionals[expected.length] ?? "", path);
  }
  const missing = expected.slice(positionals.length).find(([, definition]) => definition.required !== false);
  if (missing) throw new UsageError(`${missing[0].toUpperCase()} is missing`, seeHelp(path));
}

function findFlag(flags: ReadonlyMap<string, ArgDef>, written: string): [string, ArgDef] | undefined {
  for (const [name, definition] of flags) {
    if (written === `--${name}` || shortNames(definition).some((short) => written === `-${short}`)) {
      return [name, definition];
    }
  }
  return undefined;
}

/** One-letter names of a flag. */
export function shortNames(definition: ArgDef): string[] {
  if (!("alias" in definition) || definition.alias === undefined) return [];
  return Array.isArray(definition.alias) ? definition.alias : [definition.alias];
}

function checkChoice(name: string, definition: ArgDef, value: string, path: readonly string[]): void {
  if (definition.type !== "enum" || definition.options === undefined || definition.options.includes(value)) return;
  const [suggestion] = nearest(value, definition.options);
  throw new UsageError(
    `--${name} must be one of ${definition.options.join(", ")}, not ${shownWord(value)}${didYouMean(suggestion)}`,
    seeHelp(path),
  );
}

function groupFlagError(found: FoundCommand, word: string): UsageError {
  const written = word.split("=", 1)[0] ?? word;
  const [suggestion] = nearest(written, found.path.length === 1 ? ["--help", "--version"] : ["--help"]);
  if (suggestion !== undefined) return new UsageError(`Unknown flag ${written}${didYouMean(suggestion)}`);
  const path = found.path.join(" ");
  return new UsageError(
    `Unknown flag ${written}`,
    `Flags follow the command: ${path} COMMAND ${word}. ${seeHelp(found.path)}`,
  );
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).some((word) => word === "--help" || word === "-h");
}

function isVersionFlag(word: string): boolean {
  return word === "--version" || word === "-v" || word === "-V";
}

function onlyJson(rest: readonly string[]): boolean {
  const wrong = rest.find((word) => word !== "--json");
  if (wrong !== undefined) throw new UsageError(`Unexpected argument ${shownWord(wrong)} after --version`);
  return rest.length > 0;
}

/** A word too many. What may be a secret is not repeated; its owner is told where it belongs. */
function unexpected(word: string, path: readonly string[]): UsageError {
  if (!looksLikeSecret(word)) return new UsageError(`Unexpected argument ${shownWord(word)}`, seeHelp(path));
  return new UsageError(
    "Keys and tokens are not taken from the command line, where other programs can read them",
    `They are read from a prompt, from stdin or from a file. ${seeHelp(path)}`,
  );
}

function didYouMean(suggestion: string | undefined): string {
  return suggestion === undefined ? "" : `. Did you mean ${suggestion}?`;
}

function seeHelp(path: readonly string[]): string {
  return `See ${path.join(" ")} --help`;
}

async function resolve<T>(value: T | Promise<T> | (() => T) | (() => Promise<T>)): Promise<T> {
  return value instanceof Function ? value() : value;
}
