import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/lib/json.ts";
import type { IssuedSignatures } from "./issued-signatures.ts";
import type { ServedModel } from "./model-table.ts";
import { bytesOf, cutAfter, resplit, type Piece, type Reply } from "./reply.ts";
import type { Frame, Step } from "./steps.ts";
import { promptTokens } from "./tokens.ts";
import type { WireEnvelope } from "./wire-types.ts";

/** The call a scripted answer replies to. */
export interface AnswerContext {
  stream: boolean;
  model: ServedModel;
  body: WireEnvelope;
  signatures: IssuedSignatures;
  nextNumber(): number;
  /** Tokens of the prompt that came from the cache; default usage tells them. */
  cachedTokens: number;
  /** Whether documents stand in `{ response }`; the official API knows no such wrapper. */
  wrapped: boolean;
}

export type Answer = (context: AnswerContext) => Reply;

export interface TurnOptions {
  /** Default: STOP, or OTHER when Claude calls tools. `null`: the stream ends without one. */
  finishReason?: string | null;
  finishMessage?: string;
  /** `groundingMetadata`, which comes with the finish. */
  grounding?: JsonObject;
  /** The finish rides on the last event that has parts, instead of an event of its own. */
  finishWithLast?: boolean;
  /** What the finishing event of its own holds: a part with empty text (default), or no content at all. */
  finishContent?: "empty-text" | "absent";
  /** Raw usageMetadata; `false`: none. Default: plausible counts. */
  usage?: JsonObject | false;
  /** Default `finish`. `every`: cumulative in each event. `after-finish`: in an event of its own after the finish. */
  usageAt?: "finish" | "every" | "after-finish";
  /** Default "\r\n", as Google sends. */
  newline?: "\r\n" | "\n";
  /** `false`: `data:{…}` without the space. */
  space?: boolean;
  /** `false`: one document per line, no blank line between. */
  blankLines?: boolean;
  /** `false`: the last line has no line end. */
  finalNewline?: boolean;
  /** One document over several `data:` lines. */
  multiline?: boolean;
  /** A `[DONE]` line at the end. */
  done?: boolean;
  /** `false`: the inner object without `{ response: … }`. Default: as the service does. */
  wrapped?: boolean;
  /** A JSON array of all documents instead of SSE. */
  array?: boolean;
  /** Sizes of the chunks on the network, in bytes; see `resplit`. Default: one chunk per event. */
  split?: number | readonly number[];
  /** Destroys the socket after so many bytes. */
  cutAfterBytes?: number;
  signatureField?: "thoughtSignature" | "thought_signature";
}

/** A scripted model turn, streamed or whole as the call asks. */
export function turn(steps: Step | readonly Step[], options: TurnOptions = {}): Answer {
  return (context) => {
    const frames = framesOf(typeof steps === "function" ? [steps] : steps, options, context);
    const documents = withEnds(frames, options, context);
    if (!context.stream) return wholeReply(documents, context);
    const pieces = options.array ? arrayPieces(documents) : ssePieces(documents, options);
    const split = options.split === undefined ? pieces : resplit(pieces, options.split);
    const cut = options.cutAfterBytes === undefined ? split : cutAfter(split, options.cutAfterBytes);
    return { status: 200, headers: streamHeaders(options), pieces: cut };
  };
}

type Written = Exclude<Frame, { type: "parts" }>;

function framesOf(steps: readonly Step[], options: TurnOptions, context: AnswerContext): Frame[] {
  const signatureField = options.signatureField ?? "thoughtSignature";
  const turnState = { called: false };
  const { model, signatures } = context;
  return steps.flatMap((step) =>
    step({ model, signatures, signatureField, turn: turnState, nextNumber: context.nextNumber }),
  );
}

