import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { type BlockScript, collect, context, text, thinking, tool, turnEvents } from "../../support/turn-script.ts";
import { parseWith, payloads } from "./support.ts";

const SIGNATURE = "c2lnbmF0dXJl";
const USAGE = {
  prompt_tokens: 12,
  completion_tokens: 5,
  total_tokens: 17,
  prompt_tokens_details: { cached_tokens: 8 },
  completion_tokens_details: { reasoning_tokens: 2 },
};
const failure = new GatewayError("overloaded", "No capacity");

const encoder = (fields: JsonObject = {}) => parseWith(fields).reply.stream(context());
const streamed = (events: readonly TurnEvent[], fields: JsonObject = {}) => payloads(encoder(fields).push(events));
const whole = (blocks: readonly BlockScript[], fields: JsonObject = {}, reason: "end" | "tool" = "end") =>
  parseWith(fields).reply.whole(collect(turnEvents(blocks, reason)), context());

const chunk = (delta: JsonObject, finish: string | null = null, more: JsonObject = {}): JsonObject => ({
  id: "chatcmpl-abcdefghijklmnopqrstuvwx",
  object: "chat.completion.chunk",
  created: 1_700_000_000,
  model: "gemini-test",
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
const ROLE = chunk({ role: "assistant", content: "" });
const deltas = (chunks: readonly unknown[]) =>
  chunks.flatMap((value) => (typeof value === "string" ? [value] : (value as ReturnType<typeof chunk>)["choices"]));

describe("the stream", () => {
  test("text arrives as deltas between a role and a finish reason", () => {
    expect(streamed(turnEvents([text("Hel", "lo")], "end"))).toEqual([
      ROLE,
      chunk({ content: "Hel" }),
      chunk({ content: "lo" }),
      chunk({}, "stop"),
      "[DONE]",
    ]);
  });

  test("the bytes of a frame are exactly one data line and an empty line", () => {
    expect(encoder().push(turnEvents([text('a"\n\u2028')], "end"))).toBe(
      [
        'data: {"id":"chatcmpl-abcdefghijklmnopqrstuvwx","object":"chat.completion.chunk","created":1700000000,"model":"gemini-test","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
        'data: {"id":"chatcmpl-abcdefghijklmnopqrstuvwx","object":"chat.completion.chunk","created":1700000000,"model":"gemini-test","choices":[{"index":0,"delta":{"content":"a\\"\\n\u2028"},"finish_reason":null}]}\n\n',
        'data: {"id":"chatcmpl-abcdefghijklmnopqrstuvwx","object":"chat.completion.chunk","created":1700000000,"model":"gemini-test","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
        "data: [DONE]\n\n",
      ].join(""),
    );
  });

  test("however the events are cut into batches, the text of the stream is the same", () => {
    const events = turnEvents([thinking("hm"), text("a", "b"), tool("call_1", "f", { a: 1 }, SIGNATURE)], "tool");
    const apart = encoder();
    expect(events.map((event) => apart.push([event])).join("")).toBe(encoder().push(events));
  });

  test("usage comes only when asked for, once, last, and is null in every other chunk", () => {
    expect(streamed(turnEvents([text("a")], "end"), { stream_options: { include_usage: true } })).toEqual([
      { ...ROLE, usage: null },
      chunk({ content: "a" }, null, { usage: null }),
      chunk({}, "stop", { usage: null }),
      { ...chunk({}), choices: [], usage: USAGE },
      "[DONE]",
    ]);
    expect(encoder({ stream_options: { include_usage: false } }).push(turnEvents([text("a")], "end"))).not.toContain(
      "usage",
    );
  });

  test("thinking is reasoning_content and never content", () => {
    expect(deltas(streamed(turnEvents([thinking("h", "m"), text("a")], "end")))).toEqual(
      deltas([
        ROLE,
        chunk({ reasoning_content: "h" }),
        chunk({ reasoning_content: "m" }),
        chunk({ content: "a" }),
        chunk({}, "stop"),
        "[DONE]",
      ]),
    );
  });

  test("whitespace is kept, empty deltas are not sent", () => {
    expect(deltas(streamed(turnEvents([text("a", " ", "", "\n")], "end"))).length).toBe(6);
  });

  test("literal thinking tags in text stay text", () => {
    expect(streamed(turnEvents([text("<think>x</think>")], "end"))[1]).toEqual(chunk({ content: "<think>x</think>" }));
  });

  test("parallel calls have running indexes, ids, types and whole arguments, equal ones included", () => {
    const events = turnEvents(
      [tool("call_1", "f", { a: [1] }), tool("call_2", "f", { a: [1] }), tool("call_3", "g", {})],
      "tool",
    );
    expect(streamed(events)).toEqual([
      ROLE,
      chunk({
        tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "f", arguments: '{"a":[1]}' } }],
      }),
      chunk({
        tool_calls: [{ index: 1, id: "call_2", type: "function", function: { name: "f", arguments: '{"a":[1]}' } }],
      }),
      chunk({ tool_calls: [{ index: 2, id: "call_3", type: "function", function: { name: "g", arguments: "{}" } }] }),
      chunk({}, "tool_calls"),
      "[DONE]",
    ]);
  });

  test("a call carries the signature that came at its end", () => {
    expect(streamed(turnEvents([tool("call_1", "f", {}, SIGNATURE)], "tool"))[1]).toEqual(
      chunk({
        tool_calls: [
          {
            index: 0,
            id: "call_1",
            type: "function",
            function: { name: "f", arguments: "{}" },
            extra_content: { google: { thought_signature: SIGNATURE } },
          },
        ],
      }),
    );
  });

  test("a custom tool's call goes back as plain text", () => {
    const fields = {
      tools: [
        { type: "custom", custom: { name: "patch" } },
        { type: "function", function: { name: "f" } },
      ],
    };
    const events = turnEvents(
      [tool("call_1", "patch", { input: "*** x" }), tool("call_2", "patch", { text: 1 }), tool("call_3", "f", {})],
      "tool",
    );
    expect(streamed(events, fields).slice(1, 4)).toEqual([
      chunk({ tool_calls: [{ index: 0, id: "call_1", type: "custom", custom: { name: "patch", input: "*** x" } }] }),
      chunk({
        tool_calls: [{ index: 1, id: "call_2", type: "custom", custom: { name: "patch", input: '{"text":1}' } }],
      }),
      chunk({ tool_calls: [{ index: 2, id: "call_3", type: "function", function: { name: "f", arguments: "{}" } }] }),
    ]);
  });

  test("a client of the legacy API is given its one function_call", () => {
    const events = turnEvents([tool("call_1", "f", { a: 1 }), tool("call_2", "f", { a: 2 })], "tool");
    expect(streamed(events, { functions: [{ name: "f" }] })).toEqual([
      ROLE,
      chunk({ function_call: { name: "f", arguments: '{"a":1}' } }),
      chunk({}, "function_call"),
      "[DONE]",
    ]);
  });

  test("an image is markdown in the content", () => {
    const image: BlockScript = { head: { kind: "media", mimeType: "image/png", data: "AAAA" } };
    expect(streamed(turnEvents([text("see "), image], "end"))[2]).toEqual(
      chunk({ content: "![image](data:image/png;base64,AAAA)" }),
    );
  });

  test("opaque blocks are not for chat clients", () => {
    const opaque: BlockScript = { head: { kind: "opaque", part: { executableCode: {} } } };
    expect(streamed(turnEvents([opaque], "end"))).toEqual([ROLE, chunk({}, "stop"), "[DONE]"]);
  });

  test.each([
    ["end", "stop"],
    ["length", "length"],
    ["tool", "tool_calls"],
    ["filtered", "content_filter"],
  ] as const)("a turn that ends with %s finishes with %s", (reason, finish) => {
    expect(streamed(turnEvents([], reason))).toEqual([ROLE, chunk({}, finish), "[DONE]"]);
  });

  test("thinking the client does not want is replaced by signs of life", () => {
    const hidden = encoder({ reasoning: { exclude: true } });
    const events = turnEvents([thinking("h", "m"), text("a")], "end");
    expect(payloads(hidden.push(events.slice(0, 1)))).toEqual([ROLE]);
    expect(payloads(hidden.push(events.slice(1, 3)))).toEqual([chunk({})]);
    const rest = hidden.push(events.slice(3));
    expect(rest).not.toContain("reasoning_content");
    expect(payloads(rest)).toEqual([chunk({ content: "a" }), chunk({}, "stop"), "[DONE]"]);
  });

  test.each<[string, JsonObject]>([
    ["include_reasoning", { include_reasoning: false }],
    ["include_thoughts", { extra_body: { google: { thinking_config: { include_thoughts: false } } } }],
  ])("%s hides thinking as well", (_, fields) => {
    expect(encoder(fields).push(turnEvents([thinking("hm")], "end"))).not.toContain("hm");
  });
});

