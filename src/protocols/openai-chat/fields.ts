import {
  approximated,
  fieldTable,
  type FieldTable,
  harmless,
  is,
  isEmpty,
  isFalse,
  mapped,
  refused,
} from "../../core/field-table.ts";
import type { ChatMessage } from "./schema.ts";

const CACHE_CONTROL = harmless("the upstream caches prefixes by itself");
const OTHER_PROTOCOL = harmless("versions of the Messages API, which this is not");
const ONE_PROVIDER = harmless("there is one provider to route to");
const without = (word: string) => (value: unknown) => !(Array.isArray(value) && value.includes(word));

export const bodyFields = fieldTable("", {
  messages: mapped,
  model: mapped,
  audio: harmless("only has a meaning with audio output, which modalities refuses"),
  frequency_penalty: mapped,
  function_call: mapped,
  functions: mapped,
  logit_bias: approximated("the upstream takes no token biases", isEmpty),
  logprobs: approximated("the upstream returns no log probabilities", isFalse),
  max_completion_tokens: mapped,
  max_tokens: mapped,
  metadata: harmless("labels of stored completions, which this gateway does not keep"),
  modalities: refused("the models answer in text and images only", without("audio")),
  moderation: approximated("the upstream applies its own safety rules"),
  n: refused("only one answer per request is possible", is(1)),
  parallel_tool_calls: approximated("the upstream has no switch against parallel calls", is(true)),
  prediction: harmless("a hint that only speeds up the same answer"),
  presence_penalty: mapped,
  prompt_cache_key: mapped,
  prompt_cache_options: CACHE_CONTROL,
  prompt_cache_retention: CACHE_CONTROL,
  reasoning_effort: mapped,
  response_format: mapped,
  safety_identifier: mapped,
  seed: mapped,
  service_tier: harmless("the upstream has one tier per account"),
  stop: mapped,
  store: harmless("answers are never stored"),
  stream: mapped,
  stream_options: mapped,
  temperature: mapped,
  tool_choice: mapped,
  tools: mapped,
  top_logprobs: approximated("the upstream returns no log probabilities", is(0)),
  top_p: mapped,
  user: mapped,
  verbosity: approximated("the upstream has no such setting", is("medium")),
  web_search_options: mapped,

  // What OpenAI has not published and clients send all the same.
  conversation: mapped,
  extra_body: mapped,
  google: mapped,
  include_reasoning: mapped,
  reasoning: mapped,
  session_id: mapped,
  thinking: mapped,
  top_k: mapped,
  usage: mapped,
  transforms: approximated("prompts are not shortened on their way", isEmpty),
  anthropic_beta: OTHER_PROTOCOL,
  anthropic_version: OTHER_PROTOCOL,
  betas: OTHER_PROTOCOL,
  cache_control: CACHE_CONTROL,
  cache_prompt: CACHE_CONTROL,
  provider: ONE_PROVIDER,
  route: ONE_PROVIDER,
});

export const extraBodyFields = fieldTable("extra_body", { google: mapped });

export const googleFields = fieldTable("google", { thinking_config: mapped });

export const googleThinkingFields = fieldTable("google.thinking_config", {
  thinking_budget: mapped,
  thinking_level: mapped,
  include_thoughts: mapped,
});

export const reasoningFields = fieldTable("reasoning", {
  effort: mapped,
  max_tokens: mapped,
  enabled: mapped,
  exclude: mapped,
  summary: harmless("what the model shows of its thinking is a summary"),
});

export const thinkingFields = fieldTable("thinking", { type: mapped, budget_tokens: mapped });

export const streamOptionFields = fieldTable("stream_options", {
  include_obfuscation: harmless("padding against traffic analysis is added by no frame here"),
  include_usage: mapped,
});

const CONTEXT_SIZE = approximated("the upstream decides how much it reads", is("medium"));
const LOCATION = approximated("the upstream searches without a location");

