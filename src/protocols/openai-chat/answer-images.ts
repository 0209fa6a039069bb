import type { Part } from "../../core/request.ts";

/** How an image stands in the text of an answer: chat messages have no other place for it that all clients show. */
export function imageMarkdown(mimeType: string, data: string): string {
  return `![image](data:${mimeType};base64,${data})`;
}

// No part of it can match in two ways, so the time it takes is linear even over text made to be slow.
const IMAGE_TARGET = /\]\(data:(image\/[\w.+-]+);base64,([A-Za-z0-9+/=]+)\)/g;
const LONGEST_ALT_TEXT = 500;

/**
 * Undoes `imageMarkdown` in an earlier answer: read as text, one image would cost some hundred thousand tokens.
 * Images of other gateways are recognised too, whatever their alternative text.
 */
export function splitImages(text: string): Part[] {
  if (!text.includes("](data:image/")) return text === "" ? [] : [{ text }];
  const parts: Part[] = [];
  let done = 0;
  for (const { 0: target, 1: mimeType = "", 2: data = "", index } of text.matchAll(IMAGE_TARGET)) {
    const start = imageStart(text, done, index);
    if (start === -1) continue;
    if (start > done) parts.push({ text: text.slice(done, start) });
    parts.push({ inlineData: { mimeType, data } });
    done = index + target.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

/** Where the `![` stands whose alternative text ends at `end`; -1 when what stands there is no image. */
function imageStart(text: string, from: number, end: number): number {
  const window = Math.max(from, end - LONGEST_ALT_TEXT);
  const before = text.slice(window, end);
  const mark = before.lastIndexOf("![");
  return mark === -1 || /[\]\n]/.test(before.slice(mark)) ? -1 : window + mark;
}
