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
  type Treatment,
} from "../../core/field-table.ts";

type Rows = Readonly<Record<string, Treatment>>;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const isPlainText = (format: unknown) => !isObject(format) || !("type" in format) || format.type !== "grammar";
const isLocal = (environment: unknown) =>
  !isObject(environment) || !("type" in environment) || environment.type === "local";

const CACHE_CONTROL = harmless("the upstream caches prefixes by itself");
const NO_STATE = "conversations are not kept here; send the whole history in input";

export const bodyFields = fieldTable("", {
  input: mapped,
  model: mapped,
  access_programs: approximated("access programs are OpenAI's own", isEmpty),
  background: refused("answers are given while the client waits", isFalse),
  context_management: approximated("histories are not shortened on their way", isEmpty),
  conversation: refused(NO_STATE),
  image: harmless("the upstream decides how images are encoded"),
  include: mapped,
  instructions: mapped,
  max_output_tokens: mapped,
  max_tool_calls: approximated("it limits hosted tools only, and the model decides how often it searches"),
  metadata: mapped,
  moderation: approximated("the upstream applies its own safety rules"),
  parallel_tool_calls: approximated("the upstream has no switch against parallel calls", is(true)),
  previous_response_id: mapped,
  prompt: refused("prompt templates are stored at OpenAI; send their text in input"),
  prompt_cache_key: mapped,
  prompt_cache_options: CACHE_CONTROL,
  prompt_cache_retention: CACHE_CONTROL,
  reasoning: mapped,
  safety_identifier: mapped,
  service_tier: harmless("the upstream has one tier per account"),
  store: mapped,
  stream: mapped,
  stream_options: mapped,
  temperature: mapped,
  text: mapped,
  tool_choice: mapped,
  tools: mapped,
  top_logprobs: approximated("the upstream returns no log probabilities", is(0)),
  top_p: mapped,
  truncation: approximated("prompts are not shortened on their way", is("disabled")),
  user: mapped,

  // What OpenAI has not published for this API and clients send all the same.
  client_metadata: harmless("telemetry of the client"),
  frequency_penalty: mapped,
  presence_penalty: mapped,
  seed: mapped,
  session_id: mapped,
  stop: mapped,
  top_k: mapped,
});

export const streamOptionFields = fieldTable("stream_options", {
  include_obfuscation: harmless("padding against traffic analysis is added by no frame here"),
  include_usage: harmless("the last event always has the usage"),
});

/** What may stand in `include`. */
export const includeFields = fieldTable("include[]", {
  "reasoning.encrypted_content": mapped,
  "web_search_call.action.sources": mapped,
  "message.output_text.logprobs": approximated("the upstream returns no log probabilities"),
  "web_search_call.results": approximated("the upstream tells the sources, not what it read there"),
  "file_search_call.results": harmless("belongs to a tool that is not there"),
  "message.input_image.image_url": harmless("the client has its own images"),
  "computer_call_output.output.image_url": harmless("the client has its own images"),
  "code_interpreter_call.outputs": harmless("belongs to a tool that is not there"),
});

export const reasoningFields = fieldTable("reasoning", {
  effort: mapped,
  summary: mapped,
  generate_summary: mapped,
  context: harmless("earlier thinking is sent back as far as the model takes it"),
  mode: approximated("the upstream has one mode of thinking", is("standard")),
});

export const textFields = fieldTable("text", {
  format: mapped,
  verbosity: approximated("the upstream has no such setting", is("medium")),
});

export const formatFields = fieldTable("text.format", {
  type: mapped,
  name: harmless("a label that no model is shown"),
  description: mapped,
  schema: mapped,
  strict: harmless("the schema is always enforced as far as the upstream can"),
  json_schema: mapped,
});

// ---- tools ----

const ALL_SHOWN = harmless("every tool is shown to the model from the start");
const ALLOWED_CALLERS = approximated("programs of the model's own cannot call tools", (value) =>
  Array.isArray(value) ? !value.includes("programmatic") || value.includes("direct") : true,
);
const toolRows: Rows = {
  type: mapped,
  name: mapped,
  description: mapped,
  allowed_callers: ALLOWED_CALLERS,
  async: approximated("the model waits for the results of its calls", isFalse),
  defer_loading: ALL_SHOWN,
};

