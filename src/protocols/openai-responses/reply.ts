import type { EncodeContext } from "../../core/protocol.ts";
import type { StopReason, Usage } from "../../core/turn.ts";
import { isAbsent } from "../../core/lenient.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";
import type { ToolNames } from "./tools.ts";

/** What the request says about the form of its reply. */
export interface ReplyForm {
  /** Reasoning items have a summary. */
  showThinking: boolean;
  /** A search's item lists its sources. */
  listSources: boolean;
  /** The web may be searched, so texts may have citations, which come last. */
  searches: boolean;
  /** The client insists on a search: an answer without one says so. */
  mustSearch: boolean;
  /** The answer is a summary of the conversation, as a `compaction` item. */
  compacts: boolean;
  names: ToolNames;
  /** What each reply repeats of its request. */
  echo: JsonObject;
}

/** The members of a response that repeat the request, which has been checked, or say what it would have said by default. */
export function echoOf(body: JsonObject): JsonObject {
  const given = (field: string, otherwise: JsonValue): JsonValue => {
    const value = body[field];
    return value === undefined || isAbsent(value) ? otherwise : value;
  };
  const options = (field: string): JsonObject => {
    const value = body[field];
    return isJsonObject(value) ? value : {};
  };
  return {
    background: false,
    instructions: given("instructions", null),
    max_output_tokens: given("max_output_tokens", null),
    max_tool_calls: given("max_tool_calls", null),
    metadata: given("metadata", {}),
    parallel_tool_calls: given("parallel_tool_calls", true),
    previous_response_id: given("previous_response_id", null),
    prompt_cache_key: given("prompt_cache_key", null),
    reasoning: { effort: null, summary: null, ...options("reasoning") },
    safety_identifier: given("safety_identifier", null),
    service_tier: "default",
    store: given("store", false),
    temperature: given("temperature", null),
    text: { format: { type: "text" }, verbosity: "medium", ...options("text") },
    tool_choice: given("tool_choice", "auto"),
    tools: given("tools", []),
    top_logprobs: given("top_logprobs", 0),
    top_p: given("top_p", null),
    truncation: given("truncation", "disabled"),
    user: given("user", null),
  };
}

export type Status = "in_progress" | "completed" | "incomplete" | "failed";

/** How a response stands: what changes between its events. */
export interface Progress {
  status: Status;
  output: JsonObject[];
  error?: JsonObject;
  /** Why it is incomplete. */
  reason?: string;
  usage?: Usage;
}

/** The members of a response that are its own. */
export function responseHead(id: string, { model, createdAt }: EncodeContext, progress: Progress): JsonObject {
  const { status, output, error, reason, usage } = progress;
  return {
    id,
    object: "response",
    created_at: createdAt,
    model,
    status,
    error: error ?? null,
    incomplete_details: reason === undefined ? null : { reason },
    output,
    usage: usage ? usageReply(usage) : null,
  };
}

/** Why an answer stopped short; whole answers have no reason. */
const INCOMPLETE: Readonly<Record<StopReason, string | undefined>> = {
  end: undefined,
  tool: undefined,
  length: "max_output_tokens",
  filtered: "content_filter",
};

export function finalProgress(stopped: StopReason, output: JsonObject[], usage: Usage): Progress {
  const reason = INCOMPLETE[stopped];
  return reason === undefined
    ? { status: "completed", output, usage }
    : { status: "incomplete", output, usage, reason };
}

/** Cached tokens are part of input_tokens, thinking is part of output_tokens: as OpenAI counts. */
function usageReply({ input, cachedInput, output, thinking }: Usage): JsonObject {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cachedInput, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: thinking },
    total_tokens: input + output,
  };
}
