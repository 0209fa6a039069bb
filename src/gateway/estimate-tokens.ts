import type { Blob64, Content, FunctionTool, GenerateRequest, Part, RemoteMedia } from "../core/request.ts";
import type { JsonValue } from "../lib/json.ts";
import { estimateTextTokens } from "./estimate-text.ts";

/** What the frame around each of these is worth: roles, ids, names of fields. */
const CONTENT_TOKENS = 4;
const CALL_TOKENS = 12;
const TOOL_TOKENS = 8;

/** How many tokens a prompt is, system text, tools, thinking and attachments counted in; rather too many than too few. Pure. */
export function estimateTokens({ system, contents, tools, outputFormat }: GenerateRequest): number {
  return (
    sum(system, (text) => estimateTextTokens(text) + CONTENT_TOKENS) +
    sum(contents, contentTokens) +
    sum(tools, toolTokens) +
    (outputFormat?.type === "json-schema" ? jsonTokens(outputFormat.schema) : 0)
  );
}

function toolTokens({ name, description = "", schema }: FunctionTool): number {
  const said = estimateTextTokens(name) + estimateTextTokens(description);
  return TOOL_TOKENS + said + (schema ? jsonTokens(schema) : 0);
}

function contentTokens({ parts }: Content): number {
  return CONTENT_TOKENS + sum(parts, partTokens);
}

function partTokens({ text, inlineData, remote, native, functionCall, functionResponse }: Part): number {
  let tokens = text === undefined ? 0 : estimateTextTokens(text);
  if (native) tokens += jsonTokens(native);
  if (inlineData) tokens += mediaTokens(inlineData);
  if (remote) tokens += mediaTokens(remote);
  if (functionCall) tokens += CALL_TOKENS + estimateTextTokens(functionCall.name) + jsonTokens(functionCall.args);
  if (functionResponse) {
    const { name, response, media = [] } = functionResponse;
    tokens += CALL_TOKENS + estimateTextTokens(name) + jsonTokens(response) + sum(media, mediaTokens);
  }
  return tokens;
}

function jsonTokens(value: JsonValue): number {
  return estimateTextTokens(JSON.stringify(value));
}

const SMALLEST_IMAGE_TOKENS = 258;
const LARGEST_IMAGE_TOKENS = 1600;
const PAGE_TOKENS = 258;
const PAGE_BYTES = 50_000;

/** By type and size: the services count images by their tiles, documents by pages, sound and film by seconds. */
function mediaTokens(media: Blob64 | RemoteMedia): number {
  const { mimeType = "" } = media;
  if ("url" in media) return LARGEST_IMAGE_TOKENS;
  const bytes = (media.data.length * 3) / 4;
  if (mimeType.startsWith("image/")) {
    return Math.min(LARGEST_IMAGE_TOKENS, Math.ceil(SMALLEST_IMAGE_TOKENS + bytes / 100));
  }
  if (mimeType === "application/pdf") return Math.ceil(bytes / PAGE_BYTES) * PAGE_TOKENS;
  // 32 tokens a second; speech is often stored at 4 kB a second, uncompressed sound at 32 and more.
  if (mimeType.startsWith("audio/")) return Math.ceil(bytes / (/wav|pcm|aiff/.test(mimeType) ? 1_000 : 125));
  // 300 tokens a second, of some 100 kB.
  if (mimeType.startsWith("video/")) return Math.ceil(bytes / 333);
  // Anything else is sent as its words, if at all.
  return Math.ceil(bytes / 3);
}

function sum<T>(items: readonly T[], tokensOf: (item: T) => number): number {
  return items.reduce((total, item) => total + tokensOf(item), 0);
}
