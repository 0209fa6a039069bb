import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { Block, Turn, TurnEvent, Usage } from "../../../src/core/turn.ts";
import { type DecoderDeps, turnDecoder } from "../../../src/gemini-wire/decode.ts";
import type { ToolReturn } from "../../../src/gemini-wire/tool-return.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { runMachine } from "../../../src/lib/machine.ts";
import { answerFixture, answerFixtures, assertWellFormed, collectTurn } from "../../support/turn.ts";

function decoder({
  restore = (name: string, args: JsonObject) => ({ name, args }),
  mayEndSilently = false,
}: Partial<ToolReturn & Pick<DecoderDeps, "mayEndSilently">> = {}) {
  let calls = 0;
  return turnDecoder({ newCallId: () => `call_${++calls}`, tools: { restore }, mayEndSilently, now: () => 0 });
}

const decode = (documents: readonly JsonValue[]): TurnEvent[] => runMachine(decoder(), documents);

const text = (value: string, signature?: string): Block => ({
  kind: "text",
  text: value,
  ...(signature && { signature }),
});
const thinking = (value: string, signature?: string): Block => ({
  kind: "thinking",
  text: value,
  ...(signature && { signature }),
});
const call = (id: number, name: string, args: JsonObject, signature?: string): Block => ({
  kind: "tool",
  id: `call_${id}`,
  name,
  args,
  text: "",
  ...(signature && { signature }),
});

const usage = (input: number, output: number, thinkingTokens = 0, cachedInput = 0): Usage => ({
  input,
  cachedInput,
  output,
  thinking: thinkingTokens,
});

