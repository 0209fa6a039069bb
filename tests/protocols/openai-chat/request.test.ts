import { describe, expect, test } from "bun:test";
import type { GenerateRequest, Sampling, ThinkingRequest, ToolChoice } from "../../../src/core/request.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { parse, parseWith, refusal, refusalWith } from "./support.ts";

describe("the body", () => {
  test("the smallest request has nothing that was not said", () => {
    const { request, stream, losses } = parseWith({});
    expect(request).toEqual({
      model: "gemini-test",
      system: [],
      contents: [{ role: "user", parts: [{ text: "hello" }] }],
      tools: [],
      sampling: {},
    });
    expect([stream, losses]).toEqual([false, []]);
  });

  test("the model's name keeps its suffix", () => {
    expect(parseWith({ model: "gemini-test(high)" }).request.model).toBe("gemini-test(high)");
  });

  test.each([
    ["null", null],
    ["a list", []],
    ["text", "hello"],
  ])("a body that is %s is refused", (_, body) => {
    expect(refusal(body)).toMatchObject({ kind: "invalid-request", detail: {} });
  });

  test.each<[string, JsonObject, string]>([
    ["no model", { model: null }, "model"],
    ["an empty model", { model: "" }, "model"],
    ["a model that is a number", { model: 4 }, "model"],
    ["stream as text", { stream: "yes" }, "stream"],
    ["stream options as text", { stream_options: "yes" }, "stream_options"],
    ["usage as text", { stream_options: { include_usage: "yes" } }, "stream_options.include_usage"],
    ["max_tokens 0", { max_tokens: 0 }, "max_tokens"],
    ["a broken max_tokens", { max_tokens: 1.5 }, "max_tokens"],
    ["max_tokens as text", { max_tokens: "100" }, "max_tokens"],
    ["a hot temperature", { temperature: 3 }, "temperature"],
    ["a negative top_p", { top_p: -1 }, "top_p"],
    ["a penalty out of range", { presence_penalty: 5 }, "presence_penalty"],
    ["stop as a number", { stop: 5 }, "stop"],
    ["stop with a number", { stop: ["a", 5] }, "stop[1]"],
    ["a broken seed", { seed: 0.5 }, "seed"],
    ["an infinite temperature", { temperature: Infinity }, "temperature"],
    ["an infinite top_k", { top_k: -Infinity }, "top_k"],
    ["an infinite seed", { seed: Infinity }, "seed"],
    ["a top_p over 1", { top_p: 1.1 }, "top_p"],
    ["two answers", { n: 2 }, "n"],
    ["audio answers", { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } }, "modalities"],
    ["an unknown effort", { reasoning_effort: "extreme" }, "reasoning_effort"],
    ["a negative budget", { thinking: { type: "enabled", budget_tokens: -5 } }, "thinking.budget_tokens"],
    ["an unknown nested effort", { reasoning: { effort: "extreme" } }, "reasoning.effort"],
    ["an unknown response format", { response_format: { type: "grammar" } }, "response_format.type"],
    [
      "a schema that is text",
      { response_format: { type: "json_schema", json_schema: { schema: "x" } } },
      "response_format.json_schema.schema",
    ],
    ["tools that are no list", { tools: {} }, "tools"],
    ["a tool that is text", { tools: ["x"] }, "tools[0]"],
    ["a tool of unknown type", { tools: [{ type: "code_interpreter" }] }, "tools[0].type"],
    [
      "parameters that are text",
      { tools: [{ type: "function", function: { name: "f", parameters: "x" } }] },
      "tools[0].function.parameters",
    ],
    ["a function that is text", { tools: [{ type: "function", function: "f" }] }, "tools[0].function"],
    ["an unknown tool choice", { tool_choice: "sometimes" }, "tool_choice"],
    ["a tool choice of unknown type", { tool_choice: { type: "sometimes" } }, "tool_choice.type"],
    ["a tool choice that is a number", { tool_choice: 1 }, "tool_choice"],
    [
      "a choice of an undeclared tool",
      {
        tools: [{ type: "function", function: { name: "f" } }],
        tool_choice: { type: "function", function: { name: "g" } },
      },
      "tool_choice.function.name",
    ],
    [
      "allowed tools that are undeclared",
      {
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "g" } }] },
        },
      },
      "tool_choice.allowed_tools.tools",
    ],
    ["allowed tools without a list", { tool_choice: { type: "allowed_tools" } }, "tool_choice.allowed_tools"],
    ["a required call without tools", { tool_choice: "required" }, "tool_choice"],
    ["an unknown legacy choice", { functions: [{ name: "f" }], function_call: "required" }, "function_call"],
  ])("%s is refused naming the field", (_, fields, field) => {
    const error = refusalWith(fields);
    expect([error.kind, error.detail.field]).toEqual(["invalid-request", field]);
    expect(error.message).toContain(`'${field}'`);
  });

  test("a refusal never quotes the value", () => {
    for (const fields of [
      { model: { key: "sk-ag-test" } },
      { reasoning_effort: "sk-ag-test" },
      { tool_choice: "sk-ag-test" },
    ]) {
      expect(refusalWith(fields).message).not.toContain("sk-ag-test");
    }
  });

  test.each<[string, JsonObject]>([
    [
      "null",
      {
        temperature: null,
        tools: null,
        tool_choice: null,
        stop: null,
        reasoning_effort: null,
        user: null,
        response_format: null,
        stream: null,
        stream_options: null,
      },
    ],
    [
      "[undefined]",
      {
        temperature: "[undefined]",
        tools: "[undefined]",
        tool_choice: "[undefined]",
        max_tokens: "[undefined]",
        stream: "[undefined]",
        user: "[undefined]",
        logit_bias: "[undefined]",
        reasoning: { effort: "[undefined]" },
        thinking: { type: "[undefined]" },
      },
    ],
  ])("%s means the same as leaving a field out", (_, fields) => {
    const { request, losses } = parseWith(fields);
    expect([request, losses]).toEqual([parseWith({}).request, []]);
  });

  test("fields of other services that ask for nothing lose nothing", () => {
    const fields = {
      provider: { order: ["a"] },
      route: "fallback",
      transforms: [],
      cache_control: { type: "ephemeral" },
      anthropic_version: "2023-06-01",
      min_p: null,
      top_a: "[undefined]",
    };
    expect(parseWith(fields)).toMatchObject({ request: parseWith({}).request, losses: [] });
  });

  test("fields of no API are reported by name, and the request is served", () => {
    const why = "this field is not known";
    const google = { thinking_config: { thinking_budget: 0 }, cached_content: "c" };
    const fields = { min_p: 0.1, toString: 1, extra_body: { google, top_a: 1 }, google: { labels: {} } };
    expect(parseWith(fields).losses).toEqual([
      { field: "min_p", why },
      { field: "toString", why },
      { field: "extra_body.top_a", why },
      { field: "extra_body.google.cached_content", why },
      { field: "google.labels", why },
    ]);
    expect(parseWith({ min_p: 0.1 }).request).toEqual(parseWith({}).request);
  });
});

