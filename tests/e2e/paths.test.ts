import { afterAll, beforeAll, expect, test } from "bun:test";
import { GEMINI_3 } from "../support/cloudcode/samples.ts";
import { type Bench, startBench } from "./support/bench.ts";

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());

const messages = [{ role: "user", content: "Hi" }];
const model = GEMINI_3;

/** What comes of base addresses that end in a slash, lack their version or have it twice. */
const SLIPS: [path: string, body: object][] = [
  ["//v1/messages", { model, messages, max_tokens: 50 }],
  ["/v1//messages", { model, messages, max_tokens: 50 }],
  ["/v1/v1/messages?beta=true", { model, messages, max_tokens: 50 }],
  ["/messages", { model, messages, max_tokens: 50 }],
  ["//v1/chat/completions", { model, messages }],
  ["/v1//chat/completions", { model, messages }],
  ["/chat/completions/", { model, messages }],
  ["/v1//responses", { model, input: "Hi" }],
  ["/responses", { model, input: "Hi" }],
  ["/v1/v1/completions", { model, prompt: "Hi" }],
  [`/v1beta//models/${model}:generateContent`, { contents: [{ parts: [{ text: "Hi" }] }] }],
  [`//v1beta/models/${model}:generateContent`, { contents: [{ parts: [{ text: "Hi" }] }] }],
];

test.each(SLIPS)("POST %s is answered all the same", async (path, body) => {
  const reply = await fetch(bench.url() + path, { method: "POST", body: JSON.stringify(body) });
  expect([reply.status, await reply.text()]).toEqual([200, expect.stringContaining("pong: Hi")]);
});

test.each(["/models", "/v1//models", "//v1/models", "/v1/v1/models/", "/v1beta//models"])(
  "GET %s lists",
  async (path) => {
    const reply = await fetch(bench.url() + path);
    expect([reply.status, await reply.text()]).toEqual([200, expect.stringContaining(model)]);
  },
);
