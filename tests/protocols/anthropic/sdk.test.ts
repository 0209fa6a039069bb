import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { anthropic } from "../../../src/protocols/anthropic/index.ts";
import { BASE, clientReading, collected, CONTEXT, parse, readWithBetaSdk, readWithSdk, turnEvents } from "./support.ts";

const DISPLAYS: Record<string, Record<string, unknown>> = {
  hidden: { thinking: { type: "disabled" } },
  omitted: { thinking: { type: "adaptive", display: "omitted" } },
  shown: { thinking: { type: "adaptive", display: "summarized" } },
};

const RICH = turnEvents(
  [
    { kind: "thinking", deltas: ["Let ", "me see"], signature: "sig-1" },
    { kind: "thinking", deltas: ["Again"] },
    { kind: "text", deltas: ["Здрав", "ствуй \ud83d", "\ude00\n", " \u2028\r"] },
    { kind: "media", mimeType: "image/png", data: "AAAA" },
    { kind: "opaque", part: null },
    { kind: "tool", id: "call_1", name: "read", args: { path: "a/b", lines: [1, 2.5, null], deep: { yes: true } } },
    { kind: "tool", id: "call_2", name: "now", args: {} },
  ],
  "tool",
);

describe("the official SDK", () => {
  test.each(Object.keys(DISPLAYS))(
    "rebuilds from the stream what a whole reply says (thinking %s)",
    async (display) => {
      const { reply } = parse(DISPLAYS[display]);
      const whole = reply.whole(collected(RICH), CONTEXT);
      const frames = reply.stream(CONTEXT).push(RICH);
      expect(await readWithSdk(frames)).toEqual(whole);
      expect(await readWithBetaSdk(frames)).toEqual(whole);
    },
  );

  test("reads a whole reply as a message", async () => {
    const whole = parse(DISPLAYS["shown"]).reply.whole(collected(RICH), CONTEXT);
    const client = new Anthropic({ apiKey: "sk-ag-test", fetch: async () => Response.json(whole) });
    const message = await client.messages.create({ model: "m", max_tokens: 1, messages: [] });
    expect(message.content.map(({ type }) => type)).toEqual([
      "thinking",
      "thinking",
      "text",
      "text",
      "tool_use",
      "tool_use",
    ]);
  });

  test("passes over pings at every place of a stream", async () => {
    const { reply } = parse(DISPLAYS["shown"]);
    const encoder = reply.stream(CONTEXT);
    const frames = RICH.map((event) => encoder.keepAlive() + encoder.push([event])).join("");
    expect(await readWithSdk(frames)).toEqual(reply.whole(collected(RICH), CONTEXT));
  });

  test("reports a failure after any prefix as an APIError, never as a finished message", async () => {
    for (let length = 0; length < RICH.length; length++) {
      const encoder = parse(DISPLAYS["shown"]).reply.stream(CONTEXT);
      const frames =
        encoder.push(RICH.slice(0, length)) + encoder.fail(new GatewayError("unavailable", "Upstream broke off"));
      for (const read of [readWithSdk, readWithBetaSdk]) {
        const error = await read(frames).catch((cause: unknown) => cause);
        expect(error).toBeInstanceOf(Anthropic.APIError);
        expect(error).toMatchObject({ type: "api_error", apiMessage: "Upstream broke off" });
      }
    }
  });

  test("sends back what it was given, and the history reads the same", async () => {
    const events = turnEvents(
      [
        { kind: "thinking", deltas: ["T"], signature: "S" },
        { kind: "text", deltas: ["A"] },
        { kind: "media", mimeType: "image/png", data: "AAAA" },
        { kind: "tool", id: "call_1", name: "read", args: { a: 1 } },
      ],
      "tool",
    );
    const frames = parse(DISPLAYS["shown"]).reply.stream(CONTEXT).push(events);
    const stream = clientReading(frames).messages.stream({ model: "m", max_tokens: 1, messages: [] });
    const { role, content } = await stream.finalMessage();
    const { contents } = parse({
      messages: [...BASE.messages, { role, content: JSON.parse(JSON.stringify(content)) }],
    }).request;
    expect(contents[1]).toEqual({
      role: "model",
      parts: [
        { text: "T", thought: true, thoughtSignature: "S" },
        { text: "A" },
        { inlineData: { mimeType: "image/png", data: "AAAA" } },
        { functionCall: { id: "call_1", name: "read", args: { a: 1 } } },
      ],
    });
  });

  test("goes on without threads when they are refused", async () => {
    const bodies: { thread?: unknown }[] = [];
    const client = new Anthropic({
      apiKey: "sk-ag-test",
      maxRetries: 0,
      fetch: async (_url, init) => {
        const body: { thread?: unknown } = JSON.parse(String(init?.body));
        bodies.push(body);
        try {
          const { reply } = anthropic.parse({ body, headers: new Headers() });
          return Response.json(reply.whole(collected(turnEvents([{ kind: "text", deltas: ["Done"] }])), CONTEXT));
        } catch (cause) {
          if (!(cause instanceof GatewayError)) throw cause;
          const error = anthropic.encodeError(cause, "req_1");
          return Response.json(error.body, { status: error.status });
        }
      },
    });
    const message = await client.beta.messages.toolRunner({
      model: "m",
      max_tokens: 10,
      messages: [{ role: "user", content: "Hello" }],
      tools: [],
    });
    expect(message.content).toMatchObject([{ type: "text", text: "Done" }]);
    expect(bodies.map(({ thread }) => thread === undefined)).toEqual([false, true]);
  });
});

