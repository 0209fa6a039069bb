import * as v from "valibot";
import { integer, numberBetween } from "../../lib/schema.ts";
import { readSampling } from "../client-sampling.ts";
import type { Sampling } from "../request.ts";

/** What all of OpenAI's APIs for texts call their sampling options, and what their clients add to them. */
export const samplingEntries = {
  temperature: v.optional(numberBetween(0, 2)),
  top_p: v.optional(numberBetween(0, 1)),
  top_k: v.optional(integer),
  stop: v.optional(v.lazy((input) => (typeof input === "string" ? v.string() : v.array(v.string())))),
  presence_penalty: v.optional(numberBetween(-2, 2)),
  frequency_penalty: v.optional(numberBetween(-2, 2)),
  seed: v.optional(integer),
};

type SamplingOptions = { [Option in keyof typeof samplingEntries]?: v.InferOutput<(typeof samplingEntries)[Option]> };

export function openAiSampling(options: SamplingOptions, maxOutputTokens: number | undefined): Sampling {
  const { stop } = options;
  return readSampling({
    maxOutputTokens,
    temperature: options.temperature,
    topP: options.top_p,
    topK: options.top_k,
    stopSequences: typeof stop === "string" ? [stop] : stop,
    presencePenalty: options.presence_penalty,
    frequencyPenalty: options.frequency_penalty,
    seed: options.seed,
  });
}
