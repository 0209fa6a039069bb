import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/lib/json.ts";
import { image, turn } from "../support/cloudcode/index.ts";
import { GEMINI_3, IMAGE } from "../support/cloudcode/samples.ts";
import { type Bench, startBench } from "./support/bench.ts";

const messages = [{ role: "user", content: "Hi" }];
const contents = [{ role: "user", parts: [{ text: "Hi" }] }];
const model = GEMINI_3;

/** One field of each protocol that cannot be honoured, and how the refusal names it. */
const ROWS: readonly [path: string, body: JsonObject, field: string, named: (field: string) => object][] = [
  ["/v1/chat/completions", { model, messages, logit_bias: { "1": 5 } }, "logit_bias", (param) => ({ param })],
  ["/v1/responses", { model, input: "Hi", truncation: "auto" }, "truncation", (param) => ({ param })],
  ["/v1/completions", { model, prompt: "Hi", logprobs: 2 }, "logprobs", (param) => ({ param })],
  [
    "/v1/images/generations",
    { model: IMAGE, prompt: "Hi", background: "transparent" },
    "background",
    (param) => ({ param }),
  ],
  ["/v1/messages", { model, messages, max_tokens: 50, container: "c" }, "container", messageBegins],
  ["/v1/messages/count_tokens", { model, messages, container: "c" }, "container", messageBegins],
  [`/v1beta/models/${model}:generateContent`, { contents, oddField: 1 }, "oddField", messageBegins],
  [`/v1beta/models/${model}:countTokens`, { contents, oddField: 1 }, "oddField", messageBegins],
];

function messageBegins(field: string) {
  return { message: expect.stringMatching(new RegExp(`^${field}: `)) as unknown };
}

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

describe.each(ROWS)("%s", (path, body, field, named) => {
  const ask = (headers: Record<string, string> = {}) =>
    fetch(bench.url() + path, { method: "POST", headers, body: JSON.stringify(body) });

  test(`tells that ${field} is lost`, async () => {
    if (path.includes("images")) bench.upstream.next(turn(image("iVBORw0KGgo=")));
    const reply = await ask();
    expect(reply.status).toBe(200);
    expect(reply.headers.get("x-ag-loss")).toStartWith(`${field} (`);
  });

  test("is refused for it in strict mode, before upstream is asked", async () => {
    const reply = await ask({ "x-ag-strict": "1" });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: named(field) });
    expect(bench.upstream.calls()).toEqual([]);
  });
});
