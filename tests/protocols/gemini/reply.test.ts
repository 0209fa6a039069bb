import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { StopReason, TurnEvent, TurnMeta } from "../../../src/core/turn.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { type BlockScript, collect, context, text, thinking, tool, turnEvents } from "../../support/turn-script.ts";
import {
  documents,
  type Form,
  HELLO,
  image,
  opaque,
  parse,
  parseWith,
  partsIn,
  SHOWN,
  SIGNATURE,
  signed,
} from "./support.ts";

const failure = new GatewayError("overloaded", "No capacity", { retryAfterMs: 2000 });
const USAGE_METADATA = {
  promptTokenCount: 12,
  candidatesTokenCount: 3,
  thoughtsTokenCount: 2,
  cachedContentTokenCount: 8,
  totalTokenCount: 17,
};
const IDS = { modelVersion: "gemini-test", responseId: "abcdefghijklmnopqrstuvwx" };

const encoder = (fields: JsonObject = {}, form: Form = "sse") => parseWith(fields, form).reply.stream(context());
const streamed = (events: readonly TurnEvent[], fields: JsonObject = {}) => documents(encoder(fields).push(events));
const whole = (events: readonly TurnEvent[], fields: JsonObject = {}) =>
  parseWith(fields).reply.whole(collect(events), context());

const chunk = (part: JsonObject): JsonObject => ({
  candidates: [{ content: { parts: [part], role: "model" }, index: 0 }],
  ...IDS,
});
const last = (finishReason: string, more: JsonObject = {}): JsonObject => ({
  candidates: [{ content: { parts: [{ text: "" }], role: "model" }, finishReason, index: 0, ...more }],
  usageMetadata: USAGE_METADATA,
  ...IDS,
});

describe("the stream", () => {
  test("text arrives as it comes, and the last chunk says how it ended and what it cost", () => {
    expect(streamed(turnEvents([text("Hel", "", "lo", " ")]))).toEqual([
      chunk({ text: "Hel" }),
      chunk({ text: "lo" }),
      chunk({ text: " " }),
      last("STOP"),
    ]);
  });

  test("the bytes of a frame are exactly one data line and an empty line", () => {
    expect(encoder().push(turnEvents([text('a"\n\u2028')]))).toBe(
      'data: {"candidates":[{"content":{"parts":[{"text":"a\\"\\n\u2028"}],"role":"model"},"index":0}],"modelVersion":"gemini-test","responseId":"abcdefghijklmnopqrstuvwx"}\n\n' +
        'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":3,"thoughtsTokenCount":2,"cachedContentTokenCount":8,"totalTokenCount":17},"modelVersion":"gemini-test","responseId":"abcdefghijklmnopqrstuvwx"}\n\n',
    );
  });

  test("clients break without a finish reason, and over an answer wrapped in another object: neither is sent", () => {
    for (const blocks of [[], [text("a")], [thinking("hm")], [tool("c1", "f", {})], [image()]]) {
      const events = turnEvents(blocks, blocks[0]?.head.kind === "tool" ? "tool" : "end");
      const chunks = streamed(events, SHOWN);
      for (const answer of [...chunks, whole(events, SHOWN)]) expect(Object.keys(answer)).toContain("candidates");
      const ends = chunks.filter((document) => JSON.stringify(document).includes('"finishReason":"STOP"'));
      expect(ends).toEqual(chunks.slice(-1));
    }
  });

  test("every chunk has exactly one part", () => {
    const blocks = [thinking("hm"), text("a"), tool("c1", "f", {}), tool("c2", "f", {}), image()];
    for (const { candidates } of streamed(turnEvents(blocks, "tool"), SHOWN)) {
      expect((candidates as { content: { parts: unknown[] } }[])[0]?.content.parts).toHaveLength(1);
    }
  });

  test.each(["sse", "array"] as const)("however the events are cut into batches, the %s text is the same", (form) => {
    const events = turnEvents([thinking("hm"), signed(text("a", "b")), signed(tool("c1", "f", { a: 1 }))], "tool");
    const apart = encoder(SHOWN, form);
    expect(events.map((event) => apart.push([event])).join("")).toBe(encoder(SHOWN, form).push(events));
  });

  test("a signature of a text follows it in a part without text", () => {
    expect(partsIn(streamed(turnEvents([signed(text("a"))])))).toEqual([
      { text: "a" },
      { text: "", thoughtSignature: SIGNATURE },
      { text: "" },
    ]);
  });

  test("the SDK that keeps neither empty texts nor signatures is sent none", () => {
    const events = turnEvents([signed(text("a")), signed(text())]);
    const call = (form: Form) => parse(HELLO, form, { "x-goog-api-client": "genai-js/0.24.1" });
    const chunks = documents(call("sse").reply.stream(context()).push(events));
    expect(partsIn(chunks)).toEqual([{ text: "a" }]);
    expect(chunks.at(-1)).toMatchObject({ candidates: [{ finishReason: "STOP" }], usageMetadata: USAGE_METADATA });
    expect(partsIn([call("whole").reply.whole(collect(events), context())])).toEqual([
      { text: "a", thoughtSignature: SIGNATURE },
    ]);
  });

  test("signatures of calls and of media stand beside them", () => {
    expect(partsIn(streamed(turnEvents([signed(tool("c1", "f", { a: 1 })), signed(image())], "tool")))).toEqual([
      { functionCall: { id: "c1", name: "f", args: { a: 1 } }, thoughtSignature: SIGNATURE },
      { inlineData: { mimeType: "image/png", data: "AAAA" }, thoughtSignature: SIGNATURE },
      { text: "" },
    ]);
  });

  test("thoughts are shown to those who asked for them", () => {
    const events = turnEvents([signed(thinking("h", "m")), text("a")]);
    expect(partsIn(streamed(events, SHOWN))).toEqual([
      { thought: true, text: "h" },
      { thought: true, text: "m" },
      { thought: true, text: "", thoughtSignature: SIGNATURE },
      { text: "a" },
      { text: "" },
    ]);
  });

  test("thoughts that are not shown leave nothing behind, their signature neither", () => {
    const events = turnEvents([signed(thinking("h", "m")), text("a")]);
    expect(partsIn(streamed(events))).toEqual([{ text: "a" }, { text: "" }]);
    expect(JSON.stringify(whole(events))).not.toContain(SIGNATURE);
  });

  test("parts that only Gemini clients understand are theirs untouched", () => {
    const parts = [
      { executableCode: { language: "PYTHON", code: "print(1)" }, thoughtSignature: SIGNATURE },
      { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1\n" } },
    ];
    const events = turnEvents(parts.map(opaque));
    expect(partsIn(streamed(events))).toEqual([...parts, { text: "" }]);
    expect(partsIn([whole(events)])).toEqual(parts);
  });

  test("one of the words asked for comes without its quotes and in one piece", () => {
    const fields = {
      generationConfig: { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["red", "blue"] } },
    };
    const events = turnEvents([signed(text('"re', 'd"'))]);
    expect(partsIn(streamed(events, fields))).toEqual([{ text: "red" }, { text: "" }]);
    expect(partsIn([whole(events, fields)])).toEqual([{ text: "red" }]);
    expect(partsIn([whole(turnEvents([signed(text("red"))]), fields)])).toEqual([
      { text: "red", thoughtSignature: SIGNATURE },
    ]);
  });

  test("the model that serves is named from the first event on", () => {
    const named = context();
    const stream = parseWith({}, "sse").reply.stream(named);
    const sign = stream.keepAlive();
    named.model = "other";
    expect(documents(sign + stream.push(turnEvents([text("ab")]))).map(({ modelVersion }) => modelVersion)).toEqual([
      "other",
      "other",
    ]);
  });
});