/** Puts parts into response documents and adds finish and usage where the options want them. */
function withEnds(frames: readonly Frame[], options: TurnOptions, context: AnswerContext): Written[] {
  const reason = options.finishReason === undefined ? defaultReason(frames, context.model) : options.finishReason;
  const usage = options.usage === false ? undefined : (options.usage ?? plausibleUsage(frames, context));
  const at = options.usageAt ?? "finish";
  const lastParts = frames.findLastIndex((frame) => frame.type === "parts");
  const ids = responseIds(context);
  const write = (response: JsonObject): Written => ({
    type: "document",
    value: wrap(response, ids, options.wrapped ?? context.wrapped),
  });

  const out = frames.map((frame, index): Written => {
    if (frame.type === "document" && !context.wrapped) return { type: "document", value: unwrapped(frame.value) };
    if (frame.type !== "parts") return frame;
    const candidate: JsonObject = { index: 0, content: { role: "model", parts: frame.parts } };
    const response: JsonObject = { candidates: [candidate] };
    const finishes = options.finishWithLast === true && index === lastParts && reason !== null;
    if (finishes) finish(candidate, reason, options);
    if (usage && at === "every") response["usageMetadata"] = grown(usage, (index + 1) / (frames.length + 1));
    if (usage && at === "finish" && finishes) response["usageMetadata"] = usage;
    return write(response);
  });
  const merged = options.finishWithLast === true && lastParts >= 0;
  if (reason !== null && !merged) {
    const candidate: JsonObject = { index: 0 };
    if (options.finishContent !== "absent") candidate["content"] = { role: "model", parts: [{ text: "" }] };
    finish(candidate, reason, options);
    const response: JsonObject = { candidates: [candidate] };
    if (usage && at !== "after-finish") response["usageMetadata"] = usage;
    out.push(write(response));
  }
  if (usage && at === "after-finish") out.push(write({ usageMetadata: usage }));
  return out;
}

function finish(candidate: JsonObject, reason: string, options: TurnOptions): void {
  candidate["finishReason"] = reason;
  if (options.finishMessage !== undefined) candidate["finishMessage"] = options.finishMessage;
  if (options.grounding !== undefined) candidate["groundingMetadata"] = options.grounding;
}

function defaultReason(frames: readonly Frame[], model: ServedModel): string {
  const called = frames.some((frame) => frame.type === "parts" && frame.parts.some((part) => part["functionCall"]));
  return called && model.family === "claude" ? "OTHER" : "STOP";
}

interface ResponseIds {
  modelVersion: string;
  responseId: string;
  traceId: string;
}

function responseIds({ model, nextNumber }: AnswerContext): ResponseIds {
  const number = String(nextNumber()).padStart(12, "0");
  const responseId = model.family === "claude" ? `msg_vrtx_${number}` : `pZk8a${number}`;
  return { modelVersion: model.id, responseId, traceId: `trace${number}` };
}

function wrap(response: JsonObject, ids: ResponseIds, wrapped: boolean): JsonObject {
  const inner: JsonObject = { ...response, modelVersion: ids.modelVersion, responseId: ids.responseId };
  return wrapped ? { response: inner, traceId: ids.traceId } : inner;
}

/** Scripted documents are written with the wrapper. */
function unwrapped(value: JsonValue): JsonValue {
  return isJsonObject(value) && isJsonObject(value["response"]) ? value["response"] : value;
}

/** Of the answer four characters are a token; thoughts are counted apart and the total adds up. */
export function plausibleUsage(
  frames: readonly Frame[],
  { body, cachedTokens }: Pick<AnswerContext, "body" | "cachedTokens">,
): JsonObject {
  let visible = 0;
  let thought = 0;
  for (const part of frames.flatMap((frame) => (frame.type === "parts" ? frame.parts : []))) {
    const size = JSON.stringify(part["text"] ?? part["functionCall"] ?? "").length;
    if (part["thought"] === true) thought += size;
    else visible += size;
  }
  const prompt = promptTokens(body.request ?? {});
  const candidates = Math.ceil(visible / 4);
  const thoughts = Math.ceil(thought / 4);
  const usage: JsonObject = { promptTokenCount: prompt, candidatesTokenCount: candidates };
  if (thoughts > 0) usage["thoughtsTokenCount"] = thoughts;
  usage["totalTokenCount"] = prompt + candidates + thoughts;
  if (cachedTokens > 0) usage["cachedContentTokenCount"] = Math.min(cachedTokens, prompt);
  return usage;
}

