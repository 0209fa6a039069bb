import { defineCommand } from "citty";
import type { Compatibility } from "../../compose.ts";
import type { FieldTable, Treatment } from "../../core/field-table.ts";
import { PROTOCOL_IDS, type ProtocolId } from "../../core/protocol.ts";
import { nearest } from "../../lib/nearest.ts";
import { renderTable } from "../../lib/table.ts";
import { UsageError } from "../failure.ts";
import { outputWidth, type Paint, print, printJson, stdoutPaint } from "../terminal.ts";
import { textTable } from "../text-table.ts";

/** What people call the protocols, besides their ids; the first one is shown. */
const NAMES: Readonly<Record<ProtocolId, readonly string[]>> = {
  anthropic: ["messages", "claude"],
  "openai-chat": ["chat", "openai", "chat-completions"],
  "openai-responses": ["responses", "codex"],
  "openai-completions": ["completions", "legacy"],
  "openai-images": ["images"],
  gemini: ["google", "generate-content"],
};

const MEANINGS: Readonly<Record<Treatment["type"], string>> = {
  mapped: "carried over, or decides the form of the answer",
  harmless: "without effect on the answer, or already true of every answer",
  approximated: "served without it, or with what comes nearest, and named in x-ag-loss; 400 in strict mode",
  refused: "400 that names it",
};
const TREATMENTS = ["mapped", "harmless", "approximated", "refused"] as const satisfies Treatment["type"][];

export default defineCommand({
  meta: {
    name: "compat",
    description: `Show what becomes of each field of the protocols that clients speak

Alone, it lists the protocols.

Examples:
  ag compat --protocol chat
  ag compat --protocol messages --json | jq '.objects[].fields[] | select(.becomes == "refused")'`,
  },
  args: {
    protocol: {
      type: "string",
      valueHint: "P",
      description: "messages, chat, responses, completions, images or gemini",
    },
    json: { type: "boolean", description: "one JSON document" },
  },
  async run({ args }) {
    const compose = await import("../../compose.ts");
    const compatibility = await compose.compatibility();
    if (args.protocol === undefined) {
      await (args.json ? printJson({ protocols: compatibility.map(summary) }) : print(protocolList(compatibility)));
      return;
    }
    const chosen = protocolNamed(args.protocol, compatibility);
    await (args.json ? printJson(document(chosen)) : print(compatText(chosen, outputWidth(), stdoutPaint)));
  },
});

function protocolNamed(name: string, compatibility: readonly Compatibility[]): Compatibility {
  const wanted = name.toLowerCase();
  const found = compatibility.find(({ id }) => id === wanted || NAMES[id].includes(wanted));
  if (found) return found;
  const [suggestion] = nearest(
    wanted,
    PROTOCOL_IDS.flatMap((id) => [...NAMES[id], id]),
  );
  throw new UsageError(
    `Unknown protocol ${JSON.stringify(name.slice(0, 40))}${suggestion === undefined ? "" : `. Did you mean ${suggestion}?`}`,
    "ag compat lists them",
  );
}

function summary({ id, tables }: Compatibility) {
  const treatments = tables.flatMap(({ rows }) => Object.values(rows));
  const count = (wanted: Treatment["type"]) => treatments.filter(({ type }) => type === wanted).length;
  return {
    protocol: id,
    names: NAMES[id],
    objects: tables.length,
    fields: treatments.length,
    mapped: count("mapped"),
    harmless: count("harmless"),
    approximated: count("approximated"),
    refused: count("refused"),
  };
}

type Summary = ReturnType<typeof summary>;

function protocolList(all: readonly Compatibility[]): string {
  const number = (key: "fields" | Treatment["type"]) => ({
    title: key,
    cell: (row: Summary) => String(row[key]),
    align: "right" as const,
  });
  return renderTable(
    all.map(summary),
    [
      { title: "protocol", cell: ({ protocol }) => protocol },
      { title: "or", cell: ({ names }) => names[0] ?? "" },
      number("fields"),
      ...TREATMENTS.map(number),
    ],
    { paintTitle: stdoutPaint.dim, maxWidth: outputWidth(), gap: 2 },
  );
}

function document({ id, tables }: Compatibility) {
  return {
    protocol: id,
    objects: tables.map(({ object, rows }) => ({
      object,
      fields: Object.entries(rows).map(([field, treatment]) => ({
        field,
        becomes: treatment.type,
        ...(treatment.type !== "mapped" && { why: treatment.why }),
        ...(dependsOnValue(treatment) && { dependsOnValue: true }),
      })),
    })),
  };
}

/** Some values ask for nothing that is not done anyway. */
function dependsOnValue(treatment: Treatment): boolean {
  return "unless" in treatment && treatment.unless !== undefined;
}

const USUAL_FIELD = 26;

/** The tables of one protocol, one paragraph per object, with the same columns in nearly all of them. */
export function compatText({ id, tables }: Compatibility, maxWidth: number, { bold, dim }: Paint): string {
  const { objects, fields } = summary({ id, tables });
  const all = tables.map(({ rows }) => Object.entries(rows).map(cellsOf));
  const width = (column: 0 | 1) => Math.max(...all.flat().map((cells) => cells[column].length));
  // A few long names must not push the reasons of all others to the edge.
  const widths = [Math.min(width(0), USUAL_FIELD), width(1)];
  const legend = textTable(
    TREATMENTS.map((type) => [type, MEANINGS[type]]),
    { maxWidth },
  );
  return [
    `${bold(id)}: ${fields} fields of ${objects} objects`,
    dim(`${legend}\n* only where the value asks for what is not done anyway`),
    ...tables.map((table, index) =>
      [bold(titleOf(table)), textTable(all[index] ?? [], { maxWidth, widths, indent: "  " })].join("\n"),
    ),
  ].join("\n\n");
}

function titleOf({ object }: FieldTable): string {
  if (object === "") return "the body";
  return object.endsWith(".type") ? `${object.slice(0, -".type".length)}, by its type` : object;
}

function cellsOf([field, treatment]: [string, Treatment]): [field: string, becomes: string, why: string] {
  if (treatment.type === "mapped") return [field, treatment.type, ""];
  return [field, dependsOnValue(treatment) ? `${treatment.type}*` : treatment.type, treatment.why];
}
