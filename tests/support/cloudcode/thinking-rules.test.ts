import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import {
  answering,
  bench,
  calling,
  CLAUDE,
  envelope,
  GEMINI_25,
  GEMINI_3,
  GPT_OSS,
  model,
  says,
  user,
  VALIDATED,
  weatherTools,
} from "./samples.ts";

const { judge, world } = bench();
const THOUGHT = "The user wants the weather.";
const claudeSignature = world.signatures.issue({ family: "claude", kind: "thinking", text: THOUGHT });
const geminiThought = world.signatures.issue({ family: "gemini", kind: "thinking", text: THOUGHT });
const geminiText = world.signatures.issue({ family: "gemini", kind: "text", text: "ok" });
const geminiCall = world.signatures.issue({ family: "gemini", kind: "call", callName: "f" });
const otherCall = world.signatures.issue({ family: "gemini", kind: "call", callName: "g" });
const SENTINEL = "skip_thought_signature_validator";

const ON = { maxOutputTokens: 9000, thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } };
const thought = (thoughtSignature?: string, text = THOUGHT): JsonObject => ({
  thought: true,
  text,
  ...(thoughtSignature === undefined ? {} : { thoughtSignature }),
});
const signed = (name: string, thoughtSignature?: string, id?: string): JsonObject =>
  calling(name, id, thoughtSignature === undefined ? {} : { thoughtSignature });

function claude(on: boolean, ...contents: JsonObject[]): JsonObject {
  const fields = on ? { generationConfig: ON } : {};
  return envelope(CLAUDE, { contents, tools: weatherTools, toolConfig: VALIDATED, ...fields });
}

function gemini(...contents: JsonObject[]): JsonObject {
  return envelope(GEMINI_3, { contents });
}

const PNG = { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } };
const go = user(says("go"));
const more = user(says("more"));
const results = user(answering("f", "a"));
const plainLoop = [user(says("go")), model(calling("f", "a")), user(answering("f", "a"))];

type Row = [name: string, rule: string, wrong: JsonObject, right: JsonObject];

