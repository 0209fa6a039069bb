import { createAnthropic } from "@ai-sdk/anthropic";
import type Anthropic from "@anthropic-ai/sdk";
import { streamText } from "ai";
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { refusalOf } from "../../support/refusal.ts";
import {
  collected,
  CONTEXT,
  parse,
  parseMessages,
  partsOf,
  readFrames,
  readWithBetaSdk,
  readWithSdk,
  turnEvents,
} from "./support.ts";

const SEARCH = { type: "web_search_20250305", name: "web_search" };
const WEATHER = { name: "get_weather", input_schema: { type: "object" } };
const OFFERED = { tools: [SEARCH], thinking: { type: "adaptive" } };
const FORCED = { ...OFFERED, tool_choice: { type: "tool", name: "web_search" } };

const bytes = (text: string) => Buffer.byteLength(text);

/** A source's support for `segment` of `text`, in upstream's count. */
function support(text: string, segment: string, ...groundingChunkIndices: number[]): JsonObject {
  const start = bytes(text.slice(0, text.indexOf(segment)));
  return {
    segment: { ...(start > 0 && { startIndex: start }), endIndex: start + bytes(segment), text: segment },
    groundingChunkIndices,
  };
}

const TEXT = "In Zürich 😀 it rains. 東京 is dry. That is all.";
const GROUNDING = {
  webSearchQueries: ["weather Zürich", "weather Tokyo"],
  groundingChunks: [
    { web: { uri: "https://a.test/", title: "A" } },
    { web: { uri: "https://b.test/" } },
    { web: { uri: "https://a.test/", title: "A" } },
  ],
  groundingSupports: [support(TEXT, "In Zürich 😀 it rains.", 0, 1, 2), support(TEXT, "東京 is dry.", 1)],
};

function grounded(events: readonly TurnEvent[], grounding: JsonObject = GROUNDING): TurnEvent[] {
  return events.map((event) => (event.type === "turn-end" ? { ...event, meta: { grounding } } : event));
}

const ANSWER = turnEvents([
  { kind: "thinking", deltas: ["I ", "search"], signature: "S" },
  { kind: "text", deltas: [TEXT.slice(0, 7), TEXT.slice(7, 20), TEXT.slice(20)] },
]);

const location = (url: string, title: string, cited_text: string) => ({
  type: "web_search_result_location",
  url,
  title,
  cited_text,
  encrypted_index: "",
});
const result = (url: string, title: string) => ({
  type: "web_search_result",
  url,
  title,
  encrypted_content: "",
  page_age: null,
});
const caller = { type: "direct" };
const ID = "srvtoolu_0123456789abcdefghijklmn";
const called = (query: string) => ({ type: "server_tool_use", id: ID, name: "web_search", input: { query }, caller });
const failed = {
  type: "web_search_tool_result",
  tool_use_id: ID,
  content: { type: "web_search_tool_result_error", error_code: "unavailable" },
  caller,
};
const plain = (text: string) => ({ type: "text", text, citations: null });

const CITED = [
  { type: "thinking", thinking: "I search", signature: "S" },
  called("weather Zürich; weather Tokyo"),
  {
    type: "web_search_tool_result",
    tool_use_id: ID,
    content: [result("https://a.test/", "A"), result("https://b.test/", "https://b.test/")],
    caller,
  },
  {
    type: "text",
    text: "In Zürich 😀 it rains.",
    citations: [
      location("https://a.test/", "A", "In Zürich 😀 it rains."),
      location("https://b.test/", "https://b.test/", "In Zürich 😀 it rains."),
    ],
  },
  plain(" "),
  { type: "text", text: "東京 is dry.", citations: [location("https://b.test/", "https://b.test/", "東京 is dry.")] },
  plain(" That is all."),
];

const whole = (events: readonly TurnEvent[], fields: Record<string, unknown>): unknown =>
  parse(fields).reply.whole(collected(events), CONTEXT);
const content = (events: readonly TurnEvent[], fields: Record<string, unknown>): unknown =>
  parse(fields).reply.whole(collected(events), CONTEXT)["content"];
const stream = (events: readonly TurnEvent[], fields: Record<string, unknown>) =>
  parse(fields).reply.stream(CONTEXT).push(events);

