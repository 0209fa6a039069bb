import {
  approximated,
  type FieldTable,
  fieldTable,
  harmless,
  mapped,
  refused,
  type Treatment,
} from "../../core/field-table.ts";

type Rows = Readonly<Record<string, Treatment>>;

const itemRows: Rows = {
  type: mapped,
  id: mapped,
  status: harmless("the item says itself how far it came"),
  // Codex keeps its own notes about an item there.
  internal_chat_message_metadata_passthrough: harmless("telemetry of the client"),
};
const callRows: Rows = {
  ...itemRows,
  call_id: mapped,
  caller: harmless("the model is told of every call in the same way"),
  async: harmless("the model waits for the results of its calls"),
};
const outputRows: Rows = { ...callRows, output: mapped, name: mapped, namespace: mapped };
const PHASE = harmless("a label for the client");
const items = (type: string, rows: Rows) => fieldTable(`input[] (${type})`, { ...itemRows, ...rows });
/** An item the model cannot be shown: the type says why. */
const lost = (type: string, why: string, rows: Rows) => items(type, { ...rows, type: approximated(why) });
const OF_OPENAI = harmless("is part of an item that is left out");

/** By `type`. Kinds that are not here are not known: they are left out, and named as lost. */
export const itemFields: Readonly<Record<string, FieldTable>> = {
  message: items("message", {
    role: mapped,
    content: mapped,
    phase: PHASE,
    name: approximated("the upstream has no names of participants"),
  }),
  function_call: items("function_call", { ...callRows, name: mapped, namespace: mapped, arguments: mapped }),
  function_call_output: items("function_call_output", outputRows),
  custom_tool_call: items("custom_tool_call", { ...callRows, name: mapped, namespace: mapped, input: mapped }),
  custom_tool_call_output: items("custom_tool_call_output", outputRows),
  local_shell_call: items("local_shell_call", { ...callRows, action: mapped }),
  local_shell_call_output: items("local_shell_call_output", outputRows),
  shell_call: items("shell_call", {
    ...callRows,
    action: mapped,
    environment: harmless("the client knows where it ran"),
    created_by: OF_OPENAI,
  }),
  shell_call_output: items("shell_call_output", {
    ...outputRows,
    max_output_length: harmless("the client has cut the output already"),
    created_by: OF_OPENAI,
  }),
  apply_patch_call: items("apply_patch_call", { ...callRows, operation: mapped, created_by: OF_OPENAI }),
  apply_patch_call_output: items("apply_patch_call_output", { ...outputRows, status: mapped, created_by: OF_OPENAI }),
  tool_search_call: items("tool_search_call", {
    ...callRows,
    arguments: mapped,
    execution: mapped,
    created_by: OF_OPENAI,
  }),
  tool_search_output: items("tool_search_output", {
    ...callRows,
    tools: mapped,
    execution: mapped,
    created_by: OF_OPENAI,
  }),
  mcp_call: items("mcp_call", {
    ...callRows,
    name: mapped,
    server_label: mapped,
    arguments: mapped,
    output: mapped,
    error: mapped,
    approval_request_id: harmless("the call was made"),
  }),
  code_interpreter_call: items("code_interpreter_call", {
    ...callRows,
    code: mapped,
    outputs: mapped,
    container_id: harmless("the program has run"),
  }),
  file_search_call: items("file_search_call", { ...callRows, queries: mapped, results: mapped }),
  computer_call: items("computer_call", {
    ...callRows,
    action: mapped,
    actions: mapped,
    pending_safety_checks: harmless("the client has answered them"),
  }),
  computer_call_output: items("computer_call_output", {
    ...outputRows,
    acknowledged_safety_checks: harmless("the client has answered them"),
    created_by: OF_OPENAI,
  }),
  web_search_call: items("web_search_call", {
    type: harmless("what was found is in the answer that follows"),
    action: harmless("what was found is in the answer that follows"),
    results: harmless("what was found is in the answer that follows"),
  }),
  image_generation_call: items("image_generation_call", {
    result: mapped,
    output_format: mapped,
    action: harmless("the image is there"),
    background: harmless("the image is there"),
    error: harmless("there is no image then"),
    quality: harmless("the image is there"),
    revised_prompt: harmless("the image is there"),
    size: harmless("the image is there"),
    svg_usage: harmless("the image is there"),
  }),
  reasoning: items("reasoning", {
    summary: mapped,
    content: mapped,
    // Of another gateway or of OpenAI it says nothing to these models; losing it is the price of every change of model.
    encrypted_content: mapped,
  }),
  item_reference: items("item_reference", {
    // The reasoning that some clients refer to instead of sending it is kept by its calls.
    id: approximated(
      "it refers to an item that is not kept here",
      (id) => typeof id === "string" && id.startsWith("rs_"),
    ),
  }),
  additional_tools: items("additional_tools", { role: harmless("tools come from the client only"), tools: mapped }),
  configuration_update: items("configuration_update", { reasoning: mapped, text: mapped }),
  compaction: items("compaction", { encrypted_content: mapped, created_by: OF_OPENAI }),
  compaction_trigger: items("compaction_trigger", {}),
  mcp_list_tools: items("mcp_list_tools", {
    type: harmless("the tools of a server that OpenAI was connected to"),
    server_label: OF_OPENAI,
    tools: OF_OPENAI,
    error: OF_OPENAI,
  }),
  mcp_approval_request: items("mcp_approval_request", {
    type: harmless("the call itself is an item too"),
    arguments: OF_OPENAI,
    name: OF_OPENAI,
    server_label: OF_OPENAI,
  }),
  mcp_approval_response: lost("mcp_approval_response", "there is no server of OpenAI's to call", {
    approval_request_id: OF_OPENAI,
    approve: OF_OPENAI,
    reason: OF_OPENAI,
  }),
  program: lost("program", "programs run at OpenAI only; the item is left out", {
    call_id: OF_OPENAI,
    code: OF_OPENAI,
    fingerprint: OF_OPENAI,
  }),
  program_output: lost("program_output", "programs run at OpenAI only; the item is left out", {
    call_id: OF_OPENAI,
    result: OF_OPENAI,
  }),
};

