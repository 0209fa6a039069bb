import type { EncodeContext } from "../../core/protocol.ts";
import type { Turn } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import {
  callItem,
  compactionItem,
  hasReasoning,
  imageItem,
  mediaText,
  messageId,
  messageItem,
  outputText,
  readCitations,
  reasoningId,
  reasoningItem,
  failedSearchItem,
  searchItem,
  type TextPart,
} from "./output.ts";
import { finalProgress, type ReplyForm, responseHead } from "./reply.ts";

/** A whole turn as one response: what the last event of a stream holds. */
export function response(turn: Turn, context: EncodeContext, form: ReplyForm): JsonObject {
  const newId = () => context.newId();
  const head = responseHead(
    `resp_${newId()}`,
    context,
    finalProgress(turn.reason, output(turn, newId, form), turn.usage),
  );
  return { ...head, ...form.echo };
}

function output(turn: Turn, newId: () => string, form: ReplyForm): JsonObject[] {
  const items: (JsonObject | TextPart[])[] = [];
  for (const block of turn.blocks) {
    switch (block.kind) {
      case "text":
        if (block.text !== "") addText(items, { text: block.text, isBlock: true });
        break;
      case "thinking":
        if (hasReasoning(block.text, block.signature, form)) {
          items.push(reasoningItem(reasoningId(newId), block.text, block.signature, form));
        }
        break;
      case "tool":
        items.push(callItem(block, form, newId).item);
        break;
      case "media": {
        const text = mediaText(block.mimeType, block.data);
        if (text === undefined) items.push(imageItem(block.mimeType, block.data, newId));
        else addText(items, { text, isBlock: false });
        break;
      }
      case "opaque":
        break; // only Gemini clients can be given it
      default:
        block satisfies never;
    }
  }
  return withMessages(items, turn, newId, form);
}

/** Texts that follow one another are parts of one message. */
function addText(items: (JsonObject | TextPart[])[], part: TextPart): void {
  const last = items.at(-1);
  if (Array.isArray(last)) last.push(part);
  else items.push([part]);
}

function withMessages(
  items: readonly (JsonObject | TextPart[])[],
  { meta, reason }: Turn,
  newId: () => string,
  form: ReplyForm,
): JsonObject[] {
  const parts = items.flatMap((item) => (Array.isArray(item) ? item : []));
  if (form.compacts) {
    const others = items.flatMap((item) => (Array.isArray(item) ? [] : [item]));
    return parts.length === 0 ? others : [...others, compactionItem(textOf(parts), newId)];
  }
  const citations = form.searches ? readCitations(meta, parts) : undefined;
  const annotations = citations?.annotations.values();
  const isCut = reason === "length" || reason === "filtered";
  const output = items.map((item, index) => {
    if (!Array.isArray(item)) return item;
    const content = item.map(({ text }) => outputText(text, annotations?.next().value ?? []));
    return messageItem(messageId(newId), isCut && index === items.length - 1 ? "incomplete" : "completed", content);
  });
  const search = citations ? searchItem(citations.grounding, form, newId) : failedSearchItem(reason, form, newId);
  return search ? [...output, search] : output;
}

function textOf(parts: readonly TextPart[]): string {
  return parts.map(({ text }) => text).join("");
}
