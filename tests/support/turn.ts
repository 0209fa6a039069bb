import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Turn, turnCollector, type TurnEvent } from "../../src/core/turn.ts";
import type { JsonValue } from "../../src/lib/json.ts";

/**
 * Asserts the order that core/turn.ts promises: one start, blocks that never overlap with indexes 0, 1, 2, …, deltas
 * only in text and thinking, one end (none when `complete` is false: a failed turn stops anywhere).
 */
export function assertWellFormed(events: readonly TurnEvent[], { complete = true } = {}): void {
  if (events.length === 0) return expect(complete).toBe(false);
  expect(events[0]?.type).toBe("turn-start");
  let next = 0;
  let open: Extract<TurnEvent, { type: "block-start" }> | undefined;
  let ended = false;
  for (const event of events.slice(1)) {
    expect(ended).toBe(false);
    switch (event.type) {
      case "turn-start":
        throw new Error("a second turn-start");
      case "block-start":
        expect(open).toBeUndefined();
        expect(event.index).toBe(next++);
        open = event;
        break;
      case "block-delta":
        expect(event.index).toBe(open?.index ?? -1);
        expect(["text", "thinking"]).toContain(open?.head.kind ?? "none");
        expect(event.text).not.toBe("");
        break;
      case "block-end":
        expect(event.index).toBe(open?.index ?? -1);
        expect(event.signature).not.toBe("");
        open = undefined;
        break;
      case "late-signature":
        expect(event.index).toBeLessThan(next);
        expect(open?.index).not.toBe(event.index);
        break;
      case "turn-end":
        expect(open).toBeUndefined();
        ended = true;
        break;
      default:
        event satisfies never;
    }
  }
  expect(ended).toBe(complete);
}

/** The whole turn of well-formed events. */
export function collectTurn(events: readonly TurnEvent[]): Turn {
  assertWellFormed(events);
  const collector = turnCollector();
  collector.push(events);
  return collector.turn();
}

const FIXTURES = join(import.meta.dir, "../fixtures/cloudcode");
const SUFFIX = ".chunks.jsonl";

/** Names of the recorded answers: each is a fact about the service. */
export const answerFixtures: readonly string[] = readdirSync(FIXTURES)
  .filter((name) => name.endsWith(SUFFIX))
  .map((name) => name.slice(0, -SUFFIX.length))
  .sort();

/** The documents of one recorded answer, one for each event. */
export function answerFixture(name: string): JsonValue[] {
  const lines = readFileSync(join(FIXTURES, name + SUFFIX), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as JsonValue);
}

/** Documents as the body of an SSE answer, with the line ends the service uses. */
export function sseBody(documents: readonly JsonValue[]): string {
  return documents.map((document) => `data: ${JSON.stringify(document)}\r\n\r\n`).join("");
}
