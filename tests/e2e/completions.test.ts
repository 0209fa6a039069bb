import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { failure, maxTokens, text, thinking, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_25, GEMINI_3, GPT_OSS } from "../support/cloudcode/samples.ts";
import { type Bench, failureOf, startBench } from "./support/bench.ts";
import { lastRequest, requestOf, spoken } from "./support/wire.ts";

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

type Params = Omit<OpenAI.CompletionCreateParamsNonStreaming, "stream">;

/** The text and the reason of each choice, in order, and the usage. */
async function streamed(params: Params) {
  const choices: [text: string, reason: string | null][] = [];
  let usage: OpenAI.CompletionUsage | undefined;
  const stream_options = { include_usage: true };
  for await (const chunk of await bench.openai().completions.create({ ...params, stream_options, stream: true })) {
    usage = chunk.usage ?? usage;
    for (const { index, text: piece, finish_reason: reason } of chunk.choices) {
      choices[index] = [(choices[index]?.[0] ?? "") + piece, reason];
    }
  }
  return { choices, usage };
}

async function whole(params: Params) {
  const { choices, usage } = await bench.openai().completions.create(params);
  return { choices: choices.map(({ text: said, finish_reason: reason }) => [said, reason]), usage };
}

describe.each([CLAUDE, GEMINI_3, GEMINI_25, GPT_OSS])("%s", (model) => {
  test("a prompt is answered the same streamed and whole, thinking left out", async () => {
    const answer = turn([
      ...(model === GPT_OSS ? [] : [thinking("Let me think.")]),
      text("upon a time", { deltas: 3 }),
    ]);
    bench.upstream.script([answer, answer]);
    const params: Params = { model, prompt: "Once", echo: true, max_tokens: 50, stop: "END", temperature: 0.5 };
    const seen = await whole(params);
    expect(seen.choices).toEqual([["Onceupon a time", "stop"]]);
    expect(await streamed(params)).toEqual(seen as Awaited<ReturnType<typeof streamed>>);
    expect(bench.upstream.refusals()).toEqual([]);
    const request = lastRequest(bench.upstream);
    expect(spoken(request)).toEqual([["user", "Once"]]);
    expect(request.systemInstruction).toBeUndefined();
    expect(request.generationConfig).toMatchObject({ stopSequences: ["END"], temperature: 0.5 });
  });
});

test("prompts are answered one after the other, n times each", async () => {
  const params: Params = { model: GEMINI_3, prompt: ["one", "two"], n: 2, seed: 5 };
  const seen = await whole(params);
  expect(seen.choices).toEqual([
    ["pong: one", "stop"],
    ["pong: one", "stop"],
    ["pong: two", "stop"],
    ["pong: two", "stop"],
  ]);
  expect(bench.upstream.calls().map((call) => requestOf(call).generationConfig?.seed)).toEqual([5, 6, 5, 6]);
  expect(await streamed(params)).toEqual(seen as Awaited<ReturnType<typeof streamed>>);
});

test("an answer that was cut short says so", async () => {
  bench.upstream.next(maxTokens("upon"));
  expect(await whole({ model: GEMINI_3, prompt: "Once" })).toMatchObject({ choices: [["upon", "length"]] });
});

test("a failure of a later prompt is the call's, whole and streamed", async () => {
  const params: Params = { model: GEMINI_3, prompt: ["one", "two"] };
  for (const ask of [whole, streamed]) {
    bench.upstream.reset();
    bench.upstream.script(["first", failure("invalid-argument")]);
    const seen = await failureOf(ask(params));
    expect(seen).toBeInstanceOf(OpenAI.APIError);
    expect(seen).toMatchObject({ type: "invalid_request_error" });
  }
});

test("a suffix is refused by name before anybody is asked", async () => {
  const refusal = await failureOf(whole({ model: GEMINI_3, prompt: "Once", suffix: "the end." }));
  expect(refusal).toMatchObject({ status: 400, param: "suffix" });
  expect(bench.upstream.calls()).toEqual([]);
});

test("log probabilities are a loss, and a refusal in strict mode", async () => {
  const params: Params = { model: GEMINI_3, prompt: "Once", logprobs: 1 };
  const { response } = await bench.openai().completions.create(params).withResponse();
  expect(response.headers.get("x-ag-loss")).toContain("logprobs");
  const strict = bench.openai({ defaultHeaders: { "x-ag-strict": "1" } });
  expect(await failureOf(strict.completions.create(params))).toMatchObject({ status: 400, param: "logprobs" });
});
