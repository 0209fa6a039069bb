import Anthropic from "@anthropic-ai/sdk";
import type { EncodeContext, ParsedCall } from "../../../src/core/protocol.ts";
import type { Part } from "../../../src/core/request.ts";
import { turnCollector, type Turn, type TurnEvent, type Usage } from "../../../src/core/turn.ts";
import { anthropic } from "../../../src/protocols/anthropic/index.ts";

export const BASE = { model: "claude-test", max_tokens: 100, messages: [{ role: "user", content: "Hello" }] };

/** Parses a small valid request with the given fields on top. */
export function parse(fields: Record<string, unknown> = {}, headers: Record<string, string> = {}): ParsedCall {
  return anthropic.parse({ body: { ...BASE, ...fields }, headers: new Headers(headers) });
}

export function parseMessages(...messages: unknown[]): ParsedCall {
  return parse({ messages });
}

/** The parts of one message that holds `content`. */
export function partsOf(content: unknown, role: "user" | "assistant" = "user"): Part[] {
  const before = role === "assistant" ? [{ role: "user", content: "Hello" }] : [];
  const { contents } = parseMessages(...before, { role, content }, { role: "user", content: "END" }).request;
  return contents.slice(before.length, -1).flatMap(({ parts }) => parts);
}

export const CONTEXT: EncodeContext = {
  model: "claude-test",
  createdAt: 1_700_000_000,
  newId: () => "0123456789abcdefghijklmn",
};

export const USAGE: Usage = { input: 120, cachedInput: 100, output: 30, thinking: 10 };

export function collected(events: readonly TurnEvent[]): Turn {
  const collector = turnCollector();
  collector.push(events);
  return collector.turn();
}

/** One finished turn of the given blocks, each text cut into deltas as given. */
export function turnEvents(
  blocks: readonly (Extract<TurnEvent, { type: "block-start" }>["head"] & {
    deltas?: readonly string[];
    signature?: string;
  })[],
  reason: Turn["reason"] = "end",
): TurnEvent[] {
  const events: TurnEvent[] = [{ type: "turn-start", usage: { input: 120, cachedInput: 100, output: 0, thinking: 0 } }];
  for (const [index, { deltas = [], signature, ...head }] of blocks.entries()) {
    events.push({ type: "block-start", index, head });
    for (const text of deltas) events.push({ type: "block-delta", index, text });
    events.push({ type: "block-end", index, ...(signature === undefined ? {} : { signature }) });
  }
  events.push({ type: "turn-end", reason, usage: USAGE, meta: {} });
  return events;
}

/** A client of the official SDK whose server answers with exactly these frames. */
export function clientReading(frames: string): Anthropic {
  return new Anthropic({
    apiKey: "sk-ag-test",
    baseURL: "http://gateway.test",
    maxRetries: 0,
    fetch: async () => new Response(frames, { headers: { "content-type": "text/event-stream" } }),
  });
}

/** The message as the SDK's accumulator rebuilds it. */
export async function readWithSdk(frames: string): Promise<unknown> {
  const stream = clientReading(frames).messages.stream({ model: "m", max_tokens: 1, messages: [] });
  return plain(await stream.finalMessage());
}

/** The same through the accumulator of the beta client, which is another implementation. */
export async function readWithBetaSdk(frames: string): Promise<unknown> {
  const stream = clientReading(frames).beta.messages.stream({ model: "m", max_tokens: 1, messages: [] });
  return plain(await stream.finalMessage());
}

/** JSON as a client would print it, without what the SDK adds by itself. */
function plain(message: object): unknown {
  const { parsed_output: _, ...rest } = JSON.parse(JSON.stringify(message));
  return rest;
}

/** The frames' data in order; fails on a frame without an `event:` line that repeats its type. */
export function readFrames(frames: string): { type: string; [key: string]: unknown }[] {
  return frames
    .split("\n\n")
    .filter(Boolean)
    .map((frame) => {
      const match = /^event: (\w+)\ndata: (.*)$/.exec(frame);
      if (!match) throw new Error(`not an Anthropic frame: ${frame}`);
      const data = JSON.parse(match[2] ?? "");
      if (data.type !== match[1]) throw new Error(`event line and type differ: ${frame}`);
      return data;
    });
}
