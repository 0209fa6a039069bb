import { describe, expect, test } from "bun:test";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import type { GenerateRequest, Part } from "../../src/core/request.ts";
import { estimateTextTokens } from "../../src/gateway/estimate-text.ts";
import { estimateTokens } from "../../src/gateway/estimate-tokens.ts";
import { countContents } from "../../src/gemini-wire/count-contents.ts";
import { lowerRequest } from "../../src/gemini-wire/lower.ts";
import { profileOf } from "../../src/models/profile.ts";
import { anthropic } from "../../src/protocols/anthropic/index.ts";
import { promptTokens } from "../support/cloudcode/tokens.ts";
import type { WireRequest } from "../support/cloudcode/wire-types.ts";
import { recordings } from "../support/recordings.ts";

/** Below this the frame of a request weighs more than its words. */
const SMALL = 64;

const MODEL = profileOf("gemini-3-flash");
const corpus = recordings((path) => /^\/v1\/messages(?:\/count_tokens)?$/.test(path)) ?? [];

const parsed = corpus.flatMap(({ name, body, headers }): [string, GenerateRequest][] => {
  const call = { body, headers: new Headers(headers) };
  try {
    return [[name, anthropic.parse(call).request]];
  } catch {
    return []; // what is refused is not counted
  }
});

/** All words of a prompt as the counter is given them. */
function wordsOf(request: GenerateRequest): { words: string[]; media: number } {
  const written = countContents(lowerRequest(request, MODEL, new Set()).body);
  const words: string[] = [];
  let media = 0;
  const withoutMedia = (key: string, value: unknown) => {
    if (key !== "inlineData") return value;
    media += 258;
    return "";
  };
  for (const { parts } of written) {
    for (const part of parts as { text?: string }[]) words.push(part.text ?? JSON.stringify(part, withoutMedia));
  }
  return { words, media };
}

describe.if(corpus.length > 0)("over the requests of real clients", () => {
  const check = (name: string, estimate: number, reference: number) => {
    const low = estimate < reference * 0.95 - 2;
    const high = estimate > reference * 1.6 && estimate - reference > SMALL;
    return low || high ? [`${name}: ${estimate} for ${reference}`] : [];
  };

  test("there is a corpus worth the name", () => expect(parsed.length).toBeGreaterThan(50));

  test("the estimate is never 5 % below upstream's count, and never 60 % above", () => {
    const off = parsed.flatMap(([name, request]) => {
      const { body } = lowerRequest(request, MODEL, new Set());
      return check(name, estimateTokens(request), promptTokens(body as WireRequest));
    });
    expect(off).toEqual([]);
  });

  // Nobody has to take the strict server's word for it.
  test("the estimate is never 5 % below a published tokeniser's count, and never 60 % above", () => {
    const off = parsed.flatMap(([name, request]) => {
      const { words, media } = wordsOf(request);
      const reference = words.reduce((sum, text) => sum + countTokens(text), media);
      return check(name, estimateTokens(request), reference);
    });
    expect(off).toEqual([]);
  });

  test("the estimate is never below what no byte-pair encoder can undercut", () => {
    // Encoders cut text before words, numbers of three digits, marks and line ends, and join nothing over a cut.
    const CUTS = / ?[\p{L}\p{M}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+|\s+/gu;
    const off = parsed.flatMap(([name, request]) => {
      const { words, media } = wordsOf(request);
      const least = words.reduce((sum, text) => sum + (text.match(CUTS)?.length ?? 0), media);
      return estimateTokens(request) < least * 0.95 ? [`${name}: ${estimateTokens(request)} for ${least}`] : [];
    });
    expect(off).toEqual([]);
  });
});

describe("a text", () => {
  // What o200k_base counts. Scripts of many bytes a letter are estimated high: encoders differ most in them.
  test.each([
    ["English", "The quick brown fox jumps over the lazy dog, and nobody is surprised by that any more.", 19],
    ["German", "Heute ist schönes Wetter, also gehen wir im Park spazieren.", 13],
    ["Chinese", "今天天气很好，我们一起去公园散步吧。", 13],
    ["Russian", "Сегодня хорошая погода, поэтому давайте прогуляемся по парку.", 16],
    ["JSON", '{"name":"get_weather","required":["city"],"additionalProperties":false}', 16],
    ["code", "for (const [key, value] of Object.entries(config)) {\n  if (value === undefined) continue;\n}\n", 24],
    ["numbers", "3.14159 2026-11-21", 11],
  ])("of %s is counted about as encoders do", (_what, text, tokens) => {
    const estimate = estimateTextTokens(text);
    expect(estimate).toBeGreaterThanOrEqual(Math.floor(tokens * 0.95));
    expect(estimate).toBeLessThanOrEqual(Math.ceil(tokens * 1.75));
  });

  test("that is empty is nothing, and of half a character something", () => {
    expect(estimateTextTokens("")).toBe(0);
    expect(estimateTextTokens("\ud83d")).toBe(1);
  });

  test("twice as long is about twice as much", () => {
    const once = "A sentence of no interest, 42 characters. ";
    expect(estimateTextTokens(once.repeat(1000))).toBeCloseTo(estimateTextTokens(once) * 1000, -3);
  });
});

describe("attachments", () => {
  const of = (...parts: Part[]): number => {
    const bare: GenerateRequest = { model: "m", system: [], contents: [], tools: [], sampling: {} };
    const frame = estimateTokens({ ...bare, contents: [{ role: "user", parts: [] }] });
    return estimateTokens({ ...bare, contents: [{ role: "user", parts }] }) - frame;
  };
  const file = (mimeType: string, bytes: number): Part => ({
    inlineData: { mimeType, data: "A".repeat(Math.ceil(bytes / 3) * 4) },
  });

  test.each([
    ["a small picture", file("image/png", 300), 258, 264],
    ["a big picture", file("image/jpeg", 3_000_000), 1600, 1600],
    ["a picture that stands elsewhere", { remote: { url: "https://example.com/a.png", field: "f" } }, 1600, 1600],
    ["a page", file("application/pdf", 900), 258, 258],
    ["a long document", file("application/pdf", 1_000_000), 5_000, 6_000],
    ["a minute of speech", file("audio/mpeg", 480_000), 1_920, 4_000],
    ["a minute of uncompressed sound", file("audio/wav", 1_920_000), 1_920, 2_000],
    ["ten seconds of film", file("video/mp4", 1_250_000), 3_000, 4_000],
    ["a text file", file("text/plain", 4_000), 1_000, 1_400],
  ] satisfies [string, Part, number, number][])("%s", (_what, part, least, most) => {
    expect(of(part)).toBeGreaterThanOrEqual(least);
    expect(of(part)).toBeLessThanOrEqual(most);
  });

  test("of tools are counted like those of people", () => {
    const { inlineData } = file("image/png", 300);
    if (!inlineData) throw new Error("it has data");
    const response = { functionResponse: { id: "a", name: "look", response: {} } };
    const shown = { functionResponse: { ...response.functionResponse, media: [inlineData] } };
    expect(of(shown) - of(response)).toBe(of({ inlineData }));
  });
});
