import { percentDecoded, percentDecodedBytes } from "./percent.ts";

interface EncodedContent {
  /** `undefined` when neither what is declared nor the content's first bytes tell. */
  mimeType: string | undefined;
  /** Base64 in its standard form. Whether it can be decoded is for `decodeBase64` to say. */
  data: string;
}

/**
 * Content written as base64 or, as is a common slip, as a whole `data:` URL. `declared` is the type given beside it; the
 * URL's own is the better witness.
 */
export function parseContent(text: string, declared = ""): EncodedContent {
  const { mimeType, data } = parseDataUrl(text) ?? { mimeType: undefined, data: cleanBase64(text) };
  return { mimeType: mimeType ?? mimeTypeOf(declared, data), data };
}

/** The content of a `data:` URL, `undefined` for any other text. Content that is not in base64 is put into it. */
export function parseDataUrl(url: string): EncodedContent | undefined {
  if (url.slice(0, 5).toLowerCase() !== "data:") return undefined;
  const comma = url.indexOf(",");
  if (comma === -1) return undefined;
  const header = url.slice(5, comma);
  const content = url.slice(comma + 1);
  const isBase64 = /;\s*base64\s*$/i.test(header);
  const data = isBase64 ? cleanBase64(content) : percentDecodedBytes(content).toBase64();
  return { mimeType: mimeTypeOf(header, data) ?? (isBase64 ? undefined : "text/plain"), data };
}

/** What `declared` says, or where it says nothing the content's first bytes. */
function mimeTypeOf(declared: string, base64: string): string | undefined {
  const plain = plainMimeType(declared);
  return plain !== "" && plain !== "application/octet-stream" ? plain : sniffMimeType(base64);
}

/** In lower case and without parameters; the common misspelling set right. */
export function plainMimeType(mimeType: string): string {
  const semicolon = mimeType.indexOf(";");
  const plain = (semicolon === -1 ? mimeType : mimeType.slice(0, semicolon)).trim().toLowerCase();
  return plain === "image/jpg" ? "image/jpeg" : plain;
}

const TEXT = /^text\/|^application\/(?:json|xml|yaml|x-yaml|javascript|typescript|toml|x-sh|sql)$|\+(?:json|xml)$/;

/** Whether content of a (plain) type is words, which every model can read. */
export function isTextType(mimeType: string): boolean {
  return TEXT.test(mimeType);
}

/** First bytes of the formats that clients send without saying what they are, as they look in base64. */
const MAGIC: readonly (readonly [prefix: string, mimeType: string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["JVBERi", "application/pdf"],
];

export function sniffMimeType(base64: string): string | undefined {
  if (base64.startsWith("UklGR")) return typeOfRiff(base64);
  return MAGIC.find(([prefix]) => base64.startsWith(prefix))?.[1];
}

/** RIFF is a container; the letters after its length say of what: "WEBP", "WAVE". */
function typeOfRiff(base64: string): string {
  return base64.startsWith("QVZF", 12) ? "audio/wav" : "image/webp";
}

/** The standard form: neither url-safe nor percent-encoded, no white space, padded. Anything else stays wrong. */
function cleanBase64(text: string): string {
  let data = percentDecoded(text);
  if (/\s/.test(data)) data = data.replace(/\s+/g, "");
  if (data.includes("-") || data.includes("_")) data = data.replaceAll("-", "+").replaceAll("_", "/");
  return padded(data);
}

function padded(data: string): string {
  let end = data.length;
  while (end > 0 && data[end - 1] === "=") end--;
  const padding = (4 - (end % 4)) % 4;
  // One digit too many is no base64, however it is padded.
  return padding === 3 || data.length - end === padding ? data : data.slice(0, end) + "=".repeat(padding);
}

/** The bytes, or `undefined` when the text is not base64. */
export function decodeBase64(data: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(data);
  } catch {
    return undefined; // "not base64" is an answer here, not a failure
  }
}
