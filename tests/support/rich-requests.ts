import type { JsonObject } from "../../src/lib/json.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const parameters: JsonObject = {
  type: "object",
  properties: {
    path: { type: "string", enum: ["x"] },
    line: { type: ["integer", "null"] },
    shape: { $ref: "#/$defs/Shape" },
    note: { anyOf: [{ type: "string" }, { type: "null" }] },
  },
  required: ["path"],
  $defs: { Shape: { type: "object", properties: { sizes: { type: "array", items: { type: "number" } } } } },
};

/** A legal Messages request that uses most of what there is; every text in it holds `said`. */
export const richMessages = (said: string): JsonObject => ({
  model: "claude-sonnet-4-6",
  max_tokens: 2048,
  temperature: 0.5,
  top_p: 0.9,
  top_k: 5,
  stop_sequences: [said],
  metadata: { user_id: `user_${said}_account__session_11111111-1111-1111-1111-111111111111` },
  system: [{ type: "text", text: `sys ${said}`, cache_control: { type: "ephemeral" } }],
  thinking: { type: "enabled", budget_tokens: 1024, display: "summarized" },
  output_config: { effort: "high" },
  context_management: { edits: [] },
  tools: [
    { name: "look", description: said, input_schema: parameters },
    { type: "web_search_20250305", name: "web_search", max_uses: 2 },
  ],
  tool_choice: { type: "auto" },
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: said },
        { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
        {
          type: "document",
          source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
          title: said,
          citations: { enabled: true },
        },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: said, signature: "c2ln" },
        { type: "text", text: said },
        { type: "tool_use", id: "toolu_1", name: "look", input: { path: said } },
        { type: "tool_use", id: "toolu_2", name: "look", input: {} },
      ],
    },
    {
      role: "user",
      content: [
        {
          type: "tool_result",
          tool_use_id: "toolu_1",
          content: [
            { type: "text", text: said },
            { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
          ],
        },
        { type: "tool_result", tool_use_id: "toolu_2", content: said, is_error: true },
        { type: "text", text: "go on" },
      ],
    },
    { role: "system", content: said },
    { role: "user", content: "and again" },
  ],
});

