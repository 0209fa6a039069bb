import type { Repair } from "../../../src/core/errors.ts";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { Content, FunctionTool, GenerateRequest, Part } from "../../../src/core/request.ts";
import { type LoweredRequest, lowerRequest } from "../../../src/gemini-wire/lower.ts";
import type { JsonObject } from "../../../src/lib/json.ts";

const images = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];

export const claude: ModelProfile = {
  id: "claude-opus-4-6-thinking",
  displayName: "Claude Opus 4.6",
  family: "claude",
  generation: "claude",
  image: false,
  contextTokens: 200_000,
  maxOutputTokens: 64_000,
  thinking: { min: 1024, max: 64_000, zeroAllowed: false, default: 16_000 },
  mimeTypes: ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"],
};

export const gemini3: ModelProfile = {
  id: "gemini-pro-agent",
  displayName: "Gemini 3.1 Pro",
  family: "gemini",
  generation: "gemini-3",
  image: false,
  contextTokens: 1_048_576,
  maxOutputTokens: 65_535,
  thinking: { min: 128, max: 32_768, zeroAllowed: false, default: 10_001 },
  mimeTypes: [...images, "application/pdf", "audio/wav", "video/mp4"],
};

export const flash3: ModelProfile = { ...gemini3, id: "gemini-3-flash-agent", displayName: "Gemini 3.5 Flash" };

export const flash25: ModelProfile = {
  ...gemini3,
  id: "gemini-2.5-flash",
  displayName: "Gemini 2.5 Flash",
  generation: "gemini-2.5",
  thinking: { min: 1, max: 24_576, zeroAllowed: true, default: 8192 },
};

export const gptOss: ModelProfile = {
  id: "gpt-oss-120b-medium",
  displayName: "GPT-OSS 120B",
  family: "gpt-oss",
  generation: "gpt-oss",
  image: false,
  contextTokens: 114_000,
  maxOutputTokens: 32_768,
  mimeTypes: [],
};

export const imageModel: ModelProfile = {
  ...gemini3,
  id: "gemini-3-pro-image",
  displayName: "Gemini 3 Pro Image",
  image: true,
  mimeTypes: images,
};

export const allModels = [claude, gemini3, flash25, gptOss];

export function request(fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return { model: "m", system: [], contents: [user("hello")], tools: [], sampling: {}, ...fields };
}

export function lower(
  fields: Partial<GenerateRequest>,
  model: ModelProfile = gemini3,
  ...repairs: Repair[]
): LoweredRequest {
  return lowerRequest(request(fields), model, new Set(repairs));
}

/** `generationConfig` of the lowered body. */
export function generation(fields: Partial<GenerateRequest>, model: ModelProfile, ...repairs: Repair[]): unknown {
  return lower(fields, model, ...repairs).body["generationConfig"];
}

/** Field names of the losses. */
export function lost(fields: Partial<GenerateRequest>, model: ModelProfile, ...repairs: Repair[]): string[] {
  return lower(fields, model, ...repairs).losses.map((loss) => loss.field);
}

/** `contents` of the lowered body. */
export function contentsOf(
  contents: Content[],
  model: ModelProfile = gemini3,
  fields: Partial<GenerateRequest> = {},
): unknown {
  return lower({ ...fields, contents }, model).body["contents"];
}

export function user(...parts: (string | Part)[]): Content {
  return { role: "user", parts: parts.map(asPart) };
}

export function model(...parts: (string | Part)[]): Content {
  return { role: "model", parts: parts.map(asPart) };
}

function asPart(part: string | Part): Part {
  return typeof part === "string" ? { text: part } : part;
}

export function thought(text: string, thoughtSignature?: string): Part {
  return { text, thought: true, ...(thoughtSignature === undefined ? {} : { thoughtSignature }) };
}

export function call(id: string, name = "look", args: JsonObject = {}, thoughtSignature?: string): Part {
  return { functionCall: { id, name, args }, ...(thoughtSignature === undefined ? {} : { thoughtSignature }) };
}

export function result(id: string, value: string, name = ""): Part {
  return { functionResponse: { id, name, response: { result: value } } };
}

export function tool(name: string, schema?: JsonObject, description?: string): FunctionTool {
  return { name, ...(schema ? { schema } : {}), ...(description === undefined ? {} : { description }) };
}

/** What a call and a result look like on the wire. */
export const wire = {
  call: (id: string, name = "look", args: JsonObject = {}) => ({ functionCall: { id, name, args } }),
  firstCall: (id: string, name = "look", args: JsonObject = {}) => ({
    functionCall: { id, name, args },
    thoughtSignature: "skip_thought_signature_validator",
  }),
  result: (id: string, value: string, name = "look") => ({
    functionResponse: { id, name, response: { result: value } },
  }),
};

export const looking = [tool("look", { type: "object", properties: { at: { type: "string" } } })];
