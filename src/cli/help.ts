import type { ArgDef } from "citty";
import { argumentsOf, descriptionOf, shortNames, subCommandsOf, type FoundCommand } from "./command-line.ts";
import type { Paint } from "./terminal.ts";

/**
 * The help page of one command. The first line of a command's description is its summary in lists; the rest stands below
 * the flags.
 */
export async function renderHelp({ path, command }: FoundCommand, paint: Paint): Promise<string> {
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
    summary,
    `${paint.bold("Usage:")} ${usage.join(" ")}`,
    section("Commands:", commandRows, paint),
    section(
      "Arguments:",
      positionals.map(([name, { description = "" }]) => [name.toUpperCase(), description]),
      paint,
    ),
    section("Flags:", flagRows, paint),
    details.join("\n").trim(),
    commandRows.length > 0 ? `${path.join(" ")} COMMAND --help tells more about a command.` : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

type Row = [left: string, right: string];

function section(title: string, rows: readonly Row[], paint: Paint): string {
  if (rows.length === 0) return "";
  const width = Math.max(...rows.map(([left]) => left.length));
  return [paint.bold(title), ...rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`)].join("\n");
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
