import { GatewayError } from "../core/errors.ts";
import type { ThinkingRequest } from "../core/request.ts";

/** A model's name as clients write it, taken apart. */
export interface ModelName {
  /** What was written, without the suffixes that are ours to read: `(high)`, `[1m]`. */
  typed: string;
  /** `typed` in the spelling of `spellingOf`, without a provider's prefix or a release date. */
  plain: string;
  thinking?: ThinkingRequest;
}

/** Throws `invalid-request` for a suffix in brackets that names no amount of thinking. */
export function parseModelName(written: string): ModelName {
  let typed = written.trim();
  let thinking: ThinkingRequest | undefined;
  for (let count = 0; count < MAX_SUFFIXES; count++) {
    const suffix = SUFFIX.exec(typed);
    if (!suffix) break;
    typed = typed.slice(0, suffix.index).trimEnd();
    // Claude Code marks its long-context choice so; the window is the model's own matter here.
    if (suffix[1] === undefined) continue;
    thinking ??= thinkingOf(suffix[1]);
  }
  return { typed, plain: plainOf(typed), ...(thinking && { thinking }) };
}

const MAX_SUFFIXES = 2;
const SUFFIX = /(?:\(([^()]*)\)|\[1m\])$/i;
const PREFIX = /^(?:models|google|anthropic|openai)\//;
const DATE = /[-@]20\d{6}$/;

const WORDS: Record<string, ThinkingRequest> = {
  none: { type: "off" },
  off: { type: "off" },
  auto: { type: "adaptive" },
  minimal: { type: "effort", effort: "minimal" },
  low: { type: "effort", effort: "low" },
  medium: { type: "effort", effort: "medium" },
  high: { type: "effort", effort: "high" },
  xhigh: { type: "effort", effort: "xhigh" },
  max: { type: "effort", effort: "max" },
};

function thinkingOf(amount: string): ThinkingRequest {
  const word = amount.trim().toLowerCase();
  const known = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (known) return known;
  if (word === "-1") return { type: "adaptive" }; // Gemini's own way to say so
  if (/^\d{1,7}$/.test(word)) return word === "0" ? { type: "off" } : { type: "budget", tokens: Number(word) };
  const message = `model: what stands in brackets must be a number of tokens or one of ${Object.keys(WORDS).join(", ")}`;
  throw new GatewayError("invalid-request", message, { field: "model" });
}

function plainOf(typed: string): string {
  let plain = spellingOf(typed);
  while (PREFIX.test(plain)) plain = plain.replace(PREFIX, "");
  return plain.replace(DATE, "");
}

/** One spelling for what people write in several ways: `Claude-Opus-4.6` is `claude-opus-4-6`. */
export function spellingOf(name: string): string {
  return name.toLowerCase().replaceAll(/(?<=\d)\.(?=\d)/g, "-");
}
