import { isAbsent, textOf } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import { isContentPart } from "../../core/openai/content.ts";
import type { FunctionResponse } from "../../core/request.ts";
import { toolResult } from "../../core/tool-result.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";
import { wellFormedObject } from "../../lib/well-formed.ts";
import { readContent } from "./content.ts";

type Result = Pick<FunctionResponse, "response" | "media">;
type Output = Readonly<Record<string, unknown>>;

/** What a call came to, from the item of type `type` that says so. */
export function readResult(type: string, item: Output, field: string, losses: LossList): Result {
  const { output, status, tools } = item;
  if (type === "tool_search_output") return { response: { result: toolsFound(tools) } };
  if (type === "shell_call_output" && Array.isArray(output)) return asData(output as JsonValue[]);
  // The picture of a screen stands there by itself.
  const content = type === "computer_call_output" && isJsonObject(output) ? [output] : output;
  const result = readOutput(content, `${field}.output`, losses);
  if (type !== "apply_patch_call_output" || status !== "failed") return result;
  const { result: text } = result.response;
  return { response: { error: text || "The patch could not be applied" } };
}

/** Text, content parts, or, from some clients, the tool's own data in place of its text. */
function readOutput(output: unknown, field: string, losses: LossList): Result {
  if (isAbsent(output)) return { response: { result: "" } };
  if (Array.isArray(output) ? !output.every(isContentPart) : typeof output !== "string")
    return asData(output as JsonValue);
  return toolResult(readContent(output, field, losses));
}

function asData(result: JsonValue): Result {
  return { response: wellFormedObject({ result }) };
}

function toolsFound(tools: unknown): string {
  const names = Array.isArray(tools) ? tools.flatMap((tool: unknown) => nameOf(tool)) : [];
  return names.length === 0 ? "No tools were found." : `Tools found: ${names.join(", ")}`;
}

function nameOf(tool: unknown): string[] {
  if (!isJsonObject(tool)) return [];
  const name: JsonObject[string] | undefined = tool["name"] ?? tool["type"];
  return name === undefined ? [] : [textOf(name)];
}
