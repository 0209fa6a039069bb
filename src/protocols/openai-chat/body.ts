import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext } from "../../core/protocol.ts";
import type { Turn } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { annotator } from "./annotations.ts";
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
  const pages = form.searches ? annotator() : undefined;
  const tools: { tool: ToolHead; signature: string | undefined }[] = [];
  for (const block of turn.blocks) {
    switch (block.kind) {
      case "text":
        pages?.begin();
        pages?.text(block.text);
        content += block.text;
        break;
      case "thinking":
        if (form.showThinking) reasoning += block.text;
        break;
      case "tool":
        tools.push({ tool: block, signature: block.signature });
        break;
      case "media": {
        const written = mediaAsText(block.mimeType, block.data);
        pages?.other(written);
        content += written;
        break;
      }
      case "opaque":
        break; // only Gemini clients can be given it
      default:
        block satisfies never;
    }
  }
  const [first] = tools;
  const annotations = pages?.annotations(turn.meta) ?? [];
  return {
    role: "assistant",
    content: content === "" && first ? null : content,
    refusal: null,
    ...(annotations.length > 0 && { annotations }),
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(first && form.legacyCalls && { function_call: functionCall(first.tool) }),
    ...(first &&
      !form.legacyCalls && { tool_calls: tools.map(({ tool, signature }) => toolCall(tool, signature, form)) }),
  };
}
