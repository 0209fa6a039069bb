import type { JsonObject } from "../../lib/json.ts";

type DemoFamily = "claude" | "gemini-2.5" | "gemini-3" | "gpt-oss";

export interface DemoModel {
  id: string;
  displayName: string;
  family: DemoFamily;
  /** Which of an account's two quotas it uses up. */
  quotaGroup: "gemini" | "other";
  contextTokens: number;
  maxOutputTokens: number;
  /** Absent: does not think. */
  thinkingBudget?: number;
  image?: true;
  /** Not meant for people: completion and tab models, which the real catalogue lists too. */
  internal?: true;
}

type Draft = Pick<DemoModel, "id" | "displayName"> & Partial<DemoModel>;

const claude = (draft: Draft): DemoModel => ({
  family: "claude",
  quotaGroup: "other",
  contextTokens: 200_000,
  maxOutputTokens: 64_000,
  thinkingBudget: 1024,
  ...draft,
});

const gemini = (draft: Draft): DemoModel => ({
  family: "gemini-3",
  quotaGroup: "gemini",
  contextTokens: 1_048_576,
  maxOutputTokens: 65_535,
  ...draft,
});

const imageModel = (draft: Draft): DemoModel =>
  gemini({ contextTokens: 65_536, maxOutputTokens: 32_768, image: true, ...draft });

/** What every demo account can use: the ids and figures of the wire contract's catalogue. */
const demoModels: readonly DemoModel[] = [
  claude({ id: "claude-opus-4-6-thinking", displayName: "Claude Opus 4.6 (Thinking)" }),
  claude({ id: "claude-sonnet-4-6", displayName: "Claude Sonnet 4.6 (Thinking)" }),
  gemini({ id: "gemini-pro-agent", displayName: "Gemini 3.1 Pro (High)", thinkingBudget: 10_001 }),
  gemini({ id: "gemini-3.1-pro-low", displayName: "Gemini 3.1 Pro (Low)", thinkingBudget: 1001 }),
  gemini({
    id: "gemini-3-flash-agent",
    displayName: "Gemini 3.5 Flash (High)",
    maxOutputTokens: 65_536,
    thinkingBudget: 10_000,
  }),
  gemini({ id: "gemini-3.5-flash-low", displayName: "Gemini 3.5 Flash (Medium)", thinkingBudget: 4000 }),
  gemini({ id: "gemini-3.5-flash-extra-low", displayName: "Gemini 3.5 Flash (Low)", thinkingBudget: 1000 }),
  gemini({ id: "gemini-3-flash", displayName: "Gemini 3 Flash", maxOutputTokens: 65_536, thinkingBudget: 10_000 }),
  gemini({ id: "gemini-3.1-flash-lite", displayName: "Gemini 3.1 Flash Lite", thinkingBudget: 0 }),
  gemini({ id: "gemini-2.5-pro", displayName: "Gemini 2.5 Pro", family: "gemini-2.5", thinkingBudget: 8192 }),
  gemini({ id: "gemini-2.5-flash", displayName: "Gemini 2.5 Flash", family: "gemini-2.5", thinkingBudget: 8192 }),
  imageModel({ id: "gemini-3.1-flash-image", displayName: "Gemini 3.1 Flash Image" }),
  imageModel({ id: "gemini-3-pro-image", displayName: "Gemini 3 Pro Image" }),
  {
    id: "gpt-oss-120b-medium",
    displayName: "GPT-OSS 120B (Medium)",
    family: "gpt-oss",
    quotaGroup: "other",
    contextTokens: 114_000,
    maxOutputTokens: 32_768,
    thinkingBudget: 8192,
  },
  gemini({ id: "tab_flash_lite_preview", displayName: "", internal: true }),
  gemini({ id: "chat_20706", displayName: "", internal: true }),
];

export function findModel(id: string): DemoModel | undefined {
  return demoModels.find((model) => model.id === id);
}

const MIME_TYPES: Record<DemoFamily, readonly string[]> = {
  claude: ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"],
  "gemini-2.5": ["image/png", "image/jpeg", "image/webp", "application/pdf", "audio/wav", "audio/mpeg", "video/mp4"],
  "gemini-3": ["image/png", "image/jpeg", "image/webp", "application/pdf", "audio/wav", "audio/mpeg", "video/mp4"],
  "gpt-oss": [],
};

/** The reply to fetchAvailableModels. `quotaOf` is asked once per model. */
export function availableModels(quotaOf: (model: DemoModel) => JsonObject): JsonObject {
  return {
    models: Object.fromEntries(demoModels.map((model) => [model.id, entry(model, quotaOf(model))])),
    webSearchModelIds: ["gemini-3.1-flash-lite"],
    deprecatedModelIds: {
      "gemini-3-pro-high": { newModelId: "gemini-pro-agent" },
      "gemini-3.1-pro-high": { newModelId: "gemini-pro-agent" },
      "claude-opus-4-5-thinking": { newModelId: "claude-opus-4-6-thinking" },
    },
  };
}

function entry(model: DemoModel, quotaInfo: JsonObject): JsonObject {
  if (model.internal) return { maxTokens: model.contextTokens, isInternal: true, quotaInfo };
  const mimeTypes = MIME_TYPES[model.family].filter((type) => !model.image || type.startsWith("image/"));
  return {
    displayName: model.displayName,
    maxTokens: model.contextTokens,
    maxOutputTokens: model.maxOutputTokens,
    supportsImages: mimeTypes.length > 0,
    supportsThinking: model.thinkingBudget !== undefined,
    ...(model.thinkingBudget !== undefined && { thinkingBudget: model.thinkingBudget }),
    supportedMimeTypes: Object.fromEntries(mimeTypes.map((type) => [type, true])),
    quotaInfo,
  };
}
