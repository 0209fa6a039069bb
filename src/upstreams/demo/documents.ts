import { createHash } from "node:crypto";
import type { JsonObject } from "../../lib/json.ts";
import type { DemoModel } from "./catalogue.ts";
import type { Answer } from "./model.ts";
import { firstTokens, textTokens } from "./tokens.ts";

export interface AnswerLimits {
  /** Infinity when the client set none. */
  maxOutputTokens: number;
  stopSequences: readonly string[];
}

export interface PromptUsage {
  prompt: number;
  cached: number;
}

const IMAGE_OUTPUT_TOKENS = 1290;
/** How much text one event carries, in characters; the last word is finished. */
const EVENT_LENGTH = 14;

interface Piece {
  part: JsonObject;
  thoughts: number;
  output: number;
}

/**
 * The documents of one streamed answer, in order. Usage is cumulative and prompt + candidates + thoughts is the total
 * in every one of them; one of the last two carries the finish reason.
 */
export function answerDocuments(
  answer: Answer,
  model: DemoModel,
  limits: AnswerLimits,
  usage: PromptUsage,
  meta: { newId(): string; now: number },
): JsonObject[] {
  const { pieces, finishReason } = cut(answer, model, limits, meta.newId);
  const isClaude = model.family === "claude";
  const envelope = {
    modelVersion: model.id,
    responseId: isClaude ? `msg_vrtx_${meta.newId()}` : meta.newId(),
    createTime: new Date(meta.now).toISOString(),
  };
  const traceId = meta.newId();
  let thoughts = 0;
  let output = 0;
  const counts = (): JsonObject => ({
    promptTokenCount: usage.prompt,
    ...(usage.cached > 0 && { cachedContentTokenCount: usage.cached }),
    ...(output > 0 && { candidatesTokenCount: output }),
    ...(thoughts > 0 && { thoughtsTokenCount: thoughts }),
    totalTokenCount: usage.prompt + output + thoughts,
  });
  const document = (parts: JsonObject[], last: JsonObject = {}): JsonObject => ({
    response: {
      candidates: [{ index: 0, content: { role: "model", parts }, ...last }],
      usageMetadata: counts(),
      ...envelope,
    },
    traceId,
  });

  const documents = pieces.map((piece) => {
    thoughts += piece.thoughts;
    output += piece.output;
    return document([piece.part]);
  });
  const grounding = answer.grounding && finishReason === "STOP" ? { groundingMetadata: answer.grounding } : {};
  const last = { finishReason, ...grounding };
  if (isClaude) {
    // The finish reason without content, then the final counts alone: both happen upstream.
    documents.push({ response: { candidates: [{ index: 0, ...last }], ...envelope }, traceId });
    documents.push({ response: { candidates: [], usageMetadata: counts(), ...envelope }, traceId });
  } else {
    const carrier = {
      text: "",
      ...(hasTrailingSignature(answer, model) && { thoughtSignature: sign(model, answer.text) }),
    };
    documents.push(document([carrier], last));
  }
  return documents;
}

/** The whole of an answer that has nothing in it: what upstream sends when it loses one. */
export function emptyDocuments(model: DemoModel, usage: PromptUsage, newId: () => string): JsonObject[] {
  const usageMetadata = { promptTokenCount: usage.prompt, totalTokenCount: usage.prompt };
  return [
    { response: { candidates: [], usageMetadata, modelVersion: model.id, responseId: newId() }, traceId: newId() },
  ];
}

