import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { gemini } from "../../../src/protocols/gemini/index.ts";
import { refusalOf } from "../../support/refusal.ts";
import { addressOf, HELLO, parse, parseWith } from "./support.ts";

const config = (generationConfig: JsonObject) => parseWith({ generationConfig });
const lossFields = (fields: JsonObject) => parseWith(fields).losses.map(({ field }) => field);

describe("the address", () => {
  test.each([
    ["whole", false],
    ["sse", true],
    ["array", true],
  ] as const)("the form %s streams: %p", (form, stream) => {
    expect(parse(HELLO, form).stream).toBe(stream);
  });

  test("only a list says what type its stream has", () => {
    expect(parse(HELLO, "array").reply.streamType).toBe("application/json");
    expect(parse(HELLO, "sse").reply.streamType).toBeUndefined();
  });

  test.each(["gemini-test", "models/gemini-test", "models/models/gemini-test"])("%s names the model", (model) => {
    const call = { body: HELLO, headers: new Headers(), address: addressOf("whole", model) };
    expect(gemini.parse(call).request.model).toBe("gemini-test");
  });

  test("without a model is refused", () => {
    const call = { body: HELLO, headers: new Headers(), address: addressOf("whole", "models/") };
    expect(refusalOf(() => gemini.parse(call)).detail.field).toBe("model");
  });

  test("with another method is unknown", () => {
    const address = { ...addressOf("whole"), method: "embedContent" };
    expect(refusalOf(() => gemini.parse({ body: HELLO, headers: new Headers(), address })).kind).toBe("unknown-route");
  });
});

describe("the plainest request", () => {
  test("is nothing but its contents", () => {
    const { request, losses } = parse(HELLO);
    expect(request).toEqual({
      model: "gemini-test",
      system: [],
      contents: [{ role: "user", parts: [{ text: "hello" }] }],
      tools: [],
      sampling: {},
    });
    expect(losses).toEqual([]);
  });

  test("reads a session from the headers that clients put it in, and nothing of who they are", () => {
    expect(parse(HELLO, "whole", { "x-session-affinity": "ses_1" }).request.session).toBe("ses_1");
    const { request } = parse(HELLO, "whole", {
      "x-gemini-api-privileged-user-id": "00000000-0000-4000-8000-000000000000",
    });
    expect(request).toEqual(parse(HELLO).request);
  });
});

