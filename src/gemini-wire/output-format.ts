import type { ModelProfile } from "../core/models.ts";
import type { OutputFormat } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";
import { outputSchema } from "./tool-schema.ts";

/** How a structured answer is asked for: enforced by upstream's configuration, or in words at the end of the system text. */
type LoweredFormat = { type: "config"; config: JsonObject } | { type: "words"; text: string };

export function lowerOutputFormat(format: OutputFormat, model: ModelProfile, hasTools: boolean): LoweredFormat {
  // Claude and gpt-oss have no such switch; Gemini 2.5 refuses it beside tools.
  if (model.family !== "gemini" || (hasTools && model.generation === "gemini-2.5")) {
    return { type: "words", text: inWords(format, hasTools) };
  }
  const config: JsonObject = { responseMimeType: "application/json" };
  if (format.type === "json-schema" && Object.keys(format.schema).length > 0) {
    config["responseSchema"] = outputSchema(format.schema);
  }
  return { type: "config", config };
}

function inWords(format: OutputFormat, hasTools: boolean): string {
  const when = hasTools ? "Your final answer, after any tool calls, must be" : "Your answer must be";
  const what = `${when} a single JSON ${format.type === "json" ? "object" : "value"} and nothing else: no words around it, no code fence.`;
  return format.type === "json"
    ? what
    : `${what} It must be valid against this JSON Schema:\n${JSON.stringify(format.schema)}`;
}
