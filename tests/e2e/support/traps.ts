import { expect, test } from "bun:test";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/lib/json.ts";
import type { Answer } from "../../support/cloudcode/index.ts";
import type { WireEnvelope, WireRequest } from "../../support/cloudcode/wire-types.ts";
import { type Bench, type Mode, MODES } from "./bench.ts";
import { lastRequest } from "./wire.ts";

/** One known way to break a translator, and what must become of it. */
export interface Trap {
  /** A sentence. */
  says: string;
  /** The body, without what says which model and whether to stream. */
  body: JsonObject;
  /** Default: the protocol's own. */
  model?: string;
  /** What upstream answers; default: an echo. */
  answers?: readonly Answer[];
  headers?: Record<string, string>;
  /** Default: streamed and whole. */
  only?: Mode;
  /** The one rule that upstream refuses the first attempt by; absent: none is refused. */
  refusedBy?: string;
  /** Fails unless it went as it must. Called for the whole answer and for the streamed one. */
  check(outcome: Outcome): void;
}

export interface Outcome {
  /** What was sent upstream, the last time. */
  request: WireRequest;
  envelope: WireEnvelope;
  /** The whole reply, or what a stream comes to. */
  reply: JsonObject;
  loss: string;
  calls: number;
}

export interface TrapProtocol {
  model: string;
  post(bench: Bench, trap: Trap & { model: string }, mode: Mode): Promise<Response>;
  /** The whole answer in a stream's text; fails when there is no end, or more than one. */
  collect(stream: string): JsonObject;
}

/** Rows by the number that the trap has in the list that this gateway was built against. */
export type Traps = readonly (readonly [number: number, trap: Trap])[];

export function testTraps(traps: Traps, protocol: TrapProtocol, bench: () => Bench): void {
  for (const [number, trap] of traps) {
    for (const mode of trap.only ? [trap.only] : MODES) {
      test(`${number}: ${trap.says}, ${mode}`, async () => {
        const { upstream } = bench();
        if (trap.answers) upstream.script(trap.answers);
        const response = await protocol.post(bench(), { ...trap, model: trap.model ?? protocol.model }, mode);
        const text = await response.text();
        const refusals = upstream.refusals().map(({ rule }) => rule);
        expect({ status: response.status, text: response.ok ? "" : text, refusals }).toEqual({
          status: 200,
          text: "",
          refusals: trap.refusedBy === undefined ? [] : [trap.refusedBy],
        });
        const { body } = upstream.calls().at(-1) ?? {};
        trap.check({
          request: lastRequest(upstream),
          envelope: isJsonObject(body) ? (body as WireEnvelope) : {},
          reply: mode === "whole" ? (JSON.parse(text) as JsonObject) : protocol.collect(text),
          loss: response.headers.get("x-ag-loss") ?? "",
          calls: upstream.calls().length,
        });
      });
    }
  }
}

export function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function object(value: JsonValue | undefined): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Error(`not an object: ${JSON.stringify(value)}`);
}
