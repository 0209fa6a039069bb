import { describe, expect, test } from "bun:test";
import { createOpenAI } from "@ai-sdk/openai";
import { streamText } from "ai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { collect, context, text, thinking, turnEvents } from "../../support/turn-script.ts";
import { parseWith, payloads } from "./support.ts";

const SEARCH = { web_search_options: {} };

const FIRST = "In Zürich 😀 it rains. ";
const SECOND = "東京 is dry.";
const IMAGE = { head: { kind: "media" as const, mimeType: "image/png", data: "AAAA" } };
const at = Buffer.byteLength(FIRST);
const GROUNDING = {
  webSearchQueries: ["weather"],
  groundingChunks: [{ web: { uri: "https://a.test/", title: "A" } }, { web: { uri: "https://b.test/" } }],
  groundingSupports: [
    { segment: { endIndex: at - 1 }, groundingChunkIndices: [0, 1] },
    { segment: { startIndex: at, endIndex: at + Buffer.byteLength(SECOND) }, groundingChunkIndices: [1] },
  ],
};

function grounded(events: readonly TurnEvent[], grounding: JsonObject = GROUNDING): TurnEvent[] {
  return events.map((event) => (event.type === "turn-end" ? { ...event, meta: { grounding } } : event));
}

const ANSWER = grounded(
  turnEvents([thinking("hm"), text(FIRST.slice(0, 9), FIRST.slice(9)), IMAGE, thinking("ah"), text(SECOND)], "end"),
);

interface Citation {
  type: string;
  url_citation: { start_index: number; end_index: number; url: string; title: string };
}
interface Message {
  content: string;
  annotations?: Citation[];
}

function whole(events: readonly TurnEvent[], fields: JsonObject): Message {
  const reply: unknown = parseWith(fields).reply.whole(collect(events), context());
  return (reply as { choices: { message: Message }[] }).choices[0]?.message ?? { content: "" };
}

const stream = (events: readonly TurnEvent[], fields: JsonObject) =>
  parseWith(fields).reply.stream(context()).push(events);

/** The pieces of the client's own text that the annotations point at. */
function cited({ content, annotations = [] }: Message): [string, string, string][] {
  return annotations.map(({ url_citation: { start_index, end_index, url, title } }) => [
    content.slice(start_index, end_index),
    url,
    title,
  ]);
}

const CITED: [string, string, string][] = [
  ["In Zürich 😀 it rains.", "https://a.test/", "A"],
  ["In Zürich 😀 it rains.", "https://b.test/", "https://b.test/"],
  ["東京 is dry.", "https://b.test/", "https://b.test/"],
];

describe("annotations", () => {
  test("point at the stretch of the client's own content that a page supports, media in between included", () => {
    const message = whole(ANSWER, SEARCH);
    expect(message.annotations?.every(({ type }) => type === "url_citation")).toBe(true);
    expect(cited(message)).toEqual(CITED);
  });

  test("come in one chunk before the finish reason", () => {
    const frames = payloads(stream(ANSWER, SEARCH)) as { choices: { delta: JsonObject; finish_reason: unknown }[] }[];
    const choices = frames.flatMap((frame) => frame.choices ?? []);
    const index = choices.findIndex(({ delta }) => "annotations" in delta);
    expect<unknown>(choices[index]).toEqual({
      index: 0,
      delta: { annotations: whole(ANSWER, SEARCH).annotations },
      finish_reason: null,
    });
    expect<unknown>(choices.slice(index + 1)).toEqual([{ index: 0, delta: {}, finish_reason: "stop" }]);
  });

  test("stream as these frames", () => {
    const golden = readFileSync(join(import.meta.dir, "../../fixtures/openai-chat/cited-search.reply.txt"), "utf8");
    expect(stream(ANSWER, SEARCH)).toBe(golden);
  });

  test.each<[string, JsonObject, readonly TurnEvent[]]>([
    ["no search was asked for", {}, ANSWER],
    ["nothing was searched for", SEARCH, turnEvents([text("A")], "end")],
    ["no stretch is supported", SEARCH, grounded(turnEvents([text("A")], "end"), { webSearchQueries: ["q"] })],
  ])("are left out when %s", (_, fields, events) => {
    expect(whole(events, fields)).not.toHaveProperty("annotations");
    expect(stream(events, fields)).not.toContain("annotations");
  });

  test("reach the official client, streamed and whole", async () => {
    const openai = new OpenAI({
      apiKey: "sk-ag-test",
      baseURL: "http://gateway.test/v1",
      maxRetries: 0,
      fetch: async (_url, init) => {
        const isStream = JSON.parse(String(init?.body)).stream === true;
        if (isStream) return new Response(stream(ANSWER, SEARCH), { headers: { "content-type": "text/event-stream" } });
        return Response.json(parseWith(SEARCH).reply.whole(collect(ANSWER), context()));
      },
    });
    const request = { model: "m", messages: [{ role: "user" as const, content: "hello" }] };
    const read = await openai.chat.completions.create(request);
    const streamed = await openai.chat.completions.stream(request).finalChatCompletion();
    for (const { choices } of [read, streamed]) expect(cited(choices[0]?.message as Message)).toEqual(CITED);
  });

  test("reach the AI SDK as sources", async () => {
    const openai = createOpenAI({
      apiKey: "sk-ag-test",
      fetch: Object.assign(
        async () => new Response(stream(ANSWER, SEARCH), { headers: { "content-type": "text/event-stream" } }),
        { preconnect() {} },
      ),
    });
    const sources = await streamText({ model: openai.chat("m"), prompt: "hello" }).sources;
    expect(sources.map((source) => (source.sourceType === "url" ? [source.url, source.title] : []))).toEqual(
      CITED.map(([, url, title]) => [url, title]),
    );
  });
});

describe("the hosted tool", () => {
  test("carries its domains, and what it cannot do is a loss", () => {
    const tool = {
      type: "web_search",
      filters: { allowed_domains: ["a.test", 7, ""] },
      search_context_size: "high",
      user_location: { type: "approximate" },
    };
    const { request, losses } = parseWith({ tools: [tool] });
    expect(request.webSearch).toEqual({ allowedDomains: ["a.test"] });
    expect(losses.map(({ field }) => field)).toEqual(["tools[0].search_context_size", "tools[0].user_location"]);
  });

  test("is forced when a call is required and nothing else can be called", () => {
    const forced = (fields: JsonObject) => parseWith({ tool_choice: "required", ...fields }).request.webSearch;
    expect(forced({ tools: [{ type: "web_search" }] })).toEqual({ forced: true });
    expect(forced(SEARCH)).toEqual({ forced: true });
    expect(forced({ tools: [{ type: "web_search" }, { type: "function", function: { name: "f" } }] })).toEqual({});
  });
});
