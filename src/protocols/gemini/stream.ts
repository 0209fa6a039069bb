import type { EncodeContext, StreamEncoder } from "../../core/protocol.ts";
import type { TurnEvent } from "../../core/turn.ts";
import type { JsonObject } from "../../lib/json.ts";
import { sseFrame } from "../../lib/sse.ts";
import { errorBody } from "./error.ts";
import { endingOf, enumPart, type ReplyForm, textPart, type WholeHead, wholePart } from "./reply.ts";

/**
 * A turn as GenerateContentResponse chunks, each of one part: `@google/generative-ai` puts all parts of a chunk into one
 * object, where they overwrite each other. Written as text: what is the same in every chunk is built once, so a delta costs
 * one JSON.stringify of its text.
 *
 * Clients break without a finish reason, and leave an answer out of the conversation when one of its chunks has no part.
 */
export function chunkEncoder(context: EncodeContext, form: ReplyForm): StreamEncoder {
  const { frame, close, abandon, silence } = form.asList ? listFraming() : eventFraming();
  const responseId = context.newId();
  let chunk = chunkTexts(responseId, context);

  let isEnded = false;
  let isThought = false;
  /** How deltas of the open block begin; `undefined` for blocks that show none. */
  let textOpen: string | undefined;
  let whole: WholeHead | undefined;
  /** Text that is given when all of it is there. */
  let word: string | undefined;

  const partChunk = (part: JsonObject | undefined) =>
    part === undefined ? "" : frame(chunk.open + JSON.stringify(part) + chunk.close);

  const encode = (event: TurnEvent): string => {
    switch (event.type) {
      case "turn-start":
        if (chunk.model !== context.model) chunk = chunkTexts(responseId, context);
        return "";
      case "block-start": {
        const { head } = event;
        isThought = head.kind === "thinking";
        const isShown = head.kind === "text" || (isThought && form.showThoughts);
        textOpen = isShown ? chunk.open + (isThought ? THOUGHT_OPEN : TEXT_OPEN) : undefined;
        whole = head.kind === "text" || head.kind === "thinking" ? undefined : head;
        word = head.kind === "text" && form.isEnum ? "" : undefined;
        return "";
      }
      case "block-delta":
        if (textOpen === undefined || event.text === "") return "";
        if (word === undefined) return frame(`${textOpen}${JSON.stringify(event.text)}}${chunk.close}`);
        word += event.text;
        return "";
      case "block-end": {
        const { signature } = event;
        // What comes whole waits for its end because only the end tells its signature.
        if (whole) return partChunk(wholePart(whole, signature));
        if (word) return partChunk(enumPart(word, signature));
        // The text is with the client already; its signature follows in a part without any, as Google sends it.
        const isSigned = textOpen !== undefined && signature !== undefined && !form.omitEmptyTexts;
        return isSigned ? partChunk(textPart("", isThought, signature)) : "";
      }
      case "turn-end": {
        isEnded = true;
        const { candidate, response } = endingOf(event);
        const content = { parts: form.omitEmptyTexts ? [] : [textPart("", false)], role: "model" };
        const last = { candidates: [{ content, ...candidate }], ...response, modelVersion: context.model, responseId };
        return frame(JSON.stringify(last)) + close;
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
      return text;
    },
    fail(error) {
      if (isEnded) return "";
      isEnded = true;
      return frame(JSON.stringify(errorBody(error))) + abandon;
    },
    keepAlive: () => (isEnded ? "" : silence()),
  };
}

const TEXT_OPEN = `{"text":`;
const THOUGHT_OPEN = `{"thought":true,"text":`;

/** How documents are made into a stream. */
interface Framing {
  frame(document: string): string;
  /** After the last document of an answer. */
  close: string;
  /** After the error that an answer was broken off with. */
  abandon: string;
  silence(): string;
}

function eventFraming(): Framing {
  let isBegun = false;
  return {
    frame(document) {
      const text = isBegun ? `${document}\n\n` : sseFrame(document);
      isBegun = false;
      return text;
    },
    close: "",
    // The older SDK takes an error for one more chunk, and what came before it for a complete answer. It stumbles over
    // comments, which are nothing to all others.
    abandon: ": the answer is not complete\n\n",
    // The older SDK stumbles over comments, and leaves an answer with an empty text out of the conversation. To all clients
    // bytes are signs of life: the next event begins early, with white space before its JSON.
    silence() {
      const text = isBegun ? " " : "data: ";
      isBegun = true;
      return text;
    },
  };
}

function listFraming(): Framing {
  let before = "[";
  return {
    frame(document) {
      const text = before + document;
      before = ",\n";
      return text;
    },
    close: "]\n",
    abandon: "]\n",
    silence: () => "\n",
  };
}

/** The texts that all chunks of one answer are put together from. */
function chunkTexts(responseId: string, { model }: EncodeContext) {
  return {
    model,
    open: `{"candidates":[{"content":{"parts":[`,
    close: `],"role":"model"},"index":0}],"modelVersion":${JSON.stringify(model)},"responseId":${JSON.stringify(responseId)}}`,
  };
}
