import type OpenAI from "openai";
import { CLAUDE } from "../../support/cloudcode/samples.ts";
import type { Mode } from "./bench.ts";

export type ChatParams = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "stream">;

export function askChat(client: OpenAI, mode: Mode, params: ChatParams): Promise<OpenAI.ChatCompletion> {
  const { completions } = client.chat;
  if (mode === "whole") return completions.create(params);
  return completions.stream({ ...params, stream_options: { include_usage: true } }).finalChatCompletion();
}

export function userSays(content: string | OpenAI.ChatCompletionContentPart[], model = CLAUDE): ChatParams {
  return { model, messages: [{ role: "user", content }] };
}

export function messageOf({ choices }: OpenAI.ChatCompletion): OpenAI.ChatCompletionMessage {
  const message = choices[0]?.message;
  if (!message) throw new Error("the completion has no choice");
  return message;
}

/** Thinking is beyond OpenAI's own fields; the SDK's stream helper keeps only its last delta. */
export function reasoningOf(message: object): string {
  return "reasoning_content" in message ? String(message.reasoning_content) : "";
}

export function functionCalls(completion: OpenAI.ChatCompletion): OpenAI.ChatCompletionMessageFunctionToolCall[] {
  return (messageOf(completion).tool_calls ?? []).flatMap((call) => (call.type === "function" ? [call] : []));
}