describe("Claude", () => {
  const right = claude(true, go, model(thought(claudeSignature), says("ok"), calling("f", "a")), results);
  const rows: Row[] = [
    [
      "a thought while thinking is off",
      "thought-while-off",
      claude(false, go, model(thought(claudeSignature), says("ok")), more),
      claude(false, go, model(says("ok")), more),
    ],
    ["an unsigned thought", "thought-unsigned", claude(true, go, model(thought(), says("ok")), more), right],
    [
      "a thought without text",
      "thought-empty",
      claude(true, go, model(thought(claudeSignature, ""), says("ok")), more),
      right,
    ],
    [
      "a signature the server never gave",
      "claude-signature",
      claude(true, go, model(thought("UmFuZG9t"), says("ok")), more),
      right,
    ],
    [
      "a signature over another text",
      "claude-signature",
      claude(true, go, model(thought(claudeSignature, `${THOUGHT} `), says("ok")), more),
      right,
    ],
    [
      "a signature encoded once more",
      "claude-signature",
      claude(true, go, model(thought(btoa(claudeSignature)), says("ok")), more),
      right,
    ],
    [
      "a signature decoded once",
      "claude-signature",
      claude(true, go, model(thought(atob(claudeSignature)), says("ok")), more),
      right,
    ],
    [
      "Gemini's signature",
      "claude-signature",
      claude(true, go, model(thought(geminiThought), says("ok")), more),
      right,
    ],
    ["the sentinel", "claude-signature", claude(true, go, model(thought(SENTINEL), says("ok")), more), right],
    [
      "a signature on a call",
      "claude-signature-place",
      claude(true, go, model(signed("f", geminiCall, "a")), results),
      right,
    ],
    [
      "a signature on a text",
      "claude-signature-place",
      claude(false, go, model({ text: "ok", thoughtSignature: geminiText }), more),
      right,
    ],
    [
      "a thought after the text",
      "claude-part-order",
      claude(true, go, model(says("ok"), thought(claudeSignature)), more),
      right,
    ],
    [
      "a text after the call",
      "claude-part-order",
      claude(false, go, model(calling("f", "a"), says("ok")), results),
      claude(false, go, model(says("ok"), calling("f", "a")), results),
    ],
    ["a tool loop that began without a thought", "claude-loop-without-thinking", claude(true, ...plainLoop), right],
    [
      "the same, with text in front of the call",
      "claude-loop-without-thinking",
      claude(true, go, model(says("ok"), calling("f", "a")), results),
      claude(false, ...plainLoop),
    ],
    [
      "a turn of thinking alone",
      "claude-thinking-last",
      claude(true, go, model(thought(claudeSignature)), more),
      claude(true, go, model(thought(claudeSignature), says("ok")), more),
    ],
    [
      "one thought twice in a turn",
      "thought-twice",
      claude(true, go, model(thought(claudeSignature), thought(claudeSignature), says("ok")), more),
      claude(
        true,
        go,
        model(thought(claudeSignature), says("ok")),
        more,
        model(thought(claudeSignature), says("ok")),
        more,
      ),
    ],
    [
      "a tool loop that an image began, without a thought",
      "claude-loop-without-thinking",
      claude(true, go, model(thought(claudeSignature), says("ok")), user(PNG), model(calling("f", "a")), results),
      claude(
        true,
        go,
        model(calling("f", "b")),
        user(answering("f", "b")),
        model(says("ok")),
        user(PNG),
        model(thought(claudeSignature), calling("f", "a")),
        results,
      ),
    ],
    [
      "a prefill while thinking",
      "claude-prefill-thinking",
      claude(true, go, model(says("Sure"))),
      claude(false, go, model(says("Sure"))),
    ],
  ];
  test.each(rows)("%s is refused (%s)", (_name, rule, wrong, rightBody) => {
    expect(judge(rightBody)).toBeUndefined();
    expect(judge(wrong)?.rule).toBe(rule);
  });

  test("only the loop's first model turn needs a thought", () => {
    const later = [model(calling("f", "b")), user(answering("f", "b"))];
    expect(
      judge(claude(true, go, model(thought(claudeSignature), calling("f", "a")), results, ...later)),
    ).toBeUndefined();
  });

  test("a loop that is over needs none", () => {
    expect(judge(claude(true, ...plainLoop, model(says("4 °C")), more))).toBeUndefined();
  });

  test("a result that comes with text does not begin a new loop", () => {
    const body = claude(true, go, model(calling("f", "a")), user(answering("f", "a"), says("note this")));
    expect(judge(body)?.rule).toBe("claude-loop-without-thinking");
  });
});