const functionRows: Rows = {
  ...toolRows,
  parameters: mapped,
  input_schema: mapped,
  // Nearly every SDK sets it on every tool; a report on each request would bury the ones that matter.
  strict: harmless("arguments are always held to the schema as far as the upstream can"),
  output_schema: harmless("the model reads what the tool returns"),
};

const searchRows: Rows = {
  type: mapped,
  search_context_size: approximated("the upstream decides how much it reads", is("medium")),
  user_location: approximated("the upstream searches without a location"),
};

const NOT_HERE = (what: string) => approximated(`${what}, which the upstream does not have; the tool is left out`);

export const toolFields = {
  function: fieldTable("tools[] (function)", { ...functionRows, function: mapped }),
  custom: fieldTable("tools[] (custom)", {
    ...toolRows,
    format: approximated("the grammar is shown to the model but not enforced", isPlainText),
    custom: mapped,
  }),
  namespace: fieldTable("tools[] (namespace)", { type: mapped, name: mapped, description: mapped, tools: mapped }),
  web_search: fieldTable("tools[] (web_search)", {
    ...searchRows,
    external_web_access: approximated(
      "there is no search without access to the web; the tool is left out",
      (value) => value !== false,
    ),
    filters: mapped,
  }),
  web_search_preview: fieldTable("tools[] (web_search_preview)", {
    ...searchRows,
    search_content_types: approximated("the upstream finds text only", (value) =>
      Array.isArray(value) ? !value.includes("image") : false,
    ),
  }),
  local_shell: fieldTable("tools[] (local_shell)", { type: mapped }),
  shell: fieldTable("tools[] (shell)", {
    type: mapped,
    allowed_callers: ALLOWED_CALLERS,
    environment: approximated("containers are OpenAI's own; the tool is left out", isLocal),
  }),
  apply_patch: fieldTable("tools[] (apply_patch)", {
    type: mapped,
    allowed_callers: ALLOWED_CALLERS,
  }),
  tool_search: fieldTable("tools[] (tool_search)", {
    type: mapped,
    description: mapped,
    execution: mapped,
    parameters: mapped,
  }),
} as const satisfies Readonly<Record<string, FieldTable>>;

export const searchFilterFields = fieldTable("tools[].filters", { allowed_domains: mapped });

/** Tools that OpenAI runs itself. Only their type is read: without the tool its settings mean nothing. */
export const hostedTools = fieldTable("tools[].type", {
  file_search: NOT_HERE("it searches files stored at OpenAI"),
  code_interpreter: NOT_HERE("it runs programs at OpenAI"),
  computer: NOT_HERE("it drives a computer by a model trained for it"),
  computer_use: NOT_HERE("it drives a computer by a model trained for it"),
  computer_use_preview: NOT_HERE("it drives a computer by a model trained for it"),
  image_generation: approximated("only image models draw, and they need no tool; it is left out"),
  mcp: NOT_HERE("OpenAI connects to the server"),
  programmatic_tool_calling: NOT_HERE("it calls tools from programs at OpenAI"),
});

export const toolChoiceFields = fieldTable("tool_choice", {
  type: mapped,
  name: mapped,
  namespace: mapped,
  mode: mapped,
  tools: mapped,
  function: mapped,
  custom: mapped,
  allowed_tools: mapped,
});

/** A tool that is left out cannot be insisted on. */
const chosenKinds = fieldTable(
  "tool_choice.type",
  Object.fromEntries(
    Object.entries(hostedTools.rows).flatMap(([type, row]): [string, Treatment][] =>
      row.type === "mapped" ? [] : [[type, refused(`the tool cannot be had: ${row.why}`)]],
    ),
  ),
);

/** What becomes of each field of each object of a request, items and content aside. */
export const FIELDS: readonly FieldTable[] = [
  bodyFields,
  streamOptionFields,
  includeFields,
  reasoningFields,
  textFields,
  formatFields,
  ...Object.values(toolFields),
  hostedTools,
  searchFilterFields,
  toolChoiceFields,
  chosenKinds,
];
