import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import type { GeminiExtras } from "../core/request.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import type { Dialect } from "./dialect.ts";

/** Names are refused that a service does not know, and so are those that it knows for other models. */
const CONFIG_NAMES: Record<Dialect, ReadonlySet<string>> = {
  cloudcode: new Set(["mediaResolution", "speechConfig", "audioTimestamp", "routingConfig"]),
  official: new Set(["mediaResolution", "speechConfig"]),
};
const IMAGE_CONFIG_NAMES: ReadonlySet<string> = new Set(["responseModalities"]);
const TOOL_CONFIG_NAMES: Record<Dialect, ReadonlySet<string>> = {
  cloudcode: new Set(["includeServerSideToolInvocations"]),
  official: new Set(["includeServerSideToolInvocations", "retrievalConfig"]),
};
const SEARCH_NAMES: Record<Dialect, ReadonlySet<string>> = {
  cloudcode: new Set(["enhancedContent", "includedDomains"]),
  official: new Set(["timeRangeFilter"]),
};

/** The members of `generationConfig` without a canonical place, as far as service and model know them. */
export function extraConfig(extras: GeminiExtras, model: ModelProfile, dialect: Dialect, losses: Loss[]): JsonObject {
  const { generationConfig = {} } = extras;
  const asked = Object.fromEntries(
    Object.entries(generationConfig).filter(([name, value]) => !saysNothing(name, value, model)),
  );
  const known = model.image ? IMAGE_CONFIG_NAMES : CONFIG_NAMES[dialect];
  const config = knownMembers(asked, model.family === "gemini" ? known : NONE, "generation_config", model, losses);
  const { responseModalities } = config;
  if (Array.isArray(responseModalities)) {
    config["responseModalities"] = responseModalities.map((name) =>
      typeof name === "string" ? name.toUpperCase() : name,
    );
  }
  return config;
}

/** As the client wrote them: nothing is added, and nothing weakened. */
export function safetySettings(extras: GeminiExtras, model: ModelProfile, losses: Loss[]): JsonObject[] {
  const { safetySettings: settings = [] } = extras;
  if (settings.length === 0 || model.family === "gemini") return settings;
  losses.push({ field: "safety_settings", why: `left out: ${model.displayName} has none` });
  return [];
}

/** The members of `toolConfig` beside `functionCallingConfig`. */
export function extraToolConfig(
  extras: GeminiExtras,
  model: ModelProfile,
  dialect: Dialect,
  losses: Loss[],
): JsonObject {
  const takes = model.family === "gemini" && !model.image;
  return knownMembers(extras.toolConfig ?? {}, takes ? TOOL_CONFIG_NAMES[dialect] : NONE, "tool_config", model, losses);
}

/** A Gemini client's own `googleSearch` object. */
export function nativeSearch(search: JsonObject, model: ModelProfile, dialect: Dialect, losses: Loss[]): JsonObject {
  return knownMembers(search, SEARCH_NAMES[dialect], "web_search", model, losses);
}

const NONE: ReadonlySet<string> = new Set();

function knownMembers(
  members: JsonObject,
  known: ReadonlySet<string>,
  field: string,
  { displayName }: ModelProfile,
  losses: Loss[],
): JsonObject {
  const unknown = Object.keys(members).filter((name) => !known.has(name));
  if (unknown.length > 0) losses.push({ field, why: `${unknown.join(", ")}: not known for ${displayName} here` });
  return Object.fromEntries(Object.entries(members).filter(([name]) => known.has(name)));
}

/** What asks for nothing but what is done anyway. */
function saysNothing(name: string, value: JsonValue, { image }: ModelProfile): boolean {
  if (value === null) return true;
  switch (name) {
    case "candidateCount":
      return value === 1;
    case "responseMimeType":
      return value === "text/plain" || value === "";
    case "responseModalities":
      return !image && Array.isArray(value) && value.every((modality) => /^text$/i.test(String(modality)));
    case "responseLogprobs":
      return value === false;
    case "thinkingConfig":
    case "imageConfig":
      return isJsonObject(value) && Object.keys(value).length === 0;
    default:
      return false;
  }
}