describe("the JSON list", () => {
  test("is one document that holds the chunks of the stream", () => {
    const events = turnEvents([text("Hel", "lo"), tool("c1", "f", {})], "tool");
    const list = encoder({}, "array");
    const written = list.keepAlive() + list.push(events.slice(0, 3)) + list.keepAlive() + list.push(events.slice(3));
    expect(JSON.parse(written)).toEqual(streamed(events));
  });

  test("that breaks off ends with the error and is whole all the same", () => {
    const list = encoder({}, "array");
    const written = list.push(turnEvents([text("a")]).slice(0, 3)) + list.fail(failure);
    expect(JSON.parse(written)).toEqual([chunk({ text: "a" }), { error: expect.objectContaining({ code: 503 }) }]);
    expect(JSON.parse(encoder({}, "array").fail(failure))).toHaveLength(1);
  });
});

describe("the whole reply", () => {
  test("holds all parts, how it ended and what it cost", () => {
    const events = turnEvents([thinking("hm"), signed(text("Hel", "lo")), tool("c1", "f", { a: 1 })], "tool");
    expect(whole(events, SHOWN)).toEqual({
      candidates: [
        {
          content: {
            parts: [
              { text: "hm", thought: true },
              { text: "Hello", thoughtSignature: SIGNATURE },
              { functionCall: { id: "c1", name: "f", args: { a: 1 } } },
            ],
            role: "model",
          },
          finishReason: "STOP",
          index: 0,
        },
      ],
      usageMetadata: USAGE_METADATA,
      ...IDS,
    });
  });

  test("of nothing has a part", () => {
    expect(whole(turnEvents([]))).toEqual(last("STOP"));
  });
});

