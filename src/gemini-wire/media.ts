import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/protocol.ts";
import type { Blob64 } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";

/**
 * Turns attachments into parts: the data itself where the model reads it, its words where it is text, else a note in
 * its place and one loss for each kind.
 */
export interface MediaLowering {
  part(blob: Blob64, role: "user" | "model"): JsonObject;
}

const CLAUDE_IMAGES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const TEXT = /^text\/|^application\/(?:json|xml|yaml|x-yaml|javascript|typescript|toml|x-sh|sql)$|\+(?:json|xml)$/;

export function mediaLowering(model: ModelProfile, losses: Loss[]): MediaLowering {
  const reported = new Set<string>();

  const omitted = (mimeType: string, note: string, why: string): JsonObject => {
    if (!reported.has(note)) losses.push({ field: "messages", why: `${mimeType} content was left out: ${why}` });
    reported.add(note);
    return { text: note };
  };

  return {
    part(blob, role) {
      const mimeType = plainType(blob.mimeType);
      const reads = readsMedia(model, mimeType);
      const text = reads || !TEXT.test(mimeType) ? undefined : decodeText(blob.data);
      if (text !== undefined) return { text };
      // Anthropic's assistant turns hold no media; a conversation moved over from an image model has some.
      if (role === "model" && model.family === "claude") {
        const why = `${model.displayName} takes no media in the assistant's turns`;
        return omitted(mimeType, `[The assistant gave an attachment of type ${mimeType} here.]`, why);
      }
      if (reads) return { inlineData: { mimeType, data: blob.data } };
      const note = `[An attachment of type ${mimeType} was left out: this model cannot read it.]`;
      return omitted(mimeType, note, `${model.displayName} cannot read it`);
    },
  };
}

function readsMedia({ family, accepts }: ModelProfile, mimeType: string): boolean {
  if (mimeType === "application/pdf") return accepts.pdf;
  if (mimeType.startsWith("audio/")) return accepts.audio;
  if (mimeType.startsWith("video/")) return accepts.video;
  return mimeType.startsWith("image/") && accepts.images && (family !== "claude" || CLAUDE_IMAGES.has(mimeType));
}

/** Without parameters, in lower case; the common misspelling set right. */
function plainType(mimeType: string): string {
  const plain = (mimeType.split(";")[0] ?? "").trim().toLowerCase();
  return plain === "image/jpg" ? "image/jpeg" : plain;
}

/** `undefined` for what is no text after all, or an empty one. */
function decodeText(data: string): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(data));
    return /\S/.test(text) ? text : undefined;
  } catch {
    return undefined; // a wrong label is answered like an unreadable kind
  }
}
