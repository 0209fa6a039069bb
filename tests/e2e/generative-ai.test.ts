import { expect, test } from "bun:test";
import {
  type Content,
  type EnhancedGenerateContentResponse,
  type FunctionCall,
  type FunctionDeclaration,
  GoogleGenerativeAI,
  GoogleGenerativeAIFetchError,
  type ModelParams,
  type Part,
  SchemaType,
  type SingleRequestOptions,
} from "@google/generative-ai";
import { systemClock } from "../../src/lib/clock.ts";
import { GEMINI_3 } from "../support/cloudcode/samples.ts";
import { type Mode, startBench } from "./support/bench.ts";
import { describeSdk } from "./support/sdk-scenarios.ts";
import { type Question, type Reply, type RunningTool, type SdkDriver, WEATHER } from "./support/sdk.ts";

describeSdk({
  name: "@google/generative-ai",
  showsThinking: true,
  finishes: { end: "STOP", length: "MAX_TOKENS" },
  failedTool: (message) => ({ error: message }),
  told(error) {
    if (!(error instanceof GoogleGenerativeAIFetchError)) throw error;
    return { status: error.status, message: error.message };
  },
  open(url) {
    const service = new GoogleGenerativeAI("AIza-test");
    const modelOf = (question: Question, more: Partial<ModelParams> = {}) =>
      service.getGenerativeModel({ ...paramsOf(question), ...more }, { baseUrl: url });
    return {
      async ask(question, mode) {
        const chat = modelOf(question).startChat({ history: historyOf(question) });
        return (await answer(chat, partsOf(question), question, mode)).reply;
      },
      async loop(question, tools, mode) {
        const functionDeclarations = tools.map(declaration);
        const chat = modelOf(question, { tools: [{ functionDeclarations }] }).startChat();
        let parts = partsOf(question);
        for (;;) {
          const { called, reply } = await answer(chat, parts, question, mode);
          if (called.length === 0) return reply.text;
          parts = called.map((call) => resultOf(call, tools));
        }
      },
      async structured(question) {
        const properties = { city: { type: SchemaType.STRING }, degrees: { type: SchemaType.NUMBER } } as const;
        const responseSchema = { type: SchemaType.OBJECT as const, properties, required: ["city", "degrees"] };
        const generationConfig = { responseMimeType: "application/json", responseSchema };
        const { response } = await modelOf(question, { generationConfig }).generateContent(question.prompt);
        return WEATHER.parse(JSON.parse(response.text()));
      },
    };
  },
} satisfies SdkDriver);

test("@google/generative-ai counts a prompt and a whole request", async () => {
  await using bench = await startBench({ clock: systemClock });
  const model = new GoogleGenerativeAI("AIza-test").getGenerativeModel({ model: GEMINI_3 }, { baseUrl: bench.url() });
  const { totalTokens } = await model.countTokens("How long is this?");
  expect(totalTokens).toBeGreaterThan(0);
  const contents = [{ role: "user", parts: [{ text: "How long is this?" }] }];
  const whole = await model.countTokens({ generateContentRequest: { contents, systemInstruction: "Be brief." } });
  expect(whole.totalTokens).toBeGreaterThan(totalTokens);
  expect(bench.upstream.refusals()).toEqual([]);
  expect(bench.upstream.log.filter(({ method }) => method === "countTokens")).toHaveLength(2);
});

type Chat = ReturnType<ReturnType<GoogleGenerativeAI["getGenerativeModel"]>["startChat"]>;

async function answer(chat: Chat, parts: Part[], { signal, onText }: Question, mode: Mode) {
  const options: SingleRequestOptions = signal ? { signal } : {};
  if (mode === "whole") {
    const { response } = await chat.sendMessage(parts, options);
    return { reply: replyOf([response]), called: response.functionCalls() ?? [] };
  }
  const { stream, response } = await chat.sendMessageStream(parts, options);
  const chunks: EnhancedGenerateContentResponse[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    if (chunk.text() !== "") onText?.(chunk.text());
  }
  return { reply: replyOf(chunks), called: (await response).functionCalls() ?? [] };
}

/** Fields that came after this SDK. */
interface Thought {
  thought?: boolean;
}

function replyOf(chunks: readonly EnhancedGenerateContentResponse[]): Reply {
  const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
  const textOf = (thought: boolean) =>
    parts.map((part) => (Boolean((part as Thought).thought) === thought ? (part.text ?? "") : "")).join("");
  const usage = chunks.findLast(({ usageMetadata }) => usageMetadata)?.usageMetadata;
  return {
    text: textOf(false),
    thinking: textOf(true),
    finish: chunks.flatMap(({ candidates }) => candidates?.[0]?.finishReason ?? []).at(-1),
    usage: { input: usage?.promptTokenCount, output: usage?.candidatesTokenCount },
  };
}

function paramsOf({ model, system, thinks }: Question): ModelParams {
  const thinkingConfig = { includeThoughts: true, thinkingBudget: 2048 };
  return {
    model,
    ...(system !== undefined && { systemInstruction: system }),
    ...(thinks && { generationConfig: { thinkingConfig } as ModelParams["generationConfig"] & object }),
  };
}

function historyOf({ before = [] }: Question): Content[] {
  return before.flatMap(([user, model]): Content[] => [
    { role: "user", parts: [{ text: user }] },
    { role: "model", parts: [{ text: model }] },
  ]);
}

function partsOf({ prompt, image }: Question): Part[] {
  return [{ text: prompt }, ...(image === undefined ? [] : [{ inlineData: { mimeType: "image/png", data: image } }])];
}

/** The SDK's types know OpenAPI schemas only; programs send what their tools came with. */
function declaration({ name, description, schema }: RunningTool): FunctionDeclaration {
  return JSON.parse(JSON.stringify({ name, description, parameters: schema }));
}

/** This SDK hands over no ids: results are known by name and order. */
function resultOf({ name, args }: FunctionCall, tools: readonly RunningTool[]): Part {
  const tool = tools.find((known) => known.name === name);
  try {
    return { functionResponse: { name, response: { result: tool?.run(args) ?? "no such tool" } } };
  } catch (cause) {
    return { functionResponse: { name, response: { error: cause instanceof Error ? cause.message : String(cause) } } };
  }
}
