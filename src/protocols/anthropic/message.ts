import type { StopReason, Usage } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";

/** The whole `Message` before anything was said; a finished one overrides content, stop fields and usage. */
export function emptyMessage(id: string, model: string, usage: Usage, searches?: number): JsonObject {
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content: [],
    container: null,
    diagnostics: null,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: {
      ...tokenCounts(usage, searches),
      cache_creation: null,
      inference_geo: null,
      service_tier: null,
      speed: null,
    },
  };
}

/** Cached input is counted inside `input` upstream and beside `input_tokens` in this protocol. */
export function tokenCounts(usage: Usage, searches?: number): JsonObject {
  return {
    input_tokens: Math.max(0, usage.input - usage.cachedInput),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage.cachedInput,
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.thinking },
    server_tool_use: searches === undefined ? null : { web_fetch_requests: 0, web_search_requests: searches },
  };
}

const STOP_REASONS: Record<StopReason, string> = {
  end: "end_turn",
  length: "max_tokens",
  tool: "tool_use",
  filtered: "refusal",
};

// A matched stop sequence looks like an ordinary end upstream, so `stop_sequence` is always null.
export function stopFields(reason: StopReason): JsonObject {
  return {
    container: null,
    stop_reason: STOP_REASONS[reason],
    stop_sequence: null,
    stop_details: reason === "filtered" ? { type: "refusal", category: null, explanation: null } : null,
  };
}

export function textBlock(text: string): JsonObject {
  return { type: "text", text, citations: null };
}

export function thinkingBlock(thinking: string, signature: string): JsonObject {
  return { type: "thinking", thinking, signature };
}

export function toolUseBlock(id: string, name: string, input: JsonObject): JsonObject {
  return { type: "tool_use", id, name, input, caller: { type: "direct" } };
}
