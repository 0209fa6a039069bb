import type { JsonObject, JsonValue } from "../lib/json.ts";

/** Tokens. `input` includes `cachedInput`; `output` includes `thinking`. */
export interface Usage {
  input: number;
  cachedInput: number;
  output: number;
  thinking: number;
}

export type BlockHead =
  | { kind: "text" }
  | { kind: "thinking" }
  /** `id` is ours: unique, url-safe. `name` is as the client declared it. Arguments arrive whole. */
  | { kind: "tool"; id: string; name: string; args: JsonObject }
  | { kind: "media"; mimeType: string; data: string }
  /** A part we do not model; only Gemini clients can be given it. */
  | { kind: "opaque"; part: JsonValue };

/**
 * What rides on `turn-end` besides the usage, as upstream sent it: `grounding`, `urlContext`, `citations`, `safety`,
 * `finishReason`, `finishMessage`, `filter` (why content was withheld), `usageMetadata`, `modelVersion`, `responseId`, `traceId`.
 */
export type TurnMeta = JsonObject;

export type StopReason = "end" | "length" | "tool" | "filtered";

/**
 * One model turn as it happens: one `turn-start`; blocks that never overlap, indexes 0, 1, 2, …; one `turn-end`.
 * Only text and thinking blocks have deltas. A signature belongs to exactly the block it ends.
 * A failed turn has no `turn-end`: the source throws a GatewayError instead.
 */
export type TurnEvent =
  | { type: "turn-start"; usage: Usage }
  | { type: "block-start"; index: number; head: BlockHead }
  | { type: "block-delta"; index: number; text: string }
  | { type: "block-end"; index: number; signature?: string }
  /** The signature of a thinking block that had already ended. Clients cannot be told any more; the memory can. */
  | { type: "late-signature"; index: number; signature: string }
  | { type: "turn-end"; reason: StopReason; usage: Usage; meta: TurnMeta };

export type Block = BlockHead & { text: string; signature?: string };

export interface Turn {
  blocks: Block[];
  reason: StopReason;
  usage: Usage;
  meta: TurnMeta;
}

/** Every turn of a source that gives out one or several, each from `turn-start` to `turn-end`. */
export async function collectTurns(batches: AsyncIterable<readonly TurnEvent[]>): Promise<Turn[]> {
  const turns: Turn[] = [];
  let collector = turnCollector();
  for await (const batch of batches) {
    let start = 0;
    for (const [index, { type }] of batch.entries()) {
      if (type !== "turn-end") continue;
      collector.push(batch.slice(start, index + 1));
      turns.push(collector.turn());
      collector = turnCollector();
      start = index + 1;
    }
    if (start < batch.length) collector.push(start === 0 ? batch : batch.slice(start));
  }
  return turns;
}

export interface TurnCollector {
  push(events: readonly TurnEvent[]): void;
  /** The whole turn; throws when `turn-end` has not been seen. */
  turn(): Turn;
}

/** Folds a turn's events into one value, for clients that did not ask for a stream. */
export function turnCollector(): TurnCollector {
  const blocks: { block: Block; texts: string[] }[] = [];
  let end: Extract<TurnEvent, { type: "turn-end" }> | undefined;
  return {
    push(events) {
      for (const event of events) {
        switch (event.type) {
          case "turn-start":
          case "late-signature":
            break;
          case "block-start":
            blocks[event.index] = { block: { ...event.head, text: "" }, texts: [] };
            break;
          case "block-delta":
            blocks[event.index]?.texts.push(event.text);
            break;
          case "block-end": {
            const entry = blocks[event.index];
            if (entry && event.signature !== undefined) entry.block.signature = event.signature;
            break;
          }
          case "turn-end":
            end = event;
            break;
          default:
            event satisfies never;
        }
      }
    },
    turn() {
      if (!end) throw new Error("turn() before turn-end");
      return {
        blocks: blocks.map(({ block, texts }) => Object.assign(block, { text: texts.join("") })),
        reason: end.reason,
        usage: end.usage,
        meta: end.meta,
      };
    },
  };
}
