import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  ApiError,
  type CallableTool,
  type Content,
  type GenerateContentConfig,
  type GenerateContentParameters,
  type GenerateContentResponse,
  GoogleGenAI,
  type Part,
} from "@google/genai";
import { z } from "zod";
import { systemClock } from "../../src/lib/clock.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { type Bench, failureOf, type Mode, startBench } from "./support/bench.ts";
import { describeSdk } from "./support/sdk-scenarios.ts";
import { type Question, type Reply, type RunningTool, type SdkDriver, WEATHER } from "./support/sdk.ts";
import { callTurn, expectSignedCalls, expectSignedThinking, NOW } from "./support/tool-loop.ts";
import { lastRequest, toolTurns } from "./support/wire.ts";

describeSdk({
  name: "@google/genai",
  showsThinking: true,
  finishes: { end: "STOP", length: "MAX_TOKENS" },
  failedTool: (message) => ({ error: message }),
  told(error) {
    if (!(error instanceof ApiError)) throw error;
    return { status: error.status, message: error.message };
  },
  open(url, retries) {
    const retryOptions = retries === "none" && { retryOptions: { attempts: 1 } };
    const { models } = new GoogleGenAI({ apiKey: "AIza-test", httpOptions: { baseUrl: url, ...retryOptions } });
    const answer = async (params: GenerateContentParameters, { onText }: Question, mode: Mode): Promise<Answer> => {
      if (mode === "whole") return answerOf([await models.generateContent(params)]);
      const chunks: GenerateContentResponse[] = [];
      for await (const chunk of await models.generateContentStream(params)) {
        chunks.push(chunk);
        if (chunk.text) onText?.(chunk.text);
      }
      return answerOf(chunks);
    };
    return {
      async ask(question, mode) {
        const { reply } = await answer({ ...paramsOf(question), contents: contentsOf(question) }, question, mode);
        return reply;
      },
      async loop(question, tools, mode) {
        const { model, config } = paramsOf(question);
        const functionDeclarations = tools.map(({ name, description, schema }) => ({
          name,
          description,
          parametersJsonSchema: schema,
        }));
        const contents = contentsOf(question);
        for (;;) {
          const params = { model, contents, config: { ...config, tools: [{ functionDeclarations }] } };
          const { parts, reply } = await answer(params, question, mode);
          contents.push({ role: "model", parts });
          const called = parts.filter(({ functionCall }) => functionCall);
          if (called.length === 0) return reply.text;
          contents.push({ role: "user", parts: called.map((part) => resultOf(part, tools)) });
        }
      },
      async structured(question) {
        const { model, config } = paramsOf(question);
        const form = { responseMimeType: "application/json", responseJsonSchema: z.toJSONSchema(WEATHER) };
        const params = { model, contents: contentsOf(question), config: { ...config, ...form } };
        const { reply } = await answer(params, question, "whole");
        return WEATHER.parse(JSON.parse(reply.text));
      },
    };
  },
} satisfies SdkDriver);