const word = fc.string({ maxLength: 6, unit: "binary" });
const deltas = fc.array(word, { maxLength: 4 });
const signature = fc.constantFrom("", "sig");
const { args } = fc.letrec<{ value: JsonValue; args: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    word,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("args"),
  ),
  args: fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tie("value"), { maxKeys: 3, noNullPrototype: true }),
}));
const kind = <const Kind extends string>(name: Kind) => fc.constant<Kind>(name);
const unsigned = { noNullPrototype: true };
const block = fc.oneof(
  fc.record({ kind: kind("text"), deltas, signature }, { requiredKeys: ["kind"], noNullPrototype: true }),
  fc.record({ kind: kind("thinking"), deltas, signature }, { requiredKeys: ["kind"], noNullPrototype: true }),
  fc.record({ kind: kind("tool"), id: fc.uuid(), name: fc.constant("read"), args }, unsigned),
  fc.record(
    { kind: kind("media"), mimeType: fc.constantFrom("image/png", "audio/wav"), data: fc.base64String() },
    unsigned,
  ),
  fc.record({ kind: kind("opaque"), part: fc.constant(null) }, unsigned),
);
const turn = fc
  .tuple(fc.array(block, { maxLength: 6 }), fc.constantFrom("end" as const, "length", "tool", "filtered"))
  .map(([blocks, reason]) => turnEvents(blocks, reason));

test("for any turn, any batching and any display the SDK rebuilds the whole reply from the stream", async () => {
  await fc.assert(
    fc.asyncProperty(
      turn,
      fc.constantFrom(...Object.keys(DISPLAYS)),
      fc.integer({ min: 1, max: 5 }),
      async (events, display, size) => {
        const { reply } = parse(DISPLAYS[display]);
        const encoder = reply.stream(CONTEXT);
        let frames = "";
        for (let at = 0; at < events.length; at += size) frames += encoder.push(events.slice(at, at + size));
        expect(await readWithSdk(frames)).toEqual(reply.whole(collected(events), CONTEXT));
      },
    ),
    { numRuns: 150 },
  );
});

test("a turn's event list is never changed by encoding it", () => {
  const before: TurnEvent[] = structuredClone(RICH);
  parse(DISPLAYS["shown"]).reply.stream(CONTEXT).push(RICH);
  expect(RICH).toEqual(before);
});
