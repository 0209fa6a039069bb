import type { WireContent, WirePart, WireRequest } from "./wire-types.ts";

/** Byte-pair encoders divide text so before they merge anything, and never merge over these borders. */
const PIECES = / ?[\p{L}\p{M}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+|\s+/gu;
/** Of words that are not in the vocabulary, and of scripts that take several bytes a letter, a token covers about so many. */
const BYTES_PER_TOKEN = 9;
/** A picture, or a page, whatever its size. */
const MEDIA_TOKENS = 258;

/** The tokens of a text, by a tokeniser that stands for the service's own: the same text always has the same count. */
export function textTokens(text: string): number {
  let tokens = 0;
  for (const [piece] of text.matchAll(PIECES)) tokens += Math.ceil(Buffer.byteLength(piece) / BYTES_PER_TOKEN);
  return tokens;
}

export function contentTokens(contents: readonly WireContent[]): number {
  return sum(contents, ({ parts = [] }) => sum(parts, partTokens));
}

/** The whole prompt of a generation call: what `promptTokenCount` says, and what countTokens says of the same words. */
export function promptTokens(request: WireRequest): number {
  const { contents = [], systemInstruction, tools = [], generationConfig } = request;
  const schema = generationConfig?.responseSchema ?? generationConfig?.responseJsonSchema;
  return (
    contentTokens(systemInstruction ? [systemInstruction, ...contents] : contents) +
    sum(tools, ({ functionDeclarations }) => (functionDeclarations ? jsonTokens(functionDeclarations) : 0)) +
    (schema ? jsonTokens(schema) : 0)
  );
}

/** Signatures cost nothing; a thought costs its text. */
function partTokens({
  text,
  inlineData,
  functionCall,
  functionResponse,
  executableCode,
  codeExecutionResult,
}: WirePart): number {
  let tokens = text === undefined ? 0 : textTokens(text);
  if (inlineData) tokens += MEDIA_TOKENS;
  if (functionCall) tokens += textTokens(functionCall.name ?? "") + jsonTokens(functionCall.args ?? {});
  if (functionResponse) {
    const { name = "", response = {}, parts = [] } = functionResponse;
    tokens += textTokens(name) + jsonTokens(response) + parts.length * MEDIA_TOKENS;
  }
  if (executableCode) tokens += jsonTokens(executableCode);
  if (codeExecutionResult) tokens += jsonTokens(codeExecutionResult);
  return tokens;
}

function jsonTokens(value: object): number {
  return textTokens(JSON.stringify(value));
}

function sum<T>(items: readonly T[], tokensOf: (item: T) => number): number {
  return items.reduce((total, item) => total + tokensOf(item), 0);
}