describe("sampling", () => {
  test.each<[string, JsonObject, Sampling]>([
    ["max_tokens", { max_tokens: 5 }, { maxOutputTokens: 5 }],
    ["max_completion_tokens wins", { max_tokens: 5, max_completion_tokens: 6 }, { maxOutputTokens: 6 }],
    ["temperature and top_p keep every digit", { temperature: 0.95, top_p: 0.1 }, { temperature: 0.95, topP: 0.1 }],
    [
      "zero is a value",
      { temperature: 0, top_p: 0, seed: 0, presence_penalty: 0 },
      { temperature: 0, topP: 0, seed: 0, presencePenalty: 0 },
    ],
    ["top_k", { top_k: 40 }, { topK: 40 }],
    ["a top_k of 0, as good as none", { top_k: 0 }, {}],
    ["a top_k of -1, as good as none", { top_k: -1 }, {}],
    ["the greatest seed", { seed: 2 ** 31 - 1 }, { seed: 2 ** 31 - 1 }],
    ["the least seed", { seed: -(2 ** 31) }, { seed: -(2 ** 31) }],
    ["a stop that was cut through a character", { stop: "a\ud83d" }, { stopSequences: ["a\ufffd"] }],
    ["stop as text", { stop: "END" }, { stopSequences: ["END"] }],
    ["stop as a list without empty entries", { stop: ["END", "", "STOP"] }, { stopSequences: ["END", "STOP"] }],
    ["stop without an entry left", { stop: [""] }, {}],
    [
      "penalties and seed",
      { presence_penalty: 1, frequency_penalty: -1, seed: 7 },
      { presencePenalty: 1, frequencyPenalty: -1, seed: 7 },
    ],
    ["one answer", { n: 1 }, {}],
  ])("%s", (_, fields, sampling) => {
    const { request, losses } = parseWith(fields);
    expect([request.sampling, losses]).toEqual([sampling, []]);
  });
});

