import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { ApiError, type Content as SdkContent, GoogleGenAI } from "@google/genai";
import { GoogleGenerativeAI } from "@google/generative-ai";
import { generateText, jsonSchema, streamText, type ToolSet } from "ai";
import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../../src/core/errors.ts";
import type { ParsedCall } from "../../../src/core/protocol.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { gemini } from "../../../src/protocols/gemini/index.ts";
import { answerOf } from "../../support/protocol-answer.ts";
import { type BlockScript, text, thinking, tool, turnEvents } from "../../support/turn-script.ts";
import { image, opaque, parse, SIGNATURE, signed } from "./support.ts";

interface Script {
  events: readonly TurnEvent[];
  failure?: { after: number; error: GatewayError };
}

const ADDRESS = /\/v1(?:beta)?\/models\/([^/:]+):(\w+)$/;

/** Answers as the gateway would; `seen` is told the calls. */
async function answer(request: Request, { events, failure }: Script, seen: ParsedCall[]): Promise<Response> {
  const { pathname, searchParams: query } = new URL(request.url);
  const [, model = "", method = ""] = ADDRESS.exec(pathname) ?? [];
  const call = gemini.parse({
    body: await request.json(),
    headers: request.headers,
    address: { model, method, query },
  });
  seen.push(call);
  const turn = failure ? events.slice(0, failure.after) : events;
  const reply = answerOf(gemini, call, { turns: [turn], failure: failure?.error });
  return call.stream ? new Response(chopped(await reply.text()), reply) : reply;
}

/** The same bytes in pieces that respect neither frames nor characters. */
function chopped(frames: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(frames);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += 61)));
    },
  });
}

function fetchFor(script: Script, seen: ParsedCall[] = []): typeof fetch {
  const reply = (input: string | URL | Request, init?: RequestInit) =>
    answer(input instanceof Request ? input : new Request(String(input), init), script, seen);
  return Object.assign(reply, { preconnect: fetch.preconnect });
}

const genAi = (script: Script, seen?: ParsedCall[]) =>
  new GoogleGenAI({
    apiKey: "AIza-test",
    httpOptions: { baseUrl: "http://gateway.test", fetch: fetchFor(script, seen) },
  });
const vercel = (script: Script, seen?: ParsedCall[]) =>
  createGoogleGenerativeAI({
    apiKey: "AIza-test",
    baseURL: "http://gateway.test/v1beta",
    fetch: fetchFor(script, seen),
  })("m");

// The older SDK takes no fetch: it is given a real server.
let served: { script: Script; seen: ParsedCall[] } = { script: { events: [] }, seen: [] };
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => answer(request, served.script, served.seen),
});
afterAll(() => server.stop(true));

function older(script: Script, seen: ParsedCall[] = []) {
  served = { script, seen };
  const client = new GoogleGenerativeAI("AIza-test");
  return client.getGenerativeModel({ model: "m" }, { baseUrl: server.url.origin });
}

const THOUGHTS = { thinkingConfig: { includeThoughts: true } };

const SCRIPTS: [string, BlockScript[], "end" | "tool"][] = [
  ["text", [text("Hel", "lo ☃")], "end"],
  ["signed text", [signed(text("Hel", "lo"))], "end"],
  ["thinking, then text", [signed(thinking("h", "m")), text("a")], "end"],
  ["parallel calls after text", [text("a"), signed(tool("c1", "f", { a: [1, "x"] })), tool("c2", "f", {})], "tool"],
  ["an image", [text("see"), image()], "end"],
  [
    "code and its result",
    [
      opaque({ executableCode: { language: "PYTHON", code: "1" } }),
      opaque({ codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } }),
    ],
    "end",
  ],
  ["nothing", [], "end"],
];

/** Parts as a reader understands them: texts that follow each other are one. */
function understood(contents: readonly unknown[]): unknown {
  return parse({ contents: [{ role: "user", parts: [{ text: "hi" }] }, ...contents] }).request.contents.slice(1);
}

