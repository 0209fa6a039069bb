import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import type { IssuedSignatures } from "./issued-signatures.ts";
import type { ServedModel } from "./model-table.ts";
import type { Gate } from "./reply.ts";

/** One event of the scripted stream, or something that happens between two events. */
export type Frame =
  | { type: "parts"; parts: JsonObject[] }
  /** A whole document, written as it stands. */
  | { type: "document"; value: JsonValue }
  /** Text written as it stands, framing included. */
  | { type: "raw"; text: string }
  | { type: "wait"; until: Promise<unknown> };

export interface StepContext {
  model: ServedModel;
  signatures: IssuedSignatures;
  /** Field the signatures are written in. */
  signatureField: string;
  /** Unique within the server. */
  nextNumber(): number;
  /** Whether this turn's first call was already written: only that one is signed. */
  turn: { called: boolean };
}

/** A piece of a scripted turn. */
export type Step = (context: StepContext) => Frame[];

export interface TextOptions {
  /** Number of events the text is spread over; default 1. */
  deltas?: number;
  /**
   * Gemini only. `part`: on the last part of the text. `carrier`: on a part with empty text after it.
   * `carrier-before`: on a part with empty text before it. Default: none.
   */
  signature?: "none" | "part" | "carrier" | "carrier-before";
}

export function text(value: string, options: TextOptions = {}): Step {
  return ({ signatures, signatureField, model }) => {
    const parts = spread(value, options.deltas ?? 1).map((piece): JsonObject => ({ text: piece }));
    const placement = options.signature ?? "none";
    if (placement !== "none") {
      const signed = { [signatureField]: signatures.issue({ family: familyOf(model), kind: "text", text: value }) };
      if (placement === "part") parts[parts.length - 1] = { ...parts.at(-1), ...signed };
      if (placement === "carrier") parts.push({ text: "", ...signed });
      if (placement === "carrier-before") parts.unshift({ text: "", ...signed });
    }
    return parts.map(onePart);
  };
}

export interface ThinkingOptions {
  deltas?: number;
  /**
   * `empty-part`: on a thought part with empty text after the last delta (default for Claude). `last-part`: on the last
   * delta. `none` (default for Gemini, which signs its calls instead).
   */
  signature?: "empty-part" | "last-part" | "none";
}

export function thinking(value: string, options: ThinkingOptions = {}): Step {
  return ({ signatures, signatureField, model }) => {
    const parts = spread(value, options.deltas ?? 1).map((piece): JsonObject => ({ thought: true, text: piece }));
    const placement = options.signature ?? (model.family === "claude" ? "empty-part" : "none");
    if (placement !== "none") {
      const signature = signatures.issue({ family: familyOf(model), kind: "thinking", text: value });
      const signed = { [signatureField]: signature };
      if (placement === "last-part") parts[parts.length - 1] = { ...parts.at(-1), ...signed };
      else parts.push({ thought: true, text: "", ...signed });
    }
    return parts.map(onePart);
  };
}

export interface ScriptedCall {
  name: string;
  /** Absent: the field is left out, as the service does for calls without arguments. */
  args?: JsonObject;
  /** Absent: Claude gets a `toolu_vrtx_…` id, the others none. */
  id?: string;
}

export interface CallsOptions {
  /** All calls in one event (default), or one event for each. */
  spread?: "one-event" | "event-each";
  /** `auto` (default): Gemini 3's first call of the turn is signed, as the service does. */
  signature?: "auto" | "none";
}

export function calls(list: readonly ScriptedCall[], options: CallsOptions = {}): Step {
  return (context) => {
    const parts = list.map((call) => callPart(call, options, context));
    return options.spread === "event-each" ? parts.map(onePart) : [{ type: "parts", parts }];
  };
}

export function call(name: string, args?: JsonObject): Step {
  return calls([args === undefined ? { name } : { name, args }]);
}

function callPart(scripted: ScriptedCall, options: CallsOptions, context: StepContext): JsonObject {
  const { model, signatures, turn } = context;
  const functionCall: JsonObject = { name: scripted.name };
  const id = scripted.id ?? (model.family === "claude" ? `toolu_vrtx_${paddedNumber(context)}` : undefined);
  if (id !== undefined) functionCall["id"] = id;
  if (scripted.args !== undefined) functionCall["args"] = scripted.args;
  const first = !turn.called;
  turn.called = true;
  if (!first || options.signature === "none" || model.generation !== "gemini-3") return { functionCall };
  const signature = signatures.issue({ family: "gemini", kind: "call", callName: scripted.name });
  return { functionCall, [context.signatureField]: signature };
}

export interface ImageOptions {
  mimeType?: string;
  /** A sketch made while thinking, flagged `thought: true`: clients must not get it. */
  draft?: boolean;
  signature?: boolean;
}

/** `data` is base64. */
export function image(data: string, options: ImageOptions = {}): Step {
  return ({ signatures, signatureField, model }) => {
    const part: JsonObject = { inlineData: { mimeType: options.mimeType ?? "image/png", data } };
    if (options.draft) part["thought"] = true;
    if (options.signature) part[signatureField] = signatures.issue({ family: familyOf(model), kind: "media" });
    return [onePart(part)];
  };
}

/** One event with exactly these parts. */
export function parts(...list: JsonObject[]): Step {
  return () => [{ type: "parts", parts: list }];
}

/** Nothing more is sent until the gate opens. */
export function pause(until: Gate | Promise<unknown>): Step {
  return () => [{ type: "wait", until: until instanceof Promise ? until : until.opened }];
}

/** An event whose JSON is written as it stands: other wrappers, odd fields. */
export function document(value: JsonValue): Step {
  return () => [{ type: "document", value }];
}

/** Bytes outside the framing: comments, half lines, text that is not JSON. */
export function raw(written: string): Step {
  return () => [{ type: "raw", text: written }];
}

/** An error in the middle of a stream that began with 200. */
export function streamError(code: number, message: string, status: string): Step {
  return document({ error: { code, message, status } });
}

function onePart(part: JsonObject): Frame {
  return { type: "parts", parts: [part] };
}

function familyOf(model: ServedModel): "claude" | "gemini" {
  return model.family === "claude" ? "claude" : "gemini";
}

function paddedNumber(context: StepContext): string {
  return String(context.nextNumber()).padStart(24, "0");
}

/** Cuts by characters, never inside one, into at most `count` pieces that join to the same text. */
export function spread(value: string, count: number): string[] {
  const characters = [...value];
  const size = Math.max(1, Math.ceil(characters.length / count));
  const pieces: string[] = [];
  for (let start = 0; start < characters.length; start += size) {
    pieces.push(characters.slice(start, start + size).join(""));
  }
  return pieces.length > 0 ? pieces : [""];
}
