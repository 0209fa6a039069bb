import { GatewayError } from "../core/errors.ts";
import type { BlockHead, StopReason, TurnEvent } from "../core/turn.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import type { Machine } from "../lib/machine.ts";
import { classifyDocument } from "./classify.ts";
import type { ToolReturn } from "./tool-return.ts";
import { usageFrom } from "./usage.ts";

export interface DecoderDeps {
  /** A new url-safe id for one tool call. */
  newCallId(): string;
  tools: ToolReturn;
  /** Whether an answer without content is a whole one: it is when the model was handed results of its tools. */
  mayEndSilently: boolean;
  /** Unix ms; lets an error document that names an absolute reset time be understood. */
  now(): number;
}

interface OpenBlock {
  kind: "text" | "thinking";
  index: number;
  signature: string | undefined;
}

/** What a finish reason means when the model called no tool. Reasons that are not here say nothing by themselves. */
const FINISH: ReadonlyMap<string, StopReason | "malformed"> = new Map([
  ["STOP", "end"],
  ["MAX_TOKENS", "length"],
  ["SAFETY", "filtered"],
  ["PROHIBITED_CONTENT", "filtered"],
  ["BLOCKLIST", "filtered"],
  ["SPII", "filtered"],
  ["RECITATION", "filtered"],
  ["MODEL_ARMOR", "filtered"],
  ["IMAGE_SAFETY", "filtered"],
  ["IMAGE_PROHIBITED_CONTENT", "filtered"],
  ["IMAGE_RECITATION", "filtered"],
  ["MALFORMED_FUNCTION_CALL", "malformed"],
  ["UNEXPECTED_TOOL_CALL", "malformed"],
  ["MALFORMED_RESPONSE", "malformed"],
]);

/** Response members that ride on `turn-end`, by the name they have there. The latest of each wins. */
const RESPONSE_META = { modelVersion: "modelVersion", responseId: "responseId" } as const;
const CANDIDATE_META = {
  groundingMetadata: "grounding",
  urlContextMetadata: "urlContext",
  citationMetadata: "citations",
  safetyRatings: "safety",
  finishMessage: "finishMessage",
} as const;

/**
 * GenerateContent response documents in, one turn out. The turn begins with its first content (or at the end, where
 * something explains that there is none) and ends at `end()` only, because usage may come after the finish reason.
 *
 * Throws GatewayError: the classified error of an `{error}` document; `malformed-answer` for a tool call that the model
 * botched; `unavailable` at `end()` when nothing was answered or no finish reason came. Events decoded before that are
 * in `out` by then, and the machine must not be used further.
 */
