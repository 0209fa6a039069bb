import type { Usage } from "../core/turn.ts";
import type { JsonObject, JsonValue } from "../lib/json.ts";

/**
 * Reads `usageMetadata`. `promptTokenCount` includes cached tokens. Whether `candidatesTokenCount` includes the
 * thoughts differs between models, so the total decides, response by response.
 */
export function usageFrom(metadata: JsonObject): Usage {
  const prompt = count(metadata["promptTokenCount"]) ?? 0;
  const toolUse = count(metadata["toolUsePromptTokenCount"]) ?? 0;
  const thoughts = count(metadata["thoughtsTokenCount"]) ?? 0;
  const input = prompt + toolUse;
  const output = outputTokens(prompt, toolUse, thoughts, metadata);
  return {
    input,
    cachedInput: Math.min(count(metadata["cachedContentTokenCount"]) ?? 0, input),
    output,
    thinking: Math.min(thoughts, output),
  };
}

function outputTokens(prompt: number, toolUse: number, thoughts: number, metadata: JsonObject): number {
  const candidates = count(metadata["candidatesTokenCount"]) ?? 0;
  const total = count(metadata["totalTokenCount"]);
  const apart = candidates + thoughts;
  if (total === undefined) return apart;
  if (total === prompt + apart + toolUse || total === prompt + apart) return apart;
  if (total === prompt + candidates || total === prompt + candidates + toolUse) return candidates;
  return total > prompt + toolUse ? total - prompt - toolUse : apart;
}

function count(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
