import { describe, expect, test } from "bun:test";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { GenerateRequest } from "../../../src/core/request.ts";
import { type LoweredRequest, lowerRequest } from "../../../src/gemini-wire/lower.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import {
  call,
  claude,
  flash25,
  gemini3,
  generation,
  gptOss,
  imageModel,
  looking,
  lost,
  lower,
  request,
  result,
  user,
} from "./support.ts";
import { model as said } from "./support.ts";

const official = (fields: Partial<GenerateRequest>, model: ModelProfile = gemini3): LoweredRequest =>
  lowerRequest(request(fields), model, new Set(), "official");

describe("members of generationConfig without a canonical place", () => {
  const asked: JsonObject = { mediaResolution: "MEDIA_RESOLUTION_LOW", audioTimestamp: true };
  const gemini = { generationConfig: asked };

  test("are written beside the canonical ones, which win", () => {
    expect(generation({ gemini, sampling: { temperature: 0.3 } }, gemini3)).toEqual({ ...asked, temperature: 0.3 });
  });

  test("are a loss where service or model do not know them, all in one", () => {
    expect(official({ gemini }).body["generationConfig"]).toEqual({ mediaResolution: "MEDIA_RESOLUTION_LOW" });
    expect(official({ gemini }).losses).toEqual([
      { field: "generation_config", why: "audioTimestamp: not known for Gemini 3.1 Pro here" },
    ]);
    for (const model of [claude, gptOss]) {
      const { body, losses } = lower({ gemini }, model);
      expect(body).not.toHaveProperty("generationConfig");
      expect(losses).toMatchObject([
        { field: "generation_config", why: expect.stringContaining("mediaResolution, audioTimestamp") },
      ]);
    }
  });

  test("of a name that nobody knows are a loss, not a refusal", () => {
    expect(lost({ gemini: { generationConfig: { responseLogprobs: true, __new: 1 } } }, gemini3)).toEqual([
      "generation_config",
    ]);
  });

  test.each<[JsonObject]>([
    [{ candidateCount: 1 }],
    [{ responseMimeType: "text/plain" }],
    [{ responseModalities: ["TEXT"] }],
    [{ responseLogprobs: false, speechConfig: null }],
  ])("that ask for what is done anyway are neither sent nor lost: %j", (generationConfig) => {
    for (const model of [gemini3, claude]) {
      const { body, losses } = lower({ gemini: { generationConfig } }, model);
      expect({ losses, config: body["generationConfig"] }).toEqual({ losses: [], config: undefined });
    }
  });

  test("modalities reach image models, in upper case", () => {
    const modalities = { generationConfig: { responseModalities: ["text", "Image"] } };
    expect(generation({ gemini: modalities }, imageModel)).toEqual({
      candidateCount: 1,
      responseModalities: ["TEXT", "IMAGE"],
    });
    expect(lost({ gemini: modalities }, gemini3)).toEqual(["generation_config"]);
  });
});

