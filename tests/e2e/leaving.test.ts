import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { JsonObject } from "../../src/lib/json.ts";
import {
  type Answer,
  type CloudCodeServer,
  image,
  pause,
  startCloudCode,
  text,
  turn,
} from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS } from "../support/cloudcode/samples.ts";
import { BINARY, startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "./support/scene.ts";

/** What each account may do at once; more clients than that have left before somebody is served again. */
const SLOTS = 2;
const LEAVING = 3 * SLOTS;

let upstream: CloudCodeServer;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startCloudCode();
  const config = { scheduling: { maxConcurrentPerAccount: SLOTS } };
  gateway = await startGateway(upstream, { config, mediaFromLoopback: true });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});
beforeEach(() => upstream.reset());

const never = pause(new Promise(() => {}));
const BEGUN = turn([text("{"), never]);
const DRAFTED = turn([image("AAAA", { draft: true }), never]);
const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const asked = [{ role: "user", content: "Where?" }];
const answerFormat = { type: "json_schema", json_schema: { name: "place", schema: SCHEMA } };
const search = { type: "web_search_20250305", name: "web_search" };

interface Left {
  path: string;
  body: JsonObject;
  answers: readonly Answer[];
  method?: string;
}

const chat = { path: "/v1/chat/completions", body: { model: GPT_OSS, messages: asked } };
const checked = { ...chat, body: { ...chat.body, response_format: answerFormat } };
const pictures = { path: "/v1/images/generations", body: { prompt: "a boat", n: 3 }, answers: [DRAFTED, DRAFTED] };
const searching = {
  path: "/v1/messages",
  body: { model: GEMINI_25, max_tokens: 100, messages: asked, tools: [search] },
  answers: [BEGUN],
};

/** `answers`: to the calls that are made until the client leaves; the last ones never end. */
const ROWS: Record<string, Left> = {
  "a checked answer": { ...checked, answers: [BEGUN] },
  "a checked answer for the second time": { ...checked, answers: [turn([text("no JSON")]), BEGUN] },
  "more pictures than there are slots": pictures,
  "prompts one after the other": {
    path: "/v1/completions",
    body: { model: GEMINI_3, prompt: ["a", "b"] },
    answers: [turn([text("one")]), BEGUN],
  },
  "a searched answer": searching,
  "an answer of the Responses API": {
    path: "/v1/responses",
    body: { model: CLAUDE, input: "Where?" },
    answers: [BEGUN],
  },
  "a count": {
    path: "/v1/messages/count_tokens",
    body: { model: CLAUDE, messages: asked },
    answers: [BEGUN],
    method: "countTokens",
  },
};

for (const [what, { path, body, answers, method }] of Object.entries(ROWS)) {
  for (const stream of method === undefined ? [false, true] : [false]) {
    test(`${what}${stream ? ", streamed" : ""}: a client that leaves ends it upstream and frees its slots`, async () => {
      const modelCalls = () => upstream.log.filter((entry) => /generateContent|countTokens/i.test(entry.method));
      for (let client = 1; client <= LEAVING; client++) {
        upstream.script(answers, method === undefined ? {} : { method });
        const leaving = new AbortController();
        const request = { method: "POST", body: JSON.stringify(stream ? { ...body, stream } : body) };
        const reply = fetch(gateway.url + path, { ...request, signal: leaving.signal }).then((head) => head.text());
        reply.catch(() => {}); // it is broken off below
        await until(() => modelCalls().length === client * answers.length);
        leaving.abort();
        await until(() => modelCalls().every(({ outcome }) => outcome !== undefined));
      }
      const brokenOff = modelCalls().filter(({ closedByClient }) => closedByClient);
      expect(brokenOff.length).toBe(
        LEAVING * answers.filter((answer) => answer === BEGUN || answer === DRAFTED).length,
      );
      const next = await fetch(gateway.url + chat.path, { method: "POST", body: JSON.stringify(chat.body) });
      expect([next.status, modelCalls().length, upstream.refusals()]).toEqual([200, LEAVING * answers.length + 1, []]);
    });
  }
}

// A compiled gateway fetches from public addresses alone, of which there are none in a test.
test.skipIf(BINARY !== undefined)(
  "a client that leaves while its files are fetched ends that, and no model is asked",
  async () => {
    let begun = 0;
    let ended = 0;
    await using files = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        begun++;
        request.signal.addEventListener("abort", () => ended++);
        return new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) }));
      },
    });
    const content = [1, 2, 3].map((file) => ({
      type: "image_url",
      image_url: { url: `http://127.0.0.1:${files.port}/${file}.png` },
    }));
    const body = JSON.stringify({ model: GEMINI_3, messages: [{ role: "user", content }], stream: true });
    const leaving = new AbortController();
    const reply = fetch(gateway.url + chat.path, { method: "POST", body, signal: leaving.signal });
    reply.catch(() => {}); // it is broken off below
    await until(() => begun === 3);
    leaving.abort();
    await until(() => ended === 3);
    expect(upstream.calls()).toEqual([]);
  },
);
