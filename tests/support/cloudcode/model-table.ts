/** What the server knows about one model; limits as in the contract's catalogue. */
export interface ServedModel {
  id: string;
  displayName: string;
  family: "claude" | "gemini" | "gpt-oss";
  generation: "claude" | "gemini-2.5" | "gemini-3" | "gpt-oss";
  /** Produces images: takes no tools, no system text, no thinking. */
  image: boolean;
  contextTokens: number;
  maxOutputTokens: number;
  /** Absent: any thinkingConfig is refused. */
  thinking?: { min: number; max: number; zero: boolean; dynamic: boolean; native: number };
  /** Accepted media; the catalogue lists exactly these. */
  media: readonly string[];
}

const CLAUDE_MEDIA = ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"];
const IMAGES = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];
const GEMINI_MEDIA = [...IMAGES, "audio/mpeg", "audio/wav", "video/mp4", "application/pdf", "text/plain"];
const CLAUDE_THINKING = { min: 1024, max: 64_000, zero: false, dynamic: false, native: 1024 };
const GEMINI_3_THINKING = { min: 128, max: 32_768, zero: false, dynamic: false };

function claude(id: string, displayName: string): ServedModel {
  return {
    id,
    displayName,
    family: "claude",
    generation: "claude",
    image: false,
    contextTokens: 200_000,
    maxOutputTokens: 64_000,
    thinking: CLAUDE_THINKING,
    media: CLAUDE_MEDIA,
  };
}

function gemini3(id: string, displayName: string, maxOutputTokens: number, native: number): ServedModel {
  return {
    id,
    displayName,
    family: "gemini",
    generation: "gemini-3",
    image: false,
    contextTokens: 1_048_576,
    maxOutputTokens,
    thinking: { ...GEMINI_3_THINKING, native },
    media: GEMINI_MEDIA,
  };
}

/** A new copy of the default table, in the order the catalogue answers it. */
export function defaultModels(): ServedModel[] {
  return [
    claude("claude-opus-4-6-thinking", "Claude Opus 4.6 (Thinking)"),
    claude("claude-sonnet-4-6", "Claude Sonnet 4.6 (Thinking)"),
    gemini3("gemini-pro-agent", "Gemini 3.1 Pro (High)", 65_535, 10_001),
    gemini3("gemini-3.1-pro-low", "Gemini 3.1 Pro (Low)", 65_535, 1001),
    gemini3("gemini-3-flash-agent", "Gemini 3.5 Flash (High)", 65_536, 10_000),
    gemini3("gemini-3-flash", "Gemini 3 Flash", 65_536, 10_000),
    {
      ...gemini3("gemini-2.5-pro", "Gemini 2.5 Pro", 65_535, 8192),
      generation: "gemini-2.5",
      thinking: { min: 128, max: 32_768, zero: false, dynamic: true, native: 8192 },
    },
    {
      ...gemini3("gemini-2.5-flash", "Gemini 2.5 Flash", 65_535, 8192),
      generation: "gemini-2.5",
      thinking: { min: 1, max: 24_576, zero: true, dynamic: true, native: 8192 },
    },
    withoutThinking({
      ...gemini3("gemini-3.1-flash-image", "Gemini 3.1 Flash Image", 32_768, 0),
      image: true,
      media: IMAGES,
    }),
    withoutThinking({
      ...gemini3("gpt-oss-120b-medium", "GPT-OSS 120B (Medium)", 32_768, 0),
      family: "gpt-oss",
      generation: "gpt-oss",
      contextTokens: 114_000,
      media: [],
    }),
  ];
}

function withoutThinking(model: ServedModel): ServedModel {
  const { thinking: _thinking, ...rest } = model;
  return rest;
}

/** Whether the id itself fixes how much the model thinks, so that a thinkingLevel beside it is refused. */
export function hasTierSuffix(id: string): boolean {
  return /-(?:agent|extra-low|low|medium|high|minimal)$/.test(id);
}

export function isProModel(id: string): boolean {
  return /(?:^|-)pro(?:-|$)/.test(id);
}
