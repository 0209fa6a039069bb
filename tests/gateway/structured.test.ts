import { describe, expect, test } from "bun:test";
import { asGatewayError } from "../../src/core/errors.ts";
import type { OutputFormat } from "../../src/core/request.ts";
import { type StopReason, type TurnEvent, turnCollector, type TurnMeta } from "../../src/core/turn.ts";
import { checkedAnswer } from "../../src/gateway/structured.ts";

const usage = { input: 1, cachedInput: 0, output: 2, thinking: 0 };
const schema: OutputFormat = {
  type: "json-schema",
  schema: { type: "object", properties: { a: { type: "number" } }, required: ["a"], additionalProperties: false },
};

type Piece = { kind: "text" | "thinking"; deltas: string[]; signature?: string };
const text = (...deltas: string[]): Piece => ({ kind: "text", deltas });
const thought = (delta: string): Piece => ({ kind: "thinking", deltas: [delta], signature: "sig" });

/** A turn of these blocks, one batch for each event. */
function turn(pieces: readonly Piece[], reason: StopReason = "end", meta: TurnMeta = {}): TurnEvent[][] {
  const blocks = pieces.flatMap(({ kind, deltas, signature }, index): TurnEvent[] => [
    { type: "block-start", index, head: { kind } },
    ...deltas.map((delta): TurnEvent => ({ type: "block-delta", index, text: delta })),
    { type: "block-end", index, ...(signature !== undefined && { signature }) },
  ]);
  const events: TurnEvent[] = [{ type: "turn-start", usage }, ...blocks, { type: "turn-end", reason, usage, meta }];
  return events.map((event) => [event]);
}

async function check(batches: TurnEvent[][], format: OutputFormat = schema, isUnenforced = true) {
  const given: TurnEvent[][] = [];
  let progress = 0;
  const source = (async function* () {
    yield* batches;
  })();
  try {
    for await (const batch of checkedAnswer(
      source,
      format,
      () => isUnenforced,
      () => progress++,
    ))
      given.push([...batch]);
  } catch (cause) {
    return { given, progress, error: asGatewayError(cause) };
  }
  const collector = turnCollector();
  for (const batch of given) collector.push(batch);
  return { given, progress, blocks: collector.turn().blocks, meta: collector.turn().meta };
}

describe("an answer whose form upstream does not enforce", () => {
  test("is the word it was to choose, though that came without quotes", async () => {
    const words: OutputFormat = { type: "json-schema", schema: { type: "string", enum: ["yes", "no"] } };
    const { blocks } = await check(turn([text(" yes", "\n")]), words);
    expect(blocks).toMatchObject([{ text: `"yes"` }]);
    expect((await check(turn([text("perhaps")]), words)).error).toMatchObject({ kind: "malformed-answer" });
  });

  test.each([
    ["as asked for", [text('{"a"', ": 1}")], '{"a": 1}'],
    ["with space around", [text('\n {"a":1}\n')], '{"a":1}'],
    ["in a code fence", [text("```json\n", '{"a": 1}', "\n```")], '{"a": 1}'],
    ["with words around", [text('Sure! Here it is: {"a": 1} Anything else?')], '{"a": 1}'],
    ["beside another document that is no answer", [text('Not {"b": 1} but {"a": 1}')], '{"a": 1}'],
    ["said twice alike", [text('{"a": 1}\n\nAgain: {"a": 1}')], '{"a": 1}'],
    ["cut in two by upstream", [text('{"a"'), text(": 1}")], '{"a": 1}'],
  ])("%s becomes exactly the JSON", async (_, pieces, json) => {
    const { blocks } = await check(turn(pieces));
    expect(blocks).toEqual([{ kind: "text", text: json }]);
  });

  test("comes as one batch with its thinking, signatures and end, and is a sign of life all along", async () => {
    const batches = turn([thought("hm"), text("Well: "), thought("so"), text('{"a": 1}!')], "end", { traceId: "t" });
    const { given, progress, blocks, meta } = await check(batches);
    expect(given).toHaveLength(1);
    expect(progress).toBe(batches.length);
    expect(blocks).toEqual([
      { kind: "thinking", text: "hm", signature: "sig" },
      { kind: "thinking", text: "so", signature: "sig" },
      { kind: "text", text: '{"a": 1}' },
    ]);
    expect(meta).toEqual({ traceId: "t" });
    expect(given[0]?.at(-1)).toEqual({ type: "turn-end", reason: "end", usage, meta: { traceId: "t" } });
  });

  test("keeps its events as they are when there is nothing to strip", async () => {
    const batches = turn([thought("hm"), text('{"a"', ": 1}")]);
    expect((await check(batches)).given).toEqual([batches.flat()]);
  });

  test("keeps its sources but not their places in a text that is no more", async () => {
    const grounding = { webSearchQueries: ["q"], groundingSupports: [{ segment: { endIndex: 3 } }] };
    const { meta } = await check(turn([text('So {"a": 1}')], "end", { grounding, traceId: "t" }));
    expect(meta).toEqual({ grounding: { webSearchQueries: ["q"] }, traceId: "t" });
  });

  test.each([
    ["of words alone", schema, [text("I cannot do that.")]],
    ["that is not valid", schema, [text('{"a": "1"}')]],
    ["with a member too many", schema, [text('{"a": 1, "b": 2}')]],
    ["that is cut off", schema, [text('{"a": 1')]],
    ["of two different answers", schema, [text('{"a": 1} or {"a": 2}')]],
    ["of thinking alone", schema, [thought("{}")]],
    ["without a word", schema, []],
    ["of a bare value where JSON was asked for", { type: "json" } as const, [text("7")]],
  ])("%s fails before anything is given out", async (_, format, pieces) => {
    const { given, error } = await check(turn(pieces), format);
    expect(given).toEqual([]);
    expect(error?.kind).toBe("malformed-answer");
  });

  test.each([
    ["an object", '{"a": 1}'],
    ["a list", "[1]"],
  ])("without a schema may be %s", async (_, json) => {
    const { blocks } = await check(turn([text(`Here: ${json}`)]), { type: "json" });
    expect(blocks).toEqual([{ kind: "text", text: json }]);
  });

  test.each(["tool", "length", "filtered"] as const)("that ends by %s is left as it is", async (reason) => {
    const batches = turn([text("Let me see")], reason);
    expect((await check(batches)).given).toEqual([batches.flat()]);
  });
});

test("an answer whose form upstream enforces passes through batch by batch", async () => {
  const batches = turn([text("no JSON")]);
  const { given, progress } = await check(batches, schema, false);
  expect(given).toEqual(batches);
  expect(progress).toBe(0);
});