/** Applies the client's limits and divides the answer into what one event carries. */
function cut(
  answer: Answer,
  model: DemoModel,
  { maxOutputTokens, stopSequences }: AnswerLimits,
  newId: () => string,
): { pieces: Piece[]; finishReason: string } {
  // A tight limit is better spent on the answer than on thinking about it.
  const thinking = textTokens(answer.thinking) * 2 <= maxOutputTokens ? answer.thinking : "";
  const pieces = thinkingPieces(thinking, model);
  const budget = maxOutputTokens - textTokens(thinking);

  const stops = stopSequences.map((stop) => answer.text.indexOf(stop)).filter((index) => index !== -1);
  const wanted = stops.length > 0 ? answer.text.slice(0, Math.min(...stops)) : answer.text;
  const text = firstTokens(wanted, budget);
  pieces.push(...textPieces(text, (part) => ({ text: part }), "output"));
  if (text !== wanted) return { pieces, finishReason: "MAX_TOKENS" };
  if (stops.length > 0) return { pieces, finishReason: "STOP" };

  let left = budget - textTokens(text);
  for (const [index, call] of answer.calls.entries()) {
    const tokens = textTokens(call.name + JSON.stringify(call.args));
    if (tokens > left) return { pieces, finishReason: "MAX_TOKENS" };
    left -= tokens;
    const hasArguments = Object.keys(call.args).length > 0;
    const functionCall = {
      ...(model.family === "claude" && { id: `toolu_vrtx_${newId()}` }),
      name: call.name,
      ...(hasArguments && { args: call.args }), // upstream leaves empty arguments out
    };
    const isSigned = index === 0 && model.family === "gemini-3";
    const signature = isSigned && { thoughtSignature: sign(model, JSON.stringify(call)) };
    pieces.push({ part: { functionCall, ...signature }, thoughts: 0, output: tokens });
  }
  for (const inlineData of answer.media) {
    const part = { inlineData: { ...inlineData }, thoughtSignature: sign(model, inlineData.data) };
    pieces.push({ part, thoughts: 0, output: IMAGE_OUTPUT_TOKENS });
  }
  // Claude ends tool turns with OTHER, Gemini with STOP.
  return { pieces, finishReason: model.family === "claude" && answer.calls.length > 0 ? "OTHER" : "STOP" };
}

function thinkingPieces(thinking: string, model: DemoModel): Piece[] {
  const pieces = textPieces(thinking, (text) => ({ thought: true, text }), "thoughts");
  if (pieces.length > 0 && model.family === "claude") {
    const part = { thought: true, text: "", thoughtSignature: sign(model, thinking) };
    pieces.push({ part, thoughts: 0, output: 0 });
  }
  return pieces;
}

/** Tokens are counted over the whole so far, so that the sum does not depend on how the text is divided. */
function textPieces(text: string, part: (text: string) => JsonObject, kind: "thoughts" | "output"): Piece[] {
  let counted = 0;
  let sofar = "";
  return divide(text).map((piece) => {
    sofar += piece;
    const tokens = textTokens(sofar) - counted;
    counted += tokens;
    return { part: part(piece), thoughts: 0, output: 0, [kind]: tokens };
  });
}

/** Whole words of about EVENT_LENGTH characters; text without spaces is divided between characters. */
function divide(text: string): string[] {
  const pieces: string[] = [];
  let piece = "";
  for (const word of text.match(/\s*\S+|\s+$/g) ?? []) {
    for (const character of word) {
      piece += character;
      if (piece.length < EVENT_LENGTH * 3) continue;
      pieces.push(piece);
      piece = "";
    }
    if (piece.length >= EVENT_LENGTH) {
      pieces.push(piece);
      piece = "";
    }
  }
  if (piece !== "") pieces.push(piece);
  return pieces;
}

function hasTrailingSignature(answer: Answer, model: DemoModel): boolean {
  return model.family === "gemini-3" && answer.thinking !== "" && answer.calls.length === 0;
}

/**
 * A signature that stands for `text`, outwardly like upstream's: Claude's is the base64 of a base64 text ("R…"),
 * Gemini's the base64 of a protobuf field 2 that holds field 1 ("E…").
 */
function sign(model: DemoModel, text: string): string {
  const digest = createHash("sha512").update(`${model.family}\n${text}`).digest();
  const inner = Buffer.concat([Uint8Array.of(model.family === "claude" ? 0x08 : 0x01, 0x0c), digest]);
  const field = Buffer.concat([Uint8Array.of(0x12, inner.length + 2, 0x0a, inner.length), inner]).toString("base64");
  return model.family === "claude" ? Buffer.from(field).toString("base64") : field;
}
