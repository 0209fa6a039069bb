import * as v from "valibot";
import { options } from "../../core/openai/check.ts";
import { samplingEntries } from "../../core/openai/sampling.ts";
import { EFFORTS } from "../../core/request.ts";
import { jsonObject, wholeNumber } from "../../lib/schema.ts";

const anyObject = jsonObject("object");

/** A switch with settings behind it: `true` and `false` stand for "on" and "off" without settings. */
const switchOr = <const Entries extends v.ObjectEntries>(entries: Entries) => {
  const settings = options(entries);
  return v.lazy((input) => (typeof input === "boolean" ? v.boolean() : settings));
};

/** `none`: no thinking. */
const EFFORT_WORDS = ["none", ...EFFORTS] as const;

/** Google's own compatibility endpoint takes these under `extra_body.google`; some clients put `google` at the top. */
const googleOptions = options({
  thinking_config: v.optional(
    options({
      thinking_budget: v.optional(wholeNumber(-1)),
      thinking_level: v.optional(v.pipe(v.string(), v.toLowerCase(), v.picklist(EFFORT_WORDS))),
      include_thoughts: v.optional(v.boolean()),
    }),
  ),
});

const toolChoiceObject = options({
  type: v.string(),
  name: v.optional(v.string()),
  function: v.optional(options({ name: v.string() })),
  custom: v.optional(options({ name: v.string() })),
  allowed_tools: v.optional(
    options({
      mode: v.optional(v.picklist(["auto", "required"])),
      tools: v.array(
        options({
          name: v.optional(v.string()),
          function: v.optional(options({ name: v.string() })),
          custom: v.optional(options({ name: v.string() })),
        }),
      ),
    }),
  ),
});

/** The whole request, less what hangs on a role or a type: messages, tools and content parts have schemas of their own. */
export const requestSchema = options({
  model: v.pipe(v.string(), v.nonEmpty("a model name")),
  messages: v.pipe(v.array(v.unknown()), v.nonEmpty("at least one message")),
  stream: v.optional(v.boolean()),
  stream_options: v.optional(options({ include_usage: v.optional(v.boolean()) })),

  tools: v.optional(v.array(anyObject)),
  tool_choice: v.optional(v.lazy((input) => (typeof input === "string" ? v.string() : toolChoiceObject))),
  parallel_tool_calls: v.optional(v.boolean()),
  functions: v.optional(v.array(anyObject)),
  function_call: v.optional(
    v.lazy((input) => (typeof input === "string" ? v.picklist(["none", "auto"]) : options({ name: v.string() }))),
  ),
  web_search_options: v.optional(anyObject),

  max_tokens: v.optional(wholeNumber(1)),
  max_completion_tokens: v.optional(wholeNumber(1)),
  ...samplingEntries,
  n: v.optional(wholeNumber(1)),

  response_format: v.optional(
    options({
      type: v.picklist(["text", "json_object", "json_schema"]),
      json_schema: v.optional(
        options({ name: v.optional(v.string()), description: v.optional(v.string()), schema: v.optional(anyObject) }),
      ),
    }),
  ),

  reasoning_effort: v.optional(v.picklist(EFFORT_WORDS)),
  reasoning: v.optional(
    switchOr({
      effort: v.optional(v.picklist(EFFORT_WORDS)),
      max_tokens: v.optional(wholeNumber(0)),
      enabled: v.optional(v.boolean()),
      exclude: v.optional(v.boolean()),
    }),
  ),
  include_reasoning: v.optional(v.boolean()),
  thinking: v.optional(
    switchOr({
      type: v.optional(v.picklist(["enabled", "disabled", "adaptive", "auto"])),
      budget_tokens: v.optional(wholeNumber(0)),
    }),
  ),
  google: v.optional(googleOptions),
  extra_body: v.optional(options({ google: v.optional(googleOptions) })),

  /** OpenRouter's name for `stream_options.include_usage`. */
  usage: v.optional(v.unknown()),

  prompt_cache_key: v.optional(v.string()),
  session_id: v.optional(v.unknown()),
  conversation: v.optional(v.unknown()),
  user: v.optional(v.unknown()),
  safety_identifier: v.optional(v.unknown()),
});

export type ChatRequest = v.InferOutput<typeof requestSchema>;

const ROLES = ["system", "developer", "user", "assistant", "tool", "function"] as const;

export const messageSchema = v.looseObject({
  role: v.picklist(ROLES),
  content: v.optional(v.unknown()),
  name: v.nullish(v.string()),
  refusal: v.nullish(v.string()),
  tool_calls: v.nullish(v.array(v.unknown())),
  function_call: v.nullish(v.looseObject({ name: v.string(), arguments: v.optional(v.unknown()) })),
  tool_call_id: v.nullish(v.pipe(v.string(), v.nonEmpty("the id of a tool call"))),
  audio: v.nullish(v.unknown()),
});

export type ChatMessage = v.InferOutput<typeof messageSchema>;

const callName = v.pipe(v.string(), v.nonEmpty("the name of a tool"));

export const toolCallSchema = v.looseObject({
  id: v.pipe(v.string(), v.nonEmpty("the id of the call")),
  type: v.nullish(v.picklist(["function", "custom"])),
  function: v.nullish(v.looseObject({ name: callName, arguments: v.optional(v.unknown()) })),
  custom: v.nullish(v.looseObject({ name: callName, input: v.optional(v.unknown()) })),
});

export type ToolCall = v.InferOutput<typeof toolCallSchema>;
