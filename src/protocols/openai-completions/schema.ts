import * as v from "valibot";
import { options } from "../../core/openai/check.ts";
import { samplingEntries } from "../../core/openai/sampling.ts";
import { wholeNumber } from "../../lib/schema.ts";

/** As many as OpenAI's own API gives for one prompt; each is a request of its own upstream. */
export const MOST_ANSWERS = 128;

/** The whole request, less the prompt, which has several forms. */
export const requestSchema = options({
  model: v.pipe(v.string(), v.nonEmpty("a model name")),
  prompt: v.optional(v.unknown()),
  stream: v.optional(v.boolean()),
  stream_options: v.optional(options({ include_usage: v.optional(v.boolean()) })),
  echo: v.optional(v.boolean()),
  n: v.optional(wholeNumber(1, MOST_ANSWERS)),
  best_of: v.optional(wholeNumber(1)),
  max_tokens: v.optional(wholeNumber(1)),
  ...samplingEntries,
  user: v.optional(v.unknown()),
});

export type CompletionRequest = v.InferOutput<typeof requestSchema>;
