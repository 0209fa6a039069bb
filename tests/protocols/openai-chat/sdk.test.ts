import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import OpenAI from "openai";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { openaiChat } from "../../../src/protocols/openai-chat/index.ts";
import { answerOf } from "../../support/protocol-answer.ts";
import { type BlockScript, text, thinking, tool, turnEvents } from "../../support/turn-script.ts";

type Failure = { after: number; error: GatewayError };

/** The official client, answered by the protocol with these events: streamed or whole, as its request asks. */
function client(events: readonly TurnEvent[], failure?: Failure): OpenAI {
  const answer = async (_url: unknown, init?: { body?: unknown }): Promise<Response> => {
    const call = openaiChat.parse({ body: JSON.parse(String(init?.body)), headers: new Headers() });
    const turn = failure ? events.slice(0, failure.after) : events;
    return answerOf(openaiChat, call, { turns: [turn], failure: failure?.error });
  };
  return new OpenAI({ apiKey: "sk-ag-test", baseURL: "http://gateway.test/v1", maxRetries: 0, fetch: answer });
}

const hello = { model: "gemini-test", messages: [{ role: "user" as const, content: "hello" }] };
const withUsage = { ...hello, stream_options: { include_usage: true } };

const customTools: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "f", parameters: { type: "object" } } },
  { type: "custom", custom: { name: "patch" } },
];

/** What a client has in hand in the end; a null content and an empty one say the same. */
function outcome(completion: OpenAI.ChatCompletion) {
  const [choice] = completion.choices;
  const { content, tool_calls: calls, refusal, role } = choice?.message ?? {};
  return {
    content: content ?? "",
    calls: calls ?? [],
    refusal,
    role,
    finish: choice?.finish_reason,
    usage: completion.usage,
  };
}

/** A field that the SDK's types do not know. */
const reasoningIn = (message: object | undefined) =>
  (message as { reasoning_content?: string } | undefined)?.reasoning_content ?? "";

async function reasoningOf(openai: OpenAI): Promise<string> {
  let reasoning = "";
  for await (const chunk of await openai.chat.completions.create({ ...hello, stream: true })) {
    reasoning += reasoningIn(chunk.choices[0]?.delta);
  }
  return reasoning;
}

