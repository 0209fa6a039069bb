import { approximated, fieldTable, harmless, is, isEmpty, mapped, refused } from "../../core/field-table.ts";

export const bodyFields = fieldTable("", {
  model: mapped,
  prompt: mapped,
  best_of: refused("the upstream returns no log probabilities to choose the best by", is(1)),
  echo: mapped,
  frequency_penalty: mapped,
  logit_bias: approximated("the upstream takes no token biases", isEmpty),
  logprobs: approximated("the upstream returns no log probabilities", (value) => value === false),
  // This API's own default of 16 tokens, made for models that never thought, is not imposed: absent means the model's.
  max_tokens: mapped,
  n: mapped,
  presence_penalty: mapped,
  seed: mapped,
  stop: mapped,
  stream: mapped,
  stream_options: mapped,
  suffix: refused("the models cannot fill in a text before a given end", (value) => value === ""),
  temperature: mapped,
  top_p: mapped,
  user: mapped,

  // What OpenAI has not published and clients send all the same.
  top_k: mapped,
});

export const streamOptionFields = fieldTable("stream_options", {
  include_obfuscation: harmless("padding against traffic analysis is added by no frame here"),
  include_usage: mapped,
});
