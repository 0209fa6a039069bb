import { customInput } from "../../core/openai/tools.ts";
import type { BlockHead, StopReason, Usage } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";

/** What the request says about the form of its reply. */
export interface ReplyForm {
  /** Streams end with one chunk of usage. */
  includeUsage: boolean;
  showThinking: boolean;
  /** Tools whose calls go back as `custom` calls with their input as plain text. */
  customNames: ReadonlySet<string>;
  /** Calls go back as the one `function_call` of the legacy API. */
  legacyCalls: boolean;
  /** The answer may rest on a web search, whose pages are then named. */
  searches: boolean;
}

export type ToolHead = Extract<BlockHead, { kind: "tool" }>;

const FINISH_REASONS: Record<StopReason, string> = {
  end: "stop",
  length: "length",
  tool: "tool_calls",
  filtered: "content_filter",
};

export function finishReason(reason: StopReason, { legacyCalls }: ReplyForm): string {
  return legacyCalls && reason === "tool" ? "function_call" : FINISH_REASONS[reason];
}

/** One entry of `tool_calls`. The signature rides where Google's own endpoint puts it; some clients bring it back. */
export function toolCall({ id, name, args }: ToolHead, signature: string | undefined, form: ReplyForm): JsonObject {
  const extra: JsonObject =
    signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
  if (!form.customNames.has(name)) return { id, type: "function", function: functionCall({ name, args }), ...extra };
  return { id, type: "custom", custom: { name, input: customInput(args) }, ...extra };
}

export function functionCall({ name, args }: Pick<ToolHead, "name" | "args">): JsonObject {
  return { name, arguments: JSON.stringify(args) };
}

/** Cached tokens are part of prompt_tokens, thinking is part of completion_tokens: as OpenAI counts. */
export function usageReply({ input, cachedInput, output, thinking }: Usage): JsonObject {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cachedInput },
    completion_tokens_details: { reasoning_tokens: thinking },
  };
}