/** The counts so far: cumulative, so only what the model has produced is smaller. */
function grown(usage: JsonObject, share: number): JsonObject {
  const candidates = usage["candidatesTokenCount"];
  const total = usage["totalTokenCount"];
  if (typeof candidates !== "number" || typeof total !== "number") return usage;
  const soFar = Math.floor(candidates * share);
  return { ...usage, candidatesTokenCount: soFar, totalTokenCount: total - candidates + soFar };
}

function streamHeaders(options: TurnOptions): Record<string, string> {
  return {
    "content-type": options.array ? "application/json; charset=UTF-8" : "text/event-stream",
    "x-cloudaicompanion-trace-id": "trace-strict-server",
  };
}

function ssePieces(frames: readonly Written[], options: TurnOptions): Piece[] {
  const newline = options.newline ?? "\r\n";
  const prefix = options.space === false ? "data:" : "data: ";
  const between = options.blankLines === false ? newline : newline + newline;
  const lastDocument = frames.findLastIndex((frame) => frame.type === "document");
  const pieces = frames.map((frame, index): Piece => {
    if (frame.type === "wait") return { wait: frame.until };
    if (frame.type === "raw") return bytesOf(frame.text);
    const json = options.multiline ? JSON.stringify(frame.value, null, 1) : JSON.stringify(frame.value);
    const lines = json.split("\n").map((line) => prefix + line);
    const open = options.finalNewline === false && options.done !== true && index === lastDocument;
    return bytesOf(lines.join(newline) + (open ? "" : between));
  });
  if (options.done) pieces.push(bytesOf(`${prefix}[DONE]${between}`));
  return pieces;
}

function arrayPieces(frames: readonly Written[]): Piece[] {
  const documents = frames.flatMap((frame) => (frame.type === "document" ? [frame.value] : []));
  return [bytesOf(JSON.stringify(documents))];
}

/** The one-shot method: all parts in one document. For Claude it leaves the thoughts out, as the service does. */
function wholeReply(frames: readonly Written[], context: AnswerContext): Reply {
  const documents = frames.flatMap((frame) =>
    frame.type === "document" && isJsonObject(frame.value) ? [frame.value] : [],
  );
  const waits = frames.flatMap((frame): Piece[] => (frame.type === "wait" ? [{ wait: frame.until }] : []));
  const merged: JsonObject = {};
  const candidate: JsonObject = { index: 0 };
  const parts: JsonObject[] = [];
  for (const document of documents) {
    const response = isJsonObject(document["response"]) ? document["response"] : document;
    Object.assign(merged, response);
    const first: JsonValue = Array.isArray(response["candidates"]) ? (response["candidates"][0] ?? null) : null;
    if (!isJsonObject(first)) continue;
    Object.assign(candidate, first);
    const content = first["content"];
    if (isJsonObject(content) && Array.isArray(content["parts"])) parts.push(...content["parts"].filter(isJsonObject));
  }
  const kept = parts.filter((part) => part["text"] !== "" || Object.keys(part).length > 1);
  const shown = context.model.family === "claude" ? kept.filter((part) => part["thought"] !== true) : kept;
  candidate["content"] = { role: "model", parts: joined(shown) };
  merged["candidates"] = [candidate];
  return {
    status: 200,
    headers: { "content-type": "application/json; charset=UTF-8" },
    pieces: [...waits, bytesOf(JSON.stringify(context.wrapped ? { response: merged } : merged))],
  };
}

function joined(parts: readonly JsonObject[]): JsonObject[] {
  const out: JsonObject[] = [];
  for (const part of parts) {
    const previous = out.at(-1);
    const both = isPlainText(previous) && isPlainText(part) && previous["thought"] === part["thought"];
    if (both) previous["text"] = `${String(previous["text"])}${String(part["text"])}`;
    else out.push({ ...part });
  }
  return out;
}

function isPlainText(part: JsonObject | undefined): part is JsonObject {
  return typeof part?.["text"] === "string" && Object.keys(part).every((key) => key === "text" || key === "thought");
}
