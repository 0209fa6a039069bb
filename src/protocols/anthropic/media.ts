import type { Blob64 } from "../../core/request.ts";
import { isJsonObject } from "../../lib/json.ts";
import { invalid } from "./report.ts";
import { isAbsent } from "./schema.ts";

/** What a `source` object holds once its transport is taken off. */
type Source =
  | { type: "blob"; blob: Blob64 }
  | { type: "text"; text: string }
  /** Content blocks, still unread. */
  | { type: "blocks"; content: unknown };

/**
 * Reads the `source` of an image or document block. Throws `invalid-request` for remote URLs and uploaded files:
 * nothing is fetched, and leaving the attachment out would make the model answer about something it never saw.
 */
export function readSource(source: unknown, field: string, otherwise: string): Source {
  if (!isJsonObject(source)) throw invalid(field, isAbsent(source) ? "Field required" : "Input should be an object");
  switch (source["type"]) {
    case "base64":
      return { type: "blob", blob: inlineBlob(source["data"], source["media_type"], field, otherwise) };
    case "text":
      if (typeof source["data"] !== "string") throw invalid(`${field}.data`, "Input should be a valid string");
      return { type: "text", text: source["data"] };
    case "content":
      return { type: "blocks", content: source["content"] };
    case "url": {
      const url = source["url"];
      if (typeof url !== "string") throw invalid(`${field}.url`, "Input should be a valid string");
      const blob = parseDataUrl(url);
      if (!blob) throw invalid(`${field}.url`, "remote URLs are not fetched; send the content as base64");
      return { type: "blob", blob };
    }
    case "file":
      throw invalid(`${field}.file_id`, "uploaded files are not available; send the content as base64");
    default:
      throw invalid(`${field}.type`, "Input should be 'base64', 'url', 'text', 'content' or 'file'");
  }
}

/** The content of a `data:` URL, `undefined` for any other text. Parameters of the type are dropped. */
export function parseDataUrl(url: string): Blob64 | undefined {
  if (!/^data:/i.test(url)) return undefined;
  const comma = url.indexOf(",");
  if (comma === -1) return undefined;
  const [type = "", ...parameters] = url.slice("data:".length, comma).split(";");
  const data = url.slice(comma + 1);
  const isBase64 = parameters.some((parameter) => parameter.trim().toLowerCase() === "base64");
  return { mimeType: normalisedMime(type) ?? "text/plain", data: isBase64 ? data : base64OfPercentEncoded(data) };
}

function inlineBlob(data: unknown, mediaType: unknown, field: string, otherwise: string): Blob64 {
  if (typeof data !== "string" || data === "") throw invalid(`${field}.data`, "Input should be a valid string");
  // A whole data URL in the data field is a common slip; its own type is the better witness.
  const nested = parseDataUrl(data);
  if (nested) return nested;
  const mimeType = typeof mediaType === "string" && !isAbsent(mediaType) ? normalisedMime(mediaType) : undefined;
  return {
    mimeType: mimeType ?? sniffedMime(data) ?? otherwise,
    data: /\s/.test(data) ? data.replace(/\s+/g, "") : data,
  };
}

function normalisedMime(type: string): string | undefined {
  const bare = type.split(";", 1)[0]?.trim().toLowerCase();
  if (bare === "image/jpg") return "image/jpeg";
  return bare === "" ? undefined : bare;
}

const MAGIC: readonly (readonly [prefix: string, mimeType: string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
  ["JVBERi0", "application/pdf"],
];

/** Formats told by their first bytes, as these look in base64. */
function sniffedMime(data: string): string | undefined {
  return MAGIC.find(([prefix]) => data.startsWith(prefix))?.[1];
}

function base64OfPercentEncoded(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(decoded(text))) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray "%": the text is taken as it stands
  }
}

/** Media in an answer, as text: the only form in which this protocol can carry it. */
export function mediaAsText(mimeType: string, data: string): string {
  const label = mimeType.startsWith("image/") ? "![image]" : `[${mimeType}]`;
  return `${label}(data:${mimeType};base64,${data})`;
}

const IMAGE_TEXT = /!\[image\]\(data:(image\/[a-z0-9.+-]+);base64,([A-Za-z0-9+/=]+)\)/g;

/**
 * Undoes `mediaAsText` for images that come back in the history: as text, one picture costs the model more tokens
 * than the rest of the conversation.
 */
export function splitImageText(text: string): (string | Blob64)[] {
  if (!text.includes("![image](data:image/")) return [text];
  const pieces: (string | Blob64)[] = [];
  let from = 0;
  for (const match of text.matchAll(IMAGE_TEXT)) {
    if (match.index > from) pieces.push(text.slice(from, match.index));
    pieces.push({ mimeType: match[1] ?? "image/png", data: match[2] ?? "" });
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}
