import { decodeBase64, isTextType, parseContent, parseDataUrl, sniffMimeType } from "../../lib/data-url.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { wellFormed } from "../../lib/well-formed.ts";
import { isAbsent, textOf } from "../lenient.ts";
import { audioMimeType, fileMimeType } from "./media-type.ts";
import { invalid } from "./check.ts";
import type { Part } from "../request.ts";

// The media in content parts of OpenAI's APIs. All of these throw invalid-request naming the field at fault.

/** Text as parts: none when it is empty. */
export function textParts(value: unknown): Part[] {
  const text = textOf(value);
  return text === "" ? [] : [{ text }];
}

/**
 * A part with an address or a `data:` URL in the field `key`, bare or as `{ url }`. `likely`: the type of content that does not
 * tell its own; of its kind is what an address must lead to.
 */
export function readLinked(
  key: "image_url" | "video_url" | "audio_url",
  likely: string,
): (part: JsonObject, field: string) => Part[] {
  return (part, field) => {
    const value = part[key];
    const at = isJsonObject(value) ? `${field}.${key}.url` : `${field}.${key}`;
    const url = isJsonObject(value) ? value["url"] : value;
    if (typeof url !== "string" || url === "") {
      refuseFileId(part, field, key);
      throw missing(at);
    }
    // Base64 without a `data:` prefix is recognised by its first bytes only.
    const content = sniffMimeType(url) === undefined ? parseDataUrl(url) : parseContent(url);
    if (content === undefined) return remoteParts(url, at, kindOfMedia(likely));
    return inlineParts(content.mimeType ?? likely, content.data, at);
  };
}

/** `{ data, format }` */
export function readAudio(audio: unknown, at: string): Part[] {
  if (!isJsonObject(audio)) throw missing(at);
  const { data, format } = audio;
  if (typeof data !== "string" || data === "") throw missing(`${at}.data`);
  const content = parseContent(data);
  const mimeType = (typeof format === "string" ? audioMimeType(format) : undefined) ?? content.mimeType;
  if (mimeType === undefined) throw missing(`${at}.format`);
  return inlineParts(mimeType, content.data, `${at}.data`);
}

/** `{ file_data }` or `{ file_url }`, either with a `filename`. */
export function readFile(file: JsonObject, at: string): Part[] {
  const { file_data: data, file_url: url, filename } = file;
  const [key, content] = isAbsent(data) || data === "" ? (["file_url", url] as const) : (["file_data", data] as const);
  if (typeof content !== "string" || content === "") {
    refuseFileId(file, at, "file_data");
    throw missing(`${at}.file_data`);
  }
  const named = typeof filename === "string" ? fileMimeType(filename) : undefined;
  // Some clients put the address where the content belongs.
  if (ADDRESS.test(content) || (key === "file_url" && !DATA_URL.test(content))) {
    return remoteParts(content, `${at}.${key}`, named);
  }
  const { mimeType, data: base64 } = parseContent(content, named);
  if (mimeType === undefined) {
    throw invalid(
      `${at}.filename`,
      `The type of '${at}' is unknown: send file_data as a data: URL or name the file with its extension.`,
    );
  }
  return attachment(mimeType, base64, `${at}.${key}`);
}

/** `{ type: "base64", media_type, data }`, as the Messages API has it. `likely`: as for `readLinked`. */
export function readSource(source: unknown, at: string, likely: string): Part[] {
  if (!isJsonObject(source)) throw missing(at);
  const { type, data, media_type: mediaType, url } = source;
  if (type === "text") return textParts(data);
  if (typeof url === "string" && (type === "url" || isAbsent(data))) {
    const linked = parseDataUrl(url);
    if (!linked) return remoteParts(url, `${at}.url`, kindOfMedia(likely));
    return inlineParts(linked.mimeType ?? likely, linked.data, `${at}.url`);
  }
  if (typeof data !== "string" || data === "") throw missing(`${at}.data`);
  const content = parseContent(data, isAbsent(mediaType) ? "" : textOf(mediaType));
  return inlineParts(content.mimeType ?? likely, content.data, `${at}.data`);
}

/** Media whose content is known. */
export function inlineParts(mimeType: string, data: string, field: string): Part[] {
  if (data === "") throw invalid(field, `Invalid value for '${field}': it holds no content.`);
  decoded(data, field);
  return [{ inlineData: { mimeType, data } }];
}

/** Text files become text: not every model reads them as attachments, and every one reads text. */
function attachment(mimeType: string, data: string, field: string): Part[] {
  if (!isTextType(mimeType)) return inlineParts(mimeType, data, field);
  return textParts(new TextDecoder().decode(decoded(data, field)));
}

const ADDRESS = /^\s*https?:/i;
const DATA_URL = /^data:/i;

/** `mimeType`: as in `RemoteMedia`. */
function remoteParts(url: string, field: string, mimeType: string | undefined): Part[] {
  if (!ADDRESS.test(url)) {
    throw invalid(
      field,
      `Invalid value for '${field}': send an http or https URL, or the content as a base64 data: URL.`,
    );
  }
  return [{ remote: { url: wellFormed(url), ...(mimeType !== undefined && { mimeType }), field } }];
}

/** What is expected at an address: any picture, any sound, any film; as a document, any file. */
function kindOfMedia(mimeType: string): string | undefined {
  return mimeType.startsWith("application/") ? undefined : mimeType.replace(/\/.*$/, "/*");
}

function refuseFileId(part: JsonObject, field: string, instead: string): void {
  if (isAbsent(part["file_id"])) return;
  const at = `${field}.file_id`;
  throw invalid(at, `Invalid value for '${at}': no files are stored here; send the content in ${instead}.`);
}

function decoded(data: string, field: string): Uint8Array {
  const bytes = decodeBase64(data);
  if (bytes === undefined) throw invalid(field, `Invalid value for '${field}': it is not base64.`);
  return bytes;
}

function missing(field: string) {
  return invalid(field, `Missing required parameter: '${field}'.`);
}
