import { GatewayError } from "../../../src/core/errors.ts";
import type { EncodeContext, ParsedCall } from "../../../src/core/protocol.ts";
import { turnCollector, type StopReason, type Turn, type TurnEvent, type Usage } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { openaiChat } from "../../../src/protocols/openai-chat/index.ts";

const usage: Usage = { input: 12, cachedInput: 8, output: 5, thinking: 2 };

export function context(change: Partial<EncodeContext> = {}): EncodeContext {
  return { model: "gemini-test", createdAt: 1_700_000_000, newId: () => "abcdefghijklmnopqrstuvwx", ...change };
}

/** Parses a body that holds one user message unless it brings its own. */
export function parse(body: unknown, headers: Record<string, string> = {}): ParsedCall {
  return openaiChat.parse({ body, headers: new Headers(headers) });
}

export function parseWith(fields: JsonObject, headers: Record<string, string> = {}): ParsedCall {
  return parse({ model: "gemini-test", messages: [{ role: "user", content: "hello" }], ...fields }, headers);
}

/** The refusal that parsing this body ends in. */
export function refusal(body: unknown): GatewayError {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("the request was accepted");
}

export function refusalWith(fields: JsonObject): GatewayError {
  return refusal({ model: "gemini-test", messages: [{ role: "user", content: "hello" }], ...fields });
}

/** A block in short form: its head, its deltas, its signature. */
export interface BlockScript {
  head: Extract<TurnEvent, { type: "block-start" }>["head"];
  deltas?: readonly string[];
  signature?: string;
}

export const text = (...deltas: string[]): BlockScript => ({ head: { kind: "text" }, deltas });
export const thinking = (...deltas: string[]): BlockScript => ({ head: { kind: "thinking" }, deltas });
export const tool = (id: string, name: string, args: JsonObject, signature?: string): BlockScript => ({
  head: { kind: "tool", id, name, args },
  ...(signature !== undefined && { signature }),
});

export function turnEvents(blocks: readonly BlockScript[], reason: StopReason): TurnEvent[] {
  return [
    { type: "turn-start", usage: { input: 12, cachedInput: 8, output: 0, thinking: 0 } },
    ...blocks.flatMap(({ head, deltas = [], signature }, index): TurnEvent[] => [
      { type: "block-start", index, head },
      ...deltas.map((delta): TurnEvent => ({ type: "block-delta", index, text: delta })),
      { type: "block-end", index, ...(signature !== undefined && { signature }) },
    ]),
    { type: "turn-end", reason, usage, meta: {} },
  ];
}

export function collect(events: readonly TurnEvent[]): Turn {
  const collector = turnCollector();
  collector.push(events);
  return collector.turn();
}

/** The payloads of complete SSE frames, JSON parsed; "[DONE]" stays text. */
export function payloads(frames: string): unknown[] {
  if (frames === "") return [];
  if (!frames.endsWith("\n\n")) throw new Error("an incomplete frame");
  return frames
    .slice(0, -2)
    .split("\n\n")
    .map((frame) => {
      if (!frame.startsWith("data: ")) throw new Error(`not a data frame: ${frame}`);
      const data = frame.slice("data: ".length);
      return data === "[DONE]" ? data : (JSON.parse(data) as unknown);
    });
}
