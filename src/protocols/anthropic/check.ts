import { checkFields, type Fields, type FieldTable, judgeKind } from "../../core/field-table.ts";
import { isAbsent } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import type { JsonObject } from "../../lib/json.ts";
import {
  blockFields,
  blockKinds,
  bodyFields,
  customToolFields,
  formatFields,
  hasSchema,
  messageConfigFields,
  messageFields,
  metadataFields,
  outputConfigFields,
  outputFormatFields,
  searchToolFields,
  sourceFields,
  textFields,
  thinkingFields,
  toolChangeFields,
  toolChoiceFields,
  toolKinds,
  UNKNOWN_TOOL,
} from "./fields.ts";
import { invalid } from "./report.ts";

// How the tables are applied to a request, piece by piece as its readers come to them.

function refuse(field: string, why: string, extra?: JsonObject): never {
  throw invalid(field, why, extra);
}

/** What is known of the frame of a request: whatever hangs on the kind of a tool or a block has functions of its own. */
interface Frame {
  metadata?: Fields | undefined;
  output_config?: (Fields & { format?: Fields | undefined }) | undefined;
  output_format?: Fields | undefined;
  thinking?: Fields | undefined;
  tool_choice?: Fields | undefined;
}

/** Refuses and reports what the tables say of everything but messages and tools; unknown fields are reported, never refused. */
export function checkFrame(body: Fields & Frame, losses: LossList): void {
  const check = (table: FieldTable, object: Fields | undefined, path: string) => {
    if (object) checkFields(table, object, path, losses, refuse);
  };
  check(bodyFields, body, "");
  check(metadataFields, body.metadata, "metadata");
  check(outputConfigFields, body.output_config, "output_config");
  check(formatFields, body.output_config?.format, "output_config.format");
  check(outputFormatFields, body.output_format, "output_format");
  check(thinkingFields, body.thinking, "thinking");
  check(toolChoiceFields, body.tool_choice, "tool_choice");
}

export function checkMessage(message: Fields & { output_config?: Fields | undefined }, path: string, losses: LossList) {
  checkFields(messageFields, message, path, losses, refuse);
  const { output_config: config } = message;
  if (config) checkFields(messageConfigFields, config, `${path}.output_config`, losses, refuse);
}

/** Applies to a block what the tables say of its kind and of its fields. A block without a type is judged by its reader. */
export function checkBlock(block: Fields, path: string, losses: LossList): void {
  const { type } = block;
  if (typeof type !== "string") return;
  const table = Object.hasOwn(blockFields, type) ? blockFields[type] : undefined;
  if (table) checkFields(table, block, path, losses, refuse);
  else judgeKind(blockKinds, type, block, path, losses, refuse);
}

export function checkSystemBlock(block: Fields, path: string, losses: LossList): void {
  checkFields(textFields, block, path, losses, refuse);
}

export function checkSource(source: Fields, path: string, losses: LossList): void {
  checkFields(sourceFields, source, path, losses, refuse);
}

export function checkToolChange(tool: Fields, path: string, losses: LossList): void {
  checkFields(toolChangeFields, tool, path, losses, refuse);
}

/** What a declared tool becomes; `nothing`: it cannot be offered, which is reported. Throws for types that are refused. */
export type ToolFate = "function" | "web-search" | "nothing";

export function checkTool(tool: Fields, path: string, losses: LossList): ToolFate {
  const kind = toolKind(isAbsent(tool["type"]) ? "custom" : String(tool["type"]));
  if (kind === "web_search") {
    checkFields(searchToolFields, tool, path, losses, refuse);
    return "web-search";
  }
  if (kind === "custom" || hasSchema(tool)) {
    checkFields(customToolFields, tool, path, losses, refuse);
    return "function";
  }
  if (kind === undefined) refuse(path, UNKNOWN_TOOL);
  judgeKind(toolKinds, kind, tool, path, losses, refuse);
  return "nothing";
}

/** The row for a type such as `web_search_20250305`: its longest beginning that has one. */
function toolKind(type: string): string | undefined {
  let kind = type;
  while (!Object.hasOwn(toolKinds.rows, kind)) {
    const end = kind.lastIndexOf("_");
    if (end < 0) return undefined;
    kind = kind.slice(0, end);
  }
  return kind;
}
