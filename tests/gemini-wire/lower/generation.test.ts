import { describe, expect, test } from "bun:test";
import type { Repair } from "../../../src/core/errors.ts";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import type { Effort, Sampling, ThinkingRequest } from "../../../src/core/request.ts";
import {
  claude,
  flash25,
  flash3,
  gemini3,
  imageModel,
  generation,
  gptOss,
  looking,
  lost,
  lower,
  user,
} from "./support.ts";

const off = { type: "off" } as const;
const adaptive = { type: "adaptive" } as const;
const budget = (tokens: number): ThinkingRequest => ({ type: "budget", tokens });
const effort = (level: Effort): ThinkingRequest => ({ type: "effort", effort: level });

function thinkingConfig(thinking: ThinkingRequest, model: ModelProfile, ...repairs: Repair[]): unknown {
  const config = generation({ thinking }, model, ...repairs) as Record<string, unknown> | undefined;
  return config?.["thinkingConfig"];
}

describe("sampling", () => {
  test("values go through as given, and nothing is made up", () => {
    const sampling: Sampling = {
      temperature: 0.95,
      topP: 0.1,
      topK: 3,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      seed: 7,
    };
    expect(generation({ sampling }, gemini3)).toEqual(sampling);
    expect(JSON.stringify(generation({ sampling: { temperature: 0.95 } }, claude))).toBe('{"temperature":0.95}');
    expect(generation({}, gemini3)).toBeUndefined();
  });

  test.each([claude, gptOss])("penalties and seed are lost on $id", (model) => {
    const sampling = { temperature: 0.2, presencePenalty: 1, frequencyPenalty: 1, seed: 1 };
    expect(generation({ sampling }, model)).toEqual({ temperature: 0.2 });
    expect(lost({ sampling }, model)).toEqual(["presence_penalty", "frequency_penalty", "seed"]);
    expect(lost({ sampling: { presencePenalty: 0 } }, model)).toEqual([]);
  });

  test.each([claude, gemini3])("a top_k of 0 asks for nothing on $id", (model) => {
    expect(generation({ sampling: { temperature: 0.2, topK: 0 } }, model)).toEqual({ temperature: 0.2 });
    expect(lost({ sampling: { topK: 0 }, thinking: adaptive }, model)).toEqual([]);
  });

  test.each([0, 7, 2 ** 31 - 1])("a seed of %d goes through", (seed) => {
    expect(generation({ sampling: { seed } }, gemini3)).toEqual({ seed });
    expect(lost({ sampling: { seed } }, gemini3)).toEqual([]);
  });

  test.each([-1, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER])(
    "a seed of %d is folded into what upstream takes",
    (seed) => {
      const folded = generation({ sampling: { seed } }, gemini3) as { seed: number };
      expect(folded.seed).toBeGreaterThanOrEqual(0);
      expect(folded.seed).toBeLessThan(2 ** 31);
      expect(generation({ sampling: { seed } }, gemini3)).toEqual(folded);
      expect(lost({ sampling: { seed } }, gemini3)).toEqual(["seed"]);
    },
  );

  test("a top_k beyond every vocabulary limits nothing", () => {
    expect(generation({ sampling: { topK: 2 ** 31 } }, gemini3)).toBeUndefined();
    expect(lost({ sampling: { topK: 2 ** 31 } }, gemini3)).toEqual([]);
  });

  test("an image model's output limit is a loss", () => {
    expect(generation({ sampling: { maxOutputTokens: 100 } }, imageModel)).toEqual({ candidateCount: 1 });
    expect(lost({ sampling: { maxOutputTokens: 100 } }, imageModel)).toEqual(["max_tokens"]);
  });

  test("Claude takes no sampling parameters while it thinks", () => {
    const sampling = { temperature: 0.3, topP: 0.9, topK: 10, maxOutputTokens: 32_000 };
    expect(generation({ sampling, thinking: adaptive }, claude)).toEqual({
      maxOutputTokens: 32_000,
      thinkingConfig: { includeThoughts: true, thinkingBudget: 16_000 },
    });
    expect(lost({ sampling, thinking: adaptive }, claude)).toEqual(["temperature", "top_p", "top_k"]);
    expect(lost({ sampling: { temperature: 1 }, thinking: adaptive }, claude)).toEqual([]);
    expect(generation({ sampling, thinking: adaptive }, gemini3)).toMatchObject({
      temperature: 0.3,
      topP: 0.9,
      topK: 10,
    });
  });

  test("a temperature of OpenAI's range is lowered to Claude's", () => {
    expect(generation({ sampling: { temperature: 1.5 } }, claude)).toEqual({ temperature: 1 });
    expect(lost({ sampling: { temperature: 1.5 } }, claude)).toEqual(["temperature"]);
  });

  test("empty stop sequences are dropped and five of the rest used", () => {
    const stopSequences = ["", "a", "b", "c", "d", "e", "f"];
    expect(generation({ sampling: { stopSequences } }, gemini3)).toEqual({ stopSequences: ["a", "b", "c", "d", "e"] });
    expect(lost({ sampling: { stopSequences } }, gemini3)).toEqual(["stop_sequences"]);
    expect(generation({ sampling: { stopSequences: [""] } }, gemini3)).toBeUndefined();
    expect(lost({ sampling: { stopSequences: [""] } }, gemini3)).toEqual([]);
  });

  test("stop sequences of whitespace alone are for Gemini only", () => {
    const stopSequences = ["\n\n", "END"];
    expect(generation({ sampling: { stopSequences } }, gemini3)).toEqual({ stopSequences });
    expect(generation({ sampling: { stopSequences } }, claude)).toEqual({ stopSequences: ["END"] });
    expect(lost({ sampling: { stopSequences } }, claude)).toEqual(["stop_sequences"]);
  });
});