export const webSearchFields = fieldTable("web_search_options", {
  search_context_size: CONTEXT_SIZE,
  user_location: LOCATION,
});

/** The hosted search of the Responses API, where some clients send it. */
export const searchToolFields = fieldTable("tools[] (web_search)", {
  type: mapped,
  filters: mapped,
  search_context_size: CONTEXT_SIZE,
  user_location: LOCATION,
});

export const searchFilterFields = fieldTable("tools[].filters", {
  allowed_domains: mapped,
  blocked_domains: approximated("no domains are left out", isEmpty),
});

export const responseFormatFields = fieldTable("response_format", { type: mapped, json_schema: mapped });

export const jsonSchemaFields = fieldTable("response_format.json_schema", {
  name: harmless("a label that no model is shown"),
  description: mapped,
  schema: mapped,
  strict: harmless("the schema is always enforced as far as the upstream can"),
});

export const toolFields = fieldTable("tools[]", {
  type: mapped,
  function: mapped,
  custom: mapped,
  cache_control: CACHE_CONTROL,
});

export const functionFields = fieldTable("tools[].function, functions[]", {
  name: mapped,
  description: mapped,
  parameters: mapped,
  // Nearly every SDK sets it on every tool; a report on each request would bury the ones that matter.
  strict: harmless("arguments are always held to the schema as far as the upstream can"),

  // Of tools written without the wrapper, or as other protocols have them.
  type: mapped,
  input_schema: mapped,
  cache_control: CACHE_CONTROL,
});

export const customToolFields = fieldTable("tools[].custom", {
  name: mapped,
  description: mapped,
  format: approximated("the grammar is shown to the model but not enforced", isPlainText),
  // Of tools written without the wrapper.
  type: mapped,
});

export const toolChoiceFields = fieldTable("tool_choice", {
  type: mapped,
  function: mapped,
  custom: mapped,
  allowed_tools: mapped,
  // Of choices written without the wrapper.
  name: mapped,
});

export const chosenToolFields = fieldTable("tool_choice.function, tool_choice.custom, function_call", { name: mapped });

export const allowedToolsFields = fieldTable("tool_choice.allowed_tools", { mode: mapped, tools: mapped });

/** A participant's name has a place upstream only where it is the name of a function. */
const participantName = approximated("the upstream has no names of participants");

/** The upstream takes no marks of an earlier answer; the model is given the text that they stood at. */
const MARKS = harmless("the text itself is sent back");
/**
 * The upstream takes back only thinking with its signature, which no chat client keeps with the text: the gateway restores
 * what it signed by itself.
 */
const UNSIGNED = harmless("unsigned thinking cannot be sent back");

export const messageFields: Readonly<Record<ChatMessage["role"], FieldTable>> = {
  system: fieldTable("messages[] (system)", { content: mapped, role: mapped, name: participantName }),
  developer: fieldTable("messages[] (developer)", { content: mapped, role: mapped, name: participantName }),
  user: fieldTable("messages[] (user)", { content: mapped, role: mapped, name: participantName }),
  assistant: fieldTable("messages[] (assistant)", {
    role: mapped,
    audio: approximated("earlier audio answers are held by OpenAI only"),
    content: mapped,
    function_call: mapped,
    name: participantName,
    refusal: mapped,
    tool_calls: mapped,

    // What answers and SDKs add to a message, and clients send back.
    annotations: MARKS,
    extra_content: mapped,
    id: harmless("a label that no model is shown"),
    parsed: MARKS,
    provider_specific_fields: mapped,
    reasoning: UNSIGNED,
    reasoning_content: UNSIGNED,
    reasoning_details: UNSIGNED,
    thinking_blocks: UNSIGNED,
  }),
  tool: fieldTable("messages[] (tool)", { content: mapped, role: mapped, tool_call_id: mapped, name: mapped }),
  function: fieldTable("messages[] (function)", { content: mapped, name: mapped, role: mapped }),
};

