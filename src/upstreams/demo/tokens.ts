import type { DemoContent, DemoRequest } from "./request.ts";

const BYTES_PER_TOKEN = 4;
/** What a picture costs, whatever its size. */
const MEDIA_TOKENS = 258;

/** A made-up tokeniser: four bytes of UTF-8 are a token. */
export function textTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

export function contentTokens(contents: readonly DemoContent[]): number {
  let tokens = 0;
  for (const { parts } of contents) {
    for (const { text, inlineData, functionCall, functionResponse } of parts) {
      if (text !== undefined) tokens += textTokens(text);
      if (inlineData) tokens += MEDIA_TOKENS;
      if (functionCall) tokens += textTokens(functionCall.name + JSON.stringify(functionCall.args));
      if (functionResponse) {
        tokens += textTokens(functionResponse.name + JSON.stringify(functionResponse.response));
        tokens += functionResponse.parts.length * MEDIA_TOKENS;
      }
    }
  }
  return tokens;
}

/** What stands before the conversation: system text and tool declarations. */
export function preludeTokens(request: Pick<DemoRequest, "system" | "tools">): number {
  let tokens = 0;
  for (const text of request.system) tokens += textTokens(text);
  for (const tool of request.tools) tokens += textTokens(JSON.stringify(tool));
  return tokens;
}

/** The longest beginning of `text` that is at most so many tokens; never half a character. */
export function firstTokens(text: string, tokens: number): string {
  if (textTokens(text) <= tokens) return text;
  let bytes = 0;
  let length = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > tokens * BYTES_PER_TOKEN) break;
    length += character.length;
  }
  return text.slice(0, length);
}