describe("signs of life", () => {
  test("the first one brings the role, and the role comes once", () => {
    const stream = encoder();
    expect(payloads(stream.keepAlive())).toEqual([ROLE]);
    expect(payloads(stream.keepAlive())).toEqual([chunk({})]);
    expect(payloads(stream.push(turnEvents([text("a")], "end")))).toEqual([
      chunk({ content: "a" }),
      chunk({}, "stop"),
      "[DONE]",
    ]);
  });

  test("they do not pin the model's name, which a fallback may change before the answer begins", () => {
    const named = context();
    const stream = parseWith({}).reply.stream(named);
    stream.keepAlive();
    named.model = "fallback-model";
    const written = payloads(stream.push(turnEvents([text("a")], "end")));
    expect(written).toEqual([
      { ...(chunk({ content: "a" }) as JsonObject), model: "fallback-model" },
      { ...(chunk({}, "stop") as JsonObject), model: "fallback-model" },
      "[DONE]",
    ]);
  });

  test("inside a block they change nothing", () => {
    const stream = encoder();
    const events = turnEvents([text("a", "b")], "end");
    stream.push(events.slice(0, 3));
    expect(payloads(stream.keepAlive())).toEqual([chunk({})]);
    expect(payloads(stream.push(events.slice(3, 4)))).toEqual([chunk({ content: "b" })]);
  });

  test("nothing follows the end", () => {
    const stream = encoder();
    stream.push(turnEvents([text("a")], "end"));
    expect([stream.keepAlive(), stream.fail(failure)]).toEqual(["", ""]);
  });
});

