import { describe, expect, test } from "bun:test";
import type { JsonValue } from "../../../src/lib/json.ts";
import { parseWith, refusal, refusalWith } from "./support.ts";

const request = {
  model: "gemini-test",
  system: [],
  contents: [{ role: "user" as const, parts: [{ text: "Once" }] }],
  tools: [],
  sampling: {},
};

describe("the request", () => {
  test("a prompt is one user turn, and nothing is added to it", () => {
    const call = parseWith({});
    expect(call.request).toEqual(request);
    expect(call).toMatchObject({ stream: false, losses: [] });
    expect(call.several).toBeUndefined();
  });

  test("sampling is carried over as given", () => {
    const fields = {
      max_tokens: 7,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop: ["\n", "", "END"],
      presence_penalty: 1,
      frequency_penalty: -1,
      seed: 3,
      user: "person-1",
      stream: true,
    };
    const call = parseWith(fields);
    expect(call.request).toEqual({
      ...request,
      sampling: {
        maxOutputTokens: 7,
        temperature: 0.5,
        topP: 0.9,
        topK: 40,
        stopSequences: ["\n", "END"],
        presencePenalty: 1,
        frequencyPenalty: -1,
        seed: 3,
      },
      user: "person-1",
    });
    expect(call).toMatchObject({ stream: true, losses: [] });
  });

  test("null and the text [undefined] mean absent", () => {
    const fields = { suffix: null, best_of: "[undefined]", logprobs: null, max_tokens: null, stop: null, n: null };
    expect(parseWith(fields).request).toEqual(request);
  });

  test("half a character in a prompt is mended", () => {
    expect(parseWith({ prompt: "a\ud83d" }).request.contents[0]?.parts).toEqual([{ text: "a\ufffd" }]);
  });

  test("the session header names the conversation", () => {
    expect(parseWith({}, { "x-session-id": "s-1" }).request.session).toBe("s-1");
  });

  test("each prompt of a list is a request of its own, in order, n times", () => {
    const call = parseWith({ prompt: ["a", "b"], n: 2, seed: 10 });
    const asked = call.several?.requests.map(({ contents, sampling }) => [contents[0]?.parts[0]?.text, sampling.seed]);
    expect(asked).toEqual([
      ["a", 10],
      ["a", 11],
      ["b", 10],
      ["b", 11],
    ]);
    expect(call.several?.order).toBe("in-turn");
    expect(call.several?.requests[0]).toBe(call.request);
  });

  test("a list of one prompt is one request", () => {
    expect(parseWith({ prompt: ["Once"] }).several).toBeUndefined();
  });

  test("fields that upstreams lose are named as this API names them", () => {
    const { fieldName } = parseWith({});
    expect(["messages", "stop_sequences", "max_tokens", "seed"].map(fieldName)).toEqual([
      "prompt",
      "stop",
      "max_tokens",
      "seed",
    ]);
  });
});

describe("losses", () => {
  const losing: [field: string, value: JsonValue][] = [
    ["logprobs", 0],
    ["logprobs", 5],
    ["logit_bias", { "50256": -100 }],
    ["unheard_of", 1],
  ];
  test.each(losing)("%s: %p is reported", (field, value) => {
    expect(parseWith({ [field]: value }).losses.map((loss) => loss.field)).toEqual([field]);
  });

  const idle: [field: string, value: JsonValue][] = [
    ["logprobs", false],
    ["logit_bias", {}],
    ["suffix", ""],
    ["best_of", 1],
    ["stream_options", { include_usage: true, include_obfuscation: false }],
  ];
  test.each(idle)("%s: %p asks for nothing", (field, value) => {
    expect(parseWith({ [field]: value }).losses).toEqual([]);
  });

  test("an unknown stream option is reported", () => {
    expect(parseWith({ stream_options: { x: 1 } }).losses[0]?.field).toBe("stream_options.x");
  });
});

describe("refusals", () => {
  const wrong: [field: string, value: JsonValue][] = [
    ["suffix", "the end"],
    ["best_of", 3],
    ["prompt", [1, 2, 3]],
    ["prompt", [[1, 2], [3]]],
    ["prompt", ["a", 5]],
    ["prompt", []],
    ["prompt", ""],
    ["prompt", 5],
    ["prompt", { text: "a" }],
    ["prompt", null],
    ["prompt[1]", ["a", ""]],
    ["prompt[0]", [null]],
    ["n", 0],
    ["n", 129],
    ["n", 1.5],
    ["n", "2"],
    ["max_tokens", 0],
    ["temperature", 3],
    ["top_p", -1],
    ["stop[0]", [1]],
    ["stop", 1],
    ["echo", "yes"],
    ["stream", "yes"],
    ["stream_options", 1],
    ["stream_options.include_usage", { include_usage: 1 }],
    ["seed", 0.5],
    ["model", ""],
    ["model", 7],
    ["model", null],
  ];
  test.each(wrong)("%s: %p is a 400 that names it", (field, value) => {
    const key = field.replace(/[[.].*$/, "");
    expect(refusalWith({ [key]: value })).toMatchObject({ kind: "invalid-request", detail: { field } });
  });

  test("best_of that equals n is no choice", () => {
    expect(parseWith({ best_of: 2, n: 2 }).several?.requests).toHaveLength(2);
  });

  test("prompts times n may not exceed the limit", () => {
    expect(refusalWith({ prompt: ["a", "b"], n: 65 })).toMatchObject({ detail: { field: "n" } });
    const prompts = Array.from({ length: 129 }, () => "a");
    expect(refusalWith({ prompt: prompts })).toMatchObject({ detail: { field: "prompt" } });
  });

  test("a refusal of token ids says what to send", () => {
    expect(refusalWith({ prompt: [1] }).message).toBe(
      "'prompt' is not supported: token ids mean nothing to the models here; send the text.",
    );
  });

  test("a body that is no object is refused", () => {
    const kinds = [null, [], "text", 5, true].map((body) => refusal(body).kind);
    expect(new Set(kinds)).toEqual(new Set(["invalid-request"]));
  });
});
