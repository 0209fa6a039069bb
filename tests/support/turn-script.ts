import type { EncodeContext } from "../../src/core/protocol.ts";
import {
  type StopReason,
  type Turn,
  turnCollector,
  type TurnEvent,
  type TurnMeta,
  type Usage,
} from "../../src/core/turn.ts";
import type { JsonObject } from "../../src/lib/json.ts";

// Turns written down by hand, and what an encoder needs besides.

export const USAGE: Usage = { input: 12, cachedInput: 8, output: 5, thinking: 2 };

/** Every id is the same. */
export function context(change: Partial<EncodeContext> = {}): EncodeContext {
  return { model: "gemini-test", createdAt: 1_700_000_000, newId: () => "abcdefghijklmnopqrstuvwx", ...change };
}

/** A block in short form: its head, its deltas, its signature. */
export interface BlockScript {
  head: Extract<TurnEvent, { type: "block-start" }>["head"];
  deltas?: readonly string[];
  signature?: string;
}

export const text = (...deltas: string[]): BlockScript => ({ head: { kind: "text" }, deltas });
export const thinking = (...deltas: string[]): BlockScript => ({ head: { kind: "thinking" }, deltas });
export const media = (mimeType: string, data: string): BlockScript => ({ head: { kind: "media", mimeType, data } });
export const tool = (id: string, name: string, args: JsonObject, signature?: string): BlockScript => ({
  head: { kind: "tool", id, name, args },
  ...(signature !== undefined && { signature }),
});

export function turnEvents(
  blocks: readonly BlockScript[],
  reason: StopReason = "end",
  meta: TurnMeta = {},
  usage: Usage = USAGE,
): TurnEvent[] {
  return [
    { type: "turn-start", usage: { input: 12, cachedInput: 8, output: 0, thinking: 0 } },
    ...blocks.flatMap(({ head, deltas = [], signature }, index): TurnEvent[] => [
      { type: "block-start", index, head },
      ...deltas.map((delta): TurnEvent => ({ type: "block-delta", index, text: delta })),
      { type: "block-end", index, ...(signature !== undefined && { signature }) },
    ]),
    { type: "turn-end", reason, usage, meta },
  ];
}

export function collect(events: readonly TurnEvent[]): Turn {
  const collector = turnCollector();
  collector.push(events);
  return collector.turn();
}

/** Complete SSE frames, apart. */
export function framesIn(text: string): string[] {
  if (text === "") return [];
  if (!text.endsWith("\n\n")) throw new Error("an incomplete frame");
  return text.slice(0, -2).split("\n\n");
}

/** What stands in a frame that has data and nothing else. */
export function dataOf(frame: string): string {
  if (!frame.startsWith("data: ")) throw new Error(`not a data frame: ${frame}`);
  return frame.slice("data: ".length);
}
