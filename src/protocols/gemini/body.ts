import type { EncodeContext } from "../../core/protocol.ts";
import type { Block, Turn } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { endingOf, enumPart, type ReplyForm, textPart, wholePart } from "./reply.ts";

/** A whole turn as one GenerateContentResponse. */
export function response(turn: Turn, context: EncodeContext, form: ReplyForm): JsonObject {
  const parts = turn.blocks.flatMap((block) => blockParts(block, form));
  const { candidate, response } = endingOf(turn);
  return {
    // Clients drop a content without parts from the conversation, and some the question with it.
    candidates: [{ content: { parts: parts.length > 0 ? parts : [textPart("", false)], role: "model" }, ...candidate }],
    ...response,
    modelVersion: context.model,
    responseId: context.newId(),
  };
}

function blockParts(block: Block, { showThoughts, isEnum, omitEmptyTexts }: ReplyForm): JsonObject[] {
  if (block.kind !== "text" && block.kind !== "thinking")
    return [wholePart(block, block.signature)].filter((part) => part !== undefined);
  const isThought = block.kind === "thinking";
  if (isThought && !showThoughts) return [];
  if (block.text === "" && (block.signature === undefined || omitEmptyTexts)) return [];
  if (isEnum && !isThought) return [enumPart(block.text, block.signature)];
  return [textPart(block.text, isThought, block.signature)];
}
