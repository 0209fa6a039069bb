import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { TurnEvent } from "../../../src/core/turn.ts";
import { collected, CONTEXT, parse, readFrames, turnEvents, USAGE } from "./support.ts";

const SHOWN = { thinking: { type: "adaptive" } };
const OMITTED = { thinking: { type: "adaptive", display: "omitted" } };

/** The frames of a whole turn, the first and the last two taken off after a check of their types. */
function blockFrames(events: readonly TurnEvent[], fields: Record<string, unknown> = SHOWN) {
  const frames = readFrames(parse(fields).reply.stream(CONTEXT).push(events));
  expect(frames[0]?.type).toBe("message_start");
  expect(frames.slice(-2).map(({ type }) => type)).toEqual(["message_delta", "message_stop"]);
  return frames.slice(1, -2);
}

const start = (index: number, content_block: object) => ({ type: "content_block_start", index, content_block });
const delta = (index: number, value: object) => ({ type: "content_block_delta", index, delta: value });
const stop = (index: number) => ({ type: "content_block_stop", index });
const EMPTY_TEXT = { type: "text", text: "", citations: null };
const EMPTY_THINKING = { type: "thinking", thinking: "", signature: "" };

describe("the frame of a streamed message", () => {
  test("message_start carries the whole empty message with the input's tokens", () => {
    const [first] = readFrames(parse().reply.stream(CONTEXT).push(turnEvents([])));
    expect(first).toEqual({
      type: "message_start",
      message: {
        id: "msg_0123456789abcdefghijklmn",
        type: "message",
        role: "assistant",
        model: "claude-test",
        content: [],
        container: null,
        diagnostics: null,
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        usage: {
          input_tokens: 20,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 100,
          output_tokens: 0,
          output_tokens_details: { thinking_tokens: 0 },
          server_tool_use: null,
          cache_creation: null,
          inference_geo: null,
          service_tier: null,
          speed: null,
        },
      },
    });
  });

  test("message_delta carries the stop reason and the final usage", () => {
    const frames = readFrames(parse().reply.stream(CONTEXT).push(turnEvents([], "end")));
    expect(frames.slice(-2)).toEqual([
      {
        type: "message_delta",
        delta: { container: null, stop_reason: "end_turn", stop_sequence: null, stop_details: null },
        usage: {
          input_tokens: 20,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 100,
          output_tokens: 30,
          output_tokens_details: { thinking_tokens: 10 },
          server_tool_use: null,
        },
      },
      { type: "message_stop" },
    ]);
  });

  test.each([
    ["end", "end_turn", null],
    ["length", "max_tokens", null],
    ["tool", "tool_use", null],
    ["filtered", "refusal", { type: "refusal", category: null, explanation: null }],
  ] as const)("a turn that ends by %s has the stop reason %s", (reason, stop_reason, stop_details) => {
    const frames = readFrames(parse().reply.stream(CONTEXT).push(turnEvents([], reason)));
    expect(frames.at(-2)?.["delta"]).toMatchObject({ stop_reason, stop_details });
    const whole = parse().reply.whole(collected(turnEvents([], reason)), CONTEXT);
    expect(whole).toMatchObject({ stop_reason, stop_details });
  });

  test("cached tokens beyond the input do not make input_tokens negative", () => {
    const turn = { ...collected(turnEvents([])), usage: { ...USAGE, input: 5, cachedInput: 9 } };
    expect(parse().reply.whole(turn, CONTEXT)["usage"]).toMatchObject({ input_tokens: 0, cache_read_input_tokens: 9 });
  });

  test("the frames do not depend on how the events are batched", () => {
    const events = turnEvents([
      { kind: "thinking", deltas: ["T"], signature: "S" },
      { kind: "text", deltas: ["A", "B"] },
    ]);
    const encoder = parse(SHOWN).reply.stream(CONTEXT);
    expect(events.map((event) => encoder.push([event])).join("")).toBe(parse(SHOWN).reply.stream(CONTEXT).push(events));
  });

  test("a ping is a whole frame that is legal at any time", () => {
    expect(parse().reply.stream(CONTEXT).keepAlive()).toBe('event: ping\ndata: {"type":"ping"}\n\n');
  });
});

