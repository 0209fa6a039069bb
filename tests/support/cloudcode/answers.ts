import type { JsonObject } from "../../../src/lib/json.ts";
import { bytesOf, type Gate, type Piece } from "./reply.ts";
import { document, pause, raw, spread, text, thinking, type Step } from "./steps.ts";
import { turn, type Answer, type AnswerContext, type TurnOptions } from "./turn.ts";

/** What the server says when nothing is scripted: thoughts when they were asked for, then the last user text. */
export const echo: Answer = (context: AnswerContext) => {
  const said = `pong: ${lastUserText(context)}`;
  const thinks = context.body.request?.generationConfig?.thinkingConfig?.includeThoughts === true;
  const steps: Step[] = thinks ? [thinking("The user said something; repeat it.", { deltas: 2 })] : [];
  const signature = context.model.generation === "gemini-3" && !context.model.image ? "carrier" : "none";
  return turn([...steps, text(said, { deltas: 2, signature })])(context);
};

function lastUserText({ body }: AnswerContext): string {
  const texts = (body.request?.contents ?? [])
    .filter((content) => content.role === "user")
    .flatMap((content) => content.parts ?? [])
    .flatMap((part) => part.text ?? []);
  return texts.at(-1) ?? "";
}

/** A text whose deltas wait for one gate each. */
export function pacedText(value: string, gates: readonly Gate[], options?: TurnOptions): Answer {
  const pieces = spread(value, gates.length);
  return turn(
    pieces.flatMap((piece, index) => {
      const gate = gates[index];
      return gate ? [pause(gate), text(piece)] : [text(piece)];
    }),
    options,
  );
}

export interface Passage {
  text: string;
  /** The addresses of the pages that support it. Default: none. */
  pages?: readonly string[];
}

export interface SearchOptions {
  /** Default: one. */
  queries?: string[];
  /** Events that each passage is spread over. */
  deltas?: number;
  thinking?: string;
}

/**
 * An answer that rests on a search, with offsets in bytes as the service counts them. Without the search tool in the request
 * it is the same text with nothing to rest on.
 */
export function searched(passages: readonly Passage[], options: SearchOptions = {}): Answer {
  const { queries = ["query"], deltas = 1, thinking: thought } = options;
  const pages = [...new Set(passages.flatMap((passage) => passage.pages ?? []))];
  let end = 0;
  const groundingSupports = passages.flatMap(({ text: said, pages: supporting = [] }): JsonObject[] => {
    const startIndex = end;
    end += Buffer.byteLength(said);
    if (supporting.length === 0) return [];
    const segment = { ...(startIndex > 0 && { startIndex }), endIndex: end, text: said }; // zeros are left out
    return [{ segment, groundingChunkIndices: supporting.map((page) => pages.indexOf(page)) }];
  });
  const grounding = {
    webSearchQueries: queries,
    groundingChunks: pages.map((uri) => ({ web: { uri, title: new URL(uri).hostname } })),
    groundingSupports,
    searchEntryPoint: { renderedContent: "<div></div>" },
  };
  return (context) => {
    const searches = context.body.request?.tools?.some((tool) => tool.googleSearch !== undefined) === true;
    const said = passages.map((passage) => text(passage.text, { deltas }));
    const steps = thought === undefined ? said : [thinking(thought), ...said];
    return turn(steps, searches ? { grounding } : {})(context);
  };
}

/** Never answers. With `headers: "sent"` the 200 and a comment line arrive first. */
export function silent(options: { headers?: "sent" | "held" } = {}): Answer {
  const first: Piece[] = options.headers === "sent" ? [bytesOf(":\r\n\r\n")] : [];
  return () => ({ status: 200, headers: { "content-type": "text/event-stream" }, pieces: [...first, "hang"] });
}

/** A 200 without a single byte. */
export function emptyBody(): Answer {
  return () => ({ status: 200, headers: { "content-type": "text/event-stream" }, pieces: [] });
}

/** The socket closes before any header. */
export function dropConnection(): Answer {
  return () => ({ status: 200, headers: {}, pieces: ["cut"] });
}

/** Events with empty candidates, then the end: heartbeats without an answer. */
export function emptyCandidates(): Answer {
  return turn([document({ response: { candidates: [] } })], { finishReason: null, usage: false });
}

/** Usage, and nothing else. */
export function usageOnly(): Answer {
  const usageMetadata = { promptTokenCount: 12, totalTokenCount: 12 };
  return turn([document({ response: { usageMetadata } })], { finishReason: null, usage: false });
}

/** A text, then an event that is not JSON, then the rest. */
export function malformedJson(before: string, after: string): Answer {
  return turn([text(before), raw('data: {"response": {"candidates": [{\r\n\r\n'), text(after)]);
}

/** The model produced a call nobody can read: no content at all. */
export function malformedCall(): Answer {
  return turn([], {
    finishReason: "MALFORMED_FUNCTION_CALL",
    finishMessage: "Malformed function call: print(default_api.",
    finishContent: "absent",
  });
}

/** The answer was stopped, after `before` (if any), for what it says. */
export function stoppedFor(reason: string, before?: string): Answer {
  return turn(before === undefined ? [] : [text(before)], { finishReason: reason, finishContent: "absent" });
}

/** The prompt was refused: no candidates. */
export function promptBlocked(blockReason = "SAFETY"): Answer {
  const response = { promptFeedback: { blockReason }, usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 } };
  return turn([document({ response })], { finishReason: null, usage: false });
}

export function maxTokens(said: string): Answer {
  return turn([text(said)], { finishReason: "MAX_TOKENS", finishWithLast: true });
}
