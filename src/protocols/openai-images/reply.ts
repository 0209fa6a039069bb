import type { ImageOptions } from "../../core/request.ts";
import type { Turn, Usage } from "../../core/turn.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";
import { dimensionsOf } from "./dimensions.ts";
import type { Picture } from "./pictures.ts";

/** What the request says about the form of its reply. */
export interface ReplyForm {
  /** How many answers are asked for. */
  count: number;
  /** Pictures go back as `data:` URLs. */
  asUrl: boolean;
  /** The size that was asked for, if any. */
  size?: NonNullable<ImageOptions["size"]>;
}

const QUALITY_OF = { "1K": "low", "2K": "medium", "4K": "high" } as const;

/** What clients are told about a picture beside its bytes. Members are absent where nothing is known. */
export function looksOf({ mimeType, data }: Picture, { size }: ReplyForm): JsonObject {
  const pixels = dimensionsOf(data);
  return {
    background: "opaque",
    output_format: mimeType.slice("image/".length),
    ...(size && { quality: QUALITY_OF[size] }),
    ...(pixels && { size: `${pixels.width}x${pixels.height}` }),
  };
}

/** Of all answers together. */
export function usageReply(turns: readonly Pick<Turn, "usage" | "meta">[]): JsonObject {
  const sum = (count: (turn: Pick<Turn, "usage" | "meta">) => number) =>
    turns.reduce((total, turn) => total + count(turn), 0);
  const input = sum(({ usage }) => usage.input);
  const output = sum(({ usage }) => usage.output);
  const inputImages = sum(({ usage, meta }) => imageTokens(meta, "promptTokensDetails", usage.input));
  const outputImages = sum(({ usage, meta }) => imageTokens(meta, "candidatesTokensDetails", usage.output));
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    input_tokens_details: { image_tokens: inputImages, text_tokens: input - inputImages },
    output_tokens_details: { image_tokens: outputImages, text_tokens: output - outputImages },
  };
}

export const NO_USAGE: Usage = { input: 0, cachedInput: 0, output: 0, thinking: 0 };

/** How many of `total` tokens were pictures, as far as upstream tells them apart. */
function imageTokens(meta: JsonObject, details: string, total: number): number {
  const counts = meta["usageMetadata"];
  const entries: JsonValue = (isJsonObject(counts) && counts[details]) || [];
  if (!Array.isArray(entries)) return 0;
  const tokens = entries.reduce<number>((sum, entry) => {
    const isImage = isJsonObject(entry) && entry["modality"] === "IMAGE" && typeof entry["tokenCount"] === "number";
    return isImage ? sum + Number(entry["tokenCount"]) : sum;
  }, 0);
  return Math.max(0, Math.min(tokens, total));
}
