import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext } from "../../core/protocol.ts";
import type { Block, Turn } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { FINISH_REASONS, type ReplyForm, usageReply } from "./reply.ts";

/** Whole turns, one for each answer, as one `text_completion`. */
export function completion(turns: readonly Turn[], context: EncodeContext, form: ReplyForm): JsonObject {
  return {
    id: `cmpl-${context.newId()}`,
    object: "text_completion",
    created: context.createdAt,
    model: context.model,
    choices: turns.map(({ blocks, reason }, index) => ({
      text: (form.leads[index] ?? "") + blocks.map(visibleText).join(""),
      index,
      logprobs: null,
      finish_reason: FINISH_REASONS[reason],
    })),
    usage: usageReply(turns.map(({ usage }) => usage)),
  };
}

function visibleText(block: Block): string {
  switch (block.kind) {
    case "text":
      return block.text;
    case "media":
      return mediaAsText(block.mimeType, block.data);
    case "thinking":
    case "tool": // none is declared
    case "opaque": // only Gemini clients can be given it
      return "";
    default:
      return block satisfies never;
  }
}
