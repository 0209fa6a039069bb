import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext } from "../../core/protocol.ts";
import type { Turn } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { finishReason, functionCall, type ReplyForm, toolCall, type ToolHead, usageReply } from "./reply.ts";

/** A whole turn as one `chat.completion`. */
export function completion(turn: Turn, context: EncodeContext, form: ReplyForm): JsonObject {
  return {
    id: `chatcmpl-${context.newId()}`,
    object: "chat.completion",
    created: context.createdAt,
    model: context.model,
    choices: [
      { index: 0, message: message(turn, form), logprobs: null, finish_reason: finishReason(turn.reason, form) },
    ],
    usage: usageReply(turn.usage),
  };
}

function message(turn: Turn, form: ReplyForm): JsonObject {
  let content = "";
  let reasoning = "";
  const tools: { tool: ToolHead; signature: string | undefined }[] = [];
  for (const block of turn.blocks) {
    switch (block.kind) {
      case "text":
        content += block.text;
        break;
      case "thinking":
        if (form.showThinking) reasoning += block.text;
        break;
      case "tool":
        tools.push({ tool: block, signature: block.signature });
        break;
      case "media":
        content += mediaAsText(block.mimeType, block.data);
        break;
      case "opaque":
        break; // only Gemini clients can be given it
      default:
        block satisfies never;
    }
  }
  const [first] = tools;
  return {
    role: "assistant",
    content: content === "" && first ? null : content,
    refusal: null,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(first && form.legacyCalls && { function_call: functionCall(first.tool) }),
    ...(first &&
      !form.legacyCalls && { tool_calls: tools.map(({ tool, signature }) => toolCall(tool, signature, form)) }),
  };
}
