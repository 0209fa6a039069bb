import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { parseWith, refusalWith } from "./support.ts";

describe("the request", () => {
  test("says no more than the client did", () => {
    const { request, stream, losses } = parseWith({});
    expect(request).toEqual({
      model: "gemini-test",
      system: [],
      contents: [{ role: "user", parts: [{ text: "hello" }] }],
      tools: [],
      sampling: {},
    });
    expect({ stream, losses }).toEqual({ stream: false, losses: [] });
  });

  test("null and the text [undefined] mean the same as leaving a field out", () => {
    const fields = Object.fromEntries(
      ["tools", "temperature", "text", "reasoning", "previous_response_id", "conversation", "background", "stream"].map(
        (field, index): [string, JsonValue] => [field, index % 2 === 0 ? null : "[undefined]"],
      ),
    );
    expect(parseWith(fields).request).toEqual(parseWith({}).request);
    expect(parseWith(fields).losses).toEqual([]);
  });

  test("sampling is carried over", () => {
    expect(
      parseWith({
        max_output_tokens: 9,
        temperature: 0.5,
        top_p: 0.25,
        top_k: 3,
        stop: "x",
        seed: 4,
        presence_penalty: 1,
        frequency_penalty: -1,
      }).request.sampling,
    ).toEqual({
      maxOutputTokens: 9,
      temperature: 0.5,
      topP: 0.25,
      topK: 3,
      stopSequences: ["x"],
      seed: 4,
      presencePenalty: 1,
      frequencyPenalty: -1,
    });
  });

  test.each<[JsonObject, unknown]>([
    [{ effort: "high" }, { type: "effort", effort: "high" }],
    [{ effort: "none", summary: "auto" }, { type: "off" }],
    [{ summary: "auto" }, { type: "adaptive" }],
    [{ generate_summary: "detailed" }, { type: "adaptive" }],
    [{ effort: null, summary: null }, undefined],
    [{}, undefined],
  ])("reasoning %j", (reasoning, thinking) => {
    expect(parseWith({ reasoning }).request.thinking as unknown).toEqual(thinking);
  });

  test.each<[JsonObject, unknown]>([
    [{ type: "text" }, undefined],
    [{ type: "json_object" }, { type: "json" }],
    [
      { type: "json_schema", name: "a", schema: { type: "object" } },
      { type: "json-schema", schema: { type: "object" } },
    ],
    [
      { type: "json_schema", name: "a", description: "d", strict: true, schema: { type: "object" } },
      { type: "json-schema", schema: { description: "d", type: "object" } },
    ],
    [
      { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } },
      { type: "json-schema", schema: { type: "object" } },
    ],
  ])("format %j", (format, outputFormat) => {
    expect(parseWith({ text: { format } }).request.outputFormat as unknown).toEqual(outputFormat);
    expect(parseWith({ text: { format } }).losses).toEqual([]);
  });

  test("the conversation is known by its cache key, else by its headers; the user is not one", () => {
    expect(parseWith({ prompt_cache_key: "k", user: "u" }, { session_id: "h" }).request).toMatchObject({
      session: "k",
      user: "u",
    });
    expect(parseWith({ safety_identifier: "s" }, { "session-id": "h" }).request).toMatchObject({
      session: "h",
      user: "s",
    });
  });

  test("fields are named as this protocol does", () => {
    const names = ["messages", "system", "thinking", "max_tokens", "response_format", "web_search", "tools", "seed"];
    const { fieldName } = parseWith({ instructions: "x" });
    expect(names.map(fieldName)).toEqual([
      "input",
      "instructions",
      "reasoning",
      "max_output_tokens",
      "text.format",
      "tools",
      "tools",
      "seed",
    ]);
    expect(parseWith({}).fieldName("system")).toBe("input");
  });

  test("a prompt is counted as it would be answered", () => {
    const body = { model: "gemini-test", input: "hello", logit: 1 };
    const counted = openaiResponses.counting?.parse({ body, headers: new Headers() });
    expect(counted?.request).toEqual(parseWith({}).request);
    expect(counted?.losses.map(({ field }) => field)).toEqual(["logit"]);
    expect(openaiResponses.counting?.reply(7)).toEqual({ object: "response.input_tokens", input_tokens: 7 });
  });
});

