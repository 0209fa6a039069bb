import { isTextType, plainMimeType, sniffMimeType } from "../lib/data-url.ts";
import { Unfetchable } from "./target.ts";

/** Says nothing about what a file is. */
const VAGUE = new Set(["", "application/octet-stream", "binary/octet-stream", "application/x-download"]);

const PAGE = new Set(["text/html", "application/xhtml+xml"]);

/**
 * What a fetched file is. Its first bytes are the best witness: upstream refuses a picture under another picture's name.
 * Where they tell nothing, the client's word comes before the server's; one like `image/*` says what is expected only.
 * Throws Unfetchable for a web page where none was asked for (a page to sign in, a notice) and for what is not expected.
 */
export function mediaType(hint: string | undefined, contentType: string | null, data: string): string {
  const asked = plainMimeType(hint ?? "");
  const served = plainMimeType(contentType ?? "");
  const seen = sniffMimeType(data);
  const isAny = asked.endsWith("/*");
  if (seen === undefined && PAGE.has(served) && !PAGE.has(asked)) throw new Unfetchable("leads to a web page");
  const named = isAny || VAGUE.has(asked) ? served : asked;
  const type = seen ?? (VAGUE.has(named) ? undefined : named);
  if (type === undefined) throw new Unfetchable("leads to a file whose type is unknown");
  if (isAny && !type.startsWith(asked.slice(0, -1))) {
    throw new Unfetchable(`leads to a file of type ${type}, where ${asked} is expected`);
  }
  return type;
}

/** Text in another encoding than UTF-8 is put into it; everything else is left as it came. */
export function asUtf8(bytes: Uint8Array, mimeType: string, contentType: string | null): Uint8Array {
  const charset = /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(contentType ?? "")?.[1]?.toLowerCase() ?? "utf-8";
  if (charset === "utf-8" || charset === "us-ascii" || !isTextType(mimeType)) return bytes;
  try {
    return new TextEncoder().encode(
      new TextDecoder(charset as ConstructorParameters<typeof TextDecoder>[0]).decode(bytes),
    );
  } catch {
    return bytes; // an encoding that nobody knows: its letters may still be readable
  }
}