describe("the output limit", () => {
  test.each([
    [claude, 64_000],
    [gemini3, 65_535],
    [gptOss, 32_768],
  ])("is capped by the model: %#", (model, most) => {
    expect(generation({ sampling: { maxOutputTokens: 128_000 } }, model)).toEqual({ maxOutputTokens: most });
    expect(lost({ sampling: { maxOutputTokens: 128_000 } }, model)).toEqual(["max_tokens"]);
    expect(lost({ sampling: { maxOutputTokens: most } }, model)).toEqual([]);
  });

  test.each([
    ["adaptive", { type: "adaptive" } as const, 12_000, 6000],
    ["adaptive with room beside it", { type: "adaptive" } as const, 40_000, 16_000],
    ["an effort", { type: "effort", effort: "high" } as const, 20_000, 11_808],
  ])(
    "a budget that is left to us keeps within the client's limit: %s",
    (_, thinking, maxOutputTokens, thinkingBudget) => {
      const request = { thinking, sampling: { maxOutputTokens } };
      expect(generation(request, claude)).toMatchObject({ maxOutputTokens, thinkingConfig: { thinkingBudget } });
      expect(lost(request, claude)).toEqual([]);
    },
  );

  const small: ModelProfile = { ...claude, maxOutputTokens: 8000 };
  const tiny: ModelProfile = { ...claude, maxOutputTokens: 1024 };
  const rows: [string, ModelProfile, number | undefined, number, number | undefined, number | undefined, string[]][] = [
    ["the client's stands when it exceeds the budget", claude, 8001, 8000, 8001, 8000, []],
    ["is raised by the budget when it does not", claude, 1000, 8000, 9000, 8000, ["max_tokens"]],
    ["is raised to the cap at most", claude, 32_000, 40_000, 64_000, 40_000, ["max_tokens"]],
    ["holds, and the budget falls, when the cap leaves no room", small, 8000, 16_000, 8000, 1024, ["thinking"]],
    ["is always written for Claude that thinks", claude, undefined, 8000, 64_000, 8000, []],
    ["keeps room for an answer beside the greatest budget", claude, undefined, 64_000, 64_000, 55_808, ["thinking"]],
    ["stands and thinking goes when there is no room for any", tiny, 1000, 1024, 1000, undefined, ["thinking"]],
    ["is not made up for Gemini", gemini3, undefined, 8000, undefined, 8000, []],
    ["holds the budget on Gemini too", gemini3, 500, 8000, 8500, 8000, ["max_tokens"]],
  ];
  test.each(rows)("%s", (_, model, asked, tokens, limit, budgetSent, losses) => {
    const fields = { thinking: budget(tokens), sampling: asked === undefined ? {} : { maxOutputTokens: asked } };
    expect(generation(fields, model)).toEqual({
      ...(limit === undefined ? {} : { maxOutputTokens: limit }),
      ...(budgetSent === undefined ? {} : { thinkingConfig: { includeThoughts: true, thinkingBudget: budgetSent } }),
    });
    expect(lost(fields, model)).toEqual(losses);
  });
});

