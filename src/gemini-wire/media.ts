import { GatewayError } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import type { Blob64, RemoteMedia } from "../core/request.ts";
import { isTextType, plainMimeType } from "../lib/data-url.ts";
import type { JsonObject } from "../lib/json.ts";

/**
 * Turns attachments into parts: the data itself where the model reads its type, its words where it is text, else a note in
 * its place and one loss for each kind.
 */
export interface MediaLowering {
  /** Throws `invalid-request` for media that still stand elsewhere: upstream fetches nothing. */
  part(media: Blob64 | RemoteMedia, role: "user" | "model"): JsonObject;
}

export function mediaLowering(model: ModelProfile, losses: Loss[]): MediaLowering {
  const reported = new Set<string>();

  const omitted = (mimeType: string, note: string, why: string): JsonObject => {
    const kind = TYPE_NAME.test(mimeType) ? mimeType : "some";
    const loss = `${kind} content was left out: ${why}`;
    if (!reported.has(loss)) losses.push({ field: "messages", why: loss });
    reported.add(loss);
    return { text: note };
  };

  return {
    part(media, role) {
      if ("url" in media) {
        throw new GatewayError("invalid-request", "What stands at this address was not fetched", {
          field: media.field,
        });
      }
      const mimeType = plainMimeType(media.mimeType);
      const reads = model.mimeTypes.includes(mimeType);
      // Every model reads words; only a picture that is drawn with them is better seen than read.
      const isText = isTextType(mimeType) && !(reads && mimeType.startsWith("image/"));
      const text = isText ? decodeText(media.data) : undefined;
      if (text !== undefined) return { text };
      // Anthropic's assistant turns hold no media; a conversation moved over from an image model has some.
      if (role === "model" && model.family === "claude") {
        const why = `${model.displayName} takes no media in the assistant's turns`;
        return omitted(mimeType, `[The assistant gave an attachment of type ${mimeType} here.]`, why);
      }
      if (reads) return { inlineData: { mimeType, data: media.data } };
      const note = `[An attachment of type ${mimeType} was left out: this model cannot read it.]`;
      return omitted(mimeType, note, `${model.displayName} cannot read it`);
    },
  };
}

/** Losses are recorded: what is no name of a type may be anything a client has written. */
const TYPE_NAME = /^[a-z]{1,20}\/\w[\w.+-]{0,60}$/;

/** `undefined` for what is no text after all, or an empty one. */
function decodeText(data: string): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(data));
    return /\S/.test(text) ? text : undefined;
  } catch {
    return undefined; // a wrong label is answered like an unreadable kind
  }
}