describe("Gemini", () => {
  const right = gemini(go, model(signed("f", geminiCall), calling("g")), user(answering("f"), answering("g")));
  const rows: Row[] = [
    [
      "an unsigned first call in the active loop",
      "call-unsigned",
      gemini(go, model(calling("f")), user(answering("f"))),
      right,
    ],
    [
      "a signature only on the second call",
      "call-unsigned",
      gemini(go, model(calling("f"), signed("g", otherCall)), user(answering("f"), answering("g"))),
      right,
    ],
    [
      "a signed sibling",
      "sibling-signed",
      gemini(go, model(signed("f", geminiCall), signed("g", otherCall)), user(answering("f"), answering("g"))),
      right,
    ],
    [
      "an unsigned first call in a later step",
      "call-unsigned",
      gemini(go, model(signed("f", geminiCall)), user(answering("f")), model(calling("f")), user(answering("f"))),
      right,
    ],
    [
      "another call's signature",
      "gemini-signature",
      gemini(go, model(signed("f", otherCall)), user(answering("f"))),
      right,
    ],
    [
      "a thought's signature on a call",
      "gemini-signature",
      gemini(go, model(signed("f", geminiThought)), user(answering("f"))),
      right,
    ],
    [
      "a call's signature on a thought",
      "gemini-signature",
      gemini(go, model(thought(geminiCall), says("ok")), more),
      gemini(go, model(thought(geminiThought), says("ok")), more),
    ],
    [
      "a text's signature on a thought",
      "gemini-signature",
      gemini(go, model(thought(geminiText), says("ok")), more),
      gemini(go, model({ text: "ok", thoughtSignature: geminiText }), more),
    ],
    [
      "Claude's signature",
      "gemini-signature",
      gemini(go, model(signed("f", claudeSignature)), user(answering("f"))),
      right,
    ],
    [
      "an unsigned first call in a loop that an image began",
      "call-unsigned",
      gemini(go, model(says("ok")), user(PNG), model(calling("f")), user(answering("f"))),
      gemini(
        go,
        model(calling("f")),
        user(answering("f")),
        model(says("ok")),
        user(PNG),
        model(signed("f", geminiCall)),
        user(answering("f")),
      ),
    ],
    [
      "one thought twice in a turn",
      "thought-twice",
      gemini(go, model(thought(geminiThought), thought(geminiThought), says("ok")), more),
      gemini(go, model(thought(geminiThought), says("ok")), more),
    ],
    [
      "a signature nobody gave",
      "gemini-signature",
      gemini(go, model(signed("f", "QUJDRA==")), user(answering("f"))),
      right,
    ],
    [
      "a signature nobody gave in an old turn",
      "gemini-signature",
      gemini(go, model(signed("f", "QUJDRA==")), user(answering("f")), model(says("ok")), more),
      right,
    ],
    [
      "the sentinel on a text",
      "sentinel-place",
      gemini(go, model({ text: "ok", thoughtSignature: SENTINEL }), more),
      gemini(go, model(signed("f", SENTINEL)), user(answering("f"))),
    ],
  ];
  test.each(rows)("%s is refused (%s)", (_name, rule, wrong, rightBody) => {
    expect(judge(rightBody)).toBeUndefined();
    expect(judge(wrong)?.rule).toBe(rule);
  });

  test("calls of finished turns may be unsigned", () => {
    expect(judge(gemini(go, model(calling("f")), user(answering("f")), model(says("ok")), more))).toBeUndefined();
  });

  test("2.5 takes unsigned calls, and signed ones", () => {
    const list = (part: JsonObject): JsonObject =>
      envelope(GEMINI_25, { contents: [go, model(part), user(answering("f"))] });
    expect(judge(list(calling("f")))).toBeUndefined();
    expect(judge(list(signed("f", geminiCall)))).toBeUndefined();
    expect(judge(list(signed("f", otherCall)))?.rule).toBe("gemini-signature");
  });

  test("other arguments do not spoil a call's signature", () => {
    const changed = { functionCall: { name: "f", args: { town: "Oslo" } }, thoughtSignature: geminiCall };
    expect(judge(gemini(go, model(changed), user(answering("f"))))).toBeUndefined();
  });

  test("an empty text may carry a signature", () => {
    const carrier = { text: "", thoughtSignature: geminiText };
    expect(judge(gemini(go, model(says("ok"), carrier), more))).toBeUndefined();
  });

  test("an unsigned thought is tolerated", () => {
    expect(judge(gemini(go, model(thought(), says("ok")), more))).toBeUndefined();
  });
});

describe("gpt-oss", () => {
  const oss = (...parts: JsonObject[]): JsonObject => envelope(GPT_OSS, { contents: [go, model(...parts), more] });
  test("a thought is refused", () => {
    expect(judge(oss(thought(), says("ok")))?.rule).toBe("gpt-oss-thought");
    expect(judge(oss(says("ok")))).toBeUndefined();
  });
  test("a signature is refused", () => {
    expect(judge(oss({ text: "ok", thoughtSignature: geminiText }))?.rule).toBe("gpt-oss-signature");
  });
});

test("issued signatures have their family's encoding and are never the same twice", () => {
  const again = world.signatures.issue({ family: "claude", kind: "thinking", text: THOUGHT });
  expect(again).not.toBe(claudeSignature);
  expect(claudeSignature[0]).toBe("R");
  expect(atob(claudeSignature)[0]).toBe("E");
  const bytes = Buffer.from(geminiCall, "base64");
  expect(geminiCall[0]).toBe("E");
  expect([bytes[0], bytes[2], bytes[4]]).toEqual([0x12, 0x0a, 0x01]);
});