const FACTS: Record<string, { blocks: Block[] } & Partial<Turn>> = {
  "thinking-then-text": {
    blocks: [thinking("Primes are divisible by one."), text("2, 3, 5")],
    reason: "end",
    usage: usage(812, 50, 41, 512),
    meta: { modelVersion: "gemini-3-flash", responseId: "resp-1" },
  },
  "claude-thinking-then-tool": {
    blocks: [
      thinking("I need the weather.", "UkNMQVVERQ=="),
      text("Let me look."),
      call(1, "get_weather", { city: "Oslo" }),
    ],
    reason: "tool",
    usage: usage(100, 30),
  },
  "signature-in-empty-part-without-thought-flag": {
    blocks: [thinking("Full thinking text.", "c2lnLTE=")],
    reason: "end",
    usage: usage(10, 2, 2),
  },
  "signature-in-empty-part-after-text": { blocks: [thinking("Multiply."), text("408", "c2lnLXRleHQ=")], reason: "end" },
  "thought-signature-after-text-started": { blocks: [thinking("Hm."), text("Answer.")] },
  "two-signed-thoughts": { blocks: [thinking("First.", "c2lnLWE="), thinking("Second.", "c2lnLWI="), text("Done.")] },
  "one-signature-on-every-chunk-of-a-thought": { blocks: [thinking("One thought.", "c2FtZQ=="), text("Done.")] },
  "visible-text-with-signature": { blocks: [thinking("17 × 24."), text("408", "c2lnLWZpbmFs")] },
  "unsigned-text-after-signed-text": { blocks: [text("Signed.", "c2lnLTE="), text(" Unsigned. More.")] },
  "signature-before-text": { blocks: [text("", "Y2Fycmllcg=="), text("Hello")] },
  "signature-after-call": {
    blocks: [call(1, "a", { x: 1 }), call(2, "b", { x: 2 }), text("", "dHJhaWxpbmc=")],
    reason: "tool",
  },
  "snake-case-signatures": { blocks: [thinking("Hm.", "c25ha2U="), call(1, "a", {}, "c25ha2UtY2FsbA==")] },
  "nested-signatures": { blocks: [call(1, "a", {}, "aW5zaWRl"), text("x", "ZXh0cmE="), text("y", "bWV0YQ==")] },
  "parallel-calls-in-one-chunk": {
    blocks: [call(1, "read", { path: "a" }, "Zmlyc3Q="), call(2, "read", { path: "b" }), call(3, "list", {})],
    reason: "tool",
  },
  "calls-over-chunks": {
    blocks: [text("Reading."), call(1, "read", { path: "a" }), call(2, "read", { path: "b" })],
    reason: "tool",
  },
  "identical-calls": { blocks: [call(1, "roll", { sides: 6 }), call(2, "roll", { sides: 6 })], reason: "tool" },
  "call-without-args": { blocks: [call(1, "list_files", {})], reason: "tool" },
  "call-with-max-tokens": { blocks: [call(1, "read", { path: "a" })], reason: "tool" },
  "max-tokens": { blocks: [text("Once upon a")], reason: "length", usage: usage(5, 3) },
  "safety-after-text": {
    blocks: [text("I will")],
    reason: "filtered",
    meta: {
      filter: "SAFETY",
      safety: [{ category: "HARM_CATEGORY_HARASSMENT", probability: "HIGH", blocked: true }],
    },
  },
  "safety-without-parts": {
    blocks: [],
    reason: "filtered",
    usage: usage(7, 0),
    meta: { filter: "PROHIBITED_CONTENT" },
  },
  "blocked-prompt": { blocks: [], reason: "filtered", usage: usage(7, 0), meta: { filter: "BLOCKLIST" } },
  "draft-image-then-image": {
    blocks: [
      text("Here it is."),
      { kind: "media", mimeType: "image/png", data: "ZmluYWw=", text: "", signature: "aW1hZ2U=" },
    ],
  },
  "code-execution": {
    blocks: [
      { kind: "opaque", part: { executableCode: { language: "PYTHON", code: "print(1)" } }, text: "" },
      { kind: "opaque", part: { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1\n" } }, text: "" },
      text("It printed 1."),
    ],
  },
  "usage-in-every-chunk": { blocks: [text("abc")], usage: usage(10, 3) },
  "usage-after-finish-reason": { blocks: [text("Hi.")], usage: usage(4, 2), meta: { traceId: "trace-1" } },
  "heartbeats-before-content": { blocks: [text("Hi.")], usage: usage(3, 0) },
  "bare-and-array-documents": { blocks: [text("bare, in an array")] },
  "null-members": { blocks: [text("Hi.")] },
  "whitespace-parts": { blocks: [text("one two\n\nthree")] },
  "leading-blank-text": { blocks: [text("\n\nHi.")] },
  "leading-blank-then-call": { blocks: [text("\n\n"), call(1, "a", {})], reason: "tool" },
  "thinking-only": { blocks: [thinking("Nothing to say.")], reason: "end" },
  "unknown-finish-reason": { blocks: [text("Hallo")], reason: "end" },
  "grounding-in-last-chunk": {
    blocks: [text("It rained.")],
    meta: {
      grounding: {
        webSearchQueries: ["rain"],
        groundingChunks: [{ web: { uri: "https://example.com/", title: "Example" } }],
      },
    },
  },
};

describe("facts about answers", () => {
  test("every fixture has an expectation", () => {
    expect(Object.keys(FACTS).sort()).toEqual([...answerFixtures]);
  });

  for (const [name, expected] of Object.entries(FACTS)) {
    test(name, () => {
      expect(collectTurn(decode(answerFixture(name)))).toMatchObject(expected);
      expect(collectTurn(decode(answerFixture(name))).blocks).toEqual(expected.blocks);
    });
  }
});

const chunk = (parts: JsonValue[], finishReason?: string): JsonObject => ({
  response: { candidates: [{ content: { parts }, ...(finishReason !== undefined && { finishReason }) }] },
});

/** What a decoder gives out before it fails, and the failure. */
function failing(documents: readonly JsonValue[]): { events: TurnEvent[]; error: GatewayError } {
  const machine = decoder();
  const events: TurnEvent[] = [];
  try {
    for (const document of documents) machine.push(document, events);
    machine.end(events);
  } catch (error) {
    if (error instanceof GatewayError) return { events, error };
    throw error;
  }
  throw new Error("did not fail");
}

describe("failures", () => {
  const EMPTY: [string, JsonValue[]][] = [
    ["no document at all", []],
    ["only usage", [{ response: { usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 } } }]],
    ["only blank text", [chunk([{ text: "\n" }]), chunk([{ text: " " }])]],
    ["only a finish reason that says nothing", [chunk([], "OTHER")]],
    ["nothing but its finish", [chunk([{ text: "" }], "STOP")]],
    ["a finish without content", [{ response: { candidates: [{ finishReason: "STOP" }] } }]],
    ["blank text and a finish", [chunk([{ text: " \n" }]), chunk([], "STOP")]],
    ["blank thinking and a finish", [chunk([{ text: "\n", thought: true }]), chunk([], "STOP")]],
    ["nothing but a signature", [chunk([{ text: "", thoughtSignature: "c2ln" }], "STOP")]],
    ["nothing but signed blank text", [chunk([{ text: " ", thoughtSignature: "c2ln" }], "STOP")]],
    [
      "nothing but a draft image",
      [chunk([{ thought: true, inlineData: { mimeType: "image/png", data: "QUFB" } }], "STOP")],
    ],
    ["no candidates", [{ response: { candidates: [] } }]],
  ];
  for (const [what, documents] of EMPTY) {
    test(`an answer with ${what} is empty: nothing is given out and it may be asked for again`, () => {
      const { events, error } = failing(documents);
      expect(events).toEqual([]);
      expect(error.kind).toBe("unavailable");
      expect(error.message).toBe("Upstream sent an empty answer");
    });
  }

  describe("after results of tools", () => {
    const endOf = (documents: readonly JsonValue[]) =>
      collectTurn(runMachine(decoder({ mayEndSilently: true }), documents));

    test("an empty answer that stops is the end of the turn", () => {
      expect(endOf([chunk([{ text: "" }], "STOP")])).toMatchObject({ blocks: [], reason: "end" });
      expect(endOf([{ response: { candidates: [{ finishReason: "STOP" }] } }])).toMatchObject({ blocks: [] });
    });

    test("its signature is kept for the next turn", () => {
      expect(endOf([chunk([{ text: "", thoughtSignature: "c2ln" }], "STOP")]).blocks).toEqual([text("", "c2ln")]);
    });

    test.each([
      ["that is cut", [chunk([{ text: "" }])]],
      ["that ends for a reason that says nothing", [chunk([], "OTHER")]],
    ])("an empty answer %s is asked for again", (_, documents) => {
      expect(() => runMachine(decoder({ mayEndSilently: true }), documents)).toThrow("Upstream sent an empty answer");
    });
  });

  test.each([
    ["MAX_TOKENS", "length"],
    ["SAFETY", "filtered"],
    ["IMAGE_SAFETY", "filtered"],
  ])("an empty answer that ends with %s explains itself", (finishReason, reason) => {
    expect(collectTurn(decode([chunk([{ text: " " }], finishReason)]))).toMatchObject({ reason });
  });

  test("a blocked prompt explains an empty answer though it stops", () => {
    const blocked = { response: { promptFeedback: { blockReason: "SAFETY" } } };
    expect(collectTurn(decode([blocked, chunk([], "STOP")]))).toMatchObject({ blocks: [], reason: "filtered" });
  });

  test("a stream that ends without a finish reason was cut, however much it said", () => {
    for (const documents of [
      [chunk([{ text: "Half an ans" }])],
      [chunk([{ text: "Hm", thought: true }])],
      [chunk([{ functionCall: { name: "a", args: {} } }])],
    ]) {
      const { events, error } = failing(documents);
      assertWellFormed(events, { complete: false });
      expect(error.kind).toBe("unavailable");
      expect(error.message).toBe("Upstream closed the stream before the answer was complete");
    }
  });

  test("an error document after text is the classified error, with the text given out before it", () => {
    const { events, error } = failing([
      chunk([{ text: "Once" }]),
      { error: { code: 503, status: "UNAVAILABLE", message: "The service is currently unavailable." } },
    ]);
    expect(events.map(({ type }) => type)).toEqual(["turn-start", "block-start", "block-delta"]);
    expect(error.kind).toBe("overloaded");
    expect(error.detail.upstreamStatus).toBe(503);
  });

  test("an error inside the wrapper or after heartbeats is found too", () => {
    const { events, error } = failing([
      {},
      { response: { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "Resource has been exhausted" } } },
    ]);
    expect(events).toEqual([]);
    expect(error.kind).toBe("rate-limited");
  });

  for (const reason of ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"]) {
    test(`${reason} is an error, never the end of a turn`, () => {
      const { events, error } = failing([chunk([], reason)]);
      expect(events).toEqual([]);
      expect(error.kind).toBe("malformed-answer");
      expect(error.detail.upstreamReason).toBe(reason);
    });
  }

  test("MALFORMED_FUNCTION_CALL after text gives out the text, then fails", () => {
    const { events, error } = failing([chunk([{ text: "Let me" }], "MALFORMED_FUNCTION_CALL")]);
    assertWellFormed(events, { complete: false });
    expect(events).toHaveLength(3);
    expect(error.kind).toBe("malformed-answer");
  });

  test("a call without a name cannot be delivered", () => {
    expect(failing([chunk([{ functionCall: { args: {} } }], "STOP")]).error.kind).toBe("malformed-answer");
  });

  test("a document that is no object is malformed", () => {
    expect(failing(["text"]).error.message).toBe("Upstream sent a malformed event");
  });
});

