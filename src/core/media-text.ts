import { decodeBase64 } from "../lib/data-url.ts";
import type { Part } from "./request.ts";

/** Media in an answer, as text: the only form in which many clients can be given it. Images are Markdown that is shown. */
export function mediaAsText(mimeType: string, data: string): string {
  const label = mimeType.startsWith("image/") ? "![image]" : `[${mimeType}]`;
  return `${label}(data:${mimeType};base64,${data})`;
}

// No part of it can match in two ways, so the time it takes is linear even over text made to be slow.
const TARGET = /\]\(data:([\w.+-]+\/[\w.+-]+);base64,([A-Za-z0-9+/=]+)\)/g;
const LONGEST_ALT_TEXT = 500;

/**
 * Undoes `mediaAsText` in an answer that comes back in the history: read as text, one image would cost more tokens than
 * the rest of the conversation. Images of other gateways are recognised too, whatever their alternative text. No part
 * is an empty text.
 */
export function splitMediaText(text: string): Part[] {
  if (!text.includes("](data:")) return text === "" ? [] : [{ text }];
  const parts: Part[] = [];
  let done = 0;
  for (const { 0: target, 1: mimeType = "", 2: data = "", index } of text.matchAll(TARGET)) {
    const start = labelStart(text, done, index, mimeType);
    if (start === -1 || decodeBase64(data) === undefined) continue;
    if (start > done) parts.push({ text: text.slice(done, start) });
    parts.push({ inlineData: { mimeType, data } });
    done = index + target.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

/** Where the label begins that ends at `end`; -1 when what stands there is no label of such media. */
function labelStart(text: string, from: number, end: number, mimeType: string): number {
  if (!mimeType.startsWith("image/")) {
    const start = end - mimeType.length - 1;
    return start >= from && text.startsWith(`[${mimeType}`, start) ? start : -1;
  }
  const window = Math.max(from, end - LONGEST_ALT_TEXT);
  const before = text.slice(window, end);
  const mark = before.lastIndexOf("![");
  return mark === -1 || /[\]\n]/.test(before.slice(mark)) ? -1 : window + mark;
}