describe("thinking", () => {
  const shown = (thinkingBudget: number) => ({ includeThoughts: true, thinkingBudget });
  const rows: [ThinkingRequest, ModelProfile, unknown][] = [
    [effort("minimal"), claude, shown(1024)],
    [effort("low"), claude, shown(1024)],
    [effort("medium"), claude, shown(8192)],
    [effort("high"), claude, shown(24_576)],
    [effort("xhigh"), claude, shown(32_768)],
    [effort("minimal"), gemini3, shown(512)],
    [effort("max"), gemini3, shown(32_768)],
    [effort("xhigh"), flash25, shown(24_576)],
    [adaptive, claude, shown(16_000)],
    [adaptive, gemini3, shown(10_001)],
    [budget(-1), gemini3, shown(10_001)],
    [budget(512), claude, shown(1024)],
    [budget(32_000), flash25, shown(24_576)],
    [budget(0), flash25, { thinkingBudget: 0 }],
    [off, flash25, { thinkingBudget: 0 }],
    [off, gemini3, { thinkingBudget: 128 }],
    [off, claude, undefined],
    [budget(0), claude, undefined],
    [effort("high"), gptOss, undefined],
    [adaptive, gptOss, undefined],
  ];
  test.each(rows)("%j is told as the model takes it: %#", (thinking, model, config) => {
    expect(thinkingConfig(thinking, model)).toEqual(config);
  });

  test.each([claude, gemini3, flash25, gptOss])("$id is told nothing when the client says nothing", (model) => {
    expect(generation({}, model)).toBeUndefined();
  });

  test("a budget the model does not take is a loss, an effort is not", () => {
    expect(lost({ thinking: budget(512) }, claude)).toEqual(["thinking"]);
    expect(lost({ thinking: budget(32_000) }, flash25)).toEqual(["thinking"]);
    expect(lost({ thinking: budget(4000) }, gptOss)).toEqual(["thinking"]);
    expect(lost({ thinking: effort("max") }, gemini3)).toEqual([]);
    expect(lost({ thinking: effort("high") }, gptOss)).toEqual([]);
    expect(lost({ thinking: off }, gemini3)).toEqual(["thinking"]);
  });

  const freeFlash = { ...flash3, id: "gemini-3-flash" };
  const freePro = { ...gemini3, id: "gemini-3.1-pro-preview" };
  const TIERED = ["low", "extra-low", "medium", "high", "minimal"].map((tier) => ({
    ...flash3,
    id: `gemini-9-${tier}`,
  }));
  const levels: [ThinkingRequest, ModelProfile, unknown][] = [
    [budget(512), freeFlash, { includeThoughts: true, thinkingLevel: "minimal" }],
    [budget(512), freePro, { includeThoughts: true, thinkingLevel: "low" }],
    [effort("low"), freeFlash, { includeThoughts: true, thinkingLevel: "low" }],
    [effort("medium"), freePro, { includeThoughts: true, thinkingLevel: "medium" }],
    [effort("high"), freePro, { includeThoughts: true, thinkingLevel: "high" }],
    [off, freeFlash, { thinkingLevel: "minimal" }],
  ];
  test.each(levels)("the other form of %j is a level and never both: %#", (thinking, model, config) => {
    expect(thinkingConfig(thinking, model, "thinking-other-form")).toEqual(config);
  });

  test.each([claude, flash25, gemini3, flash3, ...TIERED])(
    "$id, which takes no level, is told the same as before by the other form",
    (model) => {
      const before = thinkingConfig(effort("high"), model);
      expect(before).toEqual({ includeThoughts: true, thinkingBudget: 24_576 });
      expect(thinkingConfig(effort("high"), model, "thinking-other-form")).toEqual(before);
    },
  );

  test.each([claude, gemini3, flash25])("the repair that turns the configuration off leaves none for $id", (model) => {
    expect(thinkingConfig(effort("high"), model, "thinking-config-off")).toBeUndefined();
    expect(lost({ thinking: effort("high") }, model, "thinking-config-off")).toEqual(["thinking"]);
  });

  test("dropping thinking leaves Gemini's configuration alone and takes Claude's", () => {
    expect(thinkingConfig(effort("high"), gemini3, "drop-thinking")).toEqual(shown(24_576));
    expect(thinkingConfig(effort("high"), claude, "drop-thinking")).toBeUndefined();
  });
});

