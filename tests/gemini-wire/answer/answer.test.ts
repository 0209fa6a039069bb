import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import { answerReader, readAnswer } from "../../../src/gemini-wire/answer.ts";
import type { DecoderDeps } from "../../../src/gemini-wire/decode.ts";
import { runMachine } from "../../../src/lib/machine.ts";
import { answerFixture, answerFixtures, assertWellFormed, collectTurn, sseBody } from "../../support/turn.ts";

function deps(): DecoderDeps {
  let calls = 0;
  return {
    newCallId: () => `call_${++calls}`,
    tools: { restore: (name, args) => ({ name, args }) },
    mayEndSilently: false,
    now: () => 0,
  };
}

const never = new AbortController().signal;

function byteStream(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

/** All batches, and the error that ended them. */
async function readAll(body: ReadableStream<Uint8Array>, signal = never) {
  const batches: (readonly TurnEvent[])[] = [];
  try {
    for await (const batch of readAnswer(body, deps(), signal)) batches.push(batch);
  } catch (error) {
    if (error instanceof GatewayError) return { batches, error };
    throw error;
  }
  return { batches, error: undefined };
}

const utf8 = (text: string) => new TextEncoder().encode(text);

describe("every recorded answer", () => {
  for (const name of answerFixtures) {
    const body = sseBody(answerFixture(name));
    const whole = runMachine(answerReader(deps()), [body]);

    test(`${name}: is well-formed, and the same turn character by character`, () => {
      expect(collectTurn(runMachine(answerReader(deps()), body))).toEqual(collectTurn(whole));
    });

    test(`${name}: cut anywhere, it ends as an error or as the whole turn, never as another turn`, () => {
      for (let length = 0; length < body.length; length++) {
        const events: TurnEvent[] = [];
        const reader = answerReader(deps());
        let failed = false;
        try {
          reader.push(body.slice(0, length), events);
          reader.end(events);
        } catch (error) {
          failed = error instanceof GatewayError && error.kind === "unavailable";
          if (!failed) throw error;
        }
        assertWellFormed(events, { complete: !failed });
        // Only usage may come after the finish reason, so what was said is complete.
        if (!failed) expect(collectTurn(events).blocks).toEqual(collectTurn(whole).blocks);
      }
    });
  }
});

test("any sequence of parts in any split of the bytes is the same well-formed turn", async () => {
  const signature = fc.option(fc.constantFrom("c2lnLWE=", "c2lnLWI="), { nil: undefined });
  const part = fc.oneof(
    fc.record({
      text: fc.string({ unit: "grapheme", maxLength: 6 }),
      thought: fc.boolean(),
      thoughtSignature: signature,
    }),
    fc.record({
      functionCall: fc.record({ name: fc.constant("f"), args: fc.constant({ x: "é" }) }),
      thoughtSignature: signature,
    }),
    fc.record({ inlineData: fc.constant({ mimeType: "image/png", data: "aQ==" }) }),
    fc.constant({ executableCode: { code: "1" } }),
  );
  const chunks = fc.array(fc.array(part, { maxLength: 3 }), { maxLength: 6 });
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(chunks, cuts, async (turn, positions) => {
      const documents = turn.map((parts) => ({ response: { candidates: [{ content: { parts } }] } }));
      const end = { response: { candidates: [{ finishReason: "MAX_TOKENS" }] } };
      const bytes = utf8(sseBody(JSON.parse(JSON.stringify([...documents, end]))));
      const at = [...new Set(positions.map((position) => position % bytes.length))].sort((a, b) => a - b);
      const pieces = [0, ...at].map((start, index) => bytes.slice(start, at[index] ?? bytes.length));
      const { batches, error } = await readAll(byteStream(...pieces));
      expect(error).toBeUndefined();
      expect(batches.every((batch) => batch.length > 0)).toBe(true);
      expect(collectTurn(batches.flat())).toEqual(collectTurn((await readAll(byteStream(bytes))).batches.flat()));

      const parts = turn.flat();
      const said = (thought: boolean) =>
        parts.map((each) => ("text" in each && each.thought === thought ? each.text : "")).join("");
      const { blocks } = collectTurn(batches.flat());
      const texts = (kind: "text" | "thinking") =>
        blocks.map((block) => (block.kind === kind ? block.text : "")).join("");
      expect(texts("text")).toBe(said(false));
      expect(texts("thinking")).toBe(said(true));
    }),
    { numRuns: 200 },
  );
});