describe("@google/genai", () => {
  test.each(SCRIPTS)("understands a stream and a whole reply alike: %s", async (_, blocks, reason) => {
    const script = { events: turnEvents(blocks, reason) };
    const request = { model: "m", contents: "hi", config: THOUGHTS };
    const streamed: SdkContent[] = [];
    const ends: unknown[] = [];
    for await (const chunk of await genAi(script).models.generateContentStream(request)) {
      streamed.push(chunk.candidates?.[0]?.content ?? {});
      if (chunk.candidates?.[0]?.finishReason) ends.push(chunk.candidates[0].finishReason, chunk.usageMetadata);
    }
    const whole = await genAi(script).models.generateContent(request);
    const [candidate] = whole.candidates ?? [];
    expect(understood(streamed)).toEqual(understood([candidate?.content]));
    expect(ends).toEqual([candidate?.finishReason, whole.usageMetadata]);
  });

  test("keeps the whole answer in a chat, signs of life and signatures included", async () => {
    const seen: ParsedCall[] = [];
    const blocks = [signed(thinking("hm")), signed(text("Hel", "lo")), signed(tool("c1", "f", { a: 1 }))];
    const chat = genAi({ events: turnEvents(blocks, "tool") }, seen).chats.create({ model: "m", config: THOUGHTS });
    for await (const _ of await chat.sendMessageStream({ message: "hi" })) {
      // Only the history matters.
    }
    await chat.sendMessage({ message: [{ functionResponse: { name: "f", response: { output: "x" } } }] });
    expect(seen[1]?.request.contents).toEqual([
      { role: "user", parts: [{ text: "hi" }] },
      {
        role: "model",
        parts: [
          { text: "hm", thought: true, thoughtSignature: SIGNATURE },
          { text: "Hello", thoughtSignature: SIGNATURE },
          { functionCall: { id: "c1", name: "f", args: { a: 1 } }, thoughtSignature: SIGNATURE },
        ],
      },
      { role: "user", parts: [{ functionResponse: { id: "c1", name: "f", response: { output: "x" } } }] },
    ]);
  });

  test("sends what is understood: tools, schemas, system, search, thinking", async () => {
    const seen: ParsedCall[] = [];
    await genAi({ events: turnEvents([text("a")]) }, seen).models.generateContent({
      model: "m",
      contents: ["hi", { inlineData: { mimeType: "image/png", data: "AAAA" } }],
      config: {
        systemInstruction: "be kind",
        responseMimeType: "application/json",
        responseJsonSchema: { type: "object" },
        thinkingConfig: { thinkingBudget: 5 },
        tools: [
          { functionDeclarations: [{ name: "f", parametersJsonSchema: { type: "object" } }] },
          { googleSearch: {} },
        ],
        stopSequences: ["x"],
      },
    });
    expect(seen[0]).toMatchObject({
      losses: [],
      request: {
        model: "m",
        system: ["be kind"],
        contents: [{ role: "user", parts: [{ text: "hi" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }] }],
        outputFormat: { type: "json-schema", schema: { type: "object" } },
        thinking: { type: "budget", tokens: 5 },
        tools: [{ name: "f", schema: { type: "object" } }],
        webSearch: { native: {} },
        sampling: { stopSequences: ["x"] },
      },
    });
  });

  test("throws a failure after any prefix as its own error, with its code", async () => {
    const events = turnEvents([text("a"), tool("c1", "f", {})], "tool");
    for (let after = 0; after < events.length; after++) {
      const script = { events, failure: { after, error: new GatewayError("rate-limited", "Slow down") } };
      const read = async () => {
        for await (const _ of await genAi(script).models.generateContentStream({ model: "m", contents: "hi" })) {
          // What came before the failure is not the matter here.
        }
      };
      const seen = await read().catch((cause: unknown) => cause);
      expect(seen).toBeInstanceOf(ApiError);
      expect(seen).toMatchObject({ status: 429 });
    }
    const failed = genAi({ events, failure: { after: 0, error: new GatewayError("unknown-model", "None") } });
    const whole = await failed.models.generateContent({ model: "m", contents: "hi" }).catch((cause: unknown) => cause);
    expect(whole).toMatchObject({ status: 404, message: expect.stringContaining("NOT_FOUND") });
  });
});

describe("@google/generative-ai", () => {
  test("puts a stream together as it reads a whole reply", async () => {
    const script = {
      events: turnEvents([text("Hel", "lo"), tool("c1", "f", { a: 1 }), tool("c2", "f", { a: 2 })], "tool"),
    };
    const { stream, response } = await older(script).generateContentStream("hi");
    let streamed = "";
    for await (const chunk of stream) streamed += chunk.text();
    const put = await response;
    const whole = (await older(script).generateContent("hi")).response;
    expect([streamed, put.text(), whole.text()]).toEqual(["Hello", "Hello", "Hello"]);
    expect(put.functionCalls()).toEqual(whole.functionCalls());
    expect(put.functionCalls()).toHaveLength(2);
    expect(put.candidates?.[0]?.finishReason).toBe(whole.candidates?.[0]?.finishReason as never);
    expect(put.usageMetadata).toEqual(whole.usageMetadata as never);
  });

  test("brings its history back in one piece", async () => {
    const seen: ParsedCall[] = [];
    const chat = older(
      { events: turnEvents([text("Hel", "lo"), tool("c1", "f", { a: 1 })], "tool") },
      seen,
    ).startChat();
    await (
      await chat.sendMessageStream("hi")
    ).response;
    await chat.sendMessage([{ functionResponse: { name: "f", response: { output: "x" } } }]);
    expect(seen[1]?.request.contents.slice(1)).toEqual([
      { role: "model", parts: [{ text: "Hello" }, { functionCall: { id: "c1", name: "f", args: { a: 1 } } }] },
      { role: "user", parts: [{ functionResponse: { id: "c1", name: "f", response: { output: "x" } } }] },
    ]);
  });

  test("never takes an answer that broke off for a complete one", async () => {
    const error = new GatewayError("unavailable", "cut");
    const { response } = await older({
      events: turnEvents([text("Hel", "lo")]),
      failure: { after: 3, error },
    }).generateContentStream("hi");
    expect(await response.catch((cause: unknown) => String(cause))).toContain("Failed to parse stream");
  });

  test("throws a blocked prompt", async () => {
    const { response } = await older({ events: turnEvents([], "filtered", { filter: "SAFETY" }) }).generateContent(
      "hi",
    );
    expect(() => response.text()).toThrow(/SAFETY/);
  });
});

