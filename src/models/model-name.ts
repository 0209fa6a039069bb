import { GatewayError } from "../core/errors.ts";
import { ASPECT_RATIOS, type ImageOptions, type ImageSize, type ThinkingRequest } from "../core/request.ts";

/** A model's name as clients write it, taken apart. */
export interface ModelName {
  /** What was written, without the suffixes that are ours to read: `(high)`, `[1m]`. */
  typed: string;
  /** `typed` in the spelling of `spellingOf`, without a provider's prefix or a release date. */
  plain: string;
  thinking?: ThinkingRequest;
  /** How the name reads if it is an image model's: `-4k` and `-16x9` at its end say what pictures shall look like. */
  picture?: PictureName;
}

export interface PictureName {
  typed: string;
  plain: string;
  /** The aspect ratio may be one that no model knows. */
  image: ImageOptions;
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
  const picture = pictureOf(typed);
  return { typed, plain: plainOf(typed), ...(thinking && { thinking }), ...(picture && { picture }) };
}

const MAX_SUFFIXES = 2;
const SUFFIX = /(?:\(([^()]*)\)|\[1m\])$/i;
const PREFIX = /^(?:models|google|anthropic|openai)\//;
const DATE = /[-@]20\d{6}$/;

const PICTURE_SUFFIX = /-(?:([124])k|(\d{1,4})x(\d{1,4}))$/i;
const SIZES: Record<string, ImageSize> = { 1: "1K", 2: "2K", 4: "4K" };

/** Each of the two suffixes once, in any order. */
function pictureOf(written: string): PictureName | undefined {
  let typed = written;
  const image: ImageOptions = {};
  for (let count = 0; count < MAX_SUFFIXES; count++) {
    const suffix = PICTURE_SUFFIX.exec(typed);
    if (!suffix) break;
    const size = suffix[1] === undefined ? undefined : SIZES[suffix[1]];
    if (size === undefined) {
      if (image.aspectRatio !== undefined) break;
      image.aspectRatio = `${Number(suffix[2])}:${Number(suffix[3])}`;
    } else {
      if (image.size !== undefined) break;
      image.size = size;
    }
    typed = typed.slice(0, suffix.index);
  }
  return typed === written ? undefined : { typed, plain: plainOf(typed), image };
}

/** What the name says about pictures. Throws `invalid-request` for an aspect ratio that no model knows. */
export function checkedPicture({ image }: PictureName): ImageOptions {
  const { aspectRatio } = image;
  if (aspectRatio === undefined || ASPECT_RATIOS.includes(aspectRatio)) return image;
  const known = ASPECT_RATIOS.map((ratio) => ratio.replace(":", "x")).join(", ");
  throw new GatewayError("invalid-request", `model: the shape of a picture must be one of ${known}`, {
    field: "model",
  });
}

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

/** One spelling for what people write in several ways: `Model-4.6` is `model-4-6`. */
export function spellingOf(name: string): string {
  return name.toLowerCase().replaceAll(/(?<=\d)\.(?=\d)/g, "-");
}
