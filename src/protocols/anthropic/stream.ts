import { type Grounding, readGrounding } from "../../core/grounding.ts";
import { mediaAsText } from "../../core/media-text.ts";
import type { EncodeContext, StreamEncoder } from "../../core/protocol.ts";
import type { BlockHead, TurnEvent } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { sseFrame } from "../../lib/sse.ts";
import type { ReplyForm } from "./body.ts";
import { errorBody } from "./error.ts";
import { emptyMessage, stopFields, textBlock, thinkingBlock, tokenCounts, toolUseBlock } from "./message.ts";
import { citedBlocks, searchBlocks, searchCount } from "./web-search.ts";

const PING = frame({ type: "ping" });

type TurnEnd = Extract<TurnEvent, { type: "turn-end" }>;

/**
 * Events to Messages frames. Text and thinking blocks are opened by their first content, so that blocks which stay
 * empty are never seen and the indexes stay dense.
 *
 * What a search found stands before the answer that cites it, and upstream tells it last: where a search may come, the
 * answer is held from its first piece to its end. Thinking before it flows on.
 */
export function encodeStream(context: EncodeContext, { display, search }: ReplyForm): StreamEncoder {
  let blocks = 0;
  /** Whether the client was given anything but thinking. */
  let answered = false;
  let kind: BlockHead["kind"] = "opaque";
  let isOpen = false;
  /** Everything of a delta frame up to its text; "" when the text is not shown. */
  let deltaHead = "";
  /** The start of the open block, and what is held since the answer began. */
  let lastStart: TurnEvent | undefined;
  let held: TurnEvent[] | undefined;

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

  function finish({ reason, usage }: TurnEnd, searches?: number): string {
    const empty = answered ? "" : open(textBlock("")) + close();
    return (
      empty +
      frame({ type: "message_delta", delta: stopFields(reason), usage: tokenCounts(usage, searches) }) +
      frame({ type: "message_stop" })
    );
  }

  function encodeAll(events: readonly TurnEvent[]): string {
    let out = "";
    for (const event of events) out += encode(event);
    return out;
  }

  /** Holds back what the client must be told after the search. */
  function holdBack(event: TurnEvent): string {
    if (event.type === "turn-end") return finishSearched(event);
    if (held) {
      held.push(event);
      return "";
    }
    if (event.type === "block-start") lastStart = event;
    if (!beginsAnswer(event, kind)) return encode(event);
    held = event === lastStart || !lastStart ? [event] : [lastStart, event];
    return "";
  }

  function finishSearched(end: TurnEnd): string {
    const answer = held ?? [];
    held = undefined;
    const grounding = readGrounding(end.meta, textsOf(answer));
    const found = writeAll(searchBlocks(search, grounding, context.newId()));
    const said = grounding ? encodeCited(answer, grounding) : encodeAll(answer);
    return found + said + finish(end, searchCount(grounding));
  }

  /** Texts at once, each cited stretch as a block of its own; the rest as it came. */
  function encodeCited(answer: readonly TurnEvent[], grounding: Grounding): string {
    const texts = textsOf(answer);
    let next = 0;
    let inText = false;
    let out = "";
    for (const event of answer) {
      if (event.type === "block-start") {
        inText = event.head.kind === "text";
        if (inText) out += writeAll(citedBlocks(texts[next] ?? "", next++, grounding));
      }
      if (!inText) out += encode(event);
    }
    return out;
  }

  function writeAll(finished: readonly JsonObject[]): string {
    return finished.map(write).join("");
  }

  /** A finished block, in the deltas that clients build it from. */
  function write(block: JsonObject): string {
    const { type, text, citations, input } = block;
    switch (type) {
      case "text": {
        const sources = Array.isArray(citations) ? citations : [];
        return (
          open({ ...textBlock(""), citations: citations === null ? null : [] }) +
          sources.map((citation) => delta({ type: "citations_delta", citation })).join("") +
          delta({ type: "text_delta", text: text ?? "" }) +
          close()
        );
      }
      case "server_tool_use":
        return (
          open({ ...block, input: {} }) +
          delta({ type: "input_json_delta", partial_json: JSON.stringify(input) }) +
          close()
        );
      default:
        return open(block) + close();
    }
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
      if (search === "none") return encodeAll(events);
      let out = "";
      for (const event of events) out += holdBack(event);
      return out;
    },
    fail: (error) => encodeAll(held ?? []) + frame(errorBody(error)),
    keepAlive: () => PING,
  };
}

/** Whether this is the first piece of what is no thinking. `kind`: of the open block. */
function beginsAnswer(event: TurnEvent, kind: BlockHead["kind"]): boolean {
  if (event.type === "block-delta") return kind === "text" && event.text !== "";
  return event.type === "block-start" && (event.head.kind === "tool" || event.head.kind === "media");
}

/** The texts of an answer's text blocks, in order. */
function textsOf(events: readonly TurnEvent[]): string[] {
  const texts: string[] = [];
  let isText = false;
  for (const event of events) {
    if (event.type === "block-start") {
      isText = event.head.kind === "text";
      if (isText) texts.push("");
    }
    if (event.type === "block-delta" && isText) texts.push((texts.pop() ?? "") + event.text);
  }
  return texts;
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
