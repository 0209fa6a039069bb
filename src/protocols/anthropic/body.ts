import { type Grounding, readGrounding } from "../../core/grounding.ts";
import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext } from "../../core/protocol.ts";
import type { Block, Turn } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { emptyMessage, stopFields, textBlock, thinkingBlock, toolUseBlock } from "./message.ts";
import type { ThinkingDisplay } from "./thinking.ts";
import { citedBlocks, searchBlocks, searchCount, type SearchForm } from "./web-search.ts";

/** What the request says about the form of its reply. */
export interface ReplyForm {
  display: ThinkingDisplay;
  search: SearchForm;
}

/** The finished message: the same content a client would rebuild from the stream. */
export function encodeMessage(turn: Turn, context: EncodeContext, form: ReplyForm): JsonObject {
  const grounding = groundingOf(turn, form);
  const content = encodeBlocks(turn.blocks, form, grounding);
  const search = searchBlocks(form.search, grounding, context.newId());
  if (search.length > 0) {
    // What was found stands before the answer, and after the thinking that led to it.
    const answer = content.findIndex(({ type }) => type !== "thinking");
    content.splice(answer === -1 ? content.length : answer, 0, ...search);
  }
  // Clients expect an answer, even an empty one; thinking alone leaves some of them waiting.
  if (content.every(({ type }) => type === "thinking")) content.push(textBlock(""));
  return {
    ...emptyMessage(`msg_${context.newId()}`, context.model, turn.usage, searchCount(grounding)),
    content,
    ...stopFields(turn.reason),
  };
}

function groundingOf({ blocks, meta }: Turn, { search }: ReplyForm): Grounding | undefined {
  if (search === "none") return undefined;
  return readGrounding(
    meta,
    blocks.flatMap(({ kind, text }) => (kind === "text" ? [text] : [])),
  );
}

function encodeBlocks(blocks: readonly Block[], { display }: ReplyForm, grounding: Grounding | undefined) {
  let texts = 0;
  return blocks.flatMap((block) =>
    block.kind === "text" && grounding ? citedBlocks(block.text, texts++, grounding) : encodeBlock(block, display),
  );
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