describe("an answer that was searched for", () => {
  test("names the search, what it found and which stretch rests on what", () => {
    expect(whole(grounded(ANSWER), OFFERED)).toMatchObject({
      content: CITED,
      usage: { server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 } },
      stop_reason: "end_turn",
    });
  });

  test("is the same streamed, to both accumulators of the SDK, in whatever batches it comes", async () => {
    const events = grounded(ANSWER);
    const expected = whole(events, OFFERED);
    const encoder = parse(OFFERED).reply.stream(CONTEXT);
    const apart = events.map((event) => encoder.push([event]) + encoder.keepAlive()).join("");
    for (const frames of [stream(events, OFFERED), apart]) {
      expect(await readWithSdk(frames)).toEqual(expected);
      expect(await readWithBetaSdk(frames)).toEqual(expected);
    }
  });

  test("streams as these frames", () => {
    const golden = readFileSync(join(import.meta.dir, "../../fixtures/anthropic/cited-search.reply.txt"), "utf8");
    expect(stream(grounded(ANSWER), OFFERED)).toBe(golden);
  });

  test("thinking flows on while the answer waits for the search to be told", () => {
    const encoder = parse(OFFERED).reply.stream(CONTEXT);
    const types = grounded(ANSWER).map((event) => readFrames(encoder.push([event])).map(({ type }) => type));
    expect(types.slice(0, -1)).toEqual([
      ["message_start"],
      [],
      ["content_block_start", "content_block_delta"],
      ["content_block_delta"],
      ["content_block_delta", "content_block_stop"],
      [],
      [],
      [],
      [],
      [],
    ]);
    expect(types.at(-1)?.slice(-2)).toEqual(["message_delta", "message_stop"]);
  });

  test("keeps the order of what follows the first text", async () => {
    const events = grounded(
      turnEvents([
        { kind: "text" },
        { kind: "thinking", deltas: ["A"] },
        { kind: "opaque", part: null },
        { kind: "text", deltas: ["é1"] },
        { kind: "thinking", deltas: ["B"], signature: "S" },
        { kind: "media", mimeType: "image/png", data: "AAAA" },
        { kind: "text", deltas: ["é", "2"] },
      ]),
      {
        webSearchQueries: ["q"],
        groundingChunks: [{ web: { uri: "https://a.test/", title: "A" } }],
        groundingSupports: [{ segment: { startIndex: 2, endIndex: 5 }, groundingChunkIndices: [0] }],
      },
    );
    const expected = whole(events, OFFERED);
    expect(content(events, OFFERED)).toMatchObject([
      { type: "thinking", thinking: "A" },
      { type: "server_tool_use" },
      { type: "web_search_tool_result" },
      { text: "é", citations: null },
      { text: "1", citations: [{ cited_text: "1" }] },
      { type: "thinking", thinking: "B" },
      { text: "![image](data:image/png;base64,AAAA)" },
      { text: "é", citations: [{ cited_text: "é" }] },
      { text: "2", citations: null },
    ]);
    expect(await readWithSdk(stream(events, OFFERED))).toEqual(expected);
  });

  test("an answer that found nothing is a failed search, not one without results", async () => {
    const events = grounded(ANSWER, { webSearchQueries: ["q"] });
    const expected = whole(events, OFFERED);
    expect(content(events, OFFERED)).toEqual([CITED[0], called("q"), failed, plain(TEXT)]);
    expect(await readWithSdk(stream(events, OFFERED))).toEqual(expected);
  });

  test("pages without a query count as one search", () => {
    const events = grounded(ANSWER, { groundingChunks: GROUNDING.groundingChunks });
    expect(whole(events, OFFERED)).toMatchObject({ usage: { server_tool_use: { web_search_requests: 1 } } });
  });
});

test("the AI SDK finds the pages and the cited sources in a stream", async () => {
  const anthropic = createAnthropic({
    apiKey: "sk-ag-test",
    fetch: Object.assign(
      async () => new Response(stream(grounded(ANSWER), OFFERED), { headers: { "content-type": "text/event-stream" } }),
      { preconnect() {} },
    ),
  });
  const answer = streamText({
    model: anthropic("m"),
    maxOutputTokens: 100,
    prompt: "hello",
    tools: { web_search: anthropic.tools.webSearch_20250305() },
  });
  expect(await answer.text).toBe(TEXT);
  const [found] = await answer.toolResults;
  expect<unknown>(found?.output).toMatchObject([{ url: "https://a.test/", title: "A" }, { url: "https://b.test/" }]);
  const urls = (await answer.sources).flatMap((source) => (source.sourceType === "url" ? [source.url] : []));
  expect([...new Set(urls)]).toEqual(["https://a.test/", "https://b.test/"]);
  expect(await answer.finishReason).toBe("stop");
});