const CLIENT_KNOWS = harmless("the client knows how it ran it");

/** The objects inside items, by the item's type and the field that holds them. */
export const innerFields: Readonly<Record<string, FieldTable>> = {
  "local_shell_call.action": fieldTable("input[] (local_shell_call).action", {
    type: mapped,
    command: mapped,
    working_directory: mapped,
    timeout_ms: mapped,
    env: CLIENT_KNOWS,
    user: CLIENT_KNOWS,
  }),
  "shell_call.action": fieldTable("input[] (shell_call).action", {
    commands: mapped,
    timeout_ms: mapped,
    max_output_length: mapped,
  }),
  "apply_patch_call.operation": fieldTable("input[] (apply_patch_call).operation", {
    type: mapped,
    path: mapped,
    diff: mapped,
  }),
};

/** What stands in the lists of a reasoning item. */
const thoughtFields = fieldTable("input[] (reasoning).summary[], input[] (reasoning).content[]", {
  type: mapped,
  text: mapped,
});

export const configurationReasoningFields = fieldTable("input[] (configuration_update).reasoning", { effort: mapped });
export const configurationTextFields = fieldTable("input[] (configuration_update).text", { format: mapped });

const contentRows: Rows = {
  type: mapped,
  prompt_cache_breakpoint: harmless("the upstream caches prefixes by itself"),
};
const DETAIL = harmless("the upstream picks the resolution");
const parts = (type: string, rows: Rows) => fieldTable(`content[] (${type})`, { ...contentRows, ...rows });

/** Only an id asks for a file: with the content itself at hand it is not judged. */
const FILE_ID = refused("no files are stored here; send the content itself");

export const contentFields: Readonly<Record<string, FieldTable>> = {
  input_text: parts("input_text", { text: mapped }),
  output_text: parts("output_text", {
    text: mapped,
    annotations: harmless("sources are named for people; the text says what was found"),
    logprobs: harmless("of an answer that was given"),
    parsed: harmless("the text says it"),
  }),
  refusal: parts("refusal", { refusal: mapped }),
  input_image: parts("input_image", { image_url: mapped, file_id: FILE_ID, detail: DETAIL }),
  computer_screenshot: parts("computer_screenshot", { image_url: mapped, file_id: FILE_ID, detail: DETAIL }),
  input_file: parts("input_file", {
    file_data: mapped,
    file_url: mapped,
    file_id: FILE_ID,
    filename: mapped,
    detail: DETAIL,
  }),
  input_audio: parts("input_audio", { input_audio: mapped }),
};

/** The same of each item and each part of its content. */
export const ITEM_FIELDS: readonly FieldTable[] = [
  ...Object.values(itemFields),
  ...Object.values(innerFields),
  thoughtFields,
  configurationReasoningFields,
  configurationTextFields,
  ...Object.values(contentFields),
];