/** The same for Chat Completions. */
export const richCompletion = (said: string): JsonObject => ({
  model: "gemini-3-flash",
  stream_options: { include_usage: true },
  max_completion_tokens: 2048,
  max_tokens: 2048,
  temperature: 0.5,
  top_p: 0.9,
  top_k: 5,
  stop: [said],
  presence_penalty: 0.1,
  frequency_penalty: 0.1,
  seed: 1,
  n: 1,
  user: said,
  reasoning_effort: "low",
  response_format: { type: "text" },
  logit_bias: {},
  parallel_tool_calls: true,
  thinking: { type: "enabled", budget_tokens: 1024 },
  reasoning: { effort: "low", exclude: false },
  extra_body: { google: { thinking_config: { thinking_budget: 100, include_thoughts: true } } },
  tools: [
    { type: "function", function: { name: "look", description: said, parameters, strict: true } },
    {
      type: "custom",
      custom: {
        name: "patch",
        description: said,
        format: { type: "grammar", grammar: { syntax: "lark", definition: said } },
      },
    },
  ],
  tool_choice: {
    type: "allowed_tools",
    allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "look" } }] },
  },
  messages: [
    { role: "developer", content: said },
    { role: "system", content: [{ type: "text", text: said }] },
    {
      role: "user",
      name: "bob",
      content: [
        { type: "text", text: said },
        { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}`, detail: "low" } },
        { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
        { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } },
      ],
    },
    {
      role: "assistant",
      content: said,
      reasoning_content: said,
      tool_calls: [
        {
          id: "call_1",
          type: "function",
          function: { name: "look", arguments: '{"path":"x"}' },
          extra_content: { google: { thought_signature: "c2ln" } },
        },
        { id: "call_2", type: "custom", custom: { name: "patch", input: said } },
      ],
    },
    { role: "tool", tool_call_id: "call_1", content: [{ type: "text", text: said }] },
    { role: "tool", tool_call_id: "call_2", content: said },
    { role: "assistant", content: null, function_call: { name: "look", arguments: "{}" } },
    { role: "function", name: "look", content: said },
    { role: "user", content: "and again" },
  ],
});

/** The same for Responses. */
export const richResponse = (said: string): JsonObject => ({
  model: "gemini-3-flash",
  instructions: said,
  max_output_tokens: 2048,
  temperature: 0.5,
  top_p: 0.9,
  store: false,
  include: ["reasoning.encrypted_content"],
  truncation: "auto",
  metadata: { said },
  user: said,
  prompt_cache_key: said,
  reasoning: { effort: "low", summary: "auto" },
  text: { format: { type: "text" }, verbosity: "medium" },
  parallel_tool_calls: true,
  tools: [
    { type: "function", name: "look", description: said, parameters, strict: true },
    { type: "custom", name: "patch", description: said, format: { type: "grammar", syntax: "lark", definition: said } },
    {
      type: "namespace",
      name: "far",
      description: said,
      tools: [{ type: "function", name: "look", description: said, parameters }],
    },
    { type: "web_search", search_context_size: "low" },
  ],
  tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "look" }] },
  input: [
    { type: "message", role: "developer", content: [{ type: "input_text", text: said }] },
    { role: "system", content: said },
    {
      role: "user",
      content: [
        { type: "input_text", text: said },
        { type: "input_image", image_url: `data:image/png;base64,${PNG}`, detail: "low" },
        { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" },
      ],
    },
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: said }], encrypted_content: "c2ln" },
    {
      type: "message",
      id: "msg_1",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: said, annotations: [], logprobs: [] }],
    },
    { type: "function_call", id: "fc_1", call_id: "call_1", name: "look", arguments: '{"path":"x"}' },
    { type: "function_call", call_id: "call_2", name: "look", namespace: "far", arguments: "{}" },
    { type: "custom_tool_call", call_id: "call_3", name: "patch", input: said },
    {
      type: "function_call_output",
      call_id: "call_1",
      output: [
        { type: "input_text", text: said },
        { type: "input_image", image_url: `data:image/png;base64,${PNG}` },
      ],
    },
    { type: "function_call_output", call_id: "call_2", output: said },
    { type: "custom_tool_call_output", call_id: "call_3", output: said },
    { type: "item_reference", id: "msg_0" },
    { type: "message", role: "user", content: "and again" },
  ],
});

/** The same for the Gemini protocol. */
export const richGemini = (said: string): JsonObject => ({
  systemInstruction: { parts: [{ text: said }] },
  generationConfig: {
    temperature: 0.5,
    topP: 0.9,
    topK: 5,
    maxOutputTokens: 2048,
    stopSequences: [said],
    candidateCount: 1,
    seed: 1,
    presencePenalty: 0.1,
    frequencyPenalty: 0.1,
    mediaResolution: "MEDIA_RESOLUTION_LOW",
    thinkingConfig: { includeThoughts: true, thinkingBudget: 100 },
  },
  safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
  tools: [
    {
      functionDeclarations: [
        { name: "look", description: said, parametersJsonSchema: parameters },
        {
          name: "find",
          description: said,
          parameters: { type: "OBJECT", properties: { path: { type: "STRING", nullable: true } } },
        },
      ],
    },
  ],
  toolConfig: { functionCallingConfig: { mode: "AUTO" } },
  contents: [
    {
      role: "user",
      parts: [
        { text: said },
        { inlineData: { mimeType: "image/png", data: PNG } },
        { inline_data: { mime_type: "application/pdf", data: "JVBERi0=" } },
      ],
    },
    {
      role: "model",
      parts: [
        { text: said, thought: true },
        { text: said, thoughtSignature: "c2ln" },
        { functionCall: { name: "look", args: { path: said } }, thoughtSignature: "c2ln" },
        { functionCall: { id: "2", name: "find", args: {} } },
      ],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { name: "look", response: { output: said } } },
        { functionResponse: { id: "2", name: "find", response: { result: [said] } } },
      ],
    },
    { role: "user", parts: [{ text: "and again" }] },
  ],
});

/** The same for legacy Completions. */
export const richLegacy = (said: string): JsonObject => ({
  model: "gemini-3-flash",
  prompt: [said, `${said} and again`],
  echo: true,
  max_tokens: 64,
  temperature: 0.5,
  top_p: 0.9,
  n: 1,
  stop: [said],
  presence_penalty: 0.1,
  frequency_penalty: 0.1,
  seed: 1,
  logit_bias: {},
  user: said,
  stream_options: { include_usage: true },
});

/** The same for image generation. */
export const richPicture = (said: string): JsonObject => ({
  model: "gemini-3.1-flash-image",
  prompt: said,
  n: 2,
  size: "1024x1024",
  quality: "high",
  response_format: "b64_json",
  output_format: "png",
  background: "auto",
  moderation: "auto",
  user: said,
});
