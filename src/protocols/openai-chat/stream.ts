import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext, StreamEncoder } from "../../core/protocol.ts";
import type { TurnEvent, TurnMeta } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { sseFrame } from "../../lib/sse.ts";
import { annotator } from "./annotations.ts";
import { errorBody } from "./error.ts";
import { finishReason, functionCall, type ReplyForm, toolCall, type ToolHead, usageReply } from "./reply.ts";

/**
 * A turn as `chat.completion.chunk` frames, written as text: what is the same in every chunk is built once, so a delta
 * costs one JSON.stringify of its text.
 *
 * Clients break without a role in the first chunk, without `index`, `id` and `type` on a tool call, and without a
 * finish reason. After a failure there is no `[DONE]`: a cut answer must not look complete.
 */
export function chunkEncoder(context: EncodeContext, form: ReplyForm): StreamEncoder {
  const id = `chatcmpl-${context.newId()}`;
  let chunk = chunkTexts(id, context, form);

  let state: "waiting" | "running" | "ended" = "waiting";
  /** How deltas of the open block begin; `undefined` for blocks that show none. */
  let textOpen: string | undefined;
  let heldTool: ToolHead | undefined;
  let calls = 0;

  const pages = form.searches ? annotator() : undefined;

  const start = (): string => {
    if (state !== "waiting") return "";
    state = "running";
    return chunk.role;
  };

  const deltaChunk = (delta: JsonObject) => chunk.deltaOpen + JSON.stringify(delta) + chunk.deltaClose;

  const annotations = (meta: TurnMeta): string => {
    const list = pages?.annotations(meta) ?? [];
    return list.length === 0 ? "" : deltaChunk({ annotations: list });
  };

  const callChunk = (tool: ToolHead, signature: string | undefined): string => {
    const index = calls++;
    if (!form.legacyCalls) return deltaChunk({ tool_calls: [{ index, ...toolCall(tool, signature, form) }] });
    return index === 0 ? deltaChunk({ function_call: functionCall(tool) }) : "";
  };

  const encode = (event: TurnEvent): string => {
    switch (event.type) {
      case "turn-start":
        // Signs of life may have come before it was known which model serves.
        if (chunk.model !== context.model) chunk = chunkTexts(id, context, form);
        return start();
      case "block-start": {
        const block = event.head;
        textOpen =
          block.kind === "text" ? chunk.contentOpen : block.kind === "thinking" ? chunk.thinkingOpen : undefined;
        heldTool = block.kind === "tool" ? block : undefined;
        if (block.kind === "text") pages?.begin();
        if (block.kind !== "media") return "";
        const content = mediaAsText(block.mimeType, block.data);
        pages?.other(content);
        return chunk.contentOpen + JSON.stringify(content) + chunk.textClose;
      }
      case "block-delta":
        if (textOpen === undefined || event.text === "") return "";
        if (textOpen === chunk.contentOpen) pages?.text(event.text);
        return textOpen + JSON.stringify(event.text) + chunk.textClose;
      case "block-end": {
        // A call waits for its end because only the end tells its signature.
        const tool = heldTool;
        heldTool = undefined;
        return tool === undefined ? "" : callChunk(tool, event.signature);
      }
      case "turn-end": {
        const before = start();
        state = "ended";
        const reason = JSON.stringify(finishReason(event.reason, form));
        const finish = `${chunk.deltaOpen}{},"finish_reason":${reason}}]${chunk.tail}`;
        const usage = form.includeUsage
          ? `${chunk.open}[],"usage":${JSON.stringify(usageReply(event.usage))}}\n\n`
          : "";
        return before + annotations(event.meta) + finish + usage + sseFrame("[DONE]");
      }
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
      // Thinking that is not shown still is a sign of life.
      return text === "" && state === "running" && !form.showThinking ? chunk.empty : text;
    },
    fail(error) {
      if (state === "ended") return "";
      state = "ended";
      return sseFrame(JSON.stringify(errorBody(error)));
    },
    keepAlive() {
      return start() || (state === "running" ? chunk.empty : "");
    },
  };
}

/** The texts that all chunks of one answer are put together from. */
function chunkTexts(id: string, { model, createdAt }: EncodeContext, form: ReplyForm) {
  const head = { id, object: "chat.completion.chunk", created: createdAt, model };
  const open = `data: ${JSON.stringify(head).slice(0, -1)},"choices":`;
  const tail = form.includeUsage ? `,"usage":null}\n\n` : "}\n\n";
  const deltaOpen = `${open}[{"index":0,"delta":`;
  const deltaClose = `,"finish_reason":null}]${tail}`;
  return {
    model,
    open,
    tail,
    deltaOpen,
    deltaClose,
    role: `${deltaOpen}{"role":"assistant","content":""}${deltaClose}`,
    empty: `${deltaOpen}{}${deltaClose}`,
    contentOpen: `${deltaOpen}{"content":`,
    thinkingOpen: form.showThinking ? `${deltaOpen}{"reasoning_content":` : undefined,
    textClose: `}${deltaClose}`,
  };
}