describe("blocks", () => {
  test("text is opened by its first delta and closed with the block", () => {
    const encoder = parse().reply.stream(CONTEXT);
    expect(encoder.push([{ type: "block-start", index: 0, head: { kind: "text" } }])).toBe("");
    expect(readFrames(encoder.push([{ type: "block-delta", index: 0, text: 'a "b"\n' }]))).toEqual([
      start(0, EMPTY_TEXT),
      delta(0, { type: "text_delta", text: 'a "b"\n' }),
    ]);
    expect(readFrames(encoder.push([{ type: "block-delta", index: 0, text: " " }]))).toEqual([
      delta(0, { type: "text_delta", text: " " }),
    ]);
    expect(readFrames(encoder.push([{ type: "block-end", index: 0, signature: "S" }]))).toEqual([stop(0)]);
  });

  test("thinking ends with its signature", () => {
    expect(
      blockFrames(
        turnEvents([
          { kind: "thinking", deltas: ["a", "b"], signature: "S" },
          { kind: "text", deltas: ["A"] },
        ]),
      ),
    ).toEqual([
      start(0, EMPTY_THINKING),
      delta(0, { type: "thinking_delta", thinking: "a" }),
      delta(0, { type: "thinking_delta", thinking: "b" }),
      delta(0, { type: "signature_delta", signature: "S" }),
      stop(0),
      start(1, EMPTY_TEXT),
      delta(1, { type: "text_delta", text: "A" }),
      stop(1),
    ]);
  });

  test("thinking without a signature is shown all the same", () => {
    expect(
      blockFrames(
        turnEvents([
          { kind: "thinking", deltas: ["a"] },
          { kind: "text", deltas: ["A"] },
        ]),
      ).slice(0, 3),
    ).toEqual([start(0, EMPTY_THINKING), delta(0, { type: "thinking_delta", thinking: "a" }), stop(0)]);
  });

  test("omitted thinking keeps its place and its signature, not its text", () => {
    const events = turnEvents([
      { kind: "thinking", deltas: ["a", "b"], signature: "S" },
      { kind: "text", deltas: ["A"] },
    ]);
    expect(blockFrames(events, OMITTED).slice(0, 3)).toEqual([
      start(0, EMPTY_THINKING),
      delta(0, { type: "signature_delta", signature: "S" }),
      stop(0),
    ]);
    expect(parse(OMITTED).reply.whole(collected(events), CONTEXT)["content"]).toEqual([
      { type: "thinking", thinking: "", signature: "S" },
      { type: "text", text: "A", citations: null },
    ]);
  });

  test.each([
    ["the client switched it off", { thinking: { type: "disabled" } }],
    ["its budget is nothing", { thinking: { type: "enabled", budget_tokens: 0 } }],
  ])("thinking is hidden when %s, and the indexes stay dense", (_, fields) => {
    const events = turnEvents([
      { kind: "thinking", deltas: ["a"], signature: "S" },
      { kind: "text", deltas: ["A"] },
    ]);
    expect(blockFrames(events, fields)).toEqual([
      start(0, EMPTY_TEXT),
      delta(0, { type: "text_delta", text: "A" }),
      stop(0),
    ]);
    expect(parse(fields).reply.whole(collected(events), CONTEXT)["content"]).toEqual([
      { type: "text", text: "A", citations: null },
    ]);
  });

  test("thinking asked for in the model's name is shown", () => {
    const events = turnEvents([
      { kind: "thinking", deltas: ["a"] },
      { kind: "text", deltas: ["A"] },
    ]);
    expect(blockFrames(events, { model: "gemini-test(high)" })[0]).toEqual(start(0, EMPTY_THINKING));
  });

  test("a tool call starts with empty input and sends its arguments as one JSON text", () => {
    const events = turnEvents(
      [
        { kind: "tool", id: "call_1", name: "read", args: { path: "a" } },
        { kind: "tool", id: "call_2", name: "now", args: {}, signature: "S" },
      ],
      "tool",
    );
    const caller = { type: "direct" };
    expect(blockFrames(events)).toEqual([
      start(0, { type: "tool_use", id: "call_1", name: "read", input: {}, caller }),
      delta(0, { type: "input_json_delta", partial_json: '{"path":"a"}' }),
      stop(0),
      start(1, { type: "tool_use", id: "call_2", name: "now", input: {}, caller }),
      delta(1, { type: "input_json_delta", partial_json: "{}" }),
      stop(1),
    ]);
  });

  test("an image becomes markdown, other media a link, a foreign part nothing", () => {
    const events = turnEvents([
      { kind: "media", mimeType: "image/png", data: "AAAA" },
      { kind: "opaque", part: { executableCode: {} } },
      { kind: "media", mimeType: "audio/wav", data: "BBBB" },
    ]);
    const texts = blockFrames(events).flatMap((frame) => (frame["delta"] as { text?: string } | undefined)?.text ?? []);
    expect(texts).toEqual(["![image](data:image/png;base64,AAAA)", "[audio/wav](data:audio/wav;base64,BBBB)"]);
  });

  test("blocks that stay empty are never seen", () => {
    const events = turnEvents([
      { kind: "thinking" },
      { kind: "text", deltas: [""], signature: "S" },
      { kind: "thinking", signature: "S" },
      { kind: "text", deltas: ["A"] },
    ]);
    expect(blockFrames(events)).toEqual([
      start(0, EMPTY_THINKING),
      delta(0, { type: "signature_delta", signature: "S" }),
      stop(0),
      start(1, EMPTY_TEXT),
      delta(1, { type: "text_delta", text: "A" }),
      stop(1),
    ]);
  });

  test.each([
    ["with a suffix", { model: "claude-sonnet-4-6(high)" }],
    ["with a suffix before another", { model: "claude-sonnet-4-6(high)[1m]" }],
    ["with a suffix and a blank", { model: "claude-sonnet-4-6 (high) " }],
    ["by an alias that carries one", { model: "deep" }],
    ["with a suffix against the body", { model: "deep(high)", thinking: { type: "disabled" } }],
  ])("thinking asked for by the model's name %s is shown", (_, fields) => {
    const events = turnEvents([{ kind: "thinking", deltas: ["a"], signature: "S" }]);
    expect(blockFrames(events, fields)[0]).toEqual(start(0, EMPTY_THINKING));
  });

  test.each([
    ["no blocks", [], SHOWN, []],
    ["hidden thinking only", [{ kind: "thinking", deltas: ["a"] }], { thinking: { type: "disabled" } }, []],
    [
      "thinking only",
      [{ kind: "thinking", deltas: ["a"] }],
      SHOWN,
      [{ type: "thinking", thinking: "a", signature: "" }],
    ],
  ] as const)("a turn of %s still answers with one empty text", (_, blocks, fields, before) => {
    const events = turnEvents([...blocks]);
    expect(blockFrames(events, fields).slice(-2)).toEqual([start(before.length, EMPTY_TEXT), stop(before.length)]);
    expect(parse(fields).reply.whole(collected(events), CONTEXT)["content"]).toEqual([...before, EMPTY_TEXT]);
  });
});

test("a failure becomes one error frame in the API's shape, with its details", () => {
  const error = new GatewayError("overloaded", "No capacity", { extra: { error_code: "x" } });
  expect(readFrames(parse().reply.stream(CONTEXT).fail(error))).toEqual([
    { type: "error", error: { type: "overloaded_error", message: "No capacity", details: { error_code: "x" } } },
  ]);
});