describe("safety settings", () => {
  const safetySettings = [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_ONLY_HIGH" }];

  test.each([gemini3, flash25, imageModel])("reach $id as written", (model) => {
    const { body, losses } = lower({ gemini: { safetySettings } }, model);
    expect(body["safetySettings"]).toEqual(safetySettings);
    expect(losses).toEqual([]);
  });

  test.each([claude, gptOss])("are a loss for $id", (model) => {
    expect(lower({ gemini: { safetySettings } }, model).body).not.toHaveProperty("safetySettings");
    expect(lost({ gemini: { safetySettings } }, model)).toEqual(["safety_settings"]);
  });

  test("are never added", () => {
    expect(lower({ gemini: { safetySettings: [] } }).body).not.toHaveProperty("safetySettings");
    expect(lower({}).body).not.toHaveProperty("safetySettings");
  });
});

describe("what upstream runs itself", () => {
  const gemini = { urlContext: {}, codeExecution: {} };

  test("is an entry of tools each", () => {
    const { body, losses, requestType } = lower({ gemini, webSearch: {} });
    expect(body["tools"]).toEqual([{ googleSearch: {} }, { urlContext: {} }, { codeExecution: {} }]);
    expect({ losses, requestType }).toEqual({ losses: [], requestType: "agent" });
  });

  test("gives way to functions, with one loss each", () => {
    const { body } = lower({ gemini, webSearch: {}, tools: looking });
    expect(body["tools"]).toMatchObject([{ functionDeclarations: [{ name: "look" }] }]);
    expect(lost({ gemini, webSearch: {}, tools: looking }, gemini3)).toEqual([
      "web_search",
      "url_context",
      "code_execution",
    ]);
  });

  test("is not had from other families", () => {
    expect(lower({ gemini, webSearch: {} }, claude).body).not.toHaveProperty("tools");
    expect(lost({ gemini, webSearch: {} }, claude)).toEqual(["web_search", "url_context", "code_execution"]);
  });

  test("is not asked for when no tool may be used", () => {
    const { body, requestType } = lower({ webSearch: {}, toolChoice: { mode: "none" } });
    expect(body).not.toHaveProperty("tools");
    expect(requestType).toBe("agent");
  });

  test("does without declarations of functions that were called earlier", () => {
    const contents = [user("hi"), said(call("a")), user(result("a", "1")), user("now search")];
    expect(lower({ contents, webSearch: {} }).body["tools"]).toEqual([{ googleSearch: {} }]);
  });
});

describe("web search", () => {
  test("alone is a call of its own kind; a Gemini client's is an ordinary one", () => {
    expect(lower({ webSearch: {} }).requestType).toBe("web_search");
    expect(lower({ webSearch: { native: {} } }).requestType).toBe("agent");
    expect(lower({ webSearch: {}, gemini: { urlContext: {} } }).requestType).toBe("agent");
    expect(lower({ webSearch: {} }, claude).requestType).toBe("agent");
  });

  test("keeps to the domains that the client names, where the service can", () => {
    const webSearch = { allowedDomains: ["example.org"] };
    expect(lower({ webSearch }).body["tools"]).toEqual([{ googleSearch: { includedDomains: ["example.org"] } }]);
    expect(official({ webSearch }).body["tools"]).toEqual([{ googleSearch: {} }]);
    expect(official({ webSearch }).losses.map(({ field }) => field)).toEqual(["web_search"]);
  });

  test("of a Gemini client is sent as it is, as far as the service knows it", () => {
    const native = { timeRangeFilter: { startTime: "2026-01-01T00:00:00Z" } };
    expect(official({ webSearch: { native } }).body["tools"]).toEqual([{ googleSearch: native }]);
    expect(official({ webSearch: { native } }).losses).toEqual([]);
    const { body, losses } = lower({ webSearch: { native: { ...native, includedDomains: ["example.org"] } } });
    expect(body["tools"]).toEqual([{ googleSearch: { includedDomains: ["example.org"] } }]);
    expect(losses).toEqual([{ field: "web_search", why: "timeRangeFilter: not known for Gemini 3.1 Pro here" }]);
  });
});

describe("toolConfig", () => {
  const gemini = { toolConfig: { includeServerSideToolInvocations: true, retrievalConfig: { languageCode: "de" } } };

  test("keeps what the service knows beside the calling rule", () => {
    const fields: Partial<GenerateRequest> = { gemini, tools: looking, toolChoice: { mode: "any" } };
    expect(lower(fields).body["toolConfig"]).toEqual({
      includeServerSideToolInvocations: true,
      functionCallingConfig: { mode: "ANY" },
    });
    expect(lost(fields, gemini3)).toEqual(["tool_config"]);
    expect(official(fields)).toMatchObject({ losses: [], body: { toolConfig: gemini.toolConfig } });
  });

  test("is not written where there is no tool", () => {
    expect(lower({ gemini }).body).not.toHaveProperty("toolConfig");
  });
});

describe("the shape of pictures", () => {
  const image = { aspectRatio: "16:9", size: "2K" } as const;

  test("is told to image models", () => {
    expect(generation({ image }, imageModel)).toEqual({
      candidateCount: 1,
      imageConfig: { aspectRatio: "16:9", imageSize: "2K" },
    });
    expect(generation({ image: {} }, imageModel)).toEqual({ candidateCount: 1 });
    expect(lost({ image }, imageModel)).toEqual([]);
  });

  test("is one that the service knows", () => {
    expect(generation({ image: { aspectRatio: "7:3" } }, imageModel)).toEqual({ candidateCount: 1 });
    expect(lost({ image: { aspectRatio: "7:3" } }, imageModel)).toEqual(["image"]);
  });

  test("has one size before Gemini 3", () => {
    const early: ModelProfile = { ...imageModel, generation: "gemini-2.5" };
    expect(generation({ image }, early)).toHaveProperty("imageConfig", { aspectRatio: "16:9" });
    expect(lost({ image }, early)).toEqual(["image"]);
    expect(lost({ image: { size: "1K" } }, early)).toEqual([]);
  });

  test("is a loss for models that make none", () => {
    expect(lower({ image }, gemini3).body).not.toHaveProperty("generationConfig");
    expect(lost({ image }, gemini3)).toEqual(["image"]);
    expect(lost({ image: {} }, gemini3)).toEqual([]);
  });

  test("is all that image models take besides the conversation", () => {
    const gemini = { urlContext: {}, codeExecution: {}, toolConfig: { retrievalConfig: {} } };
    expect(lost({ gemini, webSearch: {}, tools: looking }, imageModel)).toEqual([
      "tools",
      "web_search",
      "url_context",
      "code_execution",
      "tool_config",
    ]);
  });
});

describe("a thinking level that the client named", () => {
  const level = (effort: "minimal" | "low" | "medium" | "high" | "max") => ({
    thinking: { type: "effort", effort, asLevel: true } as const,
  });
  const free: ModelProfile = { ...gemini3, id: "gemini-9-flash-preview" };
  const freePro: ModelProfile = { ...gemini3, id: "gemini-9-pro-preview" };
  const thinking = (
    fields: Partial<GenerateRequest>,
    model: ModelProfile,
    ...repairs: ("thinking-other-form" | "thinking-config-off")[]
  ) => (generation(fields, model, ...repairs) as JsonObject | undefined)?.["thinkingConfig"];

  test.each([
    [level("minimal"), free, "minimal"],
    [level("low"), free, "low"],
    [level("medium"), freePro, "medium"],
    [level("high"), freePro, "high"],
    [level("minimal"), freePro, "low"],
    [level("max"), free, "high"],
  ] as const)("is sent as one where the model takes it: %#", (fields, model, thinkingLevel) => {
    expect<unknown>(thinking(fields, model)).toEqual({ includeThoughts: true, thinkingLevel });
  });

  test.each([gemini3, flash25])("becomes a budget beside a tier and for older models: $id", (model) => {
    expect(thinking(level("low"), model)).toEqual({ includeThoughts: true, thinkingBudget: 1024 });
    expect(lost(level("low"), model)).toEqual([]);
  });

  test("that upstream refuses is tried as a budget, then left out", () => {
    expect(thinking(level("low"), free, "thinking-other-form")).toEqual({
      includeThoughts: true,
      thinkingBudget: 1024,
    });
    expect(thinking(level("low"), free, "thinking-config-off")).toBeUndefined();
  });

  test("in words of effort alone is a budget as before", () => {
    expect(thinking({ thinking: { type: "effort", effort: "low" } }, free)).toEqual({
      includeThoughts: true,
      thinkingBudget: 1024,
    });
  });
});
