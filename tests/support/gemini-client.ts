import { expect } from "bun:test";
import { type GenerateContentResponse, GoogleGenAI, type Part } from "@google/genai";
import type { StopReason } from "../../src/core/turn.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { gemini } from "../../src/protocols/gemini/index.ts";
import { type Client, eventsIn, known, type Reading, withoutCallIds } from "./clients.ts";
import { richGemini } from "./rich-requests.ts";

const HOST = "gemini-client.test";
const replies = new Map<string, Response>();
let requests = 0;

/** The SDK takes no `fetch` of its own: what it asks of this one host is answered from here, everything else as ever. */
const realFetch = globalThis.fetch;
globalThis.fetch = Object.assign(
  (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const { hostname, pathname } = new URL(input instanceof Request ? input.url : input);
    if (hostname !== HOST) return realFetch(input, init);
    const id = pathname.split("/")[1] ?? "";
    const reply = replies.get(id);
    if (!reply) throw new Error(`no reply for ${pathname}`);
    replies.delete(id);
    return Promise.resolve(reply);
  },
  { preconnect: realFetch.preconnect },
);

/** The SDK, as if this were the answer to its next request. */
export function genAiAnswered(reply: Response): GoogleGenAI {
  const id = String(++requests);
  replies.set(id, reply);
  return new GoogleGenAI({ apiKey: "AIza-test", httpOptions: { baseUrl: `http://${HOST}/${id}` } });
}

const REASONS: Readonly<Record<string, StopReason>> = { STOP: "end", MAX_TOKENS: "length", OTHER: "end" };
const FILTERED = /SAFETY|PROHIBITED|BLOCKLIST|SPII|RECITATION|ARMOR/;
const MODEL = "gemini-3-flash";

export const geminiClient: Client = {
  protocol: gemini,
  path: `/v1beta/models/${MODEL}:generateContent`,
  streamPath: `/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`,
  address: (stream) => ({
    model: MODEL,
    method: stream ? "streamGenerateContent" : "generateContent",
    query: new URLSearchParams(stream ? { alt: "sse" } : {}),
  }),
  rich: richGemini,
  limit: (tokens) => ({ generationConfig: { maxOutputTokens: tokens } }),
  terminator: /"finishReason":"/,
  request: (thinking, { stream: _, ...fields }) => ({
    contents: [{ role: "user", parts: [{ text: "Hello" }] }],
    generationConfig: { thinkingConfig: { includeThoughts: thinking === "shown" } },
    ...fields,
  }),
  async readStream(reply) {
    const stream = await genAiAnswered(reply).models.generateContentStream({ model: MODEL, contents: "Hello" });
    const chunks: GenerateContentResponse[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return readingOf(chunks);
  },
  async readWhole(reply) {
    return readingOf([await genAiAnswered(reply).models.generateContent({ model: MODEL, contents: "Hello" })]);
  },
  checkOrder(frames, outcome) {
    const documents = eventsIn(frames).map(({ data }) => JSON.parse(data) as JsonObject);
    const kinds = documents.map((document) => {
      if ("error" in document) return "error";
      return /"finishReason"|"blockReason"/.test(JSON.stringify(document["candidates"] ?? document))
        ? "finish"
        : "chunk";
    });
    const orders = { complete: /^(chunk )*finish$/, failed: /^(chunk )*error$/ };
    expect(kinds.join(" ")).toMatch(orders[outcome]);
    if (outcome === "failed") this.checkError(documents.at(-1));
  },
  checkError(body) {
    const error = {
      code: expect.any(Number),
      message: expect.stringMatching(/./),
      status: expect.stringMatching(/^[A-Z_]+$/),
    };
    expect(body).toMatchObject({ error });
  },
};

function readingOf(chunks: readonly GenerateContentResponse[]): Reading {
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
  const last = chunks.at(-1);
  const reason = last?.candidates?.[0]?.finishReason ?? (last?.promptFeedback ? "SAFETY" : undefined);
  const usage = last?.usageMetadata;
  // Parts of kinds that nobody knows come through as they are, and may look like anything.
  const calls = parts.flatMap(({ functionCall }) => {
    if (typeof functionCall !== "object") return [];
    const { id = "", name = "", args = {} } = functionCall;
    return [{ id, name, args: args as JsonObject }];
  });
  const text = parts.map((part) => (part.thought ? "" : visible(part))).join("");
  const thinking = parts.map((part) => (part.thought && typeof part.text === "string" ? part.text : "")).join("");
  const signatures = parts.flatMap((part) => part.thoughtSignature ?? []);
  return {
    exact: withoutCallIds({ text, thinking, calls, signatures, reason, usage }),
    heard: {
      text,
      thinking,
      calls,
      reason: reasonOf(String(reason), calls.length > 0),
      usage: {
        input: (usage?.promptTokenCount ?? 0) + (usage?.toolUsePromptTokenCount ?? 0),
        cachedInput: usage?.cachedContentTokenCount ?? 0,
        output: (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
        thinking: usage?.thoughtsTokenCount ?? 0,
      },
    },
  };
}

/** The protocol has no word for a turn that ends with calls. */
function reasonOf(reason: string, isCalling: boolean): StopReason {
  if (FILTERED.test(reason)) return "filtered";
  return isCalling ? "tool" : known(REASONS[reason]);
}

/** As the other protocols show it. */
function visible({ text, inlineData }: Part): string {
  if (typeof text === "string") return text;
  return typeof inlineData?.data === "string" ? `![image](data:${inlineData.mimeType};base64,${inlineData.data})` : "";
}
