import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import type { Response, ResponseInput, ResponseInputItem } from "openai/resources/responses/responses";
import { calls, turn } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { type Bench, failureOf, type Mode, startBench } from "./support/bench.ts";
import { describeSdk } from "./support/sdk-scenarios.ts";
import { type Question, type Reply, type RunningTool, type SdkDriver, WEATHER } from "./support/sdk.ts";
import { lastRequest, spoken, toolTurns } from "./support/wire.ts";

describeSdk({
  name: "openai, responses",
  showsThinking: true,
  finishes: { end: "completed", length: "max_output_tokens" },
  failedTool: (message) => ({ result: message }),
  told(error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    return { status: error.status, message: error.message };
  },
  open(url, retries) {
    const client = new OpenAI({
      apiKey: "sk-ag-test",
      baseURL: `${url}/v1`,
      ...(retries === "none" && { maxRetries: 0 }),
    });
    return {
      ask: async (question, mode) => replyOf(await answer(client, question, inputOf(question), mode)),
      async loop(question, tools, mode) {
        const input = inputOf(question);
        for (;;) {
          const response = await answer(client, question, input, mode, tools);
          // What the stream helper has parsed besides is not for sending.
          input.push(
            ...response.output.map((item) => JSON.parse(JSON.stringify({ ...item, parsed_arguments: undefined }))),
          );
          const called = response.output.filter((item) => item.type === "function_call");
          if (called.length === 0) return response.output_text;
          input.push(...called.map((call) => resultOf(call, tools)));
        }
      },
      async structured(question) {
        const format = zodTextFormat(WEATHER, "weather");
        const { model } = question;
        return (await client.responses.parse({ model, input: inputOf(question), text: { format } })).output_parsed;
      },
    };
  },
} satisfies SdkDriver);

describe("responses that are kept", () => {
  const ask = (bench: Bench, input: string, previous?: string) =>
    bench.openai().responses.create({ model: CLAUDE, input, ...(previous && { previous_response_id: previous }) });

  test("are none unless the owner has said so: a 400 names the setting", async () => {
    await using bench = await startBench();
    const first = await ask(bench, "one");
    const error = await failureOf(ask(bench, "two", first.id));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({
      param: "previous_response_id",
      message: expect.stringContaining(`"responses": { "store": true }`),
    });
    expect(bench.upstream.calls()).toHaveLength(1);
  });

  test("go on in the next one, streamed or not and after a restart, and can be read and deleted", async () => {
    await using bench = await startBench({ config: { responses: { store: true } } });
    const first = await ask(bench, "one");
    const stream = bench.openai().responses.stream({ model: CLAUDE, input: "two", previous_response_id: first.id });
    const second = await stream.finalResponse();
    await bench.restart();
    const third = await ask(bench, "three", second.id);
    expect([first, second, third].map(({ previous_response_id: previous }) => previous)).toEqual([
      null,
      first.id,
      second.id,
    ]);
    expect(bench.upstream.refusals()).toEqual([]);
    expect(spoken(lastRequest(bench.upstream))).toEqual([
      ["user", "one"],
      ["model", "pong: one"],
      ["user", "two"],
      ["model", "pong: two"],
      ["user", "three"],
    ]);
    const { responses } = bench.openai();
    expect((await responses.retrieve(first.id)).output_text).toBe("pong: one");
    expect(await responses.retrieve(third.id)).toMatchObject({ previous_response_id: second.id, store: true });
    await responses.delete(first.id);
    expect(await failureOf(responses.retrieve(first.id))).toBeInstanceOf(OpenAI.NotFoundError);
  });
});

test("a prompt that goes on from a kept answer is counted as a whole", async () => {
  await using bench = await startBench({ config: { responses: { store: true } } });
  const { responses } = bench.openai();
  const { id } = await responses.create({ model: CLAUDE, input: "one" });
  const count = (previous_response_id?: string) =>
    responses.inputTokens.count({ model: CLAUDE, input: "two", ...(previous_response_id && { previous_response_id }) });
  const whole = await count(id);
  expect(whole.input_tokens).toBeGreaterThan((await count()).input_tokens);
  expect(await failureOf(count("resp_unknown"))).toBeInstanceOf(OpenAI.NotFoundError);
});

