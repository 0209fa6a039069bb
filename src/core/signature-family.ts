import type { Family } from "./models.ts";

/**
 * Which family a thought signature comes from, read off its encoding (docs/wire.md, "Signatures"):
 * Cloud Code's Claude double-wraps (`R…`: base64 of base64 of a protobuf), Gemini 3 is a protobuf whose field 2 holds
 * a field 1 that starts with 0x01. Everything else (Anthropic's own single layer, OpenAI's, placeholders) is foreign.
 */
export function signatureFamily(signature: string): Exclude<Family, "gpt-oss"> | undefined {
  const outer = decodeHead(signature);
  if (outer === undefined) return undefined;
  if (signature.startsWith("R")) {
    const inner = outer.startsWith("E") ? decodeHead(outer) : undefined;
    return inner?.charCodeAt(0) === 0x12 ? "claude" : undefined;
  }
  return isGeminiHead(outer) ? "gemini" : undefined;
}

/** The first bytes of a base64 text, as a binary string; `undefined` when they are not base64. */
function decodeHead(text: string): string | undefined {
  const head = text.slice(0, Math.min(64, text.length - (text.length % 4)));
  if (head === "" || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(head)) return undefined;
  return atob(head.replaceAll("-", "+").replaceAll("_", "/"));
}

/** 0x12 <length> 0x0a <length> 0x01 …; a length is a varint of one to five bytes. */
function isGeminiHead(bytes: string): boolean {
  if (bytes.charCodeAt(0) !== 0x12) return false;
  const inner = skipVarint(bytes, 1);
  if (bytes.charCodeAt(inner) !== 0x0a) return false;
  return bytes.charCodeAt(skipVarint(bytes, inner + 1)) === 0x01;
}

function skipVarint(bytes: string, start: number): number {
  let index = start;
  while (index < start + 5 && bytes.charCodeAt(index) >= 0x80) index++;
  return index + 1;
}