describe("generationConfig", () => {
  test("sampling is carried over in either spelling", () => {
    const camel = {
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      maxOutputTokens: 100,
      stopSequences: ["a", "", "b"],
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: -0.1,
    };
    const snake = {
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      max_output_tokens: 100,
      stop_sequences: ["a", "", "b"],
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: -0.1,
    };
    const expected = { ...camel, stopSequences: ["a", "b"] };
    expect(config(camel).request.sampling).toEqual(expected);
    expect(parseWith({ generation_config: snake }).request.sampling).toEqual(expected);
  });

  test.each<[JsonObject, object | undefined]>([
    [{ thinkingBudget: 1024 }, { type: "budget", tokens: 1024 }],
    [{ thinkingBudget: 0 }, { type: "off" }],
    [{ thinkingBudget: -1 }, { type: "adaptive" }],
    [
      { thinking_budget: 5, thinking_level: "high" },
      { type: "budget", tokens: 5 },
    ],
    [{ thinkingLevel: "HIGH" }, { type: "effort", effort: "high", asLevel: true }],
    [{ thinkingLevel: "minimal" }, { type: "effort", effort: "minimal", asLevel: true }],
    [{ thinkingLevel: "THINKING_LEVEL_UNSPECIFIED" }, undefined],
    [{ thinkingLevel: "THINKING_LEVEL_UNSPECIFIED", includeThoughts: true }, { type: "adaptive" }],
    [{ includeThoughts: true }, { type: "adaptive" }],
    [{ includeThoughts: false }, undefined],
    [{}, undefined],
  ])("thinkingConfig %j means %j", (thinkingConfig, expected) => {
    expect(config({ thinkingConfig }).request.thinking).toEqual(expected as never);
  });

  const schema = { type: "OBJECT", properties: { a: { type: "STRING", nullable: true } } };
  const jsonSchema = { type: "object", properties: { a: { type: ["string", "null"] } } };

  test.each<[string, JsonObject, object | undefined]>([
    ["nothing", {}, undefined],
    ["plain text", { responseMimeType: "text/plain" }, undefined],
    ["JSON", { responseMimeType: "application/json" }, { type: "json" }],
    [
      "a schema",
      { responseMimeType: "application/json", responseSchema: schema },
      { type: "json-schema", schema: jsonSchema },
    ],
    [
      "a JSON Schema",
      { response_mime_type: "application/json", response_json_schema: jsonSchema },
      { type: "json-schema", schema: jsonSchema },
    ],
    ["upper-case types in a JSON Schema", { responseJsonSchema: schema }, { type: "json-schema", schema: jsonSchema }],
    [
      "one of some words",
      { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["a", "b"] } },
      { type: "json-schema", schema: { type: "string", enum: ["a", "b"] } },
    ],
  ])("%s is asked for", (_, generationConfig, expected) => {
    expect(config(generationConfig).request.outputFormat).toEqual(expected as never);
  });

  test("a schema for plain text is a loss", () => {
    expect(lossFields({ generationConfig: { responseMimeType: "text/plain", responseSchema: schema } })).toEqual([
      "generationConfig.responseSchema",
    ]);
  });

  test("pictures have a ratio and a size", () => {
    expect(config({ imageConfig: { aspectRatio: "16:9", imageSize: "2k" } }).request.image).toEqual({
      aspectRatio: "16:9",
      size: "2K",
    });
    expect(config({ image_config: { aspect_ratio: "1:1" } }).request.image).toEqual({ aspectRatio: "1:1" });
    expect(lossFields({ generationConfig: { imageConfig: { personGeneration: "ALLOW_ALL" } } })).toEqual([
      "generationConfig.imageConfig.personGeneration",
    ]);
  });

  test("what only Gemini models know is kept as it was written", () => {
    const speech_config = { voice_config: { a: 1 } };
    const { request, losses } = parseWith({
      generationConfig: {
        speech_config,
        mediaResolution: "MEDIA_RESOLUTION_LOW",
        responseModalities: ["TEXT", "IMAGE"],
      },
    });
    expect(request.gemini?.generationConfig).toEqual({
      mediaResolution: "MEDIA_RESOLUTION_LOW",
      responseModalities: ["TEXT", "IMAGE"],
      speechConfig: speech_config,
    });
    expect(losses).toEqual([]);
    expect(config({ responseModalities: ["TEXT"] }).request.gemini).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ["generationConfig", 5],
    ["generationConfig.temperature", 3],
    ["generationConfig.topP", "high"],
    ["generationConfig.top_k", "many"],
    ["generationConfig.max_output_tokens", 0],
    ["generationConfig.stopSequences", "a"],
    ["generationConfig.stopSequences[1]", ["a", 5]],
    ["generationConfig.candidateCount", 2],
    ["generationConfig.responseMimeType", "application/xml"],
    ["generationConfig.responseSchema", "object"],
    ["generationConfig.thinkingConfig.thinkingBudget", -2],
    ["generationConfig.thinkingConfig.thinking_level", "enormous"],
    ["generationConfig.thinkingConfig", true],
    ["generationConfig.imageConfig.aspectRatio", "wide"],
    ["generationConfig.imageConfig.imageSize", "8K"],
    ["cachedContent", "cachedContents/1"],
    ["cached_content", "cachedContents/1"],
    ["safetySettings", {}],
    ["safety_settings[0]", [5]],
    ["tools", "search"],
    ["tools[0]", [5]],
    ["toolConfig", 5],
  ])("%s is refused by name when it is %p", (path, value) => {
    // The nearest list index is part of the value.
    const body = path
      .replace(/\[\d+\]$/, "")
      .split(".")
      .reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as JsonObject;
    const error = refusalOf(() => parseWith(body));
    expect([error.kind, error.detail.field]).toEqual(["invalid-request", path]);
    expect(error.message).toStartWith(`${path}: `);
  });

  test("unset options are as good as absent", () => {
    const unset = { temperature: null, topP: "[undefined]", thinkingConfig: null, responseSchema: null };
    const { request, losses } = parseWith({
      generationConfig: unset,
      tools: null,
      toolConfig: null,
      safetySettings: null,
    });
    expect([request, losses]).toEqual([parse(HELLO).request, []]);
  });
});