describe("reading a body", () => {
  test("each network chunk that completes something is one batch", async () => {
    const body = sseBody(answerFixture("usage-in-every-chunk"));
    const events = body.split(/(?<=\r\n\r\n)/);
    const half = Math.floor((events[1]?.length ?? 0) / 2);
    const { batches } = await readAll(
      byteStream(
        utf8(events[0] ?? ""),
        utf8(events[1]?.slice(0, half) ?? ""),
        utf8((events[1]?.slice(half) ?? "") + (events[2] ?? "")),
      ),
    );
    expect(batches.map((batch) => batch.map(({ type }) => type))).toEqual([
      ["turn-start", "block-start", "block-delta"],
      ["block-delta"],
      ["block-end", "turn-end"],
    ]);
  });

  test("characters cut between bytes stay whole", async () => {
    const bytes = utf8(sseBody([{ candidates: [{ content: { parts: [{ text: "né €😀" }] }, finishReason: "STOP" }] }]));
    const { batches } = await readAll(byteStream(...[...bytes].map((byte) => Uint8Array.of(byte))));
    expect(collectTurn(batches.flat()).blocks).toEqual([{ kind: "text", text: "né €😀" }]);
  });

  test("events before a failure are given out before it is thrown", async () => {
    const good = { candidates: [{ content: { parts: [{ text: "Once" }] } }] };
    for (const bad of ['data: {"error":{"code":503,"message":"x"}}\r\n\r\n', "data: {oops}\r\n\r\n"]) {
      const { batches, error } = await readAll(byteStream(utf8(sseBody([good]) + bad)));
      expect(batches.flat().map(({ type }) => type)).toEqual(["turn-start", "block-start", "block-delta"]);
      expect(error).toBeInstanceOf(GatewayError);
    }
  });

  test("of two failures in one chunk the first in the stream is told", async () => {
    const body = 'data: {"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"x"}}\n\ndata: {oops}\n\n';
    expect((await readAll(byteStream(utf8(body)))).error?.kind).toBe("rate-limited");
  });

  test("a connection that breaks is not the end of the turn", async () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(utf8(sseBody([answerFixture("max-tokens")[0] ?? {}]))),
      pull: (controller) => controller.error(new Error("ECONNRESET")),
    });
    const { error } = await readAll(body);
    expect(error?.kind).toBe("unavailable");
    expect(error?.message).toBe("Upstream closed the stream before the answer was complete");
  });

  test("ending the iteration early cancels the body", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) =>
        controller.enqueue(utf8(sseBody([{ candidates: [{ content: { parts: [{ text: "a" }] } }] }]))),
      cancel() {
        cancelled = true;
      },
    });
    for await (const _ of readAnswer(body, deps(), never)) break;
    expect(cancelled).toBe(true);
  });

  test("a body that fails because of the signal ends with the signal's reason", async () => {
    const deadline = new GatewayError("deadline", "Too late");
    const controller = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      pull(stream) {
        controller.abort(deadline);
        stream.error(controller.signal.reason);
      },
    });
    expect((await readAll(body, controller.signal)).error).toBe(deadline);
  });
});

test("deltas that arrive in one chunk travel on as one, those of another chunk or block apart", async () => {
  const part = (text: string, thought = false) =>
    utf8(`data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text, thought }] } }] })}\r\n\r\n`);
  const finish = utf8(`data: ${JSON.stringify({ candidates: [{ finishReason: "STOP" }] })}\r\n\r\n`);
  const together = Buffer.concat([part("a", true), part("b", true), part("c"), part("d")]);
  const { batches } = await readAll(byteStream(together, part("e"), finish));
  const deltas = batches.map((batch) => batch.flatMap((event) => (event.type === "block-delta" ? [event.text] : [])));
  expect(deltas).toEqual([["ab", "cd"], ["e"], []]);
});
