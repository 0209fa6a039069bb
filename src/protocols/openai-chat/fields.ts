import { isAbsent } from "../../core/lenient.ts";
import { type LossList, UNKNOWN_FIELD } from "../../core/losses.ts";
import { invalid } from "./check.ts";
import type { ChatMessage } from "./schema.ts";

/** What becomes of one field of a request. */
type Treatment =
  /** Carried into the canonical request or into the form of the reply. */
  | { type: "mapped" }
  /** Without effect on the answer, or already true of every answer. */
  | { type: "harmless"; why: string }
  | Rejection;

type Rejection = {
  /** Lost: has no counterpart upstream and is reported. Refused: serving the request without it would mislead. */
  type: "lost" | "refused";
  why: string;
  /** The value asks for nothing special. */
  unless?: (value: unknown) => boolean;
};

/** The treatments of one object's fields. */
export interface FieldTable {
  rows: Readonly<Record<string, Treatment>>;
  /** The rows that can change what becomes of a request, so that judging a message costs one or two look-ups. */
  rejections: readonly (readonly [field: string, rejection: Rejection])[];
}

function table(rows: Readonly<Record<string, Treatment>>): FieldTable {
  const rejections = Object.entries(rows).flatMap(([field, treatment]) =>
    treatment.type === "lost" || treatment.type === "refused" ? [[field, treatment] as const] : [],
  );
  return { rows, rejections };
}

const mapped: Treatment = { type: "mapped" };
const harmless = (why: string): Treatment => ({ type: "harmless", why });

const CACHE_CONTROL = harmless("the upstream caches prefixes by itself");
const OTHER_PROTOCOL = harmless("versions of the Messages API, which this is not");
const ONE_PROVIDER = harmless("there is one provider to route to");
const isFalse = (value: unknown) => value === false;
const isEmpty = (value: unknown) => typeof value === "object" && value !== null && Object.keys(value).length === 0;
const without = (word: string) => (value: unknown) => !(Array.isArray(value) && value.includes(word));

export const bodyFields = table({
  messages: mapped,
  model: mapped,
  audio: harmless("only has a meaning with audio output, which modalities refuses"),
  frequency_penalty: mapped,
  function_call: mapped,
  functions: mapped,
  logit_bias: { type: "lost", why: "the upstream takes no token biases", unless: isEmpty },
  logprobs: { type: "lost", why: "the upstream returns no log probabilities", unless: isFalse },
  max_completion_tokens: mapped,
  max_tokens: mapped,
  metadata: harmless("labels of stored completions, which this gateway does not keep"),
  modalities: { type: "refused", why: "the models answer in text and images only", unless: without("audio") },
  moderation: { type: "lost", why: "the upstream applies its own safety rules" },
  n: { type: "refused", why: "only one answer per request is possible", unless: (value) => value === 1 },
  parallel_tool_calls: {
    type: "lost",
    why: "the upstream has no switch against parallel calls",
    unless: (value) => value === true,
  },
  prediction: harmless("a hint that only speeds up the same answer"),
  presence_penalty: mapped,
  prompt_cache_key: mapped,
  prompt_cache_options: CACHE_CONTROL,
  prompt_cache_retention: CACHE_CONTROL,
  reasoning_effort: mapped,
  response_format: mapped,
  safety_identifier: mapped,
  seed: mapped,
  service_tier: harmless("the upstream has one tier per account"),
  stop: mapped,
  store: harmless("answers are never stored"),
  stream: mapped,
  stream_options: mapped,
  temperature: mapped,
  tool_choice: mapped,
  tools: mapped,
  top_logprobs: {
    type: "lost",
    why: "the upstream returns no log probabilities",
    unless: (value) => value === 0,
  },
  top_p: mapped,
  user: mapped,
  verbosity: { type: "lost", why: "the upstream has no such setting", unless: (value) => value === "medium" },
  web_search_options: mapped,

  // What OpenAI has not published and clients send all the same.
  conversation: mapped,
  extra_body: mapped,
  google: mapped,
  include_reasoning: mapped,
  reasoning: mapped,
  session_id: mapped,
  thinking: mapped,
  top_k: mapped,
  usage: mapped,
  transforms: { type: "lost", why: "prompts are not shortened on their way", unless: isEmpty },
  anthropic_beta: OTHER_PROTOCOL,
  anthropic_version: OTHER_PROTOCOL,
  betas: OTHER_PROTOCOL,
  cache_control: CACHE_CONTROL,
  cache_prompt: CACHE_CONTROL,
  provider: ONE_PROVIDER,
  route: ONE_PROVIDER,
});

