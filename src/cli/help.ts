import type { ArgDef } from "citty";
import { argumentsOf, descriptionOf, shortNames, subCommandsOf, type FoundCommand } from "./command-line.ts";
import { type Paint, paragraphs, WIDEST_PROSE, wrapped } from "./terminal.ts";

/**
 * The help page of one command, at most `width` columns wide where words allow it. The first line of a command's description
 * is its summary in lists; the rest stands below the flags, its paragraphs broken anew.
 */
export async function renderHelp({ path, command }: FoundCommand, paint: Paint, width: number): Promise<string> {
  const [summary = "", ...details] = (await descriptionOf(command)).split("\n");
  const subCommands = await subCommandsOf(command);
  const definitions = Object.entries(await argumentsOf(command));
  const positionals = definitions.filter(([, { type }]) => type === "positional");
  const flags = definitions.filter(([, { type }]) => type !== "positional");

  const usage = [
    path.join(" "),
    ...(subCommands.length > 0 ? [command.run ? "[COMMAND]" : "COMMAND"] : []),
    ...(flags.length > 0 ? ["[flags]"] : []),
    ...positionals.map(([name, { required }]) => (required === false ? `[${name.toUpperCase()}]` : name.toUpperCase())),
  ];
  const commandRows = await Promise.all(
    subCommands.map(async ([name, child]): Promise<Row> => [name, firstLine(await descriptionOf(child))]),
  );
  const flagRows: Row[] = [
    ...flags.map(([name, definition]): Row => [flagUsage(name, definition), flagDescription(definition)]),
    ["-h, --help", "show this help"],
    ...(path.length === 1 ? [["-v, --version", "show the version (--json for details)"] satisfies Row] : []),
  ];

  return [
    wrapped(summary, Math.min(width, WIDEST_PROSE)),
    `${paint.bold("Usage:")} ${usage.join(" ")}`,
    section("Commands:", commandRows, paint, width),
    section(
      "Arguments:",
      positionals.map(([name, { description = "" }]) => [name.toUpperCase(), description]),
      paint,
      width,
    ),
    section("Flags:", flagRows, paint, width),
    paragraphs(unbroken(details.join("\n").trim()), width).replaceAll(/^ .*$/gm, (line) => example(line, width)),
    commandRows.length > 0 ? `${path.join(" ")} COMMAND --help tells more about a command.` : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

type Row = [left: string, right: string];

function section(title: string, rows: readonly Row[], paint: Paint, width: number): string {
  if (rows.length === 0) return "";
  const leftWidth = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, right]) => {
    return hanging(`  ${left.padEnd(leftWidth)}   `, right, width);
  });
  return [paint.bold(title), ...lines].join("\n");
}

/** In a very narrow window, a column of single words would be worse than a line that the terminal breaks. */
const NARROWEST_TEXT = 20;

/** A text beside what it explains, its further lines below its first. */
function hanging(left: string, right: string, width: number): string {
  const text = wrapped(right, Math.max(NARROWEST_TEXT, width - left.length));
  return left + text.replaceAll("\n", `\n${" ".repeat(left.length)}`);
}

/** An example with its explanation; a command alone is never broken. */
function example(line: string, width: number): string {
  const left = /^ +\S.*? {2,}(?=\S)/.exec(line)?.[0];
  return left === undefined ? line : hanging(left, line.slice(left.length), width);
}

/** Each paragraph on one line; lines that are indented, or stand before such a line, stay as they are. */
function unbroken(text: string): string {
  return text.replace(/(?<=^\S.*)\n(?=\S)/gm, " ");
}

function flagUsage(name: string, definition: ArgDef): string {
  const shorts = shortNames(definition).map((short) => `-${short}, `);
  const prefix = shorts.length > 0 ? shorts.join("") : "    ";
  return `${prefix}--${name}${definition.type === "boolean" ? "" : ` ${definition.valueHint ?? name.toUpperCase()}`}`;
}

function flagDescription(definition: ArgDef): string {
  const choices = definition.type === "enum" ? ` (${definition.options?.join(", ")})` : "";
  return `${definition.description ?? ""}${choices}`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
