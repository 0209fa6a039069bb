import { describe, expect, test } from "bun:test";
import { anthropic } from "../../../src/protocols/anthropic/index.ts";
import { refusalOf } from "../../support/refusal.ts";
import { BASE, parse } from "./support.ts";

describe("the frame of a request", () => {
  test("a minimal request becomes a canonical one without losses", () => {
    const call = parse();
    expect(call.request).toEqual({
      model: "claude-test",
      system: [],
      contents: [{ role: "user", parts: [{ text: "Hello" }] }],
      tools: [],
      sampling: { maxOutputTokens: 100 },
    });
    expect(call.stream).toBe(false);
    expect(call.losses).toEqual([]);
  });

  const refusals: [name: string, body: unknown, field: string | undefined, message: string][] = [
    ["a body that is not an object", "hello", undefined, "Input should be an object"],
    ["a body that is a list", [], undefined, "Input should be an object"],
    ["a missing model", { messages: BASE.messages }, "model", "model: Field required"],
    ["an empty model", { ...BASE, model: "" }, "model", "model: String should have at least 1 character"],
    ["a model that is a number", { ...BASE, model: 4 }, "model", "model: Input should be a valid string"],
    ["missing messages", { model: "m" }, "messages", "messages: Field required"],
    ["messages as text", { ...BASE, messages: "Hello" }, "messages", "messages: Input should be a valid list"],
    ["no messages", { ...BASE, messages: [] }, "messages", "messages: at least one message is required"],
    [
      "a message that is text",
      { ...BASE, messages: ["Hello"] },
      "messages[0]",
      "messages.0: Input should be an object",
    ],
    [
      "a message without role",
      { ...BASE, messages: [{ content: "x" }] },
      "messages[0].role",
      "messages.0.role: Field required",
    ],
    [
      "an unknown role",
      { ...BASE, messages: [...BASE.messages, { role: "tool", content: "x" }] },
      "messages[1].role",
      "messages.1.role: Input should be 'user', 'assistant' or 'system'",
    ],
    [
      "content that is a number",
      { ...BASE, messages: [{ role: "user", content: 7 }] },
      "messages[0].content",
      "messages.0.content: Input should be a valid list",
    ],
    [
      "a block that is a number",
      { ...BASE, messages: [{ role: "user", content: [7] }] },
      "messages[0].content[0]",
      "messages.0.content.0: Input should be an object",
    ],
    [
      "nothing but empty messages",
      { ...BASE, messages: [{ role: "user", content: "" }] },
      "messages",
      "messages: at least one message must have non-empty content",
    ],
    [
      "max_tokens as text",
      { ...BASE, max_tokens: "many" },
      "max_tokens",
      "max_tokens: Input should be a valid integer",
    ],
    ["a broken max_tokens", { ...BASE, max_tokens: 1.5 }, "max_tokens", "max_tokens: Input should be a valid integer"],
    [
      "a negative max_tokens",
      { ...BASE, max_tokens: -1 },
      "max_tokens",
      "max_tokens: Input should be greater than or equal to 0",
    ],
    [
      "a cache warm-up",
      { ...BASE, max_tokens: 0 },
      "max_tokens",
      "max_tokens: 0 only warms a prompt cache, which is not available here",
    ],
    [
      "temperature as text",
      { ...BASE, temperature: "hot" },
      "temperature",
      "temperature: Input should be a valid number",
    ],
    [
      "temperature over 1",
      { ...BASE, temperature: 1.1 },
      "temperature",
      "temperature: Input should be less than or equal to 1",
    ],
    ["top_p over 1", { ...BASE, top_p: 1.1 }, "top_p", "top_p: Input should be less than or equal to 1"],
    ["negative top_p", { ...BASE, top_p: -0.1 }, "top_p", "top_p: Input should be greater than or equal to 0"],
    ["infinite top_k", { ...BASE, top_k: -Infinity }, "top_k", "top_k: Input should be a valid integer"],
    [
      "infinite max_tokens",
      { ...BASE, max_tokens: Infinity },
      "max_tokens",
      "max_tokens: Input should be a valid integer",
    ],
    [
      "stop_sequences of numbers",
      { ...BASE, stop_sequences: [1] },
      "stop_sequences[0]",
      "stop_sequences.0: Input should be a valid string",
    ],
    ["stream as a number", { ...BASE, stream: 1 }, "stream", "stream: Input should be a valid boolean"],
    ["system as a number", { ...BASE, system: 1 }, "system", "system: Input should be a valid list"],
    [
      "a system block without text",
      { ...BASE, system: [{ type: "image" }] },
      "system[0].text",
      "system.0.text: Field required",
    ],
    ["tools as an object", { ...BASE, tools: {} }, "tools", "tools: Input should be a valid list"],
    [
      "an unknown thinking type",
      { ...BASE, thinking: { type: "hard" } },
      "thinking.type",
      "thinking.type: Input should be 'enabled', 'adaptive' or 'disabled'",
    ],
    [
      "an unknown effort",
      { ...BASE, output_config: { effort: "huge" } },
      "output_config.effort",
      "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
    ],
    [
      "an output format without schema",
      { ...BASE, output_config: { format: { type: "json_schema" } } },
      "output_config.format.schema",
      "output_config.format.schema: Field required",
    ],
  ];
  test.each(refusals)("%s is refused by the name of its field", (_, body, field, message) => {
    const error = refusalOf(() => anthropic.parse({ body, headers: new Headers() }));
    expect({ kind: error.kind, message: error.message, field: error.detail.field }).toEqual({
      kind: "invalid-request",
      message,
      field,
    });
  });

  test("a refusal quotes no value of the request", () => {
    expect(refusalOf(() => parse({ temperature: "s3cret" })).message).not.toContain("s3cret");
  });

  test.each([
    [true, true],
    ["true", true],
    [false, false],
    ["false", false],
    [null, false],
    ["[undefined]", false],
  ])("stream %p means %p", (value, stream) => {
    expect(parse({ stream: value }).stream).toBe(stream);
  });
});