describe("the official client", () => {
  const scripts: [string, BlockScript[], "end" | "tool"][] = [
    ["text", [text("Hel", "lo")], "end"],
    ["thinking, then text", [thinking("h", "m"), text("a")], "end"],
    [
      "parallel calls after text",
      [text("a"), tool("call_1", "f", { a: [1, "x"] }, "c2ln"), tool("call_2", "f", {})],
      "tool",
    ],
    ["a custom call", [tool("call_1", "patch", { input: "*** x" })], "tool"],
    ["an image", [{ head: { kind: "media", mimeType: "image/png", data: "AAAA" } }], "end"],
    ["nothing", [], "end"],
  ];

  test.each(scripts)("accumulates a streamed answer to the whole one: %s", async (_, blocks, reason) => {
    const openai = client(turnEvents(blocks, reason));
    const request = { ...withUsage, tools: customTools };
    const streamed = await openai.chat.completions.stream(request).finalChatCompletion();
    const whole = await openai.chat.completions.create({ ...hello, tools: customTools });
    expect(outcome(streamed)).toEqual(outcome(whole));
  });

  test("reads the thinking of a stream and of a whole answer", async () => {
    const openai = client(turnEvents([thinking("h", "m"), text("a")], "end"));
    const whole = await openai.chat.completions.create(hello);
    expect(reasoningIn(whole.choices[0]?.message)).toBe("hm");
    expect(await reasoningOf(openai)).toBe("hm");
  });

  test("accumulates the legacy call", async () => {
    const openai = client(turnEvents([tool("call_1", "f", { a: 1 })], "tool"));
    const request = { ...hello, functions: [{ name: "f" }] };
    const streamed = await openai.chat.completions.stream({ ...request, stream: true }).finalChatCompletion();
    const whole = await openai.chat.completions.create(request);
    expect(streamed.choices[0]?.message.function_call).toEqual({ name: "f", arguments: '{"a":1}' });
    expect(whole.choices[0]?.message.function_call).toEqual({ name: "f", arguments: '{"a":1}' });
    expect(streamed.choices[0]?.finish_reason).toBe("function_call");
  });

  test("fires its helper events for content and for tool arguments", async () => {
    const stream = client(turnEvents([text("a", "b"), tool("call_1", "f", { a: 1 })], "tool")).chat.completions.stream({
      ...hello,
      tools: customTools,
    });
    const seen: string[] = [];
    stream.on("content.done", ({ content }) => seen.push(content));
    stream.on("tool_calls.function.arguments.done", ({ name, arguments: json }) => seen.push(`${name} ${json}`));
    await stream.done();
    expect(seen).toEqual(["ab", 'f {"a":1}']);
  });

  test("reads usage from the last chunk only", async () => {
    const seen: unknown[] = [];
    for await (const chunk of await client(turnEvents([text("a")], "end")).chat.completions.create({
      ...withUsage,
      stream: true,
    })) {
      seen.push(chunk.usage?.total_tokens ?? null);
    }
    expect(seen.at(-1)).toBe(17);
    expect(seen.slice(0, -1).every((usage) => usage === null)).toBe(true);
  });

  test("sees a failure after any prefix as an API error", async () => {
    const events = turnEvents([thinking("hm"), text("a"), tool("call_1", "f", {})], "tool");
    const error = new GatewayError("unavailable", "The answer was cut");
    for (let after = 0; after < events.length; after++) {
      const openai = client(events, { after, error });
      const seen = await reasoningOf(openai).catch((cause: unknown) => cause);
      expect(seen).toBeInstanceOf(OpenAI.APIError);
      expect(seen).toMatchObject({ message: "The answer was cut", code: "upstream_unavailable", type: "server_error" });
      const helper = await openai.chat.completions
        .stream(hello)
        .finalChatCompletion()
        .catch((cause: unknown) => cause);
      expect(helper).toBeInstanceOf(OpenAI.OpenAIError);
    }
  });

  test.each([
    ["invalid-request", OpenAI.BadRequestError],
    ["unauthorized", OpenAI.AuthenticationError],
    ["forbidden", OpenAI.PermissionDeniedError],
    ["unknown-model", OpenAI.NotFoundError],
    ["rate-limited", OpenAI.RateLimitError],
    ["no-account", OpenAI.InternalServerError],
  ] as const)("throws %s as its own class", async (kind, type) => {
    const error = new GatewayError(kind, "No.", { field: "model" });
    const seen = await client([], { after: 0, error })
      .chat.completions.create(hello)
      .catch((cause: unknown) => cause);
    expect(seen).toBeInstanceOf(type);
    expect(seen).toMatchObject({ param: "model", requestID: "req_1" });
  });
});

const json = fc.dictionary(
  fc.string({ minLength: 1 }).filter((key) => key !== "__proto__"),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 4 },
);
const pieces = fc.array(fc.string({ unit: "binary" }), { maxLength: 5 });
const block = fc.oneof(
  pieces.map((deltas): BlockScript => ({ head: { kind: "text" }, deltas })),
  pieces.map((deltas): BlockScript => ({ head: { kind: "thinking" }, deltas })),
  fc.constant<BlockScript>({ head: { kind: "media", mimeType: "image/png", data: "AAAA" } }),
  fc.constant<BlockScript>({ head: { kind: "opaque", part: { executableCode: {} } } }),
  fc
    .tuple(fc.constantFrom("f", "patch"), json, fc.option(fc.base64String({ minLength: 4 }), { nil: undefined }))
    .map(([name, args, signature]) => tool("", name, args as JsonObject, signature)),
);
const script = fc
  .array(block, { maxLength: 8 })
  .map((blocks) =>
    blocks.map((value, index): BlockScript =>
      value.head.kind === "tool" ? { ...value, head: { ...value.head, id: `call_${index}` } } : value,
    ),
  );

describe("any well-formed turn", () => {
  test("is the same to the official client streamed and whole", async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.constantFrom("end", "length", "tool", "filtered"), async (blocks, reason) => {
        const openai = client(turnEvents(blocks, reason));
        const streamed = await openai.chat.completions
          .stream({ ...withUsage, tools: customTools })
          .finalChatCompletion();
        const whole = await openai.chat.completions.create({ ...hello, tools: customTools });
        expect(outcome(streamed)).toEqual(outcome(whole));
        expect(await reasoningOf(openai)).toBe(reasoningIn(whole.choices[0]?.message));
      }),
      { numRuns: 100 },
    );
  });
});