describe("thinking", () => {
  const effort = (value: "minimal" | "low" | "medium" | "high" | "xhigh" | "max"): ThinkingRequest => ({
    type: "effort",
    effort: value,
  });

  test.each<[string, JsonObject, ThinkingRequest | undefined]>([
    ["nothing said", {}, undefined],
    ["effort none", { reasoning_effort: "none" }, { type: "off" }],
    ["effort minimal", { reasoning_effort: "minimal" }, effort("minimal")],
    ["effort low", { reasoning_effort: "low" }, effort("low")],
    ["effort medium", { reasoning_effort: "medium" }, effort("medium")],
    ["effort high", { reasoning_effort: "high" }, effort("high")],
    ["effort xhigh", { reasoning_effort: "xhigh" }, effort("xhigh")],
    ["effort max", { reasoning_effort: "max" }, effort("max")],
    ["reasoning.effort", { reasoning: { effort: "high" } }, effort("high")],
    ["reasoning.effort none", { reasoning: { effort: "none" } }, { type: "off" }],
    ["reasoning.max_tokens", { reasoning: { max_tokens: 2000 } }, { type: "budget", tokens: 2000 }],
    ["reasoning.enabled", { reasoning: { enabled: true } }, { type: "adaptive" }],
    ["reasoning.enabled false", { reasoning: { enabled: false, effort: "high" } }, { type: "off" }],
    ["reasoning as a switch", { reasoning: true }, { type: "adaptive" }],
    ["reasoning without a wish", { reasoning: {} }, undefined],
    [
      "thinking enabled with a budget",
      { thinking: { type: "enabled", budget_tokens: 4096 } },
      { type: "budget", tokens: 4096 },
    ],
    ["thinking enabled", { thinking: { type: "enabled" } }, { type: "adaptive" }],
    ["thinking adaptive", { thinking: { type: "adaptive" } }, { type: "adaptive" }],
    ["thinking disabled", { thinking: { type: "disabled", budget_tokens: 4096 } }, { type: "off" }],
    ["thinking as a switch", { thinking: false }, { type: "off" }],
    [
      "Google's budget",
      { extra_body: { google: { thinking_config: { thinking_budget: 512, include_thoughts: true } } } },
      { type: "budget", tokens: 512 },
    ],
    [
      "Google's budget at the top",
      { google: { thinking_config: { thinking_budget: 512 } } },
      { type: "budget", tokens: 512 },
    ],
    ["Google's budget 0", { google: { thinking_config: { thinking_budget: 0 } } }, { type: "off" }],
    ["Google's dynamic budget", { google: { thinking_config: { thinking_budget: -1 } } }, { type: "adaptive" }],
    ["Google's level", { google: { thinking_config: { thinking_level: "HIGH" } } }, effort("high")],
    ["Google's include_thoughts", { google: { thinking_config: { include_thoughts: true } } }, { type: "adaptive" }],
    [
      "a level wins over showing thoughts",
      { reasoning_effort: "high", google: { thinking_config: { include_thoughts: true } } },
      effort("high"),
    ],
    ["an off switch wins over a level", { reasoning_effort: "high", thinking: { type: "disabled" } }, { type: "off" }],
    [
      "an amount wins over a level",
      { reasoning_effort: "low", thinking: { type: "enabled", budget_tokens: 4096 } },
      { type: "budget", tokens: 4096 },
    ],
  ])("%s", (_, fields, thinking) => {
    const { request, losses } = parseWith(fields);
    expect(request.thinking).toEqual(thinking as ThinkingRequest);
    expect(losses).toEqual([]);
  });
});

