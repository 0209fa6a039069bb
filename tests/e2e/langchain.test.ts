import type { AIMessage, AIMessageChunk, BaseMessage, UsageMetadata } from "@langchain/core/messages";
import { AIMessage as Assistant, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI, type ChatOpenAIFields } from "@langchain/openai";
import { APIError } from "openai";
import type { Mode } from "./support/bench.ts";
import { describeSdk } from "./support/sdk-scenarios.ts";
import { type Question, type RunningTool, type SdkDriver, WEATHER } from "./support/sdk.ts";

describeSdk(driverOf("chat completions", { modelKwargs: { reasoning_effort: "low" } }));
describeSdk(driverOf("responses", { modelKwargs: { reasoning: { effort: "low", summary: "auto" } } }));

/** `thinks`: the settings of a model that is to think. */
function driverOf(protocol: "chat completions" | "responses", thinks: ChatOpenAIFields): SdkDriver {
  const useResponsesApi = protocol === "responses";
  return {
    name: `@langchain/openai, ${protocol}`,
    showsThinking: true,
    finishes: useResponsesApi ? { end: "completed", length: "incomplete" } : { end: "stop", length: "length" },
    failedTool: (message) => ({ result: message }),
    told(error) {
      if (!(error instanceof APIError)) throw error;
      return { status: error.status, message: error.message };
    },
    open(url, retries) {
      const chat = ({ model, thinks: isThinking }: Question) =>
        new ChatOpenAI({
          model,
          apiKey: "sk-ag-test",
          configuration: { baseURL: `${url}/v1` },
          useResponsesApi,
          streamUsage: true,
          ...(retries === "none" && { maxRetries: 0 }),
          ...(isThinking && thinks),
        });
      return {
        ask: async (question, mode) => replyOf(await invoke(chat(question), messagesOf(question), question, mode)),
        async loop(question, tools, mode) {
          const model = chat(question).bindTools(tools.map(declaration));
          const messages = messagesOf(question);
          for (;;) {
            const message = await invoke(model, messages, question, mode);
            messages.push(message);
            if (!message.tool_calls?.length) return message.text;
            for (const call of message.tool_calls) messages.push(resultOf(call, tools));
          }
        },
        structured: (question) =>
          chat(question).withStructuredOutput(WEATHER, { method: "jsonSchema" }).invoke(messagesOf(question)),
      };
    },
  };
}

type Model = Pick<ChatOpenAI, "invoke" | "stream">;

async function invoke(
  model: Model,
  messages: BaseMessage[],
  { signal, onText }: Question,
  mode: Mode,
): Promise<AIMessage> {
  const options = signal ? { signal } : {};
  if (mode === "whole") return model.invoke(messages, options);
  let whole: AIMessageChunk | undefined;
  for await (const chunk of await model.stream(messages, options)) {
    if (chunk.text !== "") onText?.(chunk.text);
    whole = whole ? whole.concat(chunk) : chunk;
  }
  if (!whole) throw new Error("the stream was empty");
  return whole;
}

function replyOf({ text, contentBlocks, additional_kwargs: extras, response_metadata: metadata, ...rest }: AIMessage) {
  const thinking = contentBlocks.map((block) => (block.type === "reasoning" ? block.reasoning : "")).join("");
  const reasoning: unknown = extras["reasoning_content"];
  const finish: unknown = metadata["finish_reason"] ?? metadata["status"];
  return {
    text,
    thinking: typeof reasoning === "string" ? reasoning : thinking,
    finish: typeof finish === "string" ? finish : undefined,
    usage: tokens(rest.usage_metadata),
  };
}

function tokens(usage: UsageMetadata | undefined) {
  return { input: usage?.input_tokens, output: usage?.output_tokens };
}

function messagesOf({ system, before = [], prompt, image }: Question): BaseMessage[] {
  const words = { type: "text", text: prompt };
  const picture = { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } };
  return [
    ...(system === undefined ? [] : [new SystemMessage(system)]),
    ...before.flatMap(([user, assistant]) => [new HumanMessage(user), new Assistant(assistant)]),
    new HumanMessage({ content: image === undefined ? prompt : [words, picture] }),
  ];
}

function declaration({ name, description, schema }: RunningTool) {
  return { type: "function" as const, function: { name, description, parameters: schema } };
}

function resultOf(
  { id = "", name, args }: { id?: string; name: string; args: unknown },
  tools: readonly RunningTool[],
) {
  const tool = tools.find((known) => known.name === name);
  try {
    return new ToolMessage({ tool_call_id: id, name, content: tool?.run(args) ?? "no such tool" });
  } catch (cause) {
    const content = cause instanceof Error ? cause.message : String(cause);
    return new ToolMessage({ tool_call_id: id, name, content, status: "error" });
  }
}
