import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  generateText,
  jsonSchema,
  type LanguageModel,
  type LanguageModelUsage,
  type ModelMessage,
  Output,
  stepCountIs,
  streamText,
  tool,
  type UserContent,
} from "ai";
import type { JsonObject } from "../../src/lib/json.ts";
import type { Mode } from "./support/bench.ts";
import { describeSdk } from "./support/sdk-scenarios.ts";
import { type Question, type RunningTool, type SdkDriver, WEATHER } from "./support/sdk.ts";
import { BROKEN } from "./support/tool-loop.ts";

interface Provider {
  name: string;
  model(url: string, id: string): LanguageModel;
  /** Provider options that ask for thinking. */
  thinks: Record<string, JsonObject>;
  showsThinking?: boolean;
  failedTool: SdkDriver["failedTool"];
  doneTool?: NonNullable<SdkDriver["doneTool"]>;
}

const apiKey = "sk-ag-test";

const PROVIDERS: readonly Provider[] = [
  {
    name: "@ai-sdk/openai-compatible",
    model: (url, id) =>
      createOpenAICompatible({
        name: "ag",
        baseURL: `${url}/v1`,
        apiKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })(id),
    thinks: { ag: { reasoningEffort: "low" } },
    failedTool: (message) => ({ result: `Error: ${message}` }),
  },
  {
    name: "@ai-sdk/anthropic",
    model: (url, id) => createAnthropic({ baseURL: `${url}/v1`, apiKey })(id),
    thinks: { anthropic: { thinking: { type: "enabled", budgetTokens: 2048 } } },
    failedTool: (message) => ({ error: `Error: ${message}` }),
  },
  {
    name: "@ai-sdk/openai, chat completions",
    model: (url, id) => createOpenAI({ baseURL: `${url}/v1`, apiKey }).chat(id),
    thinks: { openai: { reasoningEffort: "low", forceReasoning: true } },
    showsThinking: false, // it knows no reasoning in this protocol
    failedTool: (message) => ({ result: JSON.stringify({ error: `Error: ${message}` }) }),
  },
  {
    name: "@ai-sdk/openai, responses",
    model: (url, id) => createOpenAI({ baseURL: `${url}/v1`, apiKey }).responses(id),
    thinks: { openai: { reasoningEffort: "low", reasoningSummary: "auto", forceReasoning: true } },
    failedTool: (message) => ({ result: JSON.stringify({ error: `Error: ${message}` }) }),
  },
  {
    name: "@ai-sdk/google",
    model: (url, id) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey })(id),
    thinks: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } } },
    // A Gemini client words its results itself.
    failedTool: (message) => ({ name: BROKEN.name, error: `Error: ${message}` }),
    doneTool: (words, tool) => ({ name: tool, content: words }),
  },
];

// Gemini does not sign its thinking, of which the Anthropic provider warns at each turn.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
for (const provider of PROVIDERS) describeSdk(driverOf(provider));

function driverOf({ name, model, thinks, showsThinking = true, ...wording }: Provider): SdkDriver {
  return {
    name: `ai with ${name}`,
    showsThinking,
    finishes: { end: "stop", length: "length" },
    ...wording,
    told(error) {
      if (!APICallError.isInstance(error)) throw error;
      return { status: error.statusCode, message: error.message };
    },
    open(url, retries) {
      const settings = (question: Question) => ({
        model: model(url, question.model),
        messages: messagesOf(question),
        ...(question.system !== undefined && { system: question.system }),
        ...(question.thinks && { providerOptions: thinks }),
        ...(question.signal && { abortSignal: question.signal }),
        ...(retries === "none" && { maxRetries: 0 }),
        maxOutputTokens: 8192,
      });
      return {
        ask: async (question, mode) => answer(settings(question), question, mode),
        async loop(question, tools, mode) {
          const looping = { ...settings(question), tools: toolSet(tools), stopWhen: stepCountIs(10) };
          return (await answer(looping, question, mode)).text;
        },
        async structured(question) {
          return (await generateText({ ...settings(question), output: Output.object({ schema: WEATHER }) })).output;
        },
      };
    },
  };
}

type Settings = Parameters<typeof generateText>[0];

/** Of several steps: the last one. */
async function answer(settings: Settings, { onText }: Question, mode: Mode) {
  if (mode === "whole") {
    const { text, reasoningText, finishReason, usage } = await generateText(settings);
    return { text, thinking: reasoningText ?? "", finish: finishReason, usage: tokens(usage) };
  }
  const result = streamText({ ...settings, onError: () => {} }); // its errors come as parts, too
  for await (const part of result.stream) {
    if (part.type === "text-delta") onText?.(part.text);
    if (part.type === "error") throw part.error;
    if (part.type === "abort") throw new Error("aborted");
  }
  const { text, reasoningText, finishReason, usage } = await result.finalStep;
  return { text, thinking: reasoningText ?? "", finish: finishReason, usage: tokens(usage) };
}

function tokens({ inputTokens, outputTokens }: LanguageModelUsage) {
  return { input: inputTokens, output: outputTokens };
}

function messagesOf({ before = [], prompt, image }: Question): ModelMessage[] {
  const content: UserContent = [{ type: "text", text: prompt }];
  if (image !== undefined) content.push({ type: "file", data: image, mediaType: "image/png" });
  return [
    ...before.flatMap(([user, assistant]): ModelMessage[] => [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ]),
    { role: "user", content },
  ];
}

function toolSet(tools: readonly RunningTool[]) {
  return Object.fromEntries(
    tools.map(({ name, description, schema, run }) => [
      name,
      tool({ description, inputSchema: jsonSchema(schema), execute: (args: unknown) => run(args) }),
    ]),
  );
}