describe("output format", () => {
  const schema = { type: "object", properties: { a: { type: ["string", "null"], default: null } }, $defs: {} };

  test.each<[string, JsonObject, GenerateRequest["outputFormat"]]>([
    ["text", { type: "text" }, undefined],
    ["json_object", { type: "json_object" }, { type: "json" }],
    [
      "json_schema, untouched",
      { type: "json_schema", json_schema: { name: "a", strict: true, schema } },
      { type: "json-schema", schema },
    ],
    ["json_schema without schema", { type: "json_schema", json_schema: { name: "a" } }, { type: "json" }],
    [
      "json_schema with a description",
      { type: "json_schema", json_schema: { name: "a", description: "d", schema } },
      { type: "json-schema", schema: { description: "d", ...schema } },
    ],
    [
      "the schema's own description wins",
      { type: "json_schema", json_schema: { name: "a", description: "d", schema: { description: "own" } } },
      { type: "json-schema", schema: { description: "own" } },
    ],
  ])("%s", (_, format, outputFormat) => {
    const { request, losses } = parseWith({ response_format: format });
    expect(request.outputFormat).toEqual(outputFormat as NonNullable<GenerateRequest["outputFormat"]>);
    expect(losses).toEqual([]);
  });
});

describe("tools", () => {
  const schema = { type: "object", properties: { city: { type: "string" } }, additionalProperties: false };

  test("a function is declared with its schema untouched, whatever strict says", () => {
    const fields = {
      tools: [
        { type: "function", function: { name: "a", description: "d", parameters: schema, strict: true } },
        { type: "function", function: { name: "b", parameters: null } },
        { type: "function", function: { name: "c", parameters: {} } },
      ],
    };
    const { request, losses } = parseWith(fields);
    expect(request.tools).toEqual([{ name: "a", description: "d", schema }, { name: "b" }, { name: "c", schema: {} }]);
    expect(losses).toEqual([]);
  });

  test.each<[string, JsonObject]>([
    ["without its wrapper", { type: "function", name: "a", parameters: schema }],
    ["without a type", { name: "a", parameters: schema }],
    ["as the Messages API has it", { name: "a", input_schema: schema }],
    ["with a null wrapper", { type: "function", function: null, name: "a", parameters: schema }],
  ])("a function %s is read", (_, definition) => {
    expect(parseWith({ tools: [definition] }).request.tools).toEqual([{ name: "a", schema }]);
  });

  test("nameless and repeated tools are left out and reported", () => {
    const named = { type: "function", function: { name: "a" } };
    const { request, losses } = parseWith({ tools: [named, { type: "function", function: {} }, named] });
    expect(request.tools).toEqual([{ name: "a" }]);
    expect(losses.map(({ field }) => field)).toEqual(["tools[1].function", "tools[2].function"]);
  });

  test("a custom tool is a function with one string", () => {
    const { request, losses } = parseWith({
      tools: [{ type: "custom", custom: { name: "patch", description: "d", format: { type: "text" } } }],
    });
    expect(request.tools).toEqual([
      {
        name: "patch",
        description: "d",
        schema: { type: "object", properties: { input: { type: "string" } }, required: ["input"] },
      },
    ]);
    expect(losses).toEqual([]);
  });

  test("a grammar is shown to the model and reported as not enforced", () => {
    const format = { type: "grammar", grammar: { syntax: "lark", definition: 'start: "a"' } };
    const { request, losses } = parseWith({ tools: [{ type: "custom", custom: { name: "patch", format } }] });
    expect(JSON.stringify(request.tools[0]?.schema)).toContain('lark grammar:\\nstart: \\"a\\"');
    expect(losses.map(({ field }) => field)).toEqual(["tools[0].custom.format"]);
  });

  test("legacy functions are tools", () => {
    const { request } = parseWith({ functions: [{ name: "a", parameters: schema }], function_call: { name: "a" } });
    expect(request.tools).toEqual([{ name: "a", schema }]);
    expect(request.toolChoice).toEqual({ mode: "any", only: ["a"] });
  });

  test.each<[string, JsonObject]>([
    ["web_search_options", { web_search_options: {} }],
    ["the hosted tool of the Responses API", { tools: [{ type: "web_search" }] }],
    ["its dated form", { tools: [{ type: "web_search_preview_2025_03_11" }] }],
  ])("%s asks for web search", (_, fields) => {
    const { request, losses } = parseWith(fields);
    expect([request.webSearch, request.tools, losses]).toEqual([{}, [], []]);
  });

  test.each<[string, JsonObject | string, ToolChoice]>([
    ["none", "none", { mode: "none" }],
    ["auto", "auto", { mode: "auto" }],
    ["required", "required", { mode: "any" }],
    ["any", "any", { mode: "any" }],
    ["validated", "validated", { mode: "validated" }],
    ["a function", { type: "function", function: { name: "a" } }, { mode: "any", only: ["a"] }],
    ["a function without its wrapper", { type: "function", name: "a" }, { mode: "any", only: ["a"] }],
    ["a custom tool", { type: "custom", custom: { name: "b" } }, { mode: "any", only: ["b"] }],
    ["the form of the Messages API", { type: "tool", name: "a" }, { mode: "any", only: ["a"] }],
    ["a word in an object", { type: "auto" }, { mode: "auto" }],
    [
      "allowed tools",
      {
        type: "allowed_tools",
        allowed_tools: {
          mode: "auto",
          tools: [
            { type: "function", function: { name: "a" } },
            { type: "custom", custom: { name: "b" } },
          ],
        },
      },
      { mode: "auto", only: ["a", "b"] },
    ],
    [
      "allowed tools, one required",
      { type: "allowed_tools", allowed_tools: { mode: "required", tools: [{ type: "function", name: "a" }] } },
      { mode: "any", only: ["a"] },
    ],
    ["no tool allowed", { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [] } }, { mode: "none" }],
  ])("tool choice: %s", (_, choice, expected) => {
    const tools = [
      { type: "function", function: { name: "a" } },
      { type: "custom", custom: { name: "b" } },
    ];
    const { request, losses } = parseWith({ tools, tool_choice: choice });
    expect(request.toolChoice).toEqual(expected);
    expect(losses).toEqual([]);
  });

  test("a choice that forces nothing needs no tools", () => {
    expect(parseWith({ tools: [], tool_choice: "auto" }).request.toolChoice).toEqual({ mode: "auto" });
  });
});