export function turnDecoder(deps: DecoderDeps): Machine<JsonValue, TurnEvent> {
  /** What waits for the first content: blank text and bare signatures are no answer, and not to be lost if one follows. */
  let held: TurnEvent[] | undefined = [];
  let calledTool = false;
  let nextIndex = 0;
  /** The text or thinking block that deltas go to. Its end waits, because its signature may come later. */
  let open: OpenBlock | undefined;
  let lastThinking: OpenBlock | undefined;
  let finishReason: string | undefined;
  let blockReason: string | undefined;
  const counts: JsonObject = {};
  let hasCounts = false;
  const meta: JsonObject = {};

  function readDocument(document: JsonValue, out: TurnEvent[]): void {
    if (Array.isArray(document)) {
      for (const element of document) readDocument(element, out);
      return;
    }
    if (!isJsonObject(document)) throw new GatewayError("unavailable", "Upstream sent a malformed event");
    const inner = document["response"];
    const response = isJsonObject(inner) ? inner : document;
    if (isFailure(document)) throw classifyDocument(document, deps.now());
    if (isFailure(response)) throw classifyDocument(response, deps.now());
    if (typeof document["traceId"] === "string") meta["traceId"] = document["traceId"];
    readResponse(response, out);
  }

  function readResponse(response: JsonObject, out: TurnEvent[]): void {
    // Counts are cumulative: each replaces the one before. A count that is left out of a later chunk still holds.
    if (isJsonObject(response["usageMetadata"])) {
      Object.assign(counts, response["usageMetadata"]);
      hasCounts = true;
    }
    copyPresent(response, RESPONSE_META, meta);
    const feedback = response["promptFeedback"];
    if (isJsonObject(feedback)) readPromptFeedback(feedback);
    const candidates = response["candidates"];
    const candidate = Array.isArray(candidates) ? candidates[0] : undefined;
    if (isJsonObject(candidate)) readCandidate(candidate, out);
  }

  function readPromptFeedback(feedback: JsonObject): void {
    const reason = feedback["blockReason"];
    if (typeof reason === "string" && reason !== "" && reason !== "BLOCK_REASON_UNSPECIFIED") blockReason = reason;
    if (feedback["safetyRatings"] != null) meta["safety"] = feedback["safetyRatings"];
  }

  function readCandidate(candidate: JsonObject, out: TurnEvent[]): void {
    const content = candidate["content"];
    const parts = isJsonObject(content) ? content["parts"] : undefined;
    if (Array.isArray(parts)) for (const part of parts) if (isJsonObject(part)) readPart(part, out);
    copyPresent(candidate, CANDIDATE_META, meta);
    const reason = candidate["finishReason"];
    if (typeof reason !== "string" || reason === "") return;
    if (finishReason === undefined || FINISH.has(reason)) finishReason = reason;
    if (FINISH.get(reason) === "malformed") {
      throw new GatewayError("malformed-answer", `The model made a tool call that cannot be read (${reason})`, {
        upstreamReason: reason,
      });
    }
  }

  function readPart(part: JsonObject, out: TurnEvent[]): void {
    const signature = signatureOf(part);
    const call = part["functionCall"];
    if (isJsonObject(call)) return readCall(call, signature, out);
    const text = part["text"];
    if (typeof text === "string" && text !== "") {
      return readText(part["thought"] === true ? "thinking" : "text", text, signature, out);
    }
    if (isDataFree(part)) {
      if (signature !== undefined) readCarrier(part["thought"] === true, signature, out);
      return;
    }
    const blob = part["inlineData"];
    if (isJsonObject(blob) && typeof blob["data"] === "string") {
      // Image models think in pictures: drafts are marked as thoughts and are not part of the answer.
      if (part["thought"] === true) return;
      const mimeType = typeof blob["mimeType"] === "string" ? blob["mimeType"] : "application/octet-stream";
      return wholeBlock({ kind: "media", mimeType, data: blob["data"] }, signature, out);
    }
    wholeBlock({ kind: "opaque", part }, signature, out);
  }

  function readCall(call: JsonObject, signature: string | undefined, out: TurnEvent[]): void {
    const wireName = call["name"];
    if (typeof wireName !== "string" || wireName === "") {
      throw new GatewayError("malformed-answer", "The model made a tool call without a name");
    }
    // Upstream leaves `args` out when the tool takes none.
    const args = isJsonObject(call["args"]) ? call["args"] : {};
    const restored = deps.tools.restore(wireName, args);
    calledTool = true;
    wholeBlock({ kind: "tool", id: deps.newCallId(), name: restored.name, args: restored.args }, signature, out);
  }

  function readText(kind: "text" | "thinking", text: string, signature: string | undefined, out: TurnEvent[]): void {
    if (text.trim() !== "") begin(out);
    // A signature covers exactly the text before it, so nothing may be added to a signed block, unless every chunk of
    // one text repeats the same signature.
    const continues = open?.kind === kind && (open.signature === undefined || open.signature === signature);
    const block = open && continues ? open : openBlock(kind, out);
    emit({ type: "block-delta", index: block.index, text }, out);
    if (signature !== undefined) block.signature = signature;
  }

  /** A signature that comes in a part without data belongs to the text just before it. */
  function readCarrier(isThought: boolean, signature: string, out: TurnEvent[]): void {
    if (open?.signature === signature) return;
    if (isThought && lastThinking && lastThinking !== open && lastThinking.signature === undefined) {
      // Its thinking block has ended, and opening it again behind text is what Claude refuses in the next turn.
      lastThinking.signature = signature;
      emit({ type: "late-signature", index: lastThinking.index, signature }, out);
      return;
    }
    // A carrier often lacks the `thought` mark of the thinking it signs, but visible text never takes a thought's.
    const fits = open?.signature === undefined && (open?.kind === "thinking" || !isThought);
    // Without a block that fits it gets one of its own: on other text or on a tool call it would be refused later.
    const block = open && fits ? open : openBlock("text", out);
    block.signature = signature;
  }

  /** Starts the turn if need be, with what has waited. */
  function begin(out: TurnEvent[]): void {
    if (!held) return;
    out.push({ type: "turn-start", usage: usageFrom(counts) }, ...held);
    held = undefined;
  }

  function emit(event: TurnEvent, out: TurnEvent[]): void {
    (held ?? out).push(event);
  }

  function openBlock(kind: "text" | "thinking", out: TurnEvent[]): OpenBlock {
    closeBlock(out);
    open = { kind, index: nextIndex++, signature: undefined };
    if (kind === "thinking") lastThinking = open;
    emit({ type: "block-start", index: open.index, head: { kind } }, out);
    return open;
  }

  function closeBlock(out: TurnEvent[]): void {
    if (open) emit(blockEnd(open.index, open.signature), out);
    open = undefined;
  }

  function wholeBlock(head: BlockHead, signature: string | undefined, out: TurnEvent[]): void {
    begin(out);
    closeBlock(out);
    const index = nextIndex++;
    out.push({ type: "block-start", index, head }, blockEnd(index, signature));
  }

  function stopReason(): StopReason {
    // A called tool outweighs the finish reason: Claude ends tool turns with OTHER. That holds for MAX_TOKENS too,
    // because arguments arrive whole or not at all.
    if (calledTool && finishReason !== undefined) return "tool";
    const known = finishReason === undefined ? undefined : FINISH.get(finishReason);
    const isEmpty = held !== undefined;
    if (known === "length" || known === "filtered" || (known === "end" && !isEmpty)) return known;
    if (blockReason !== undefined) return "filtered";
    if (isEmpty && !(known === "end" && deps.mayEndSilently)) {
      throw new GatewayError("unavailable", "Upstream sent an empty answer");
    }
    if (finishReason === undefined) {
      throw new GatewayError("unavailable", "Upstream closed the stream before the answer was complete");
    }
    return "end";
  }

  return {
    push: readDocument,
    end(out) {
      const reason = stopReason();
      if (blockReason !== undefined) meta["filter"] = blockReason;
      else if (finishReason !== undefined && FINISH.get(finishReason) === "filtered") meta["filter"] = finishReason;
      if (finishReason !== undefined) meta["finishReason"] = finishReason;
      if (hasCounts) meta["usageMetadata"] = counts;
      begin(out);
      closeBlock(out);
      out.push({ type: "turn-end", reason, usage: usageFrom(counts), meta });
    },
  };
}

