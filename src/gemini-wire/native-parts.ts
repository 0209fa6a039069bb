import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";

/** Writes what only the Gemini protocol can say (`Part.native`) for the family of the model. */
export interface NativeLowering {
  /** The part that stands for a native one with data of its own; always one that upstream takes. */
  part(native: JsonObject): JsonObject;
  /** What goes beside the data of an ordinary part; nothing where the family has no use for it. */
  beside(native: JsonObject | undefined): JsonObject;
}

const DATA_KEYS = ["fileData", "executableCode", "codeExecutionResult"] as const;

/** Whether it is a part by itself, not only what stands beside text or media. */
export function hasOwnData(native: JsonObject | undefined): native is JsonObject {
  return native !== undefined && DATA_KEYS.some((key) => isJsonObject(native[key]));
}

export function nativeLowering(model: ModelProfile, losses: Loss[]): NativeLowering {
  const reported = new Set<string>();
  const lose = (why: string) => {
    if (!reported.has(why)) losses.push({ field: "messages", why });
    reported.add(why);
  };
  const isGemini = model.family === "gemini";

  return {
    part(native) {
      const { fileData, executableCode, codeExecutionResult } = native;
      // Image models take no tools, and so none of what tools have left behind.
      if (isGemini && (isJsonObject(fileData) || !model.image)) return native;
      if (isJsonObject(executableCode)) return { text: codeAsText(executableCode) };
      if (isJsonObject(codeExecutionResult)) return { text: resultAsText(codeExecutionResult) };
      lose(`a file given by its address was left out: ${model.displayName} cannot open it`);
      return { text: "[A file was left out: this model cannot open files by their address.]" };
    },

    beside(native) {
      if (native === undefined || Object.keys(native).length === 0) return {};
      if (isGemini) return native;
      lose(`${Object.keys(native).join(", ")} beside a part: ${model.displayName} has no such thing`);
      return {};
    },
  };
}

function codeAsText({ language, code }: JsonObject): string {
  const name = typeof language === "string" && language !== "LANGUAGE_UNSPECIFIED" ? language.toLowerCase() : "";
  return fenced(code, name);
}

function resultAsText({ outcome, output }: JsonObject): string {
  const failed = typeof outcome === "string" && outcome !== "OUTCOME_OK" && outcome !== "OUTCOME_UNSPECIFIED";
  return `${failed ? "The code failed:" : "Output of the code:"}\n${fenced(output, "")}`;
}

function fenced(content: JsonValue | undefined, language: string): string {
  const text = typeof content === "string" ? content.replace(/\n$/, "") : "";
  const fence = text.includes("```") ? "````" : "```";
  return `${fence}${language}\n${text}\n${fence}`;
}
