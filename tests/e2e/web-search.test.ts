import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Tool } from "@anthropic-ai/sdk/resources/messages";
import { GoogleGenAI } from "@google/genai";
import { searched, text, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { type Bench, type Mode, MODES, startBench } from "./support/bench.ts";
import { lastRequest } from "./support/wire.ts";

/** The one model of the strict server that searches. */
const SEARCHER = "gemini-2.5-flash";

const A = "https://a.example.test/pages?q=1";
const B = "https://b.example.test/";
const PASSAGES = [
  { text: "In Zürich 😀 it rains.", pages: [A, B] },
  { text: " By the way: nothing. " },
  { text: "東京は晴れ、", pages: [B] },
  { text: "cafe\u0301 👩‍👩‍👧 open", pages: [A] },
  { text: "." },
];
const TEXT = PASSAGES.map((passage) => passage.text).join("");
const CITED: Citation[] = PASSAGES.flatMap(({ text: said, pages = [] }) => pages.map((page): Citation => [said, page]));

const ANSWER = searched(PASSAGES, { queries: ["wetter Zürich", "天気"], deltas: 3, thinking: "Let me see." });

type Citation = [stretch: string, url: string];

/** An answer as its client has it: the text, and each stretch that a page supports, cut out by the client's own offsets. */
interface Read {
  text: string;
  cited: Citation[];
}

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

async function askMessages(model: string, mode: Mode): Promise<Read> {
  const params = {
    model,
    max_tokens: 2000,
    messages: [{ role: "user" as const, content: "Weather?" }],
    tools: [{ type: "web_search_20250305" as const, name: "web_search" as const }],
  };
  const { messages } = bench.anthropic();
  const { content, usage } =
    mode === "streamed" ? await messages.stream(params).finalMessage() : await messages.create(params);
  const found = content.flatMap((block) => (block.type === "web_search_tool_result" ? [block.content] : []));
  expect<unknown>(found).toMatchObject([[{ url: A }, { url: B }]]);
  expect(usage.server_tool_use?.web_search_requests).toBe(2);
  const texts = content.flatMap((block) => (block.type === "text" ? [block] : []));
  return {
    text: texts.map((block) => block.text).join(""),
    cited: texts.flatMap((block) =>
      (block.citations ?? []).flatMap((citation): Citation[] => {
        if (citation.type !== "web_search_result_location") return [];
        expect(citation.cited_text).toBe(block.text);
        return [[block.text, citation.url]];
      }),
    ),
  };
}

async function askChat(model: string, mode: Mode): Promise<Read> {
  const params = { model, messages: [{ role: "user" as const, content: "Weather?" }], web_search_options: {} };
  const { completions } = bench.openai().chat;
  const completion =
    mode === "streamed" ? await completions.stream(params).finalChatCompletion() : await completions.create(params);
  const { content, annotations = [] } = completion.choices[0]?.message ?? { content: null };
  const said = content ?? "";
  return {
    text: said,
    cited: annotations.map(({ url_citation: { start_index, end_index, url } }) => [
      said.slice(start_index, end_index),
      url,
    ]),
  };
}

async function askResponses(model: string, mode: Mode): Promise<Read> {
  const params = { model, input: "Weather?", tools: [{ type: "web_search" as const }] };
  const { responses } = bench.openai();
  const { output } =
    mode === "streamed" ? await responses.stream(params).finalResponse() : await responses.create(params);
  expect(output.some((item) => item.type === "web_search_call")).toBe(true);
  const texts = output
    .flatMap((item) => (item.type === "message" ? item.content : []))
    .flatMap((part) => (part.type === "output_text" ? [part] : []));
  return {
    text: texts.map((part) => part.text).join(""),
    cited: texts.flatMap((part) =>
      part.annotations.flatMap((annotation): Citation[] =>
        annotation.type === "url_citation"
          ? [[part.text.slice(annotation.start_index, annotation.end_index), annotation.url]]
          : [],
      ),
    ),
  };
}

async function askGemini(model: string, mode: Mode): Promise<Read> {
  const { models } = new GoogleGenAI({ apiKey: "sk-ag-test", httpOptions: { baseUrl: bench.url() } });
  const params = { model, contents: "Weather?", config: { tools: [{ googleSearch: {} }] } };
  const chunks = mode === "whole" ? [await models.generateContent(params)] : await models.generateContentStream(params);
  let said = "";
  let last;
  for await (const chunk of chunks) {
    said += chunk.text ?? "";
    last = chunk.candidates?.[0]?.groundingMetadata ?? last;
  }
  const bytes = Buffer.from(said);
  const { groundingSupports = [], groundingChunks = [] } = last ?? {};
  return {
    text: said,
    cited: groundingSupports.flatMap(({ segment, groundingChunkIndices = [] }) =>
      groundingChunkIndices.map((index): Citation => [
        bytes.subarray(segment?.startIndex ?? 0, segment?.endIndex).toString(),
        groundingChunks[index]?.web?.uri ?? "",
      ]),
    ),
  };
}

const CLIENTS = { messages: askMessages, chat: askChat, responses: askResponses, gemini: askGemini };

describe("a search that stands alone is answered with citations in the client's own form", () => {
  for (const [name, ask] of Object.entries(CLIENTS)) {
    for (const mode of MODES) {
      test.each([SEARCHER, GEMINI_3, CLAUDE])(`${name}, ${mode}, asked of %s`, async (model) => {
        bench.upstream.script([ANSWER]);
        expect(await ask(model, mode)).toEqual({ text: TEXT, cited: CITED });
        const { body } = bench.upstream.calls().at(-1) ?? {};
        expect(body).toMatchObject({ model: SEARCHER });
        expect<unknown>(lastRequest(bench.upstream).tools).toEqual([{ googleSearch: {} }]);
      });
    }
  }
});

const SEARCH = { type: "web_search_20250305", name: "web_search" };
const FUNCTION = { name: "get_weather", input_schema: { type: "object" } } as const satisfies Tool;

function post(fields: object, headers: Record<string, string> = {}): Promise<Response> {
  const body = { model: CLAUDE, max_tokens: 2000, messages: [{ role: "user", content: "Weather?" }], ...fields };
  return fetch(`${bench.url()}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": "sk-ag-test", ...headers },
    body: JSON.stringify(body),
  });
}

test("another model than asked for is named in the reply's headers, and refused where nothing may be lost", async () => {
  bench.upstream.script([ANSWER]);
  const reply = await post({ tools: [SEARCH] });
  expect(reply.headers.get("x-ag-model")).toBe(SEARCHER);
  expect(reply.headers.get("x-ag-loss")).toContain("tools");
  expect(await reply.json()).toMatchObject({ model: CLAUDE });

  const refused = await post({ tools: [SEARCH] }, { "x-ag-strict": "1" });
  expect(refused.status).toBe(400);
  expect(bench.upstream.calls().length).toBe(1);
});

describe("beside functions", () => {
  test("an offered search is left out and told as lost; the functions stay", async () => {
    bench.upstream.script([searched(PASSAGES)]);
    const reply = await post({ tools: [SEARCH, FUNCTION] });
    expect(reply.headers.get("x-ag-model")).toBe(CLAUDE);
    expect(reply.headers.get("x-ag-loss")).toContain("tools");
    expect(await reply.json()).toMatchObject({ content: [{ type: "text", text: TEXT, citations: null }] });
    expect<unknown>(lastRequest(bench.upstream).tools).toMatchObject([
      { functionDeclarations: [{ name: "get_weather" }] },
    ]);
  });

  const parameters = { type: "object" };
  const OTHERS: [path: string, body: object, lost: string][] = [
    [
      "/v1/chat/completions",
      {
        messages: [{ role: "user", content: "Weather?" }],
        web_search_options: {},
        tools: [{ type: "function", function: { name: "get_weather", parameters } }],
      },
      "web_search_options",
    ],
    [
      "/v1/responses",
      { input: "Weather?", tools: [{ type: "web_search" }, { type: "function", name: "get_weather", parameters }] },
      "tools",
    ],
    [
      `/v1beta/models/${SEARCHER}:generateContent`,
      {
        contents: [{ parts: [{ text: "Weather?" }] }],
        tools: [{ googleSearch: {} }, { functionDeclarations: [{ name: "get_weather", parameters }] }],
      },
      "tools[0].googleSearch",
    ],
  ];
  test.each(OTHERS)("so it is at %s", async (path, body, lost) => {
    const sent = path.includes(SEARCHER) ? body : { model: SEARCHER, ...body };
    const reply = await fetch(bench.url() + path, { method: "POST", body: JSON.stringify(sent) });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("x-ag-loss")).toStartWith(`${lost} (`);
    expect<unknown>(lastRequest(bench.upstream).tools).toMatchObject([
      { functionDeclarations: [{ name: "get_weather" }] },
    ]);
  });

  test("a search that the client insists on is made without them", async () => {
    bench.upstream.script([ANSWER]);
    const reply = await post({ tools: [SEARCH, FUNCTION], tool_choice: { type: "tool", name: "web_search" } });
    const { content } = (await reply.json()) as { content: { type: string }[] };
    expect(content.map(({ type }) => type).slice(0, 3)).toEqual([
      "thinking",
      "server_tool_use",
      "web_search_tool_result",
    ]);
    expect<unknown>(lastRequest(bench.upstream).tools).toEqual([{ googleSearch: {} }]);
  });
});

test("a search that the client insists on and that does not come is a failed one", async () => {
  bench.upstream.script([turn(text("From memory: rain."))]);
  const reply = await post({ tools: [SEARCH], tool_choice: { type: "tool", name: "web_search" } });
  expect(await reply.json()).toMatchObject({
    content: [
      { type: "server_tool_use", name: "web_search" },
      { type: "web_search_tool_result", content: { type: "web_search_tool_result_error", error_code: "unavailable" } },
      { type: "text", text: "From memory: rain." },
    ],
  });
});

test("so it is for a Responses client, whole and streamed", async () => {
  const body = {
    model: SEARCHER,
    input: "rain?",
    tools: [{ type: "web_search" }],
    tool_choice: { type: "web_search" },
  };
  for (const stream of [false, true]) {
    bench.upstream.script([turn(text("From memory: rain."))]);
    const reply = await bench.openai().responses.create({ ...body, stream } as never);
    const output = stream
      ? (await Array.fromAsync(reply as never as AsyncIterable<{ response?: { output: unknown } }>)).at(-1)?.response
          ?.output
      : (reply as { output: unknown }).output;
    expect(output).toMatchObject([{ type: "message" }, { type: "web_search_call", status: "failed" }]);
  }
});

test("a searched answer comes back in the next turn without a loss", async () => {
  bench.upstream.script([ANSWER, turn(text("Bye."))]);
  const first = (await (await post({ tools: [SEARCH], model: SEARCHER })).json()) as { content: unknown };
  const messages = [
    { role: "user", content: "Weather?" },
    { role: "assistant", content: first.content },
    { role: "user", content: "Thanks." },
  ];
  const reply = await post({ model: SEARCHER, messages }, { "x-ag-strict": "1" });
  expect(await reply.json()).toMatchObject({ content: [{ type: "text", text: "Bye." }] });
  const spoken = (lastRequest(bench.upstream).contents?.[1]?.parts ?? []).map((part) => part.text ?? "").join("");
  expect(spoken).toContain(TEXT);
  expect(spoken).toContain(A);
});
