import type { Blob64 } from "../../core/request.ts";

/**
 * The content of a `data:` URL, `undefined` for any other text. Parameters of the media type are dropped and
 * percent-encoded content becomes base64. Without a media type, or with the one that says nothing, it is taken from
 * the content's first bytes.
 */
export function parseDataUrl(url: string): Blob64 | undefined {
  if (url.slice(0, 5).toLowerCase() !== "data:") return undefined;
  const comma = url.indexOf(",");
  if (comma === -1) return undefined;
  const header = url.slice(5, comma).toLowerCase();
  const content = url.slice(comma + 1);
  const isBase64 = /;\s*base64\s*$/.test(header);
  const data = isBase64 ? cleanBase64(content) : percentDecode(content).toBase64();
  const semicolon = header.indexOf(";");
  const declared = (semicolon === -1 ? header : header.slice(0, semicolon)).trim();
  if (declared !== "" && declared !== "application/octet-stream") return { mimeType: declared, data };
  return { mimeType: sniffMimeType(data) ?? (declared || "text/plain"), data };
}

/** Base64 as the upstream wants it: standard alphabet, nothing percent-encoded, no line breaks. */
export function cleanBase64(text: string): string {
  let data = text;
  if (data.includes("%")) data = data.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  if (/\s/.test(data)) data = data.replace(/\s+/g, "");
  if (data.includes("-") || data.includes("_")) data = data.replaceAll("-", "+").replaceAll("_", "/");
  return data;
}

/** The bytes, or `undefined` when the text is not base64. */
export function decodeBase64(data: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(data);
  } catch {
    return undefined; // "not base64" is an answer here, not a failure
  }
}

/** First bytes of the formats that clients send without saying what they are, as they look in base64. */
const MAGIC: readonly (readonly [prefix: string, mimeType: string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
  ["JVBERi", "application/pdf"],
];

export function sniffMimeType(base64: string): string | undefined {
  return MAGIC.find(([prefix]) => base64.startsWith(prefix))?.[1];
}

const PERCENT = 0x25;

function percentDecode(text: string): Uint8Array<ArrayBuffer> {
  const source = new TextEncoder().encode(text);
  let length = 0;
  for (let at = 0; at < source.length; at++) {
    let byte = source[at] ?? 0;
    if (byte === PERCENT) {
      const decoded = hexValue(source[at + 1]) * 16 + hexValue(source[at + 2]);
      if (decoded >= 0) {
        byte = decoded;
        at += 2;
      }
    }
    source[length++] = byte; // never ahead of what is still to be read
  }
  return source.slice(0, length);
}

function hexValue(byte: number | undefined): number {
  const digit = byte === undefined ? NaN : parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? -Infinity : digit;
}
