import type { StopReason, Usage } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";

/** What the request says about the form of its reply. */
export interface ReplyForm {
  /** Streams end with one chunk of usage. */
  includeUsage: boolean;
  /** For each answer, in order, the text that stands before it: its prompt with `echo`, else "". */
  leads: readonly string[];
}

/** No tools are declared, so a call is never the reason. */
export const FINISH_REASONS: Record<StopReason, string> = {
  end: "stop",
  length: "length",
  tool: "stop",
  filtered: "content_filter",
};

/** Of all answers together. Cached tokens are part of prompt_tokens, thinking is part of completion_tokens. */
export function usageReply(usages: readonly Usage[]): JsonObject {
  const sum = (count: keyof Usage) => usages.reduce((total, usage) => total + usage[count], 0);
  const input = sum("input");
  const output = sum("output");
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: sum("cachedInput") },
    completion_tokens_details: { reasoning_tokens: sum("thinking") },
  };
}
