import { describe, expect, test } from "bun:test";
import { createOpenAI } from "@ai-sdk/openai";
import { ChatOpenAI } from "@langchain/openai";
import { Agent, OpenAIResponsesModel, Runner, setTracingDisabled, tool as agentTool } from "@openai/agents";
import { generateText, jsonSchema, stepCountIs, streamText, tool as aiTool } from "ai";
import OpenAI from "openai";
import { z } from "zod";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { scenarios } from "./scenarios.ts";
import { answerOf } from "../../support/protocol-answer.ts";
import { text, thinking, tool, turnEvents } from "../../support/turn-script.ts";
import { context } from "./support.ts";

interface Answer {
  events: readonly TurnEvent[];
  failure?: GatewayError;
}

type Fetch = (url: unknown, init?: { body?: unknown }) => Promise<Response>;

/** A network at whose other end the protocol gives these answers, one to each request: streamed or whole, as asked. */
function gateway(...answers: Answer[]) {
  const bodies: JsonObject[] = [];
  const which = context();
  const fetch: Fetch = async (_url, init) => {
    const body = JSON.parse(String(init?.body)) as JsonObject;
    const answer = answers[bodies.length] ?? { events: [] };
    bodies.push(body);
    const call = openaiResponses.parse({ body, headers: new Headers() });
    return answerOf(openaiResponses, call, { turns: [answer.events], failure: answer.failure }, which);
  };
  return { bodies, fetch: fetch as typeof globalThis.fetch };
}

const settings = { apiKey: "sk-ag-test", baseURL: "http://gateway.test/v1" };
const openai = (fetch: typeof globalThis.fetch) => new OpenAI({ ...settings, maxRetries: 0, fetch });

const signed = { ...thinking("I ", "think"), signature: "c2lnbmF0dXJl" };
const calls = [signed, text("Now:"), tool("call_1", "f", { a: 1 }), tool("call_2", "f", { a: 2 })];
const complete = Object.entries(scenarios).filter(([, { failure }]) => !failure);

describe("openai", () => {
  test.each(complete)("%s: a stream ends as the whole reply", async (_, { fields, events }) => {
    const params = {
      model: "gemini-test",
      input: "hello",
      ...fields,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming;
    const whole = await openai(gateway({ events }).fetch).responses.create(params);
    const stream = openai(gateway({ events }).fetch).responses.stream({ ...params, stream: true });
    const streamed = await stream.finalResponse();
    const plain = (response: OpenAI.Responses.Response): unknown =>
      JSON.parse(JSON.stringify(response).replaceAll(/"([a-z]+_)id\d{22}"/g, '"$1"'), (key, value: unknown) =>
        // What the helper adds.
        key === "parsed" || key === "output_parsed" || key === "parsed_arguments" || key === "_request_id"
          ? undefined
          : value,
      );
    expect(plain(streamed)).toEqual(plain(whole));
    expect(streamed.output_text).toBe(whole.output_text);
  });

  test("the helper's events arrive in deltas, and parsed calls have their arguments", async () => {
    const stream = openai(gateway({ events: turnEvents(calls, "tool") }).fetch).responses.stream({
      model: "gemini-test",
      input: "hello",
      reasoning: { summary: "auto" },
      tools: [{ type: "function", name: "f", strict: true, parameters: { type: "object" } }],
    });
    const deltas: string[] = [];
    stream.on("response.output_text.delta", ({ delta, snapshot }) => deltas.push(delta, snapshot));
    stream.on("response.function_call_arguments.delta", ({ snapshot }) => deltas.push(snapshot));
    const { output } = await stream.finalResponse();
    expect(deltas).toEqual(["Now:", "Now:", '{"a":1}', '{"a":2}']);
    expect(output.map((item) => (item.type === "function_call" ? item.parsed_arguments : item.type))).toEqual([
      "reasoning",
      "message",
      { a: 1 },
      { a: 2 },
    ]);
  });

  test("a failure in the middle is thrown, with the failed response after it", async () => {
    const { fields, events, failure } = scenarios["failed-in-the-middle-of-a-text"] ?? { fields: {}, events: [] };
    if (!failure) throw new Error("no failure");
    const params = { model: "gemini-test", input: "hello", ...fields };
    const stream = openai(gateway({ events, failure }).fetch).responses.stream(params);
    const error: unknown = await stream.finalResponse().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: "rate_limit_exceeded" });
  });

  test("a failure before the start is an error of its status", async () => {
    const failure = new GatewayError("context-too-long", "Too long");
    const reply = async () =>
      await openai(gateway({ events: [], failure }).fetch).responses.create({ model: "m", input: "hello" });
    await expect(reply()).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
  });
});