describe("@ai-sdk/google", () => {
  const tools: ToolSet = { f: { inputSchema: jsonSchema({ type: "object" }) } };
  const providerOptions = { google: THOUGHTS };

  test.each(SCRIPTS.slice(0, 5))("reads a stream and a whole reply alike: %s", async (_, blocks, reason) => {
    const script = { events: turnEvents(blocks, reason) };
    const request = { model: vercel(script), prompt: "hi", tools, providerOptions };
    const streamed = streamText(request);
    await streamed.consumeStream();
    const whole = await generateText(request);
    expect(await streamed.text).toBe(whole.text);
    expect(await streamed.reasoningText).toBe(whole.reasoningText);
    expect(await streamed.finishReason).toBe(whole.finishReason);
    expect(await streamed.usage).toEqual(whole.usage);
    const inputs = (calls: readonly { toolName: string; input: unknown }[]) =>
      calls.map(({ toolName, input }) => [toolName, input]);
    expect(inputs(await streamed.toolCalls)).toEqual(inputs(whole.toolCalls));
    expect((await streamed.files).length).toBe(whole.files.length);
  });

  test("brings back thoughts, texts and calls with their signatures", async () => {
    const seen: ParsedCall[] = [];
    const blocks = [signed(thinking("h", "m")), signed(text("a", "b")), signed(tool("c1", "f", { a: 1 }), "b3RoZXI=")];
    const model = vercel({ events: turnEvents(blocks, "tool") }, seen);
    const first = streamText({ model, prompt: "hi", tools, providerOptions });
    await first.consumeStream();
    const { messages } = await first.response;
    const [call] = await first.toolCalls;
    const output = { type: "text" as const, value: "x" };
    const result = { type: "tool-result" as const, toolCallId: call?.toolCallId ?? "", toolName: "f", output };
    await generateText({
      model,
      tools,
      messages: [{ role: "user", content: "hi" }, ...messages, { role: "tool", content: [result] }],
    });
    expect(seen[1]?.losses).toEqual([]);
    expect(seen[1]?.request.contents[1]?.parts).toEqual([
      { text: "hm", thought: true, thoughtSignature: SIGNATURE },
      { text: "ab", thoughtSignature: SIGNATURE },
      { functionCall: { id: expect.any(String), name: "f", args: { a: 1 } }, thoughtSignature: "b3RoZXI=" },
    ]);
  });

  test("sees a failure in the middle of a stream", async () => {
    const error = new GatewayError("unavailable", "The answer was cut");
    const errors: unknown[] = [];
    const stream = streamText({
      model: vercel({ events: turnEvents([text("Hel", "lo")]), failure: { after: 3, error } }),
      prompt: "hi",
      onError: ({ error: cause }) => void errors.push(cause),
      maxRetries: 0,
    });
    await stream.consumeStream();
    expect(JSON.stringify(errors)).toContain("The answer was cut");
  });
});

const json = fc.dictionary(
  fc.string({ minLength: 1 }).filter((key) => key !== "__proto__"),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 4 },
);
const signature = fc.option(fc.base64String({ minLength: 4 }), { nil: undefined });
const pieces = fc.array(fc.string({ unit: "binary" }), { maxLength: 5 });
const block = fc
  .tuple(
    fc.oneof(
      pieces.map((deltas): BlockScript => text(...deltas)),
      pieces.map((deltas): BlockScript => thinking(...deltas)),
      fc.constant(image()),
      fc.constant(opaque({ executableCode: { language: "PYTHON", code: "1" } })),
      fc.tuple(fc.constantFrom("f", "g"), json).map(([name, args]) => tool("", name, args as JsonObject)),
    ),
    signature,
  )
  .map(([script, value]) => (value === undefined ? script : signed(script, value)));
const script = fc
  .array(block, { maxLength: 8 })
  .map((blocks) =>
    blocks.map((value, index): BlockScript =>
      value.head.kind === "tool" ? { ...value, head: { ...value.head, id: `call_${index}` } } : value,
    ),
  );

describe("any well-formed turn", () => {
  test("comes back as the same conversation, streamed and whole", async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.constantFrom("end", "length", "tool", "filtered"), async (blocks, reason) => {
        const answered = { events: turnEvents(blocks, reason) };
        const request = { model: "m", contents: "hi", config: THOUGHTS };
        const streamed: SdkContent[] = [];
        for await (const chunk of await genAi(answered).models.generateContentStream(request)) {
          streamed.push(chunk.candidates?.[0]?.content ?? {});
        }
        const whole = await genAi(answered).models.generateContent(request);
        expect(understood(streamed)).toEqual(understood([whole.candidates?.[0]?.content]));
      }),
      { numRuns: 100 },
    );
  });
});