describe("session", () => {
  const everything = { prompt_cache_key: "p", session_id: "s", user: "u" };
  const headers = { "x-session-id": "h1", session_id: "h2", "session-id": "h3", "x-session-affinity": "h4" };

  test.each<[string, JsonObject, Record<string, string>, string | undefined]>([
    ["prompt_cache_key first", everything, headers, "p"],
    ["then session_id", { ...everything, prompt_cache_key: "" }, headers, "s"],
    ["then the headers", { user: "u" }, headers, "h1"],
    ["session_id as a header", { user: "u" }, { session_id: "h2", "x-session-affinity": "h4" }, "h2"],
    ["session-id as a header", { user: "u" }, { "session-id": "h3" }, "h3"],
    ["the affinity header", { user: "u" }, { "x-session-affinity": "h4" }, "h4"],
    ["never the user, who has many conversations", { user: "u" }, {}, undefined],
    ["a session_id that is no text", { session_id: 5 }, {}, undefined],
    ["a blank id is none", { prompt_cache_key: "  ", session_id: "s" }, {}, "s"],
    ["a conversation after the headers", { conversation: "c" }, { "x-session-affinity": "h4" }, "h4"],
    ["a conversation", { conversation: "c" }, {}, "c"],
    ["a conversation as an object", { conversation: { id: "c" } }, {}, "c"],
    ["nothing", {}, {}, undefined],
  ])("%s", (_, fields, given, session) => {
    expect(parseWith(fields, given).request.session).toBe(session);
  });

  test.each<[string, JsonObject, string | undefined]>([
    ["user", { user: "u", safety_identifier: "i" }, "u"],
    ["safety_identifier, its newer name", { safety_identifier: "i" }, "i"],
    ["nothing", {}, undefined],
    ["a user that is unset", { user: null, safety_identifier: "i" }, "i"],
  ])("the end user is known by %s", (_, fields, user) => {
    const { request, losses } = parseWith(fields);
    expect(request.user).toBe(user);
    expect(losses).toEqual([]);
  });

  test("a conversation is no loss: it is an id here, not a place where messages are kept", () => {
    expect(parseWith({ conversation: "c" }).losses).toEqual([]);
  });
});

