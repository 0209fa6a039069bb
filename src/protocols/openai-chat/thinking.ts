import type { Effort, ThinkingRequest } from "../../core/request.ts";
import type { ChatRequest } from "./schema.ts";

interface ThinkingWish {
  thinking?: ThinkingRequest;
  /** The field that `thinking` was read from. */
  field: string;
  /** Whether thoughts are shown as `reasoning_content`. They are, unless the client asked for silence. */
  show: boolean;
}

/**
 * What the client asked about thinking, in any of the forms in use. `reasoning_effort` is OpenAI's own; `reasoning`
 * comes from OpenRouter, `thinking` from LiteLLM and Anthropic, `google.thinking_config` from Google's compatible
 * endpoint. When several are there, the most definite one wins: an amount over a level or an off switch, and either
 * over "think as you like".
 */
export function readThinking(request: ChatRequest): ThinkingWish {
  const ofExtraBody = request.extra_body?.google;
  const google = (ofExtraBody ?? request.google)?.thinking_config;
  const { reasoning } = request;
  const said: readonly Said[] = [
    [`${ofExtraBody ? "extra_body." : ""}google.thinking_config`, ofGoogle(google)],
    ["thinking", ofThinking(request.thinking)],
    ["reasoning", ofReasoning(reasoning)],
    ["reasoning_effort", ofEffort(request.reasoning_effort)],
  ];
  const chosen = DEFINITE_FIRST.map((is) => said.find(([, wish]) => is(wish))).find((found) => found !== undefined);
  const [field, thinking] = chosen ?? ["thinking", undefined];
  const hidden =
    google?.include_thoughts === false ||
    request.include_reasoning === false ||
    (typeof reasoning === "object" && reasoning.exclude === true);
  return { ...(thinking && { thinking }), field, show: !hidden };
}

type Wish = ThinkingRequest | undefined;
type Said = readonly [field: string, wish: Wish];

const DEFINITE_FIRST: readonly ((wish: Wish) => boolean)[] = [
  (wish) => wish?.type === "budget",
  (wish) => wish?.type === "effort" || wish?.type === "off",
  (wish) => wish?.type === "adaptive",
];

type GoogleThinking = NonNullable<NonNullable<ChatRequest["google"]>["thinking_config"]>;

function ofGoogle(config: GoogleThinking | undefined): ThinkingRequest | undefined {
  if (config?.thinking_budget !== undefined) {
    // -1 is Google's word for "as much as the model sees fit".
    return config.thinking_budget === -1 ? { type: "adaptive" } : ofBudget(config.thinking_budget);
  }
  if (config?.thinking_level !== undefined) return ofEffort(config.thinking_level);
  return config?.include_thoughts ? { type: "adaptive" } : undefined;
}

function ofThinking(thinking: ChatRequest["thinking"]): ThinkingRequest | undefined {
  if (thinking === undefined) return undefined;
  if (typeof thinking === "boolean") return ofSwitch(thinking);
  if (thinking.type === "disabled") return { type: "off" };
  if (thinking.budget_tokens !== undefined) return ofBudget(thinking.budget_tokens);
  return thinking.type === undefined ? undefined : { type: "adaptive" };
}

function ofReasoning(reasoning: ChatRequest["reasoning"]): ThinkingRequest | undefined {
  if (reasoning === undefined) return undefined;
  if (typeof reasoning === "boolean") return ofSwitch(reasoning);
  if (reasoning.enabled === false) return { type: "off" };
  if (reasoning.max_tokens !== undefined) return ofBudget(reasoning.max_tokens);
  return ofEffort(reasoning.effort) ?? (reasoning.enabled ? { type: "adaptive" } : undefined);
}

function ofEffort(effort: Effort | "none" | undefined): ThinkingRequest | undefined {
  if (effort === undefined) return undefined;
  return effort === "none" ? { type: "off" } : { type: "effort", effort };
}

function ofBudget(tokens: number): ThinkingRequest {
  return tokens === 0 ? { type: "off" } : { type: "budget", tokens };
}

function ofSwitch(on: boolean): ThinkingRequest {
  return { type: on ? "adaptive" : "off" };
}
