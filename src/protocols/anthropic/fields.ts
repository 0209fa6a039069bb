import {
  approximated,
  fieldTable,
  type FieldTable,
  harmless,
  is,
  isEmpty,
  mapped,
  refused,
} from "../../core/field-table.ts";
import { isAbsent } from "../../core/lenient.ts";
import { isJsonObject } from "../../lib/json.ts";

const CACHE = harmless("the upstream caches prefixes by itself");
const ONE_BILL = harmless("there is nobody else to be billed");

/** Every top-level field of the Messages API, general and beta. */
export const bodyFields = fieldTable("", {
  model: mapped,
  messages: mapped,
  system: mapped,
  max_tokens: mapped,
  temperature: mapped,
  top_p: mapped,
  top_k: mapped,
  stop_sequences: mapped,
  stream: mapped,
  metadata: mapped,
  thinking: mapped,
  output_config: mapped,
  output_format: mapped,
  tools: mapped,
  tool_choice: mapped,

  anthropic_beta: harmless("switches of another service"),
  anthropic_version: harmless("there is one version"),
  betas: harmless("switches of another service"),
  cache_control: CACHE,
  fallback_credit_token: ONE_BILL,
  service_tier: harmless("there is one tier per account"),
  user_profile_id: ONE_BILL,
  workspace_id: ONE_BILL,

  billing_policy: approximated("billing cannot be directed"),
  container: approximated("there are no containers and no skills"),
  context_management: approximated("the context is not edited before it reaches the model", keepsEverything),
  diagnostics: approximated("cache diagnostics are not available"),
  fallbacks: approximated(
    "a declined request is not tried on another model",
    // By definition of "default", a model without a default fallback runs alone.
    (value) => value === "default" || isEmpty(value),
  ),
  inference_geo: approximated("the region of inference cannot be chosen"),
  mcp_servers: approximated("MCP servers are not called by the gateway", isEmpty),
  safeguards: approximated("no safety classifier runs on the answer", isEmpty),
  speed: approximated("there is one speed", is("standard")),

  // The SDK's tool runner reads these details and goes on without threads; any other answer ends its run.
  thread: refused("conversations are not held on this server; send the whole conversation", undefined, {
    error_code: "thread_unsupported_request",
    unsupported: ["thread"],
  }),
  compaction: refused("compaction requests are not supported; ask for a summary as an ordinary message", undefined, {
    error_code: "compaction_unavailable",
  }),
});

export const metadataFields = fieldTable("metadata", { user_id: mapped });

export const outputConfigFields = fieldTable("output_config", {
  effort: mapped,
  format: mapped,
  task_budget: approximated("the model is not told of a budget"),
});

const FORMAT = { type: mapped, schema: mapped };
export const outputFormatFields = fieldTable("output_format", FORMAT);
export const formatFields = fieldTable("output_config.format", FORMAT);

export const thinkingFields = fieldTable("thinking", {
  type: approximated("thinking between tools only is not available", (value) => value !== "between_tools"),
  budget_tokens: mapped,
  display: mapped,
  // Upstream refuses no thinking block for the messages around it; those it cannot read are left out on the way there.
  block_binding: harmless("no block is refused for its place in the conversation"),
});

export const toolChoiceFields = fieldTable("tool_choice", {
  type: mapped,
  name: mapped,
  disable_parallel_tool_use: approximated("the model may call several tools at once", isNotTrue),
});

const DEFERRED = harmless("all tools are declared from the start");

/** Why a tool is refused that wants a program of the client's, or is not known at all. */
export const UNKNOWN_TOOL = "this type of tool is not supported; declare it as a custom tool with an input_schema";

/** By what stands before the date in a tool's `type`. */
export const toolKinds = fieldTable("tools[].type", {
  custom: mapped,
  web_search: mapped,
  ...kinds(
    ["web_fetch", "code_execution", "tool_search_tool", "advisor", "mcp_toolset"],
    approximated("this tool is run by the service that defines it and is not available here", hasSchema),
  ),
  ...kinds(
    ["bash", "browser_toolset", "computer", "computer_toolset", "memory", "text_editor"],
    refused(UNKNOWN_TOOL, hasSchema),
  ),
});

export const customToolFields = fieldTable("tools[]", {
  type: mapped,
  name: mapped,
  description: mapped,
  input_schema: mapped,
  strict: approximated("arguments are not guaranteed to fit the schema", isNotTrue),
  input_examples: approximated("examples of input are left out", isEmpty),
  allowed_callers: approximated("the model calls every tool directly", callsDirectly),
  cache_control: CACHE,
  defer_loading: DEFERRED,
  eager_input_streaming: harmless("arguments are passed on as they come"),
});

export const searchToolFields = fieldTable("tools[] (web_search)", {
  type: mapped,
  name: mapped,
  max_uses: approximated("the model decides how often it searches"),
  allowed_domains: mapped,
  blocked_domains: approximated("web search has no blocked_domains", isEmpty),
  user_location: approximated("web search has no user_location"),
  allowed_callers: approximated("the model searches by itself", callsDirectly),
  response_inclusion: harmless("only has a meaning where code of the model's calls the search"),
  cache_control: CACHE,
  defer_loading: DEFERRED,
  strict: harmless("the search has no arguments to be held to a schema"),
});

export const messageFields = fieldTable("messages[]", {
  role: mapped,
  content: mapped,
  clear_at: mapped,
  output_config: mapped,
});

export const messageConfigFields = fieldTable("messages[].output_config", { effort: mapped });

const SERVER_CALL = "calls of server tools are left out of the history";
const SERVER_RESULT = approximated("results of server tools are kept as plain text");