describe("a failure", () => {
  test("after any prefix is one error frame and never [DONE]", () => {
    const events = turnEvents([thinking("hm"), text("a"), tool("call_1", "f", {})], "tool");
    for (let cut = 0; cut < events.length; cut++) {
      const stream = encoder();
      const before = stream.push(events.slice(0, cut));
      const frames = stream.fail(failure);
      expect(payloads(frames)).toEqual([
        { error: { message: "No capacity", type: "server_error", param: null, code: "overloaded" } },
      ]);
      expect(before + frames + stream.keepAlive() + stream.fail(failure)).not.toContain("[DONE]");
    }
  });
});

describe("the whole reply", () => {
  test("text", () => {
    expect(whole([text("Hel", "lo")])).toEqual({
      id: "chatcmpl-abcdefghijklmnopqrstuvwx",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "gemini-test",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hello", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: USAGE,
    });
  });

  const message = (reply: JsonObject) => (reply["choices"] as { message: JsonObject }[])[0]?.message;

  test.each<[string, BlockScript[], JsonObject]>([
    [
      "calls without text have null content",
      [tool("call_1", "f", { a: 1 }, SIGNATURE), tool("call_2", "g", {})],
      {
        content: null,
        tool_calls: [
          {
            id: "call_1",
            type: "function",
            function: { name: "f", arguments: '{"a":1}' },
            extra_content: { google: { thought_signature: SIGNATURE } },
          },
          { id: "call_2", type: "function", function: { name: "g", arguments: "{}" } },
        ],
      },
    ],
    [
      "text beside calls is kept",
      [text("a"), tool("call_1", "f", {}), text("b")],
      {
        content: "ab",
        tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }],
      },
    ],
    ["thinking is apart", [thinking("h"), thinking("m"), text("a")], { content: "a", reasoning_content: "hm" }],
    [
      "an image is markdown",
      [{ head: { kind: "media", mimeType: "image/png", data: "AAAA" } }],
      { content: "![image](data:image/png;base64,AAAA)" },
    ],
    [
      "other media are a link",
      [{ head: { kind: "media", mimeType: "audio/wav", data: "AAAA" } }],
      { content: "[audio/wav](data:audio/wav;base64,AAAA)" },
    ],
    ["opaque blocks are left out", [{ head: { kind: "opaque", part: 1 } }, text("a")], { content: "a" }],
    ["nothing is empty text", [], { content: "" }],
  ])("%s", (_, blocks, expected) => {
    expect(message(whole(blocks))).toEqual({ role: "assistant", refusal: null, ...expected });
  });

  test("a client of the legacy API is given its one function_call", () => {
    const reply = whole([tool("call_1", "f", { a: 1 })], { functions: [{ name: "f" }] }, "tool");
    expect(reply["choices"]).toEqual([
      {
        index: 0,
        message: {
          role: "assistant",
          content: null,
          refusal: null,
          function_call: { name: "f", arguments: '{"a":1}' },
        },
        logprobs: null,
        finish_reason: "function_call",
      },
    ]);
  });

  test("thinking the client does not want is left out", () => {
    expect(message(whole([thinking("hm"), text("a")], { include_reasoning: false }))).toEqual({
      role: "assistant",
      content: "a",
      refusal: null,
    });
  });
});

test("an image we answered with is read back as an image", () => {
  const image: BlockScript = { head: { kind: "media", mimeType: "image/png", data: "AAAA" } };
  const [choice] = whole([text("see "), image])["choices"] as { message: JsonObject }[];
  const { request } = parseWith({ messages: [choice?.message ?? {}, { role: "user", content: "again" }] });
  expect(request.contents[0]).toEqual({
    role: "model",
    parts: [{ text: "see " }, { inlineData: { mimeType: "image/png", data: "AAAA" } }],
  });
});