export const extraBodyFields = table({ google: mapped });

export const googleFields = table({ thinking_config: mapped });

export const streamOptionFields = table({
  include_obfuscation: harmless("padding against traffic analysis is added by no frame here"),
  include_usage: mapped,
});

export const webSearchFields = table({
  search_context_size: {
    type: "lost",
    why: "the upstream decides how much it reads",
    unless: (value) => value === "medium",
  },
  user_location: { type: "lost", why: "the upstream searches without a location" },
});

export const jsonSchemaFields = table({
  name: harmless("a label that no model is shown"),
  description: mapped,
  schema: mapped,
  strict: harmless("the schema is always enforced as far as the upstream can"),
});

export const functionFields = table({
  name: mapped,
  description: mapped,
  parameters: mapped,
  // Nearly every SDK sets it on every tool; a report on each request would bury the ones that matter.
  strict: harmless("arguments are always held to the schema as far as the upstream can"),
});

export const customToolFields = table({
  name: mapped,
  description: mapped,
  format: mapped,
});

/** A participant's name has a place upstream only where it is the name of a function. */
const participantName: Treatment = { type: "lost", why: "the upstream has no names of participants" };

export const messageFields: Readonly<Record<ChatMessage["role"], FieldTable>> = {
  system: table({ content: mapped, role: mapped, name: participantName }),
  developer: table({ content: mapped, role: mapped, name: participantName }),
  user: table({ content: mapped, role: mapped, name: participantName }),
  assistant: table({
    role: mapped,
    audio: { type: "lost", why: "earlier audio answers are held by OpenAI only" },
    content: mapped,
    function_call: mapped,
    name: participantName,
    refusal: mapped,
    tool_calls: mapped,
    // The upstream takes back only thinking with its signature, which no chat client keeps with the text: the gateway
    // restores what it signed by itself.
    reasoning_content: harmless("unsigned thinking cannot be sent back"),
  }),
  tool: table({ content: mapped, role: mapped, tool_call_id: mapped }),
  function: table({ content: mapped, name: mapped, role: mapped }),
};

export const partFields: Readonly<Record<string, FieldTable>> = {
  text: table({ text: mapped, type: mapped, prompt_cache_breakpoint: CACHE_CONTROL }),
  refusal: table({ refusal: mapped, type: mapped }),
  // `image_url.detail` is harmless: the upstream picks the resolution.
  image_url: table({ image_url: mapped, type: mapped, prompt_cache_breakpoint: CACHE_CONTROL }),
  input_audio: table({ input_audio: mapped, type: mapped, prompt_cache_breakpoint: CACHE_CONTROL }),
  file: table({ file: mapped, type: mapped, prompt_cache_breakpoint: CACHE_CONTROL }),
};

/** What is known of the fields; values may be anything. */
type Fields = Readonly<Record<string, unknown>>;

/** Applies a table to the fields an object really has. Throws for refused ones. */
export function judge({ rejections }: FieldTable, object: Fields, path: string, losses: LossList): void {
  for (const [key, { type, why, unless }] of rejections) {
    const value = object[key];
    if (isAbsent(value) || unless?.(value)) continue;
    const field = fieldAt(path, key);
    if (type === "refused") throw invalid(field, `'${field}' is not supported: ${why}.`);
    losses.add(field, why);
  }
}

/** Reports the fields that a table says nothing about: none may vanish without a word. */
export function reportUnknown({ rows }: FieldTable, object: Fields, path: string, losses: LossList): void {
  for (const key in object) {
    if (!Object.hasOwn(rows, key) && !isAbsent(object[key])) losses.add(fieldAt(path, key), UNKNOWN_FIELD);
  }
}

function fieldAt(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