describe("names of fields that the upstream cannot honour", () => {
  test.each<[canonical: string, fields: JsonObject, own: string]>([
    ["stop_sequences", { stop: "x" }, "stop"],
    ["max_tokens", { max_tokens: 5 }, "max_tokens"],
    ["max_tokens", { max_tokens: 5, max_completion_tokens: 6 }, "max_completion_tokens"],
    ["response_format", { response_format: { type: "json_object" } }, "response_format"],
    ["thinking", { reasoning_effort: "low" }, "reasoning_effort"],
    ["thinking", { reasoning_effort: "low", reasoning: { max_tokens: 2000 } }, "reasoning"],
    ["thinking", { thinking: { type: "enabled" } }, "thinking"],
    ["thinking", { google: { thinking_config: { thinking_level: "low" } } }, "google.thinking_config"],
    [
      "thinking",
      { extra_body: { google: { thinking_config: { thinking_budget: 9 } } } },
      "extra_body.google.thinking_config",
    ],
    ["tools", { tools: [{ type: "function", function: { name: "f" } }] }, "tools"],
    ["tools", { functions: [{ name: "f" }] }, "functions"],
    ["tool_choice", { tool_choice: "auto" }, "tool_choice"],
    ["tool_choice", { functions: [{ name: "f" }], function_call: "auto" }, "function_call"],
    ["web_search", { web_search_options: {} }, "web_search_options"],
    ["web_search", { tools: [{ type: "web_search" }] }, "tools"],
    ["system", {}, "messages"],
    ["messages", {}, "messages"],
    ["temperature", { temperature: 1 }, "temperature"],
  ])("%s of %j is the client's %s", (canonical, fields, own) => {
    expect(parseWith(fields).fieldName(canonical)).toBe(own);
  });
});

describe("losses", () => {
  test.each<[string, JsonObject, string[]]>([
    ["prompts to be shortened", { transforms: ["middle-out"] }, ["transforms"]],
    ["token biases", { logit_bias: { "50256": -100 } }, ["logit_bias"]],
    ["no token biases", { logit_bias: {} }, []],
    ["log probabilities", { logprobs: true, top_logprobs: 3 }, ["logprobs", "top_logprobs"]],
    ["no log probabilities", { logprobs: false, top_logprobs: 0 }, []],
    ["one call at a time", { parallel_tool_calls: false }, ["parallel_tool_calls"]],
    ["parallel calls", { parallel_tool_calls: true }, []],
    ["a terse answer", { verbosity: "low" }, ["verbosity"]],
    ["an ordinary answer", { verbosity: "medium" }, []],
    ["moderation", { moderation: { model: "m" } }, ["moderation"]],
    [
      "where to search",
      { web_search_options: { search_context_size: "high", user_location: { type: "approximate", approximate: {} } } },
      ["web_search_options.search_context_size", "web_search_options.user_location"],
    ],
    [
      "fields without effect on the answer",
      {
        store: true,
        metadata: { a: "b" },
        service_tier: "flex",
        safety_identifier: "x",
        prompt_cache_retention: "24h",
        prompt_cache_options: { mode: "explicit" },
        prediction: { type: "content", content: "x" },
        modalities: ["text"],
        audio: null,
        stream_options: { include_obfuscation: false },
      },
      [],
    ],
    [
      "functions beside tools",
      { tools: [{ type: "function", function: { name: "a" } }], functions: [{ name: "b" }] },
      ["functions"],
    ],
    ["functions beside no tools", { tools: [], functions: [{ name: "b" }] }, []],
    ["images beside text", { modalities: ["image", "text"] }, []],
  ])("%s", (_, fields, expected) => {
    expect(parseWith(fields).losses.map(({ field }) => field)).toEqual(expected);
  });

  test("a request parsed twice gives the same result", () => {
    const body = { model: "m", messages: [{ role: "user", content: "a" }], logit_bias: { "1": 1 } };
    const before = structuredClone(body);
    const [first, second] = [parse(body), parse(body)];
    expect([second.request, second.losses]).toEqual([first.request, first.losses]);
    expect(body).toEqual(before);
  });
});