describe("other fields", () => {
  test("safety settings are kept as they were written", () => {
    const safetySettings = [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }];
    expect(parseWith({ safety_settings: safetySettings }).request.gemini).toEqual({ safetySettings });
  });

  test("labels and tiers say nothing, unknown fields are reported as they were written", () => {
    expect(lossFields({ labels: { a: "b" }, serviceTier: "priority", store: true, some_thing: 1 })).toEqual([
      "some_thing",
    ]);
  });

  test("a name of the language is a field like any other", () => {
    expect(
      parse(JSON.parse('{"contents":["a"],"__proto__":{"x":1},"generation_config":{"__proto__":1}}')).losses,
    ).toHaveLength(2);
  });
});

describe("the names of fields", () => {
  const camel = parseWith({
    systemInstruction: "s",
    tools: [{ googleSearch: {} }],
    generationConfig: { maxOutputTokens: 1, thinkingConfig: { thinkingLevel: "low" }, responseJsonSchema: {} },
  });
  const snake = parseWith({
    system_instruction: "s",
    tools: [{ google_search: {} }],
    generation_config: { max_output_tokens: 1, thinking_config: { thinking_budget: 1 }, response_schema: {} },
    tool_config: { function_calling_config: { mode: "NONE" } },
  });

  test.each([
    ["messages", "contents", "contents"],
    ["system", "systemInstruction", "system_instruction"],
    ["max_tokens", "generationConfig.maxOutputTokens", "generation_config.max_output_tokens"],
    ["thinking", "generationConfig.thinkingConfig.thinkingLevel", "generation_config.thinking_config.thinking_budget"],
    ["response_format", "generationConfig.responseJsonSchema", "generation_config.response_schema"],
    ["tool_choice", "toolConfig.functionCallingConfig", "tool_config.function_calling_config"],
    ["web_search", "tools[0].googleSearch", "tools[0].google_search"],
    ["top_k", "generationConfig.topK", "generation_config.topK"],
    ["anything", "anything", "anything"],
  ])("%s is %s or %s", (canonical, inCamel, inSnake) => {
    expect([camel.fieldName(canonical), snake.fieldName(canonical)]).toEqual([inCamel, inSnake]);
  });
});

describe("counting", () => {
  const count = (body: unknown) =>
    gemini.counting?.parse({ body, headers: new Headers(), address: { ...addressOf("whole"), method: "countTokens" } });
  const prompt = { ...HELLO, systemInstruction: "s", tools: [{ functionDeclarations: [{ name: "f" }] }] };
  const whole = parse(prompt).request;

  test.each<[string, unknown]>([
    ["contents", prompt],
    ["a whole request", { generateContentRequest: { model: "models/gemini-test", ...prompt } }],
    ["a whole request in snake case", { generate_content_request: { model: "models/gemini-test", ...prompt } }],
  ])("%s can be counted", (_, body) => {
    expect(count(body)).toEqual({ request: whole, losses: [] });
  });

  test("the number is all there is to reply", () => {
    expect(gemini.counting?.reply(31)).toEqual({ totalTokens: 31 });
  });

  test.each<[unknown, string]>([
    [{}, "contents"],
    [{ generateContentRequest: {} }, "generateContentRequest.contents"],
    [
      { generateContentRequest: { contents: [{ parts: [{ inlineData: {} }] }] } },
      "generateContentRequest.contents[0].parts[0].inlineData.data",
    ],
    [{ generateContentRequest: 5 }, "generateContentRequest"],
  ])("%j is refused by name", (body, field) => {
    expect(refusalOf(() => count(body)).detail.field).toBe(field);
  });
});