export const toolCallFields = fieldTable("messages[].tool_calls[]", {
  id: mapped,
  type: mapped,
  function: mapped,
  custom: mapped,

  index: harmless("the place in a stream"),
  extra_content: mapped,
  provider_specific_fields: mapped,
});

export const calledFunctionFields = fieldTable("messages[].tool_calls[].function, messages[].function_call", {
  name: mapped,
  arguments: mapped,

  extra_content: mapped,
  parsed_arguments: harmless("the arguments themselves are sent back"),
  provider_specific_fields: mapped,
});

export const calledCustomFields = fieldTable("messages[].tool_calls[].custom", { name: mapped, input: mapped });

const BREAKPOINTS = { prompt_cache_breakpoint: CACHE_CONTROL, cache_control: CACHE_CONTROL };
const DETAIL = harmless("the upstream picks the resolution");

function partTable(kind: string, rows: FieldTable["rows"]): FieldTable {
  return fieldTable(`messages[].content[] (${kind})`, { type: mapped, ...rows, ...BREAKPOINTS });
}

const textPart = partTable("text", { text: mapped, annotations: MARKS, citations: MARKS });
const imagePart = partTable("image_url", { image_url: mapped, detail: DETAIL });
const sourcePart = (kind: string) => partTable(kind, { source: mapped });

/** By the part's type; clients mix those of their other protocols into chat messages. */
export const partFields: Readonly<Record<string, FieldTable>> = {
  text: textPart,
  input_text: textPart,
  output_text: textPart,
  refusal: partTable("refusal", { refusal: mapped }),
  image_url: imagePart,
  input_image: imagePart,
  video_url: partTable("video_url", { video_url: mapped }),
  audio_url: partTable("audio_url", { audio_url: mapped }),
  input_audio: partTable("input_audio", { input_audio: mapped }),
  file: partTable("file", { file: mapped }),
  image: sourcePart("image"),
  document: sourcePart("document"),
};

const partKinds = fieldTable("messages[].content[].type", {
  ...Object.fromEntries(Object.keys(partFields).map((kind) => [kind, mapped])),
  thinking: UNSIGNED,
  redacted_thinking: UNSIGNED,
  reasoning: UNSIGNED,
});

/** The object inside a part, by the field that holds it. */
export const partObjectFields: Readonly<Record<string, FieldTable>> = {
  image_url: fieldTable("messages[].content[].image_url", { url: mapped, detail: DETAIL }),
  video_url: fieldTable("messages[].content[].video_url", { url: mapped }),
  audio_url: fieldTable("messages[].content[].audio_url", { url: mapped }),
  input_audio: fieldTable("messages[].content[].input_audio", { data: mapped, format: mapped }),
  file: fieldTable("messages[].content[].file", {
    file_data: mapped,
    file_id: refused("no files are stored here; send the content in file_data"),
    filename: mapped,

    file_url: mapped,
  }),
  source: fieldTable("messages[].content[].source", { type: mapped, data: mapped, media_type: mapped, url: mapped }),
};

/** What becomes of each field of each object of a request. */
export const FIELDS: readonly FieldTable[] = [
  bodyFields,
  streamOptionFields,
  responseFormatFields,
  jsonSchemaFields,
  toolFields,
  functionFields,
  customToolFields,
  searchToolFields,
  searchFilterFields,
  toolChoiceFields,
  chosenToolFields,
  allowedToolsFields,
  webSearchFields,
  reasoningFields,
  thinkingFields,
  extraBodyFields,
  googleFields,
  googleThinkingFields,
  ...Object.values(messageFields),
  toolCallFields,
  calledFunctionFields,
  calledCustomFields,
  partKinds,
  ...new Set(Object.values(partFields)),
  ...Object.values(partObjectFields),
];

function isPlainText(format: unknown): boolean {
  return typeof format !== "object" || format === null || !("type" in format) || format.type !== "grammar";
}