describe("structured output", () => {
  const schema = {
    type: "object",
    properties: { a: { type: ["string", "null"] } },
    required: ["a"],
    additionalProperties: false,
  };
  const format = { type: "json-schema", schema } as const;
  const cleaned = {
    type: "object",
    properties: { a: { type: "string", nullable: true } },
    required: ["a"],
    additionalProperties: false,
  };

  test("is configured on Gemini", () => {
    expect(generation({ outputFormat: { type: "json" } }, gemini3)).toEqual({ responseMimeType: "application/json" });
    expect(generation({ outputFormat: format }, gemini3)).toEqual({
      responseMimeType: "application/json",
      responseSchema: cleaned,
    });
    expect(generation({ outputFormat: format, tools: looking }, gemini3)).toHaveProperty("responseSchema", cleaned);
  });

  test("closes the objects that the client closed, at any depth, and no others", () => {
    const closed = { type: "object", properties: {}, additionalProperties: false } as const;
    const open = { type: "object", properties: {}, additionalProperties: true } as const;
    const nested: JsonObject = {
      $defs: { closed },
      type: "object",
      properties: {
        list: { type: "array", items: { $ref: "#/$defs/closed" } },
        either: { anyOf: [closed, { type: "null" }] },
        open,
      },
    };
    expect(generation({ outputFormat: { type: "json-schema", schema: nested } }, gemini3)).toHaveProperty(
      "responseSchema",
      {
        type: "object",
        properties: {
          list: { type: "array", items: closed },
          either: { ...closed, nullable: true },
          open: { type: "object", properties: {} },
        },
      },
    );
  });

  test("is never given a placeholder", () => {
    const empty = { type: "json-schema", schema: { type: "object", properties: {} } } as const;
    expect(generation({ outputFormat: empty }, gemini3)).toHaveProperty("responseSchema", {
      type: "object",
      properties: {},
    });
  });

  test("of any root type stays of that type", () => {
    const list = { type: "json-schema", schema: { type: "array", items: { type: "integer" } } } as const;
    expect(generation({ outputFormat: list }, gemini3)).toHaveProperty("responseSchema", {
      type: "array",
      items: { type: "integer" },
    });
  });

  test.each([
    [claude, []],
    [gptOss, []],
    [flash25, looking],
  ])("is asked for in words at the end of the system text where it cannot be configured: %#", (model, tools) => {
    const lowered = lower({ system: ["be brief"], outputFormat: format, tools: [...tools] }, model);
    const { body, losses, isFormatEnforced } = lowered;
    expect(body).not.toHaveProperty("generationConfig");
    expect(body["systemInstruction"]).toEqual({
      role: "user",
      parts: [{ text: "be brief" }, { text: expect.stringContaining(JSON.stringify(schema)) }],
    });
    // Not a loss: the gateway checks the answer in upstream's place.
    expect({ losses, isFormatEnforced }).toEqual({ losses: [], isFormatEnforced: false });
  });

  test("in words stays system text when the system text became the question", () => {
    const { body } = lower({ system: ["list primes"], contents: [], outputFormat: { type: "json" } }, claude);
    expect<unknown>(body).toEqual({
      contents: [user("list primes")],
      systemInstruction: { role: "user", parts: [{ text: expect.stringContaining("JSON") }] },
    });
  });
});