describe("the end", () => {
  const finish = (reason: StopReason, meta: TurnMeta = {}, blocks: BlockScript[] = [text("a")]) => {
    const events = turnEvents(blocks, reason, meta);
    const candidate = (document: JsonObject = {}) => (document["candidates"] as JsonObject[])[0]?.["finishReason"];
    expect(candidate(streamed(events).at(-1))).toEqual(candidate(whole(events)));
    return candidate(whole(events));
  };

  test.each<[StopReason, TurnMeta, string]>([
    ["end", {}, "STOP"],
    ["end", { finishReason: "STOP" }, "STOP"],
    ["end", { finishReason: "OTHER" }, "OTHER"],
    ["end", { finishReason: "LANGUAGE" }, "LANGUAGE"],
    ["end", { finishReason: "FINISH_REASON_UNSPECIFIED" }, "STOP"],
    ["end", { finishReason: "SAFETY" }, "STOP"],
    ["tool", { finishReason: "OTHER" }, "STOP"],
    ["tool", { finishReason: "MAX_TOKENS" }, "STOP"],
    ["length", {}, "MAX_TOKENS"],
    ["filtered", {}, "SAFETY"],
    ["filtered", { finishReason: "RECITATION" }, "RECITATION"],
    ["filtered", { filter: "SPII" }, "SPII"],
    ["filtered", { filter: "MODEL_ARMOR" }, "SAFETY"],
  ])("%s with %j is %s", (reason, meta, expected) => {
    expect(finish(reason, meta)).toBe(expected);
  });

  test("what Gemini clients are told beside the answer is in its last chunk, under the wire's names", () => {
    const meta = {
      finishReason: "STOP",
      finishMessage: "done",
      grounding: { webSearchQueries: ["a"] },
      urlContext: { urlMetadata: [] },
      citations: { citationSources: [] },
      safety: [{ category: "X" }],
      responseId: "upstream",
      traceId: "upstream",
    };
    const expected = last("STOP", {
      finishMessage: "done",
      groundingMetadata: { webSearchQueries: ["a"] },
      urlContextMetadata: { urlMetadata: [] },
      citationMetadata: { citationSources: [] },
      safetyRatings: [{ category: "X" }],
    });
    const events = turnEvents([], "end", meta);
    expect(streamed(events)).toEqual([expected]);
    expect(whole(events)).toEqual(expected);
  });

  test("a prompt that was blocked says why, and ends all the same", () => {
    const events = turnEvents([], "filtered", { filter: "PROHIBITED_CONTENT", safety: [{ category: "X" }] });
    expect(whole(events)).toEqual({
      ...last("PROHIBITED_CONTENT"),
      promptFeedback: { blockReason: "PROHIBITED_CONTENT", safetyRatings: [{ category: "X" }] },
    });
  });

  test("counts are Google's: thoughts apart, tools apart, details as they came", () => {
    const usageMetadata = {
      promptTokenCount: 1,
      toolUsePromptTokenCount: 4,
      promptTokensDetails: [{ modality: "TEXT", tokenCount: 8 }],
      trafficType: "ON_DEMAND",
      billed: 5,
    };
    expect(whole(turnEvents([], "end", { usageMetadata }))["usageMetadata"]).toEqual({
      ...USAGE_METADATA,
      promptTokenCount: 8,
      toolUsePromptTokenCount: 4,
      promptTokensDetails: [{ modality: "TEXT", tokenCount: 8 }],
      trafficType: "ON_DEMAND",
    });
    const plain = { input: 3, cachedInput: 0, output: 2, thinking: 0 };
    expect(whole(turnEvents([], "end", {}, plain))["usageMetadata"]).toEqual({
      promptTokenCount: 3,
      candidatesTokenCount: 2,
      totalTokenCount: 5,
    });
  });
});

describe("signs of life and failures", () => {
  test("a sign of life is the beginning of the next event, before, within and never after an answer", () => {
    const stream = encoder();
    const events = turnEvents([text("ab")]);
    const signs = [stream.keepAlive(), stream.keepAlive()];
    expect(signs).toEqual(["data: ", " "]);
    const first = stream.push(events.slice(0, 3));
    const within = stream.keepAlive();
    const rest = stream.push(events.slice(3));
    expect(documents([...signs, first, within, rest].join(""))).toEqual([chunk({ text: "ab" }), last("STOP")]);
    expect(stream.keepAlive()).toBe("");
    const failed = encoder();
    expect(documents(failed.keepAlive() + failed.fail(failure))).toHaveLength(1);
  });

  test("a failure is the last chunk, after anything and before anything", () => {
    const events = turnEvents([thinking("hm"), text("a"), tool("c1", "f", {})], "tool");
    for (let count = 0; count < events.length; count++) {
      const stream = encoder();
      const sent = documents(stream.push(events.slice(0, count)) + stream.fail(failure));
      expect(sent.at(-1)).toMatchObject({ error: { code: 503, status: "UNAVAILABLE", message: "No capacity" } });
      expect(JSON.stringify(sent)).not.toContain("finishReason");
      expect([stream.fail(failure), stream.keepAlive()]).toEqual(["", ""]);
    }
  });

  test("an answer that is complete cannot fail any more", () => {
    const stream = encoder();
    stream.push(turnEvents([text("a")]));
    expect(stream.fail(failure)).toBe("");
  });
});
