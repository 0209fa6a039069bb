import { GatewayError } from "../../core/errors.ts";
import type { Block, Turn } from "../../core/turn.ts";

export interface Picture {
  mimeType: string;
  /** Base64. */
  data: string;
}

/** The finished pictures of one answer; drafts never come this far. */
export function picturesIn(blocks: readonly Block[]): Picture[] {
  return blocks.flatMap((block) =>
    block.kind === "media" && block.mimeType.startsWith("image/")
      ? [{ mimeType: block.mimeType, data: block.data }]
      : [],
  );
}

/** Why there is no picture, without a word of what the model said. */
export function noPicture({ blocks, reason, meta }: Pick<Turn, "blocks" | "reason" | "meta">): GatewayError {
  if (reason === "filtered") {
    const why = reasonCode(meta["filter"] ?? meta["finishReason"]);
    const message = `Google's content rules withheld the picture${why && ` (${why})`}; change the prompt or the images`;
    return new GatewayError("invalid-request", message, { field: "prompt", extra: { code: "moderation_blocked" } });
  }
  if (blocks.some(({ kind, text }) => kind === "text" && text.trim() !== "")) {
    const message =
      "The model answered in words and made no picture; ask it for one, and name a model that makes pictures";
    // Not the model's failure: clients ask again after those, and each time is a picture paid for.
    return new GatewayError("invalid-request", message, { field: "prompt" });
  }
  return new GatewayError("malformed-answer", "The model's answer ended without a picture; try again");
}

/** Upstream's word for its reason, when it is one: "IMAGE_SAFETY". */
function reasonCode(value: unknown): string {
  return typeof value === "string" && /^[A-Z][A-Z_]{0,63}$/.test(value) ? value : "";
}
