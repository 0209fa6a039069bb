import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext, StreamEncoder } from "../../core/protocol.ts";
import type { BlockHead, TurnEvent } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { sseFrame } from "../../lib/sse.ts";
import { errorBody } from "./error.ts";
import { emptyMessage, stopFields, textBlock, thinkingBlock, tokenCounts, toolUseBlock } from "./message.ts";
import type { ThinkingDisplay } from "./thinking.ts";

const PING = frame({ type: "ping" });

/**
 * Events to Messages frames. Text and thinking blocks are opened by their first content, so that blocks which stay
 * empty are never seen and the indexes stay dense.
 */
export function encodeStream(context: EncodeContext, display: ThinkingDisplay): StreamEncoder {
  let blocks = 0;
  /** Whether the client was given anything but thinking. */
  let answered = false;
  let kind: BlockHead["kind"] = "opaque";
  let isOpen = false;
  /** Everything of a delta frame up to its text; "" when the text is not shown. */
  let deltaHead = "";

  function open(block: JsonObject): string {
    isOpen = true;
    if (block["type"] !== "thinking") answered = true;
    return frame({ type: "content_block_start", index: blocks, content_block: block });
  }

  function delta(content: JsonObject): string {
    return frame({ type: "content_block_delta", index: blocks, delta: content });
  }

  function close(): string {
    isOpen = false;
    return frame({ type: "content_block_stop", index: blocks++ });
  }

  function start(head: BlockHead): string {
    kind = head.kind;
    deltaHead = "";
    switch (head.kind) {
      case "text":
        deltaHead = deltaFrameHead(blocks, "text_delta", "text");
        return "";
      case "thinking":
        if (display === "shown") deltaHead = deltaFrameHead(blocks, "thinking_delta", "thinking");
        return "";
      case "tool":
        // Clients take the input from the deltas alone and fail on one that is already in the start.
        return (
          open(toolUseBlock(head.id, head.name, {})) +
          delta({ type: "input_json_delta", partial_json: JSON.stringify(head.args) })
        );
      case "media":
        return open(textBlock("")) + delta({ type: "text_delta", text: mediaAsText(head.mimeType, head.data) });
      case "opaque":
        return "";
      default:
        return head satisfies never;
    }
  }

  function extend(text: string): string {
    if (text === "") return "";
    if (kind === "text") {
      return (isOpen ? "" : open(textBlock(""))) + deltaHead + JSON.stringify(text) + DELTA_TAIL;
    }
    if (kind !== "thinking" || display === "hidden") return "";
    const opening = isOpen ? "" : open(thinkingBlock("", ""));
    return deltaHead === "" ? opening : opening + deltaHead + JSON.stringify(text) + DELTA_TAIL;
  }

  function end(signature: string | undefined): string {
    let out = "";
    if (signature && kind === "thinking" && display !== "hidden") {
      if (!isOpen) out += open(thinkingBlock("", ""));
      out += delta({ type: "signature_delta", signature });
    }
    return isOpen ? out + close() : out;
  }

  function finish({ reason, usage }: Extract<TurnEvent, { type: "turn-end" }>): string {
    const empty = answered ? "" : open(textBlock("")) + close();
    return (
      empty +
      frame({ type: "message_delta", delta: stopFields(reason), usage: tokenCounts(usage) }) +
      frame({ type: "message_stop" })
    );
  }

  function encode(event: TurnEvent): string {
    switch (event.type) {
      case "block-delta":
        return extend(event.text);
      case "block-start":
        return start(event.head);
      case "block-end":
        return end(event.signature);
      case "turn-start":
        return frame({
          type: "message_start",
          message: emptyMessage(`msg_${context.newId()}`, context.model, event.usage),
        });
      case "turn-end":
        return finish(event);
      case "late-signature":
        return ""; // its block is closed, and clients refuse to see it opened again
      default:
        return event satisfies never;
    }
  }

  return {
    push(events) {
      let out = "";
      for (const event of events) out += encode(event);
      return out;
    },
    fail: (error) => frame(errorBody(error)),
    keepAlive: () => PING,
  };
}

const DELTA_TAIL = "}}\n\n";

// Most frames of a stream are these; only their text is new, so only it is serialised.
function deltaFrameHead(index: number, type: string, field: string): string {
  return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${field}":`;
}

/** The event line repeats the type: without it several clients see nothing at all. */
function frame(data: JsonObject & { type: string }): string {
  return sseFrame(JSON.stringify(data), data.type);
}
