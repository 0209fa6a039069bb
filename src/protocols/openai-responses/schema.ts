import * as v from "valibot";
import { options } from "../../core/openai/check.ts";
import { samplingEntries } from "../../core/openai/sampling.ts";
import { EFFORTS } from "../../core/request.ts";
import { jsonObject, wholeNumber } from "../../lib/schema.ts";

const anyObject = jsonObject("object");

const textOr = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.lazy((input) => (typeof input === "string" ? v.string() : schema));

/** `none`: no thinking. */
const EFFORT_WORDS = ["none", ...EFFORTS] as const;
const SUMMARIES = ["auto", "concise", "detailed", "none"] as const;

const formatSchema = options({
  type: v.picklist(["text", "json_object", "json_schema"]),
  name: v.optional(v.string()),
  description: v.optional(v.string()),
  schema: v.optional(anyObject),
  /** Where the Chat Completions API has its schema; some clients send it here. */
  json_schema: v.optional(options({ description: v.optional(v.string()), schema: v.optional(anyObject) })),
});

export type TextFormat = v.InferOutput<typeof formatSchema>;

const namedTool = options({
  type: v.optional(v.string()),
  name: v.optional(v.string()),
  namespace: v.optional(v.string()),
  function: v.optional(options({ name: v.string() })),
  custom: v.optional(options({ name: v.string() })),
});

export type NamedTool = v.InferOutput<typeof namedTool>;

const allowedTools = { mode: v.optional(v.picklist(["auto", "required"])), tools: v.optional(v.array(namedTool)) };

const toolChoiceSchema = options({
  type: v.string(),
  name: v.optional(v.string()),
  namespace: v.optional(v.string()),
  function: v.optional(options({ name: v.string() })),
  custom: v.optional(options({ name: v.string() })),
  ...allowedTools,
  allowed_tools: v.optional(options(allowedTools)),
});

export type ToolChoiceObject = v.InferOutput<typeof toolChoiceSchema>;

/** The whole request, less what hangs on a type: items, tools and content parts have schemas of their own. */
export const requestSchema = options({
  model: v.pipe(v.string(), v.nonEmpty("a model name")),
  input: v.optional(textOr(v.array(v.unknown()))),
  instructions: v.optional(textOr(v.array(v.unknown()))),
  stream: v.optional(v.boolean()),
  stream_options: v.optional(anyObject),

  tools: v.optional(v.array(anyObject)),
  tool_choice: v.optional(textOr(toolChoiceSchema)),
  parallel_tool_calls: v.optional(v.boolean()),
  max_tool_calls: v.optional(wholeNumber(0)),

  reasoning: v.optional(
    options({
      effort: v.optional(v.picklist(EFFORT_WORDS)),
      summary: v.optional(v.picklist(SUMMARIES)),
      generate_summary: v.optional(v.picklist(SUMMARIES)),
    }),
  ),
  text: v.optional(options({ format: v.optional(formatSchema), verbosity: v.optional(v.string()) })),

  max_output_tokens: v.optional(wholeNumber(1)),
  ...samplingEntries,
  top_logprobs: v.optional(v.number()),

  include: v.optional(v.array(v.string())),
  metadata: v.optional(anyObject),
  store: v.optional(v.boolean()),
  /** The conversation that it names stands in the input by now. */
  previous_response_id: v.optional(v.string()),
  truncation: v.optional(v.string()),
  service_tier: v.optional(v.string()),

  prompt_cache_key: v.optional(v.string()),
  safety_identifier: v.optional(v.unknown()),
  user: v.optional(v.unknown()),
  session_id: v.optional(v.unknown()),
});

export type ResponsesRequest = v.InferOutput<typeof requestSchema>;

const name = v.pipe(v.string(), v.nonEmpty("the name of a tool"));
const namespace = v.nullish(v.string());
/** Some clients have only one id for an item and its call. */
const callIds = { call_id: v.nullish(v.string()), id: v.nullish(v.string()) };

export const messageSchema = v.looseObject({
  role: v.picklist(["user", "assistant", "system", "developer"]),
  content: v.optional(v.unknown()),
});

export const functionCallSchema = v.looseObject({ ...callIds, name, namespace, arguments: v.optional(v.unknown()) });

export const customCallSchema = v.looseObject({ ...callIds, name, namespace, input: v.optional(v.unknown()) });

export const callOutputSchema = v.looseObject({
  ...callIds,
  name: v.nullish(v.string()),
  namespace,
  status: v.nullish(v.string()),
  output: v.optional(v.unknown()),
});

/** Calls of tools that have a kind of item each: what the call says is read by the tool's own rules. */
export const ownCallSchema = v.looseObject(callIds);

export const mcpCallSchema = v.looseObject({
  ...callIds,
  name,
  server_label: v.nullish(v.string()),
  arguments: v.optional(v.unknown()),
  output: v.optional(v.unknown()),
  error: v.optional(v.unknown()),
});

export const reasoningSchema = v.looseObject({
  summary: v.nullish(v.array(v.unknown())),
  content: v.nullish(v.array(v.unknown())),
  encrypted_content: v.nullish(v.string()),
});

export const imageCallSchema = v.looseObject({
  result: v.nullish(v.string()),
  output_format: v.nullish(v.string()),
});

export const compactionSchema = v.looseObject({ encrypted_content: v.nullish(v.string()) });

export const toolListSchema = v.looseObject({ tools: v.nullish(v.array(anyObject)) });

export const configurationSchema = options({
  reasoning: v.optional(options({ effort: v.optional(v.picklist(EFFORT_WORDS)) })),
  text: v.optional(options({ format: v.optional(formatSchema) })),
});

export const namespaceSchema = v.looseObject({
  name: v.pipe(v.string(), v.nonEmpty("the name of the namespace")),
  description: v.nullish(v.string()),
  tools: v.nullish(v.array(anyObject)),
});

export const webSearchSchema = options({
  external_web_access: v.optional(v.boolean()),
  filters: v.optional(options({ allowed_domains: v.optional(v.array(v.string())) })),
});

export const toolSearchSchema = v.looseObject({
  description: v.nullish(v.string()),
  execution: v.nullish(v.string()),
  parameters: v.nullish(anyObject),
});