test("an answer that is asked to be kept and is not tells so", async () => {
  await using bench = await startBench();
  const { responses } = bench.openai();
  const params = { model: CLAUDE, input: "one", store: true };
  const { data, response } = await responses.create(params).withResponse();
  expect(data).toHaveProperty("store", false);
  expect(response.headers.get("x-ag-loss")).toContain("store (");
  const strict = { headers: { "x-ag-strict": "1" } };
  expect(await failureOf(responses.create(params, strict))).toMatchObject({ status: 400, param: "store" });
});

test("a freeform tool is called with plain text and its result goes back", async () => {
  await using bench = await startBench();
  bench.upstream.next(turn([calls([{ name: "apply_patch", args: { input: "*** Begin\n+ü" } }])]));
  const { responses } = bench.openai();
  const input: ResponseInput = [{ role: "user", content: "Patch." }];
  const params = { model: GEMINI_3, store: false, tools: [{ type: "custom" as const, name: "apply_patch" }] };
  const { output } = await responses.create({ ...params, input });
  const [call] = output.filter((item) => item.type === "custom_tool_call");
  expect(call).toMatchObject({ name: "apply_patch", input: "*** Begin\n+ü" });
  const result = { type: "custom_tool_call_output" as const, call_id: call?.call_id ?? "", output: "ok" };
  await responses.create({ ...params, input: [...input, ...(call ? [call] : []), result] });
  expect(bench.upstream.refusals()).toEqual([]);
  expect(toolTurns(lastRequest(bench.upstream))).toMatchObject([
    { calls: [{ name: "apply_patch", args: { input: "*** Begin\n+ü" } }], responses: [{ response: { result: "ok" } }] },
  ]);
});

test("a WebSocket is refused at once, so that Codex goes on over HTTP", async () => {
  await using bench = await startBench();
  const headers = { connection: "upgrade", upgrade: "websocket" };
  const { status } = await fetch(`${bench.url()}/v1/responses`, { headers });
  expect(status).toBe(426);
});

async function answer(
  client: OpenAI,
  { model, system, thinks, signal, onText }: Question,
  input: ResponseInput,
  mode: Mode,
  tools: readonly RunningTool[] = [],
): Promise<Response> {
  const params = {
    model,
    input,
    store: false,
    ...(system !== undefined && { instructions: system }),
    ...(thinks && {
      reasoning: { effort: "low" as const, summary: "auto" as const },
      include: ["reasoning.encrypted_content" as const],
    }),
    ...(tools.length > 0 && {
      tools: tools.map(({ name, description, schema }) => ({
        type: "function" as const,
        name,
        description,
        parameters: schema,
        strict: false,
      })),
    }),
  };
  const options = signal ? { signal } : {};
  if (mode === "whole") return client.responses.create(params, options);
  const stream = client.responses.stream(params, options);
  stream.on("response.output_text.delta", ({ delta }) => onText?.(delta));
  return stream.finalResponse();
}

function replyOf({ output, output_text: text, status, incomplete_details: incomplete, usage }: Response): Reply {
  const summaries = output.flatMap((item) => (item.type === "reasoning" ? item.summary : []));
  return {
    text,
    thinking: summaries.map((summary) => summary.text).join(""),
    finish: incomplete?.reason ?? status,
    usage: { input: usage?.input_tokens, output: usage?.output_tokens },
  };
}

function inputOf({ before = [], prompt, image }: Question): ResponseInput {
  const words = { type: "input_text" as const, text: prompt };
  const picture = {
    type: "input_image" as const,
    detail: "auto" as const,
    image_url: `data:image/png;base64,${image}`,
  };
  return [
    ...before.flatMap(([user, assistant]): ResponseInput => [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ]),
    { role: "user", content: image === undefined ? prompt : [words, picture] },
  ];
}

function resultOf(
  { call_id, name, arguments: written }: { call_id: string; name: string; arguments: string },
  tools: readonly RunningTool[],
): ResponseInputItem.FunctionCallOutput {
  const tool = tools.find((known) => known.name === name);
  try {
    return { type: "function_call_output", call_id, output: tool?.run(JSON.parse(written)) ?? "no such tool" };
  } catch (cause) {
    return { type: "function_call_output", call_id, output: cause instanceof Error ? cause.message : String(cause) };
  }
}