describe("an answer that was not searched for", () => {
  test("is plain when searching was the model's choice", async () => {
    const expected = whole(ANSWER, OFFERED);
    expect(expected).toMatchObject({ content: [CITED[0], plain(TEXT)], usage: { server_tool_use: null } });
    expect(await readWithSdk(stream(ANSWER, OFFERED))).toEqual(expected);
  });

  test.each([
    ["named by tool_choice", FORCED],
    ["the only tool of a client that wants any", { ...OFFERED, tool_choice: { type: "any" } }],
    ["named by tool_choice beside functions", { ...FORCED, tools: [WEATHER, SEARCH] }],
    [
      "the command of the only message",
      { ...OFFERED, messages: [{ role: "user", content: "Perform a web search for: x" }] },
    ],
  ])("is a failed search when the search was %s", async (_, fields) => {
    expect(parse(fields).request.webSearch?.forced).toBe(true);
    const expected = whole(ANSWER, fields);
    expect(content(ANSWER, fields)).toEqual([CITED[0], called(""), failed, plain(TEXT)]);
    expect(await readWithSdk(stream(ANSWER, fields))).toEqual(expected);
  });

  test("a forced search without any answer fails all the same", async () => {
    const events = turnEvents([{ kind: "thinking", deltas: ["A"] }]);
    const expected = whole(events, FORCED);
    expect(content(events, FORCED)).toMatchObject([{ type: "thinking" }, called(""), failed]);
    expect(await readWithSdk(stream(events, FORCED))).toEqual(expected);
  });
});

describe("a request that cannot be searched for", () => {
  test.each([
    ["no search tool", {}],
    ["tool_choice none", { ...OFFERED, tool_choice: { type: "none" } }],
    ["functions beside the search", { ...OFFERED, tools: [SEARCH, WEATHER] }],
    ["functions beside the search, and any of them wanted", { tools: [SEARCH, WEATHER], tool_choice: { type: "any" } }],
  ])("%s: nothing is held back and no grounding makes a search", (_, fields) => {
    const encoder = parse({ thinking: { type: "adaptive" }, ...fields }).reply.stream(CONTEXT);
    const types = grounded(ANSWER).map((event) => readFrames(encoder.push([event])).map(({ type }) => type));
    expect(types[6]).toEqual(["content_block_start", "content_block_delta"]);
    const written = content(grounded(ANSWER), { thinking: { type: "adaptive" }, ...fields });
    expect(written).toEqual([CITED[0], plain(TEXT)]);
  });
});

test("a failure gives out what was held, then the error", () => {
  const encoder = parse(OFFERED).reply.stream(CONTEXT);
  encoder.push(ANSWER.slice(0, 8));
  const frames = readFrames(encoder.fail(new GatewayError("unavailable", "Upstream broke off")));
  expect(frames.map(({ type }) => type)).toEqual([
    "content_block_start",
    "content_block_delta",
    "content_block_delta",
    "error",
  ]);
});

describe("the tool", () => {
  test("its domains are carried over, blank ones left out", () => {
    const tools = [{ ...SEARCH, allowed_domains: ["a.test", " "], blocked_domains: ["b.test"] }];
    const { request, losses } = parse({ tools });
    expect(request.webSearch).toEqual({ allowedDomains: ["a.test"] });
    expect(losses.map(({ field }) => field)).toEqual(["tools[0].blocked_domains"]);
  });

  test("domains of the wrong shape are refused by name", () => {
    const refused = (allowed_domains: unknown) => refusalOf(() => parse({ tools: [{ ...SEARCH, allowed_domains }] }));
    expect(refused("a.test").detail.field).toBe("tools[0].allowed_domains");
    expect(refused([7]).detail.field).toBe("tools[0].allowed_domains[0]");
  });

  test("a question that only speaks of searching forces nothing", () => {
    for (const content of ["How do I perform a web search?", "Hello"]) {
      const { request } = parse({ ...OFFERED, messages: [{ role: "user", content }] });
      expect(request.webSearch).toEqual({});
    }
  });
});

describe("a search that comes back in the history", () => {
  test("keeps the answer and the names of its pages, and nothing is lost", async () => {
    const message = (await readWithSdk(stream(grounded(ANSWER), OFFERED))) as Anthropic.Message;
    const { request, losses } = parseMessages(
      { role: "user", content: "Q" },
      { role: "assistant", content: message.content },
      { role: "user", content: "And now?" },
    );
    expect(losses).toEqual([]);
    expect(request.contents[1]?.parts).toEqual([
      { text: "I search", thought: true, thoughtSignature: "S" },
      { text: "A\nhttps://a.test/\nhttps://b.test/" },
      { text: "In Zürich 😀 it rains." },
      { text: " " },
      { text: "東京 is dry." },
      { text: " That is all." },
    ]);
  });

  test("leaves nothing behind when it failed", () => {
    expect(partsOf([called("q"), failed, plain("A")], "assistant")).toEqual([{ text: "A" }]);
  });

  test("is told as a loss when its pages are encrypted", () => {
    const content = [{ ...result("https://a.test/", "A"), encrypted_content: "xyz" }];
    const { losses } = parseMessages(
      { role: "user", content: "Q" },
      { role: "assistant", content: [called("q"), { ...failed, content }] },
      { role: "user", content: "R" },
    );
    expect(losses.map(({ field }) => field)).toEqual(["messages[1].content[1]"]);
  });
});
