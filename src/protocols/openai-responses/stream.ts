import type { EncodeContext, StreamEncoder } from "../../core/protocol.ts";
import type { BlockHead, TurnEvent } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { responseError } from "./error.ts";
import { frameWriter } from "./frames.ts";
import { type MessageWriter, messageWriter } from "./message-stream.ts";
import {
  callItem,
  hasReasoning,
  imageItem,
  mediaText,
  reasoningId,
  reasoningItem,
  failedSearchItem,
  searchItem,
  summaryText,
} from "./output.ts";
import { finalProgress, type Progress, type ReplyForm, responseHead } from "./reply.ts";

/**
 * A turn as the events of a response. Clients differ in what they live on: some read deltas only, Codex the items as they
 * are done, the Agents SDK the output of the last event. So all of it is complete, each number is one higher than the last,
 * and exactly one of `response.completed`, `.incomplete` and `.failed` ends it.
 */
export function responseEncoder(context: EncodeContext, form: ReplyForm): StreamEncoder {
  const newId = () => context.newId();
  const id = `resp_${newId()}`;
  const writer = frameWriter();
  const { frame } = writer;
  const echo = `,${JSON.stringify(form.echo).slice(1)}}`;

  let state: "waiting" | "running" | "ended" = "waiting";
  const output: JsonObject[] = [];
  const messages: MessageWriter = messageWriter(writer, newId, form, output);
  let block: BlockHead["kind"] | undefined;
  let thinking = thinkingBlock();

  const lifecycle = (type: string, progress: Progress) =>
    writer.written(type, `{"response":${JSON.stringify(responseHead(id, context, progress)).slice(0, -1)}${echo}`);
  const inProgress = () => lifecycle("response.in_progress", { status: "in_progress", output: [] });

  const start = (): string => {
    if (state !== "waiting") return "";
    state = "running";
    return lifecycle("response.created", { status: "in_progress", output: [] }) + inProgress();
  };

  /** The item's place in the output. */
  const place = (item: JsonObject): number => output.push(item) - 1;
  const added = (index: number, item: JsonObject) => frame("response.output_item.added", { output_index: index, item });
  const done = (index: number, item: JsonObject) => frame("response.output_item.done", { output_index: index, item });
  const at = (index: number, item: JsonObject): JsonObject => ({ item_id: item["id"] ?? "", output_index: index });

  const beginThinking = (): string => {
    const item = reasoningItem(reasoningId(newId), "", undefined, form);
    const before = messages.leave();
    const index = place(item);
    const summary = { ...at(index, item), summary_index: 0 };
    thinking.shown = { item, index, summary, delta: writer.deltas("response.reasoning_summary_text.delta", summary) };
    return (
      before +
      added(index, item) +
      frame("response.reasoning_summary_part.added", { ...summary, part: summaryText("") })
    );
  };

  const thinkingDelta = (text: string): string => {
    thinking.texts.push(text);
    if (!form.showThinking) return "";
    const before = thinking.shown ? "" : beginThinking();
    return before + (thinking.shown?.delta(text) ?? "");
  };

  const endThinking = (signature: string | undefined): string => {
    const { texts, shown } = thinking;
    thinking = thinkingBlock();
    const text = texts.join("");
    if (shown) {
      const item = reasoningItem(String(shown.item["id"]), text, signature, form);
      output[shown.index] = item;
      return (
        frame("response.reasoning_summary_text.done", { ...shown.summary, text }) +
        frame("response.reasoning_summary_part.done", { ...shown.summary, part: summaryText(text) }) +
        done(shown.index, item)
      );
    }
    if (!hasReasoning(text, signature, form)) return "";
    const before = messages.leave();
    const item = reasoningItem(reasoningId(newId), text, signature, form);
    const index = place(item);
    return before + added(index, item) + done(index, item);
  };

  const call = (head: Extract<BlockHead, { kind: "tool" }>): string => {
    const before = messages.close();
    const { item, input } = callItem(head, form, newId);
    const index = place(item);
    if (!input) return before + added(index, { ...item, status: "in_progress" }) + done(index, item);
    const { text, event, field } = input;
    const where = at(index, item);
    return (
      before +
      added(index, { ...item, status: "in_progress", [field]: "" }) +
      (text === "" ? "" : frame(`${event}.delta`, { ...where, delta: text })) +
      frame(`${event}.done`, { ...where, ...(field === "arguments" && { name: item["name"] ?? "" }), [field]: text }) +
      done(index, item)
    );
  };

  const image = (mimeType: string, data: string): string => {
    const before = messages.leave();
    const item = imageItem(mimeType, data, newId);
    const index = place(item);
    let frames = before + added(index, { ...item, status: "in_progress", result: null });
    for (const step of ["in_progress", "generating", "completed"]) {
      frames += frame(`response.image_generation_call.${step}`, at(index, item));
    }
    return frames + done(index, item);
  };

  const startBlock = (head: BlockHead): string => {
    block = head.kind;
    if (head.kind === "tool") return call(head);
    if (head.kind !== "media") return "";
    const text = mediaText(head.mimeType, head.data);
    return text === undefined ? image(head.mimeType, head.data) : messages.delta(text, false) + messages.endPart();
  };

  const finish = ({ reason, usage, meta }: Extract<TurnEvent, { type: "turn-end" }>): string => {
    const isCut = reason === "length" || reason === "filtered";
    const { text, grounding } = messages.finish(meta, isCut);
    let before = start() + text;
    const item = grounding ? searchItem(grounding, form, newId) : failedSearchItem(reason, form, newId);
    if (item) {
      const index = place(item);
      before += added(index, { ...item, status: "in_progress" });
      for (const step of grounding ? ["in_progress", "searching", "completed"] : ["in_progress"]) {
        before += frame(`response.web_search_call.${step}`, at(index, item));
      }
      before += done(index, item);
    }
    state = "ended";
    const progress = finalProgress(reason, output, usage);
    context.onReply?.({ ...responseHead(id, context, progress), ...form.echo });
    return before + lifecycle(`response.${progress.status}`, progress);
  };

  const encode = (event: TurnEvent): string => {
    switch (event.type) {
      case "turn-start":
        return start();
      case "block-start":
        return startBlock(event.head);
      case "block-delta":
        if (event.text === "") return "";
        return block === "thinking" ? thinkingDelta(event.text) : messages.delta(event.text, true);
      case "block-end":
        return block === "thinking" ? endThinking(event.signature) : block === "text" ? messages.endPart() : "";
      case "turn-end":
        return finish(event);
      case "late-signature":
        return "";
      default:
        return event satisfies never;
    }
  };

  return {
    push(events) {
      let text = "";
      for (const event of events) text += encode(event);
      return text;
    },
    fail(error) {
      if (state === "ended") return "";
      const before = start();
      state = "ended";
      messages.cut();
      const { shown, texts } = thinking;
      if (shown) output[shown.index] = reasoningItem(String(shown.item["id"]), texts.join(""), undefined, form);
      const failure = responseError(error);
      // The openai package and LangChain take a failed response for an ordinary one; at this event they throw.
      const thrown = frame("error", { ...failure, param: null });
      return before + thrown + lifecycle("response.failed", { status: "failed", output, error: failure });
    },
    keepAlive() {
      return start() || (state === "running" ? inProgress() : "");
    },
  };
}

interface ThinkingBlock {
  texts: string[];
  /** Once there is something to show. */
  shown?: { item: JsonObject; index: number; summary: JsonObject; delta: (text: string) => string };
}

function thinkingBlock(): ThinkingBlock {
  return { texts: [] };
}
