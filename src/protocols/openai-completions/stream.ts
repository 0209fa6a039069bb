import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext, StreamEncoder } from "../../core/protocol.ts";
import type { TurnEvent, Usage } from "../../core/turn.ts";
import { sseFrame } from "../../lib/sse.ts";
import { errorBody } from "./error.ts";
import { FINISH_REASONS, type ReplyForm, usageReply } from "./reply.ts";

/**
 * Turns, one for each answer, as `text_completion` chunks, written as text: what is the same in every chunk of an answer is
 * built once, so a delta costs one JSON.stringify of its text. After a failure there is no `[DONE]`: a cut answer must not
 * look complete.
 */
export function chunkEncoder(context: EncodeContext, form: ReplyForm): StreamEncoder {
  const id = `cmpl-${context.newId()}`;
  /** The answer that is being written, or comes next. */
  let index = 0;
  let chunk = chunkTexts(id, index, context, form);
  const usages: Usage[] = [];

  let state: "waiting" | "running" | "ended" = "waiting";
  let inText = false;

  const textChunk = (text: string) => chunk.textOpen + JSON.stringify(text) + chunk.textClose;

  const endAnswer = (event: Extract<TurnEvent, { type: "turn-end" }>): string => {
    usages.push(event.usage);
    const finish = `${chunk.textOpen}"","logprobs":null,"finish_reason":"${FINISH_REASONS[event.reason]}"}]${chunk.tail}`;
    index++;
    if (index < form.leads.length) {
      chunk = chunkTexts(id, index, context, form);
      return finish;
    }
    state = "ended";
    const usage = form.includeUsage ? `${chunk.open}[],"usage":${JSON.stringify(usageReply(usages))}}\n\n` : "";
    return finish + usage + sseFrame("[DONE]");
  };

  const encode = (event: TurnEvent): string => {
    switch (event.type) {
      case "turn-start":
        state = "running";
        // Signs of life may have come before it was known which model serves.
        if (chunk.model !== context.model) chunk = chunkTexts(id, index, context, form);
        return textChunk(form.leads[index] ?? "");
      case "block-start": {
        const { head } = event;
        inText = head.kind === "text";
        return head.kind === "media" ? textChunk(mediaAsText(head.mimeType, head.data)) : "";
      }
      case "block-delta":
        return inText && event.text !== "" ? textChunk(event.text) : "";
      case "block-end":
      case "late-signature":
        return "";
      case "turn-end":
        return endAnswer(event);
      default:
        return event satisfies never;
    }
  };

  return {
    push(events) {
      let text = "";
      for (const event of events) text += encode(event);
      // Thinking is not shown, and still is a sign of life.
      return text === "" && state === "running" ? textChunk("") : text;
    },
    fail(error) {
      if (state === "ended") return "";
      state = "ended";
      return sseFrame(JSON.stringify(errorBody(error)));
    },
    keepAlive() {
      return state === "ended" ? "" : textChunk("");
    },
  };
}

/** The texts that all chunks of one answer are put together from. */
function chunkTexts(id: string, index: number, { model, createdAt }: EncodeContext, form: ReplyForm) {
  const head = { id, object: "text_completion", created: createdAt, model };
  const open = `data: ${JSON.stringify(head).slice(0, -1)},"choices":`;
  const tail = form.includeUsage ? `,"usage":null}\n\n` : "}\n\n";
  return {
    model,
    open,
    tail,
    textOpen: `${open}[{"index":${index},"text":`,
    textClose: `,"logprobs":null,"finish_reason":null}]${tail}`,
  };
}