function blockEnd(index: number, signature: string | undefined): TurnEvent {
  return signature === undefined ? { type: "block-end", index } : { type: "block-end", index, signature };
}

function isFailure(value: JsonObject): boolean {
  return value["error"] !== undefined && value["error"] !== null;
}

/** Neither content nor a part kind we do not know: an empty text, a bare signature, a bare `thought` mark. */
function isDataFree(part: JsonObject): boolean {
  for (const key in part) {
    if (key === "text") {
      if (typeof part[key] === "string" || part[key] === null) continue;
      return false;
    }
    if (!SIGNATURE_SIDE_KEYS.has(key)) return false;
  }
  return true;
}

const SIGNATURE_SIDE_KEYS: ReadonlySet<string> = new Set([
  "thought",
  "thoughtSignature",
  "thought_signature",
  "extra_content",
  "metadata",
  "partMetadata",
]);

/** Upstream spells and places the signature in several ways; all mean the part they are in. */
function signatureOf(part: JsonObject): string | undefined {
  const own = ownSignature(part);
  if (own !== undefined) return own;
  const call = part["functionCall"];
  if (isJsonObject(call)) {
    const nested = ownSignature(call);
    if (nested !== undefined) return nested;
  }
  return googleSignature(part["extra_content"]) ?? googleSignature(part["metadata"]);
}

function ownSignature(value: JsonObject): string | undefined {
  const signature = value["thoughtSignature"] ?? value["thought_signature"];
  return typeof signature === "string" && signature !== "" ? signature : undefined;
}

function googleSignature(value: JsonValue | undefined): string | undefined {
  if (!isJsonObject(value)) return undefined;
  return isJsonObject(value["google"]) ? ownSignature(value["google"]) : undefined;
}

function copyPresent(from: JsonObject, names: Readonly<Record<string, string>>, to: JsonObject): void {
  for (const name in names) {
    const value = from[name];
    const target = names[name];
    if (value !== undefined && value !== null && target !== undefined) to[target] = value;
  }
}