describe("ai with @ai-sdk/openai", () => {
  const parameters = { inputSchema: jsonSchema<{ a: number }>({ type: "object" }), execute: async () => "done" };
  const model = (fetch: typeof globalThis.fetch) => createOpenAI({ ...settings, fetch }).responses("gemini-test");
  const providerOptions = {
    // The name of the model does not tell this SDK that it reasons.
    openai: { store: false, forceReasoning: true, reasoningSummary: "auto", include: ["reasoning.encrypted_content"] },
  };

  test.each(["streamed", "whole"])("a tool loop with thinking comes back exactly, %s", async (form) => {
    const { bodies, fetch } = gateway(
      { events: turnEvents(calls, "tool") },
      { events: turnEvents([text("Done ", "it.")], "end") },
    );
    const options = {
      model: model(fetch),
      prompt: "hello",
      tools: { f: aiTool(parameters) },
      stopWhen: stepCountIs(2),
      providerOptions,
    };
    const result = form === "whole" ? generateText(options) : streamText(options);
    const steps = await (await result).steps;
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
    expect(steps[0]?.reasoningText).toBe("I think");
    expect(steps[1]?.text).toBe("Done it.");
    expect(steps[1]?.usage).toMatchObject({ inputTokens: 12, outputTokens: 5 });
    const { contents } = openaiResponses.parse({ body: bodies[1], headers: new Headers() }).request;
    expect(contents[1]).toEqual({
      role: "model",
      parts: [
        { text: "I think", thought: true, thoughtSignature: "c2lnbmF0dXJl" },
        { text: "Now:" },
        { functionCall: { id: "call_1", name: "f", args: { a: 1 } } },
        { functionCall: { id: "call_2", name: "f", args: { a: 2 } } },
      ],
    });
  });

  test("references to reasoning that it does not send are tolerated", async () => {
    const { bodies, fetch } = gateway(
      { events: turnEvents([signed, tool("call_1", "f", { a: 1 })], "tool") },
      { events: turnEvents([text("Done.")], "end") },
    );
    const result = await generateText({
      model: model(fetch),
      prompt: "hello",
      tools: { f: aiTool(parameters) },
      stopWhen: stepCountIs(2),
    });
    expect(result.text).toBe("Done.");
    expect(JSON.stringify(bodies[1])).toContain("item_reference");
  });

  test("citations and the reason of a cut are read", async () => {
    const of = async (name: string) => {
      const { events } = scenarios[name] ?? { events: [] };
      const provider = createOpenAI({ ...settings, fetch: gateway({ events }).fetch });
      const tools = { web_search: provider.tools.webSearch({}) };
      const result = streamText({ model: provider.responses("gemini-test"), prompt: "hello", tools });
      const warnings = await result.warnings;
      return { warnings, sources: await result.sources, text: await result.text, reason: await result.finishReason };
    };
    const cited = await of("citations-in-non-ascii-text");
    expect(cited.sources.map((source) => (source.sourceType === "url" ? source.url : ""))).toEqual([
      "https://a.test/1",
      "https://b.test/2",
    ]);
    expect(await of("cut-at-the-limit")).toMatchObject({ text: "half an ans", reason: "length" });
    expect(await of("withheld-before-the-first-word")).toMatchObject({ reason: "content-filter" });
  });

  test("a failure in the middle is an error", async () => {
    const { events, failure } = scenarios["failed-in-the-middle-of-a-text"] ?? { events: [] };
    if (!failure) throw new Error("no failure");
    const errors: unknown[] = [];
    const result = streamText({
      model: model(gateway({ events, failure }).fetch),
      prompt: "hello",
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    const parts: string[] = [];
    for await (const part of result.fullStream) parts.push(part.type);
    expect(JSON.stringify(parts) + JSON.stringify(errors)).toContain("error");
  });
});

describe("@openai/agents", () => {
  setTracingDisabled(true);

  test.each([true, false])(
    "a run calls its tool and takes the answer from the last event (stream: %p)",
    async (stream) => {
      const { bodies, fetch } = gateway(
        { events: turnEvents([signed, tool("call_1", "f", { a: 1 })], "tool") },
        { events: turnEvents([text("Done.")], "end") },
      );
      const called: unknown[] = [];
      const agent = new Agent({
        name: "tester",
        model: new OpenAIResponsesModel(openai(fetch), "gemini-test"),
        tools: [
          agentTool({
            name: "f",
            description: "does f",
            parameters: z.object({ a: z.number() }),
            execute: async (input) => {
              called.push(input);
              return "done";
            },
          }),
        ],
      });
      const runner = new Runner({ tracingDisabled: true });
      if (stream) {
        const result = await runner.run(agent, "hello", { stream: true });
        await result.completed;
        expect(result.finalOutput).toBe("Done.");
      } else {
        const result = await runner.run(agent, "hello");
        expect(result.finalOutput).toBe("Done.");
      }
      expect(called).toEqual([{ a: 1 }]);
      const { contents } = openaiResponses.parse({ body: bodies[1], headers: new Headers() }).request;
      expect(contents[1]?.parts).toEqual([
        { text: "I think", thought: true, thoughtSignature: "c2lnbmF0dXJl" },
        { functionCall: { id: "call_1", name: "f", args: { a: 1 } } },
      ]);
    },
  );
});

describe("@langchain/openai", () => {
  test.each([true, false])("text, calls and usage are read (stream: %p)", async (streaming) => {
    const { fetch } = gateway({ events: turnEvents([text("No", "w:"), tool("call_1", "f", { a: 1 })], "tool") });
    const model = new ChatOpenAI({
      model: "gemini-test",
      apiKey: "sk-ag-test",
      useResponsesApi: true,
      streaming,
      maxRetries: 0,
      configuration: { baseURL: settings.baseURL, fetch },
    });
    const answer = await model.invoke("hello");
    expect(answer.text).toBe("Now:");
    expect(answer.tool_calls).toMatchObject([{ id: "call_1", name: "f", args: { a: 1 } }]);
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 12, output_tokens: 5, total_tokens: 17 });
  });
});
