import {
  Agent,
  type AgentInputItem,
  type ModelSettings,
  OpenAIProvider,
  Runner,
  type RunItem,
  tool,
  type Usage,
} from "@openai/agents";
import OpenAI from "openai";
import type { Mode } from "./support/bench.ts";
import { describeSdk } from "./support/sdk-scenarios.ts";
import { type Question, type Reply, type RunningTool, type SdkDriver, WEATHER } from "./support/sdk.ts";

describeSdk(driverOf("responses"));
describeSdk(driverOf("chat completions"));

function driverOf(protocol: "responses" | "chat completions"): SdkDriver {
  return {
    name: `@openai/agents, ${protocol}`,
    showsThinking: protocol === "responses", // of chat completions it knows another maker's field only
    finishes: { end: undefined, length: undefined },
    throwsAtLimit: protocol === "responses",
    failedTool: (message) => ({ result: message }),
    told(error) {
      if (!(error instanceof OpenAI.APIError)) throw error;
      return { status: error.status, message: error.message };
    },
    open(url, retries) {
      const openAIClient = new OpenAI({
        apiKey: "sk-ag-test",
        baseURL: `${url}/v1`,
        ...(retries === "none" && { maxRetries: 0 }),
      });
      const modelProvider = new OpenAIProvider({ openAIClient, useResponses: protocol === "responses" });
      const runner = new Runner({ modelProvider, tracingDisabled: true });
      return {
        ask: (question, mode) => answer(runner, agentFor(question, []), question, mode),
        loop: async (question, tools, mode) => (await answer(runner, agentFor(question, tools), question, mode)).text,
        async structured(question) {
          const agent = new Agent({ name: "Forecaster", model: question.model, outputType: WEATHER });
          return (await runner.run(agent, question.prompt)).finalOutput;
        },
      };
    },
  };
}

function agentFor({ model, system, thinks }: Question, tools: readonly RunningTool[]) {
  const reasoning: ModelSettings["reasoning"] = { effort: "low", summary: "auto" };
  return new Agent({
    name: "Worker",
    model,
    ...(system !== undefined && { instructions: system }),
    ...(thinks && { modelSettings: { reasoning, store: false } }),
    tools: tools.map(({ name, description, schema, run }) =>
      tool({
        name,
        description,
        parameters: { properties: {}, required: [], ...schema, additionalProperties: true as const },
        strict: false,
        execute: (args: unknown) => run(args),
        errorFunction: (_context: unknown, cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
      }),
    ),
  });
}

async function answer(
  runner: Runner,
  agent: ReturnType<typeof agentFor>,
  question: Question,
  mode: Mode,
): Promise<Reply> {
  const { signal, onText } = question;
  const options = signal ? { signal } : {};
  const input = inputOf(question);
  if (mode === "whole") return replyOf(await runner.run(agent, input, options));
  const result = await runner.run(agent, input, { ...options, stream: true });
  for await (const event of result) {
    if (event.type !== "raw_model_stream_event" || event.data.type !== "output_text_delta") continue;
    onText?.(event.data.delta);
  }
  await result.completed;
  if (result.cancelled) throw new Error("cancelled");
  return replyOf(result);
}

interface Result {
  finalOutput?: string | undefined;
  newItems: RunItem[];
  rawResponses: { usage: Usage }[];
}

function replyOf({ finalOutput = "", newItems, rawResponses }: Result): Reply {
  const thoughts = newItems.flatMap((item) =>
    item.type === "reasoning_item" ? [...item.rawItem.content, ...(item.rawItem.rawContent ?? [])] : [],
  );
  const usage = rawResponses.at(-1)?.usage;
  return {
    text: finalOutput,
    thinking: thoughts.map(({ text }) => text).join(""),
    finish: undefined,
    usage: { input: usage?.inputTokens, output: usage?.outputTokens },
  };
}

function inputOf({ before = [], prompt, image }: Question): AgentInputItem[] {
  const words = { type: "input_text" as const, text: prompt };
  const picture = { type: "input_image" as const, image: `data:image/png;base64,${image}` };
  return [
    ...before.flatMap(([user, assistant]): AgentInputItem[] => [
      { role: "user", content: user },
      { role: "assistant", status: "completed", content: [{ type: "output_text", text: assistant }] },
    ]),
    { role: "user", content: image === undefined ? prompt : [words, picture] },
  ];
}
