import type { Protocols } from "../http/inference-routes.ts";
import { anthropic } from "../protocols/anthropic/index.ts";
import { gemini } from "../protocols/gemini/index.ts";
import { openaiChat } from "../protocols/openai-chat/index.ts";
import { openaiCompletions } from "../protocols/openai-completions/index.ts";
import { openaiImageEdits, openaiImageGenerations } from "../protocols/openai-images/index.ts";
import { openaiResponses } from "../protocols/openai-responses/index.ts";

export const protocols: Protocols = {
  anthropic,
  openaiChat,
  openaiResponses,
  openaiCompletions,
  openaiImageGenerations,
  openaiImageEdits,
  gemini,
};