describe("@google/genai, besides answers", () => {
  let bench: Bench;
  const service = () => new GoogleGenAI({ apiKey: "AIza-test", httpOptions: { baseUrl: bench.url() } });
  beforeAll(async () => {
    bench = await startBench({ clock: systemClock });
  });
  afterAll(() => bench[Symbol.asyncDispose]());
  beforeEach(() => bench.upstream.reset());

  test("models are listed with their limits, and one is found by its name", async () => {
    const listed: string[] = [];
    for await (const { name = "" } of await service().models.list()) listed.push(name);
    expect(listed).toEqual([...bench.upstream.world.models.keys()].map((id) => `models/${id}`));
    expect(await service().models.get({ model: CLAUDE })).toMatchObject({
      name: `models/${CLAUDE}`,
      inputTokenLimit: 200_000,
      outputTokenLimit: 64_000,
      supportedActions: expect.arrayContaining(["generateContent", "countTokens"]),
    });
    expect(await failureOf(service().models.get({ model: "no-such-model" }))).toMatchObject({ status: 404 });
  });

  for (const model of [CLAUDE, GEMINI_3]) {
    test(`a prompt for ${model} is counted by upstream`, async () => {
      const { totalTokens } = await service().models.countTokens({ model, contents: "How long is this?" });
      expect(totalTokens).toBeGreaterThan(0);
      expect(bench.upstream.refusals()).toEqual([]);
      expect(bench.upstream.log.filter(({ method }) => method === "countTokens")).toHaveLength(1);
    });
  }

  test("Claude's thinking is signed again for clients that keep neither its signature nor the id of a call", async () => {
    const { upstream } = bench;
    upstream.next(callTurn([{ tool: NOW }], 0, [NOW]));
    const functionDeclarations = [{ name: NOW.name, parametersJsonSchema: NOW.schema }];
    const config = { tools: [{ functionDeclarations }], thinkingConfig: { includeThoughts: true } };
    const asked: Content = { role: "user", parts: [{ text: "When?" }] };
    const { candidates } = await service().models.generateContent({ model: CLAUDE, contents: [asked], config });
    const kept = (candidates?.[0]?.content?.parts ?? []).map(({ text, thought, functionCall }): Part => {
      if (functionCall) return { functionCall: { name: NOW.name, args: {} } };
      return { ...(text !== undefined && { text }), ...(thought && { thought }) };
    });
    const answered: Content = { role: "user", parts: [{ functionResponse: { name: NOW.name, response: {} } }] };
    await service().models.generateContent({
      model: CLAUDE,
      contents: [asked, { role: "model", parts: kept }, answered],
      config,
    });
    expect(upstream.refusals()).toEqual([]);
    expectSignedThinking(upstream, toolTurns(lastRequest(upstream)));
  });

  test("its chat calls functions by itself", async () => {
    const { upstream } = bench;
    upstream.script([callTurn([{ tool: NOW }], 0, [NOW]), "It is noon."]);
    const noon: CallableTool = {
      tool: async () => ({ functionDeclarations: [{ name: NOW.name, parametersJsonSchema: NOW.schema }] }),
      callTool: async (called) =>
        called.map(({ id, name }) => ({
          functionResponse: { ...(id && { id }), ...(name && { name }), response: { output: "12:00" } },
        })),
    };
    const chat = service().chats.create({ model: GEMINI_3, config: { tools: [noon] } });
    expect((await chat.sendMessage({ message: "When?" })).text).toBe("It is noon.");
    expect(upstream.refusals()).toEqual([]);
    expectSignedCalls(upstream, toolTurns(lastRequest(upstream)));
  });
});

interface Answer {
  /** What goes into the history. */
  parts: Part[];
  reply: Reply;
}

function answerOf(chunks: readonly GenerateContentResponse[]): Answer {
  const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
  const textOf = (thought: boolean) =>
    parts.map((part) => (Boolean(part.thought) === thought ? (part.text ?? "") : "")).join("");
  const usage = chunks.findLast(({ usageMetadata }) => usageMetadata)?.usageMetadata;
  const finish = chunks.flatMap(({ candidates }) => candidates?.[0]?.finishReason ?? []).at(-1);
  return {
    parts,
    reply: {
      text: textOf(false),
      thinking: textOf(true),
      finish,
      usage: { input: usage?.promptTokenCount, output: usage?.candidatesTokenCount },
    },
  };
}

function paramsOf({ model, system, thinks, signal }: Question): { model: string; config: GenerateContentConfig } {
  return {
    model,
    config: {
      ...(system !== undefined && { systemInstruction: system }),
      ...(thinks && { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } }),
      ...(signal && { abortSignal: signal }),
    },
  };
}

function contentsOf({ before = [], prompt, image }: Question): Content[] {
  const picture = image === undefined ? [] : [{ inlineData: { mimeType: "image/png", data: image } }];
  return [
    ...before.flatMap(([user, model]): Content[] => [
      { role: "user", parts: [{ text: user }] },
      { role: "model", parts: [{ text: model }] },
    ]),
    { role: "user", parts: [{ text: prompt }, ...picture] },
  ];
}

function resultOf({ functionCall: { id, name = "", args = {} } = {} }: Part, tools: readonly RunningTool[]): Part {
  const tool = tools.find((known) => known.name === name);
  const respond = (response: Record<string, unknown>): Part => ({
    functionResponse: { name, response, ...(id !== undefined && { id }) },
  });
  try {
    return respond({ result: tool?.run(args) ?? "no such tool" });
  } catch (cause) {
    return respond({ error: cause instanceof Error ? cause.message : String(cause) });
  }
}
