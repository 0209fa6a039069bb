import type { Grounding } from "../../core/grounding.ts";
import type { TurnMeta } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { FrameWriter } from "./frames.ts";
import { compactionItem, messageId, messageItem, outputText, readCitations, type TextPart } from "./output.ts";
import type { ReplyForm } from "./reply.ts";

/**
 * The messages of a streamed answer. Texts that follow one another are parts of one message, which ends when something else
 * begins. Where the web is searched it ends with the turn, because citations come last: only a call ends it before, so that
 * clients which go by the order of finished items see what was said before the call before it.
 */
export interface MessageWriter {
  /** `isBlock`: citations may point into it. */
  delta(text: string, isBlock: boolean): string;
  /** The text block ends. */
  endPart(): string;
  /** Another item begins. */
  leave(): string;
  /** An item begins that must come after what was said before. */
  close(): string;
  /** The turn ends. */
  finish(meta: TurnMeta, isCut: boolean): { text: string; grounding?: Grounding };
  /** The turn breaks off: what was said so far is put into the output. */
  cut(): void;
}

interface Part extends TextPart {
  texts: string[];
  place: JsonObject;
  delta: (text: string) => string;
  isDone: boolean;
}

interface Message {
  id: string;
  index: number;
  parts: Part[];
  isDone: boolean;
}

export function messageWriter(
  writer: FrameWriter,
  newId: () => string,
  form: ReplyForm,
  output: JsonObject[],
): MessageWriter {
  const { frame } = writer;
  const messages: Message[] = [];
  const summary: string[] = [];
  let current: Message | undefined;
  let part: Part | undefined;

  const beginMessage = (): string => {
    const id = messageId(newId);
    const item = messageItem(id, "in_progress", []);
    current = { id, index: output.push(item) - 1, parts: [], isDone: false };
    messages.push(current);
    return frame("response.output_item.added", { output_index: current.index, item });
  };

  const beginPart = (isBlock: boolean): string => {
    const before = current ? "" : beginMessage();
    if (!current) return before;
    const { id, index, parts } = current;
    const place = { item_id: id, output_index: index, content_index: parts.length };
    const delta = writer.deltas("response.output_text.delta", { ...place, logprobs: [] });
    part = { text: "", texts: [], isBlock, place, delta, isDone: false };
    parts.push(part);
    return before + frame("response.content_part.added", { ...place, part: outputText("") });
  };

  const partDone = (ended: Part, annotations: JsonObject[]): string => {
    if (ended.isDone) return "";
    ended.isDone = true;
    const { place, text } = ended;
    let frames = "";
    for (const [index, annotation] of annotations.entries()) {
      frames += frame("response.output_text.annotation.added", { ...place, annotation_index: index, annotation });
    }
    return (
      frames +
      frame("response.output_text.done", { ...place, logprobs: [], text }) +
      frame("response.content_part.done", { ...place, part: outputText(text, annotations) })
    );
  };

  const messageDone = (message: Message, annotations: readonly JsonObject[][], isCut: boolean): string => {
    const content = message.parts.map(({ text }, index) => outputText(text, annotations[index]));
    const item = messageItem(message.id, isCut ? "incomplete" : "completed", content);
    output[message.index] = item;
    if (message.isDone) return "";
    message.isDone = true;
    const parts = message.parts.map((ended, index) => partDone(ended, annotations[index] ?? [])).join("");
    return parts + frame("response.output_item.done", { output_index: message.index, item });
  };

  const closeAll = (): string => {
    current = undefined;
    return messages.map((message) => (message.isDone ? "" : messageDone(message, [], false))).join("");
  };

  return {
    delta(text, isBlock) {
      if (form.compacts) {
        summary.push(text);
        return "";
      }
      const before = part ? "" : beginPart(isBlock);
      part?.texts.push(text);
      return before + (part?.delta(text) ?? "");
    },
    endPart() {
      const ended = part;
      part = undefined;
      if (!ended) return "";
      ended.text = ended.texts.join("");
      return form.searches ? "" : partDone(ended, []);
    },
    leave() {
      if (!form.searches) return closeAll();
      current = undefined;
      return "";
    },
    close: closeAll,
    finish(meta, isCut) {
      if (summary.length > 0) {
        const item = compactionItem(summary.join(""), newId);
        const place = { output_index: output.push(item) - 1, item };
        return { text: frame("response.output_item.added", place) + frame("response.output_item.done", place) };
      }
      const citations = form.searches
        ? readCitations(
            meta,
            messages.flatMap(({ parts }) => parts),
          )
        : undefined;
      const last = output.length - 1;
      let text = "";
      let read = 0;
      for (const message of messages) {
        const annotations = citations?.annotations.slice(read, (read += message.parts.length)) ?? [];
        if (citations || !message.isDone) text += messageDone(message, annotations, isCut && message.index === last);
      }
      return { text, ...(citations && { grounding: citations.grounding }) };
    },
    cut() {
      if (part) part.text = part.texts.join("");
      for (const { id, index, parts, isDone } of messages) {
        if (isDone) continue;
        output[index] = messageItem(
          id,
          "incomplete",
          parts.map(({ text }) => outputText(text)),
        );
      }
    },
  };
}
