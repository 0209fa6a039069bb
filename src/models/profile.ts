import type { DiscoveredModel, Family, ModelProfile, ThinkingRange } from "../core/models.ts";
import { plainMimeType } from "../lib/data-url.ts";
import { type ShippedFacts, shippedProfiles } from "./shipped.ts";
import { literalLength, matchesWildcard } from "./wildcard.ts";

/** For an id of no known family: small enough for any model. */
const UNKNOWN = { contextTokens: 128_000, maxOutputTokens: 8_192 };

/**
 * What lowering must know about an upstream id. What discovery says wins over what is shipped; an id that is new gets
 * what holds for its family.
 */
export function profileOf(id: string, discovered?: DiscoveredModel): ModelProfile {
  const facts = factsOf(id);
  const family = familyOf(id);
  // Before anything else: an image id also fits the patterns of its text siblings.
  const image = id.includes("image");
  const thinking = image ? undefined : thinkingOf(facts.thinking, discovered);
  return {
    id,
    displayName: discovered?.displayName ?? facts.displayName ?? id,
    family,
    generation: generationOf(id, family),
    image,
    contextTokens: discovered?.contextTokens ?? facts.contextTokens ?? UNKNOWN.contextTokens,
    maxOutputTokens: discovered?.maxOutputTokens ?? facts.maxOutputTokens ?? UNKNOWN.maxOutputTokens,
    ...(thinking && { thinking }),
    mimeTypes: mimeTypesOf(discovered) ?? facts.mimeTypes ?? [],
  };
}

export function familyOf(id: string): Family {
  if (id.includes("claude")) return "claude";
  return id.includes("gpt") ? "gpt-oss" : "gemini";
}

function generationOf(id: string, family: Family): ModelProfile["generation"] {
  if (family !== "gemini") return family;
  return /^gemini-[12]\b/.test(id) ? "gemini-2.5" : "gemini-3";
}

function factsOf(id: string): ShippedFacts {
  const fitting = Object.entries(shippedProfiles)
    .filter(([pattern]) => matchesWildcard(pattern, id))
    .toSorted(([a], [b]) => literalLength(a) - literalLength(b))
    .map(([, facts]) => facts);
  return Object.assign({}, ...fitting) as ShippedFacts;
}

function thinkingOf(range: ThinkingRange | null | undefined, discovered?: DiscoveredModel): ThinkingRange | undefined {
  if (!range || discovered?.supportsThinking === false) return undefined;
  const native = discovered?.thinkingBudget;
  // 0 and -1 say "off" and "as you like": neither is an amount to ask for.
  if (native === undefined || native <= 0) return range;
  // For Claude the catalogue names the floor, which is no measure of how much a client wants that leaves it open.
  const wanted = native === range.min ? range.default : native;
  return { ...range, min: Math.min(range.min, native), max: Math.max(range.max, native), default: wanted };
}

/** An empty list is no fact: models that read text only are listed without one. */
function mimeTypesOf(discovered: DiscoveredModel | undefined): readonly string[] | undefined {
  const types = discovered?.supportedMimeTypes ?? [];
  return types.length > 0 ? [...new Set(types.map(plainMimeType))] : undefined;
}
