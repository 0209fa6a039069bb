import { expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { table, config, tools } from "./rule-table.ts";
import { defaultModels } from "./model-table.ts";
import {
  asking,
  bench,
  CLAUDE,
  GEMINI_25,
  GEMINI_3,
  GPT_OSS,
  IMAGE,
  says,
  weatherSchema,
  weatherTools,
} from "./samples.ts";

const thinkingBudget = (budget: number): JsonObject => ({
  thinkingConfig: { includeThoughts: true, thinkingBudget: budget },
});
const claudeThinks = (change: JsonObject = {}): JsonObject =>
  config(CLAUDE, { maxOutputTokens: 9000, ...thinkingBudget(2000), ...change });
const json = { responseMimeType: "application/json" };

table("generation config", [
  [
    "more tokens than the model can",
    "max-output-range",
    config(CLAUDE, { maxOutputTokens: 128_000 }),
    config(CLAUDE, { maxOutputTokens: 64_000 }),
  ],
  [
    "zero tokens",
    "max-output-range",
    config(GEMINI_3, { maxOutputTokens: 0 }),
    config(GEMINI_3, { maxOutputTokens: 1 }),
  ],
  ["Claude thinking without a limit", "max-output-missing", config(CLAUDE, thinkingBudget(2000)), claudeThinks()],
  [
    "a limit within Claude's budget",
    "max-output-within-budget",
    claudeThinks({ maxOutputTokens: 2000 }),
    claudeThinks({ maxOutputTokens: 2001 }),
  ],
  [
    "an empty stop sequence",
    "stop-empty",
    config(GEMINI_3, { stopSequences: ["a", ""] }),
    config(GEMINI_3, { stopSequences: ["a"] }),
  ],
  [
    "six stop sequences",
    "stop-count",
    config(GEMINI_3, { stopSequences: [..."abcdef"] }),
    config(GEMINI_3, { stopSequences: [..."abcde"] }),
  ],
  ["no stop sequences in the list", "stop-count", config(GEMINI_3, { stopSequences: [] }), config(GEMINI_3, {})],
  [
    "three candidates",
    "candidate-count",
    config(GEMINI_3, { candidateCount: 3 }),
    config(GEMINI_3, { candidateCount: 1 }),
  ],
  [
    "budget and level together",
    "thinking-both-forms",
    config(GEMINI_3, { thinkingConfig: { thinkingBudget: 500, thinkingLevel: "low" } }),
    config(GEMINI_3, thinkingBudget(500)),
  ],
  [
    "neither budget nor level",
    "thinking-no-amount",
    config(CLAUDE, { maxOutputTokens: 9000, thinkingConfig: { includeThoughts: true } }),
    claudeThinks(),
  ],
  ["a Claude budget of 512", "thinking-budget", claudeThinks(thinkingBudget(512)), claudeThinks(thinkingBudget(1024))],
  ["a Claude budget of 0", "thinking-budget", claudeThinks(thinkingBudget(0)), claudeThinks()],
  [
    "32000 on 2.5 flash",
    "thinking-budget",
    config(GEMINI_25, thinkingBudget(32_000)),
    config(GEMINI_25, thinkingBudget(24_576)),
  ],
  [
    "0 on 2.5 pro",
    "thinking-budget",
    config("gemini-2.5-pro", thinkingBudget(0)),
    config(GEMINI_25, thinkingBudget(0)),
  ],
  [
    "the dynamic budget on Gemini 3",
    "thinking-budget",
    config(GEMINI_3, thinkingBudget(-1)),
    config("gemini-2.5-pro", thinkingBudget(-1)),
  ],
  ["0 on Gemini 3", "thinking-budget", config(GEMINI_3, thinkingBudget(0)), config(GEMINI_3, thinkingBudget(128))],
  [
    "a level on an id with a tier",
    "thinking-level-for-model",
    config("gemini-pro-agent", { thinkingConfig: { thinkingLevel: "high" } }),
    config(GEMINI_3, { thinkingConfig: { thinkingLevel: "HIGH" } }),
  ],
  [
    "a level on 3.1-pro-low",
    "thinking-level-for-model",
    config("gemini-3.1-pro-low", { thinkingConfig: { thinkingLevel: "low" } }),
    config("gemini-3.1-pro-low", thinkingBudget(1001)),
  ],
  [
    "a level on 2.5",
    "thinking-level-for-model",
    config(GEMINI_25, { thinkingConfig: { thinkingLevel: "low" } }),
    config(GEMINI_25, thinkingBudget(1024)),
  ],
  [
    "a level at Claude",
    "thinking-level-for-model",
    claudeThinks({ thinkingConfig: { thinkingLevel: "low" } }),
    claudeThinks(),
  ],
  [
    "thinking at gpt-oss",
    "thinking-unsupported",
    config(GPT_OSS, thinkingBudget(1024)),
    config(GPT_OSS, { maxOutputTokens: 1024 }),
  ],
  [
    "thinking at an image model",
    "image-thinking",
    config(IMAGE, thinkingBudget(1024)),
    config(IMAGE, {
      imageConfig: { aspectRatio: "16:9", imageSize: "2K" },
      thinkingConfig: { includeThoughts: false },
    }),
  ],
  [
    "a system instruction at an image model",
    "image-system",
    asking(IMAGE, { systemInstruction: { parts: [says("x")] } }),
    asking(IMAGE),
  ],
  [
    "a token limit at an image model",
    "image-max-output",
    config(IMAGE, { maxOutputTokens: 100 }),
    config(IMAGE, { candidateCount: 1 }),
  ],
  [
    "a MIME type at an image model",
    "image-mime-type",
    config(IMAGE, json),
    config(IMAGE, { responseModalities: ["IMAGE"] }),
  ],
  [
    "an image size in lower case",
    "unknown-enum-value",
    config(IMAGE, { imageConfig: { imageSize: "2k" } }),
    config(IMAGE, { imageConfig: { imageSize: "2K" } }),
  ],
  [
    "an image config at a text model",
    "image-config-for-model",
    config(GEMINI_3, { imageConfig: { imageSize: "2K" } }),
    asking(GEMINI_3),
  ],
  [
    "modalities at a text model",
    "response-modalities",
    config(GEMINI_3, { responseModalities: ["TEXT"] }),
    asking(GEMINI_3),
  ],
  ["a seed at Claude", "sampling-for-family", config(CLAUDE, { seed: 1 }), config(GEMINI_3, { seed: 1 })],
  [
    "a presence penalty at gpt-oss",
    "sampling-for-family",
    config(GPT_OSS, { presencePenalty: 1 }),
    config(GEMINI_3, { presencePenalty: 1 }),
  ],
  [
    "a frequency penalty at Claude",
    "sampling-for-family",
    config(CLAUDE, { frequencyPenalty: 1 }),
    config(GEMINI_3, { frequencyPenalty: 1 }),
  ],
  [
    "a Claude temperature above 1",
    "temperature-range",
    config(CLAUDE, { temperature: 1.5 }),
    config(GEMINI_3, { temperature: 1.5 }),
  ],
  [
    "a temperature above 2",
    "temperature-range",
    config(GEMINI_3, { temperature: 2.5 }),
    config(GEMINI_3, { temperature: 2 }),
  ],
  ["a topP above 1", "top-p-range", config(GEMINI_3, { topP: 1.1 }), config(GEMINI_3, { topP: 1 })],
  ["a topK beyond 32 bits", "wrong-type", config(GEMINI_3, { topK: 2 ** 31 }), config(GEMINI_3, { topK: 2 ** 31 - 1 })],
  ["a seed beyond 32 bits", "wrong-type", config(GEMINI_3, { seed: 2 ** 31 }), config(GEMINI_3, { seed: 2 ** 31 - 1 })],
  ["a broken seed", "wrong-type", config(GEMINI_3, { seed: 0.5 }), config(GEMINI_3, { seed: 0 })],
  ["a negative seed", "seed-range", config(GEMINI_3, { seed: -1 }), config(GEMINI_3, { seed: 1 })],
  ["a topK of 0", "top-k-range", config(GEMINI_3, { topK: 0 }), config(GEMINI_3, { topK: 1 })],
  [
    "a temperature while Claude thinks",
    "thinking-temperature",
    claudeThinks({ temperature: 0.5 }),
    claudeThinks({ temperature: 1 }),
  ],
  ["a topK while Claude thinks", "thinking-top-k", claudeThinks({ topK: 40 }), config(CLAUDE, { topK: 40 })],
  ["a low topP while Claude thinks", "thinking-top-p", claudeThinks({ topP: 0.9 }), claudeThinks({ topP: 0.95 })],
  ["structured output at Claude", "output-format-for-family", config(CLAUDE, json), config(GEMINI_3, json)],
  [
    "an output schema without its type",
    "output-schema-without-mime",
    config(GEMINI_3, { responseSchema: weatherSchema }),
    config(GEMINI_3, { ...json, responseSchema: { ...weatherSchema, additionalProperties: false } }),
  ],
  [
    "both output schemas",
    "two-output-schemas",
    config(GEMINI_3, { ...json, responseSchema: weatherSchema, responseJsonSchema: weatherSchema }),
    config(GEMINI_3, { ...json, responseJsonSchema: weatherSchema }),
  ],
  [
    "an unknown MIME type",
    "response-mime-type",
    config(GEMINI_3, { responseMimeType: "application/xml" }),
    config(GEMINI_3, json),
  ],
  [
    "JSON output beside functions on 2.5",
    "json-with-functions",
    tools(GEMINI_25, weatherTools, { generationConfig: json }),
    tools(GEMINI_3, weatherTools, { generationConfig: json }),
  ],
  [
    "a media resolution at Claude",
    "config-for-model",
    config(CLAUDE, { mediaResolution: "MEDIA_RESOLUTION_LOW" }),
    config(GEMINI_3, { mediaResolution: "MEDIA_RESOLUTION_LOW" }),
  ],
  [
    "a voice for pictures",
    "config-for-model",
    config(IMAGE, { speechConfig: {} }),
    config(IMAGE, { responseModalities: ["TEXT", "IMAGE"] }),
  ],
  [
    "safety settings at Claude",
    "safety-for-family",
    asking(CLAUDE, { safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" }] }),
    asking(GEMINI_3, { safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" }] }),
  ],
]);

test("the level minimal is refused by pro models whose id names no tier (thinking-level-minimal)", () => {
  const pro = "gemini-9-pro-preview";
  const free = defaultModels().find(({ id }) => id === GEMINI_3);
  if (!free) throw new Error("the table has the model");
  const { judge } = bench([{ ...free, id: pro }]);
  const level = (thinkingLevel: string) => config(pro, { thinkingConfig: { thinkingLevel } });
  expect(judge(level("low"))).toBeUndefined();
  expect(judge(level("minimal"))?.rule).toBe("thinking-level-minimal");
});

test("models before Gemini 3 make pictures of one size (image-size-for-model)", () => {
  const found = defaultModels().find(({ id }) => id === IMAGE);
  if (!found) throw new Error("the table has the model");
  const { judge } = bench([{ ...found, generation: "gemini-2.5" }]);
  expect(judge(config(IMAGE, { imageConfig: { aspectRatio: "16:9" } }))).toBeUndefined();
  expect(judge(config(IMAGE, { imageConfig: { imageSize: "1K" } }))?.rule).toBe("image-size-for-model");
});