describe("timing", () => {
  test("a signature before any content waits for it, and stands where it came", () => {
    const machine = decoder();
    const events: TurnEvent[] = [];
    machine.push(chunk([{ text: "", thoughtSignature: "c2ln" }]), events);
    machine.push(chunk([{ text: "\n" }]), events);
    expect(events).toEqual([]);
    machine.push(chunk([{ functionCall: { name: "a" } }], "STOP"), events);
    machine.end(events);
    expect(collectTurn(events).blocks).toEqual([text("", "c2ln"), text("\n"), call(1, "a", {})]);
  });

  test("nothing is given out before the first block", () => {
    const machine = decoder();
    const events: TurnEvent[] = [];
    for (const document of [{}, { response: { usageMetadata: { promptTokenCount: 8 } } }, chunk([])]) {
      machine.push(document, events);
    }
    expect(events).toEqual([]);
    machine.push(chunk([{ text: "Hi" }]), events);
    expect(events[0]).toEqual({ type: "turn-start", usage: usage(8, 0) });
  });

  test("text is given out in the chunk that brings it, its block's end only when what follows is known", () => {
    const machine = decoder();
    const events: TurnEvent[] = [];
    machine.push(chunk([{ text: "Hm", thought: true }]), events);
    expect(events.map(({ type }) => type)).toEqual(["turn-start", "block-start", "block-delta"]);
    machine.push(chunk([{ text: "", thoughtSignature: "c2ln" }]), events);
    expect(events).toHaveLength(3);
    machine.push(chunk([{ text: "Hi" }]), events);
    expect(events[3]).toEqual({ type: "block-end", index: 0, signature: "c2ln" });
  });

  test("a finish reason does not end the turn, the end of the stream does", () => {
    const machine = decoder();
    const events: TurnEvent[] = [];
    machine.push(chunk([{ text: "Hi" }], "STOP"), events);
    expect(events.some(({ type }) => type === "turn-end")).toBe(false);
    machine.end(events);
    expect(events.at(-1)?.type).toBe("turn-end");
  });
});