describe("sampling", () => {
  test("all sampling fields are carried over unchanged", () => {
    const { sampling } = parse({
      max_tokens: 128000,
      temperature: 0.95,
      top_p: 0.1,
      top_k: 64,
      stop_sequences: ["A", "B"],
    }).request;
    expect(sampling).toEqual({
      maxOutputTokens: 128000,
      temperature: 0.95,
      topP: 0.1,
      topK: 64,
      stopSequences: ["A", "B"],
    });
  });

  test("zero is a value", () => {
    expect(parse({ temperature: 0, top_p: 0 }).request.sampling).toEqual({
      maxOutputTokens: 100,
      temperature: 0,
      topP: 0,
    });
  });

  test.each([0, -1])("a top_k of %i asks for nothing", (top_k) => {
    expect(parse({ top_k })).toMatchObject({ request: parse().request, losses: [] });
  });

  test("a single stop sequence may be a plain text", () => {
    expect(parse({ stop_sequences: "END" }).request.sampling.stopSequences).toEqual(["END"]);
  });

  test('null and "[undefined]" are absent in every field', () => {
    for (const nothing of [null, "[undefined]"]) {
      const fields = ["max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "stream", "metadata", "system"];
      fields.push("thinking", "output_config", "output_format", "tools", "tool_choice", "thread", "mcp_servers");
      const call = parse(Object.fromEntries(fields.map((field) => [field, nothing])));
      expect(call.request).toEqual({ ...parse().request, sampling: {} });
      expect(call.losses).toEqual([]);
    }
  });
});

describe("thinking", () => {
  const effortIgnored = [
    { field: "output_config.effort", why: "effort counts only where thinking is on and has no budget of its own" },
  ];
  test.each([
    [
      "enabled with a budget",
      { thinking: { type: "enabled", budget_tokens: 2048 } },
      { type: "budget", tokens: 2048 },
      [],
    ],
    ["enabled without a budget", { thinking: { type: "enabled" } }, { type: "adaptive" }, []],
    ["enabled with a budget of nothing", { thinking: { type: "enabled", budget_tokens: 0 } }, { type: "off" }, []],
    ["adaptive", { thinking: { type: "adaptive", display: "omitted" } }, { type: "adaptive" }, []],
    [
      "adaptive with effort",
      { thinking: { type: "adaptive" }, output_config: { effort: "xhigh" } },
      { type: "effort", effort: "xhigh" },
      [],
    ],
    [
      "enabled with effort and no budget",
      { thinking: { type: "enabled" }, output_config: { effort: "low" } },
      { type: "effort", effort: "low" },
      [],
    ],
    [
      "a budget beside effort",
      { thinking: { type: "enabled", budget_tokens: 2048 }, output_config: { effort: "low" } },
      { type: "budget", tokens: 2048 },
      effortIgnored,
    ],
    ["disabled", { thinking: { type: "disabled" } }, { type: "off" }, []],
    [
      "between tools",
      { thinking: { type: "between_tools" } },
      { type: "off" },
      [{ field: "thinking.type", why: "thinking between tools only is not available" }],
    ],
    ["effort alone", { output_config: { effort: "high" } }, undefined, effortIgnored],
    ["nothing", {}, undefined, []],
  ] as const)("%s", (_, fields, thinking, losses) => {
    const call = parse(fields);
    expect(call.request.thinking).toEqual(thinking);
    expect(call.losses).toEqual([...losses]);
  });

  const turns = (...efforts: (string | null)[]) =>
    efforts.flatMap((effort) => [
      { role: "user", content: "Go on" },
      { role: "system", content: [], output_config: { effort } },
    ]);

  test("the last effort set by a message counts when the request itself names none", () => {
    const { thinking } = parse({ thinking: { type: "adaptive" }, messages: turns("low", "max", null) }).request;
    expect(thinking).toEqual({ type: "effort", effort: "max" });
  });

  test("the request's own effort wins over that of a message", () => {
    const call = parse({ thinking: { type: "adaptive" }, output_config: { effort: "high" }, messages: turns("low") });
    expect(call.request.thinking).toEqual({ type: "effort", effort: "high" });
    expect(call.losses).toEqual([]);
  });
});

describe("structured output", () => {
  const format = { type: "json_schema", schema: { type: "object", properties: { title: { type: "string" } } } };

  test("output_config.format becomes the output format, its schema untouched", () => {
    expect(parse({ output_config: { format } }).request.outputFormat).toEqual({
      type: "json-schema",
      schema: format.schema,
    });
  });

  test("the older output_format field means the same and yields to the newer", () => {
    expect(parse({ output_format: format }).request.outputFormat).toEqual({
      type: "json-schema",
      schema: format.schema,
    });
    const both = parse({ output_format: format, output_config: { format: { type: "json_schema", schema: {} } } });
    expect(both.request.outputFormat).toEqual({ type: "json-schema", schema: {} });
  });

  test("a task budget is reported as lost", () => {
    const { losses } = parse({ output_config: { task_budget: { type: "tokens", total: 1000 } } });
    expect(losses).toEqual([{ field: "output_config.task_budget", why: "the model is not told of a budget" }]);
  });
});

describe("the session", () => {
  const uuid = "00000000-1111-2222-3333-444444444444";
  test.each([
    ["the session of a JSON user id", { user_id: JSON.stringify({ device_id: "d", session_id: uuid }) }, {}, uuid],
    ["the session at the end of a plain user id", { user_id: `user_abc_account__session_${uuid}` }, {}, uuid],
    ["a plain user id is a person, not a session", { user_id: "u1" }, {}, undefined],
    ["broken JSON is not a session", { user_id: "{session_id" }, {}, undefined],
    ["a session that is not text is none", { user_id: '{"session_id":7}' }, {}, undefined],
    ["Claude Code's header", {}, { "x-claude-code-session-id": "s-1" }, "s-1"],
    ["opencode's header", { user_id: "u1" }, { "x-session-id": "ses_1" }, "ses_1"],
    ["the body before the header", { user_id: `_session_${uuid}` }, { "x-claude-code-session-id": "s-1" }, uuid],
    ["a plain session_id header", {}, { session_id: "ses_2" }, "ses_2"],
    ["a blank header is none", {}, { "x-session-id": "  ", session_id: "ses_2" }, "ses_2"],
    ["nothing", {}, {}, undefined],
  ])("%s", (_, metadata, headers, session) => {
    expect(parse({ metadata }, headers).request.session).toBe(session);
  });

  test("a plain user id is the end user; one that holds a session names none", () => {
    expect(parse({ metadata: { user_id: "u1" } }).request.user).toBe("u1");
    expect(parse({ metadata: { user_id: `user_abc_account__session_${uuid}` } }).request.user).toBeUndefined();
  });
});

test("any anthropic-version and any beta header is accepted", () => {
  const headers = { "anthropic-version": "2099-01-01", "anthropic-beta": "something-new" };
  expect(parse({}, headers).losses).toEqual([]);
});

describe("names of fields that the upstream cannot honour", () => {
  const format = { type: "json_schema", schema: {} };
  test.each<[canonical: string, fields: Record<string, unknown>, own: string]>([
    ["response_format", { output_config: { format } }, "output_config.format"],
    ["response_format", { output_format: format }, "output_format"],
    ["system", { system: "Be brief." }, "system"],
    ["system", { messages: [{ role: "system", content: "Be brief." }, ...BASE.messages] }, "messages"],
    ["web_search", { tools: [{ type: "web_search_20250305", name: "web_search" }] }, "tools"],
    ["stop_sequences", { stop_sequences: ["x"] }, "stop_sequences"],
    ["max_tokens", {}, "max_tokens"],
    ["thinking", { thinking: { type: "adaptive" } }, "thinking"],
  ])("%s of %j is the client's %s", (canonical, fields, own) => {
    expect(parse(fields).fieldName(canonical)).toBe(own);
  });
});

test("a text that was cut through a character is mended wherever it stands", () => {
  const half = "a\ud83d";
  const { request } = parse({
    system: half,
    stop_sequences: [half],
    tools: [{ name: "read", description: half, input_schema: { description: half } }],
    messages: [
      { role: "user", content: half },
      { role: "assistant", content: [{ type: "tool_use", id: "t", name: "read", input: { path: half } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: half }, half] },
    ],
  });
  const text = JSON.stringify(request);
  expect(text).not.toContain("\\ud83d");
  expect(text.match(/a\ufffd/g)).toHaveLength(8);
});
