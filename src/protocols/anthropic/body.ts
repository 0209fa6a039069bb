import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext } from "../../core/protocol.ts";
import type { Block, Turn } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { emptyMessage, stopFields, textBlock, thinkingBlock, toolUseBlock } from "./message.ts";
import type { ThinkingDisplay } from "./thinking.ts";

/** The finished message: the same content a client would rebuild from the stream. */
export function encodeMessage(turn: Turn, context: EncodeContext, display: ThinkingDisplay): JsonObject {
  const content = turn.blocks.flatMap((block) => encodeBlock(block, display));
  // Clients expect an answer, even an empty one; thinking alone leaves some of them waiting.
  if (content.every(({ type }) => type === "thinking")) content.push(textBlock(""));
  return {
    ...emptyMessage(`msg_${context.newId()}`, context.model, turn.usage),
    content,
    ...stopFields(turn.reason),
  };
}

function encodeBlock(block: Block, display: ThinkingDisplay): JsonObject[] {
  switch (block.kind) {
    case "text":
      return block.text === "" ? [] : [textBlock(block.text)];
    case "thinking": {
      const signature = block.signature ?? "";
      if (display === "hidden" || (block.text === "" && signature === "")) return [];
      return [thinkingBlock(display === "omitted" ? "" : block.text, signature)];
    }
    case "tool":
      return [toolUseBlock(block.id, block.name, block.args)];
    case "media":
      return [textBlock(mediaAsText(block.mimeType, block.data))];
    case "opaque":
      return [];
    default:
      return block satisfies never;
  }
}