test("calls come back under the names and shapes the client declared", () => {
  const machine = decoder({
    restore: (name, args) => ({ name: name.replace("_dot_", "."), args: { ...args, restored: true } }),
  });
  const events = runMachine(machine, [chunk([{ functionCall: { name: "fs_dot_read", args: { path: "a" } } }], "STOP")]);
  expect(collectTurn(events).blocks).toEqual([call(1, "fs.read", { path: "a", restored: true })]);
});

test("a count that a later chunk leaves out still holds", () => {
  const documents = [
    { response: { usageMetadata: { promptTokenCount: 100, thoughtsTokenCount: 20, totalTokenCount: 120 } } },
    {
      response: {
        candidates: [{ content: { parts: [{ text: "x" }] }, finishReason: "STOP" }],
        usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 30, totalTokenCount: 150 },
      },
    },
  ];
  expect(collectTurn(decode(documents)).usage).toEqual(usage(100, 50, 20));
});

test("a late signature waits with the blank beginning it belongs to", () => {
  const part = (fields: JsonObject) => ({ candidates: [{ content: { parts: [fields] } }] });
  const documents = [
    part({ text: "\n", thought: true }),
    part({ text: " " }),
    part({ text: "", thought: true, thoughtSignature: "bGF0ZQ==" }),
    { candidates: [{ content: { parts: [{ text: "hi" }] }, finishReason: "STOP" }] },
  ];
  const events = decode(documents);
  assertWellFormed(events);
  expect(events).toContainEqual({ type: "late-signature", index: 0, signature: "bGF0ZQ==" });
});

describe("what a Gemini client is told at the end", () => {
  const endOf = (documents: readonly JsonValue[]) => decode(documents).at(-1);

  test("upstream's own word for the end, and its counts, the last of each", () => {
    const usageMetadata = { promptTokenCount: 5, candidatesTokenCount: 2, totalTokenCount: 7 };
    const details = { promptTokensDetails: [{ modality: "TEXT", tokenCount: 5 }] };
    expect(
      endOf([
        { candidates: [{ content: { parts: [{ text: "Hi" }] } }], usageMetadata: { promptTokenCount: 5, ...details } },
        { candidates: [{ finishReason: "MAX_TOKENS" }] },
        { usageMetadata },
      ]),
    ).toMatchObject({
      reason: "length",
      meta: { finishReason: "MAX_TOKENS", usageMetadata: { ...usageMetadata, ...details } },
    });
  });

  test("a tool turn's word is not ours", () => {
    const functionCall = { name: "f" };
    expect(endOf([{ candidates: [{ content: { parts: [{ functionCall }] }, finishReason: "OTHER" }] }])).toMatchObject({
      reason: "tool",
      meta: { finishReason: "OTHER" },
    });
  });

  test("nothing that upstream did not say", () => {
    const end = endOf([{ candidates: [{ content: { parts: [{ text: "Hi" }] }, finishReason: "STOP" }] }]);
    expect(end).toMatchObject({ meta: { finishReason: "STOP" } });
    expect(end?.type === "turn-end" && end.meta).not.toHaveProperty("usageMetadata");
    const blocked = endOf([{ promptFeedback: { blockReason: "SAFETY" } }]);
    expect(blocked?.type === "turn-end" && blocked.meta).toEqual({ filter: "SAFETY" });
  });
});