describe("what is not honoured is reported", () => {
  test.each<[JsonObject, string[]]>([
    [{ parallel_tool_calls: false }, ["parallel_tool_calls"]],
    [{ parallel_tool_calls: true }, []],
    [{ truncation: "auto" }, ["truncation"]],
    [{ truncation: "disabled" }, []],
    [{ top_logprobs: 2 }, ["top_logprobs"]],
    [{ text: { verbosity: "low" } }, ["text.verbosity"]],
    [{ text: { verbosity: "medium", colour: "red" } }, ["text.colour"]],
    [{ reasoning: { context: "all_turns", mode: "pro" } }, ["reasoning.mode"]],
    [{ include: ["reasoning.encrypted_content", "message.output_text.logprobs", "x"] }, ["include[1]", "include[2]"]],
    [{ moderation: { model: "m" } }, ["moderation"]],
    [{ context_management: [{ type: "compaction" }] }, ["context_management"]],
    [{ stream_options: { include_obfuscation: false, speed: 1 } }, ["stream_options.speed"]],
    [{ tools: [{ type: "function", name: "f", colour: "red" }] }, ["tools[0].colour"]],
    [{ tools: [{ type: "function", name: "f", allowed_callers: ["programmatic"] }] }, ["tools[0].allowed_callers"]],
    [{ tools: [{ type: "function", name: "f", allowed_callers: ["direct", "programmatic"] }] }, []],
    [{ messages: [] }, ["messages"]],
    [{ store: true, metadata: { a: "b" }, service_tier: "flex", client_metadata: {}, background: false }, []],
  ])("%j", (fields, losses) => {
    expect(parseWith(fields).losses.map(({ field }) => field)).toEqual(losses);
  });
});

describe("what cannot be served is refused with its field", () => {
  test.each<[JsonObject, string]>([
    [{ model: 5 }, "model"],
    [{ model: "" }, "model"],
    [{ background: true }, "background"],
    [{ conversation: "conv_1" }, "conversation"],
    [{ prompt: { id: "pmpt_1" } }, "prompt"],
    [{ tools: {} }, "tools"],
    [{ tools: ["f"] }, "tools[0]"],
    [{ tools: [{ type: 5 }] }, "tools[0].type"],
    [{ tools: [{ type: "function", name: "f", parameters: [] }] }, "tools[0].parameters"],
    [{ tools: [{ type: "namespace", tools: [] }] }, "tools[0].name"],
    [{ temperature: 3 }, "temperature"],
    [{ max_output_tokens: 0 }, "max_output_tokens"],
    [{ reasoning: { effort: "huge" } }, "reasoning.effort"],
    [{ text: { format: { type: "xml" } } }, "text.format.type"],
    [{ text: { format: { type: "json_schema", schema: [] } } }, "text.format.schema"],
    [{ include: "all" }, "include"],
    [{ metadata: [] }, "metadata"],
    [{ previous_response_id: 7 }, "previous_response_id"],
    [{ instructions: 5 }, "instructions"],
    [{ instructions: [{ type: "input_image", image_url: "https://a.test" }] }, "instructions"],
    [{ stream: "yes" }, "stream"],
  ])("%j", (fields, field) => {
    const { kind, detail } = refusalWith(fields);
    expect({ kind, field: detail.field }).toEqual({ kind: "invalid-request", field });
  });

  test.each([[null], [5], ["text"], [[]]])("a body that is %j is refused", (body: unknown) => {
    expect(() => openaiResponses.parse({ body, headers: new Headers() })).toThrow(GatewayError);
  });
});
