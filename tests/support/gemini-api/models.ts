import type { JsonObject } from "../../../src/lib/json.ts";
import { defaultModels, type ServedModel } from "../cloudcode/model-table.ts";

function from(id: string): ServedModel {
  const found = defaultModels().find((model) => model.id === id);
  if (!found) throw new Error(`the table has no ${id}`);
  return found;
}

function withoutThinking({ thinking: _, ...model }: ServedModel): ServedModel {
  return model;
}

const FLASH_25 = from("gemini-2.5-flash");
const FLASH_3 = from("gemini-3-flash");

/** A new copy of what the official API serves to every key by default. */
export function officialModels(): ServedModel[] {
  return [
    { ...from("gemini-2.5-pro"), maxOutputTokens: 65_536 },
    { ...FLASH_25, maxOutputTokens: 65_536 },
    withoutThinking({
      ...FLASH_25,
      id: "gemini-2.0-flash",
      displayName: "Gemini 2.0 Flash",
      maxOutputTokens: 8192,
    }),
    { ...FLASH_3, id: "gemini-3-flash-preview", displayName: "Gemini 3 Flash Preview" },
    { ...FLASH_3, id: "gemini-3.1-pro-preview", displayName: "Gemini 3.1 Pro Preview" },
    { ...from("gemini-3.1-flash-image"), id: "gemini-2.5-flash-image", generation: "gemini-2.5" },
  ];
}

/** As models.list writes a model that generates. */
export function listEntry(model: ServedModel): JsonObject {
  return {
    name: `models/${model.id}`,
    version: "001",
    displayName: model.displayName,
    description: "Made up for tests",
    inputTokenLimit: model.contextTokens,
    outputTokenLimit: model.maxOutputTokens,
    supportedGenerationMethods: ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"],
    temperature: 1,
    topP: 0.95,
    topK: 64,
    maxTemperature: 2,
    ...(model.thinking && { thinking: true }),
  };
}

/** What stands in the list beside them and is not for conversations: name and methods. */
export const OTHER_ENTRIES: readonly JsonObject[] = [
  other("gemini-embedding-001", "embedContent"),
  other("text-embedding-004", "embedContent"),
  other("gemini-2.5-flash-preview-tts", "generateContent", "countTokens"),
  other("gemini-2.5-flash-native-audio-preview-12-2025", "countTokens", "bidiGenerateContent"),
  other("gemini-3.1-flash-live-preview", "bidiGenerateContent", "generateContent"),
  other("gemini-robotics-er-1.5-preview", "generateContent", "countTokens"),
  other("gemini-2.5-computer-use-preview-10-2025", "generateContent", "countTokens"),
  other("gemma-3-27b-it", "generateContent", "countTokens"),
  other("imagen-4.0-generate-001", "predict"),
  other("veo-3.0-generate-001", "predictLongRunning"),
  other("aqa", "generateAnswer"),
];

function other(id: string, ...supportedGenerationMethods: string[]): JsonObject {
  const limits = { inputTokenLimit: 8192, outputTokenLimit: 8192 };
  return { name: `models/${id}`, version: "001", displayName: id, ...limits, supportedGenerationMethods };
}
