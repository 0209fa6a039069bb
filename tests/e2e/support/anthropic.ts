import type Anthropic from "@anthropic-ai/sdk";
import { CLAUDE } from "../../support/cloudcode/samples.ts";
import type { Mode } from "./bench.ts";

export type MessageParams = Anthropic.MessageCreateParamsNonStreaming;

export function askMessages(client: Anthropic, mode: Mode, params: MessageParams): Promise<Anthropic.Message> {
  return mode === "streamed" ? client.messages.stream(params).finalMessage() : client.messages.create(params);
}

export function userSays(content: Anthropic.MessageParam["content"], model = CLAUDE): MessageParams {
  return { model, max_tokens: 20_000, messages: [{ role: "user", content }] };
}

export function textOf({ content }: Pick<Anthropic.Message, "content">): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}
