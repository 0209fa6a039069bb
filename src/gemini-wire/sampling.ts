import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import type { Sampling } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";

const MOST_STOP_SEQUENCES = 5;
const INT32_MAX = 2 ** 31 - 1;

/** The sampling fields of `generationConfig`: what the client gave, as given, less what the family refuses. Adds no defaults. */
export function samplingConfig(sampling: Sampling, model: ModelProfile, thinks: boolean, losses: Loss[]): JsonObject {
  const config: JsonObject = {};
  const set = (field: string, value: number | undefined) => {
    if (value !== undefined) config[field] = value;
  };
  const refuse = (field: string, value: number | undefined, why: string) => {
    if (value !== undefined) losses.push({ field, why });
  };

  const { family, displayName } = model;
  if (family === "claude" && thinks) {
    const why = "Claude takes no sampling parameters while it thinks";
    if (sampling.temperature === 1) config["temperature"] = 1;
    else refuse("temperature", sampling.temperature, why);
    refuse("top_p", sampling.topP, why);
    refuse("top_k", sampling.topK || undefined, why);
  } else {
    const tooWarm = family === "claude" && sampling.temperature !== undefined && sampling.temperature > 1;
    if (tooWarm) losses.push({ field: "temperature", why: "lowered to 1, the most Claude takes" });
    set("temperature", tooWarm ? 1 : sampling.temperature);
    set("topP", sampling.topP);
    // 0 means "no such limit" to clients, and upstream refuses it; so does a number it cannot hold.
    set("topK", (sampling.topK ?? 0) > INT32_MAX ? undefined : sampling.topK || undefined);
  }

  const stops = stopSequences(sampling.stopSequences ?? [], model, losses);
  if (stops.length > 0) config["stopSequences"] = stops;

  if (family === "gemini") {
    set("presencePenalty", sampling.presencePenalty);
    set("frequencyPenalty", sampling.frequencyPenalty);
    set("seed", foldedSeed(sampling.seed, losses));
  } else {
    const why = `${displayName} has no such parameter`;
    // A penalty of 0 asks for nothing.
    refuse("presence_penalty", sampling.presencePenalty || undefined, why);
    refuse("frequency_penalty", sampling.frequencyPenalty || undefined, why);
    refuse("seed", sampling.seed, why);
  }
  return config;
}

/** Clients draw seeds from 64 bits and more, upstream holds 31: the same seed must still become the same one. */
function foldedSeed(seed: number | undefined, losses: Loss[]): number | undefined {
  if (seed === undefined || (seed >= 0 && seed <= INT32_MAX)) return seed;
  losses.push({ field: "seed", why: "folded into 31 bits" });
  return Math.abs(seed % (INT32_MAX + 1));
}

function stopSequences(asked: readonly string[], { family }: ModelProfile, losses: Loss[]): string[] {
  // Claude refuses stops that are all whitespace; an empty one says nothing to anybody.
  const usable = asked.filter((stop) => (family === "claude" ? /\S/.test(stop) : stop !== ""));
  if (asked.some((stop) => stop !== "" && !usable.includes(stop))) {
    losses.push({ field: "stop_sequences", why: "Claude takes none of whitespace alone" });
  }
  if (usable.length > MOST_STOP_SEQUENCES) {
    losses.push({ field: "stop_sequences", why: `only the first ${MOST_STOP_SEQUENCES} are used` });
  }
  return usable.slice(0, MOST_STOP_SEQUENCES);
}