export const blockKinds = fieldTable("messages[].content[].type", {
  ...kinds(
    ["text", "image", "document", "search_result", "tool_use", "tool_result", "tool_reference", "thinking"],
    mapped,
  ),
  ...kinds(["tool_addition", "tool_removal", "compaction"], mapped),
  redacted_thinking: harmless("readable by the service that wrote it, by no other"),
  fallback: harmless("a mark of who answered before"),
  mcp_tool_listing: harmless("MCP servers themselves are reported"),
  tool_search_tool_result: harmless("all tools are declared from the start"),
  // What our own search found is all in its addresses and titles; of another's the pages are encrypted.
  web_search_tool_result: approximated("results of server tools are kept as plain text", hasNoPages),
  ...kinds(
    [
      "advisor_tool_result",
      "bash_code_execution_tool_result",
      "code_execution_tool_result",
      "mcp_tool_result",
      "text_editor_code_execution_tool_result",
      "web_fetch_tool_result",
    ],
    SERVER_RESULT,
  ),
  // The results of a search say what was searched for.
  server_tool_use: approximated(SERVER_CALL, (block) => isJsonObject(block) && block["name"] === "web_search"),
  mcp_tool_use: approximated(SERVER_CALL),
  container_upload: approximated("there is no container to upload files to"),
  browser_state: approximated("the state of a browser is left out"),
});

/** Upstream takes no marks of an earlier answer; the model is given the text that they stood at. */
const MARKS = harmless("the text itself is sent back");
const CITATIONS = approximated(
  "answers cite no documents",
  (value) => !isJsonObject(value) || value["enabled"] !== true,
);
const TOOLSET = harmless("calls and results are known by their ids");

function blockTable(kind: string, rows: FieldTable["rows"]): FieldTable {
  return fieldTable(`messages[].content[] (${kind})`, { type: mapped, ...rows });
}

export const textFields = blockTable("text", { text: mapped, cache_control: CACHE, citations: MARKS });

const TOOL_CHANGE = { tool: mapped, cache_control: CACHE };

export const blockFields: Readonly<Record<string, FieldTable>> = {
  text: textFields,
  thinking: blockTable("thinking", { thinking: mapped, signature: mapped }),
  image: blockTable("image", {
    source: mapped,
    cache_control: CACHE,
    transformations: approximated("the size of images is not checked", allowsResizing),
  }),
  document: blockTable("document", {
    source: mapped,
    title: mapped,
    context: mapped,
    cache_control: CACHE,
    citations: CITATIONS,
  }),
  search_result: blockTable("search_result", {
    title: mapped,
    source: mapped,
    content: mapped,
    cache_control: CACHE,
    citations: CITATIONS,
  }),
  tool_use: blockTable("tool_use", {
    id: mapped,
    name: mapped,
    input: mapped,
    cache_control: CACHE,
    caller: harmless("who made a call changes nothing about its result"),
    toolset_name: TOOLSET,
  }),
  tool_result: blockTable("tool_result", {
    tool_use_id: mapped,
    content: mapped,
    is_error: mapped,
    cache_control: CACHE,
    toolset_name: TOOLSET,
  }),
  tool_reference: blockTable("tool_reference", { tool_name: mapped, cache_control: CACHE }),
  tool_addition: blockTable("tool_addition", TOOL_CHANGE),
  tool_removal: blockTable("tool_removal", TOOL_CHANGE),
  compaction: blockTable("compaction", {
    content: mapped,
    tool_changes: mapped,
    cache_control: CACHE,
    encrypted_content: harmless("the summary beside it is read; a block without one is reported"),
    signature: harmless("the summary is sent on as plain text"),
  }),
};

export const sourceFields = fieldTable("messages[].content[].source", {
  type: mapped,
  data: mapped,
  media_type: mapped,
  url: mapped,
  content: mapped,
  file_id: refused("uploaded files are not available; send the content as base64"),
});

export const toolChangeFields = fieldTable("messages[].content[].tool", {
  type: mapped,
  name: mapped,
  definition: mapped,
  server_name: harmless("MCP servers themselves are reported"),
});

/** What becomes of each field of each object of a request. */
export const FIELDS: readonly FieldTable[] = [
  bodyFields,
  metadataFields,
  outputConfigFields,
  formatFields,
  outputFormatFields,
  thinkingFields,
  toolChoiceFields,
  toolKinds,
  customToolFields,
  searchToolFields,
  messageFields,
  messageConfigFields,
  blockKinds,
  ...Object.values(blockFields),
  sourceFields,
  toolChangeFields,
];

function kinds<T>(names: readonly string[], treatment: T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, treatment]));
}

function isNotTrue(value: unknown): boolean {
  return value !== true;
}

/** What is declared with a schema is a function, whatever its type. */
export function hasSchema(tool: unknown): boolean {
  return isJsonObject(tool) && !isAbsent(tool["input_schema"]);
}

function callsDirectly(callers: unknown): boolean {
  return !Array.isArray(callers) || callers.includes("direct");
}

function allowsResizing(value: unknown): boolean {
  return !isJsonObject(value) || value["oversized_image"] !== "error";
}

function hasNoPages(block: unknown): boolean {
  const results = isJsonObject(block) ? block["content"] : undefined;
  return !Array.isArray(results) || !results.some((result) => isJsonObject(result) && !!result["encrypted_content"]);
}

/** "Clear no thinking" is what happens anyway. */
function keepsEverything(value: unknown): boolean {
  const edits = isJsonObject(value) ? value["edits"] : undefined;
  if (isAbsent(edits)) return true;
  return (
    Array.isArray(edits) &&
    edits.every((edit) => isJsonObject(edit) && edit["type"] === "clear_thinking_20251015" && edit["keep"] === "all")
  );
}
