import { isAbsent, textOf } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import type { Part } from "../../core/request.ts";
import { decodeBase64, parseContent, parseDataUrl, sniffMimeType } from "../../lib/data-url.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { invalid, kindOf } from "./check.ts";
import { judge, partFields } from "./fields.ts";

/** The parts of a message's `content`: text, `null`, or an array of typed parts. Empty texts are left out. */
export function readParts(content: unknown, field: string, losses: LossList): Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return textParts(textOf(content));
  if (!Array.isArray(content)) {
    throw invalid(
      field,
      `Invalid type for '${field}': expected a string or an array, but got ${kindOf(content)} instead.`,
    );
  }
  return content.flatMap((part: unknown, index) => readPart(part, `${field}[${index}]`, losses));
}

type PartReader = (part: JsonObject, field: string) => Part[];

const readText: PartReader = ({ text }) => textParts(textOf(text));
const readNothing: PartReader = () => [];

/** Clients mix the part types of their other protocols into chat messages; what is unambiguous is read. */
const READERS: Readonly<Record<string, PartReader>> = {
  text: readText,
  input_text: readText,
  output_text: readText,
  refusal: ({ refusal }) => textParts(textOf(refusal)),
  image_url: readUrl("image_url", "image/png"),
  input_image: readUrl("image_url", "image/png"),
  video_url: readUrl("video_url", "video/mp4"),
  audio_url: readUrl("audio_url", "audio/wav"),
  input_audio: readAudio,
  file: readFile,
  image: readSource("image/png"),
  document: readSource("application/pdf"),
  // A model's earlier thinking: unsigned, so it cannot be sent back.
  thinking: readNothing,
  redacted_thinking: readNothing,
  reasoning: readNothing,
};

function readPart(part: unknown, field: string, losses: LossList): Part[] {
  if (typeof part === "string") return textParts(textOf(part));
  if (!isJsonObject(part)) {
    throw invalid(field, `Invalid type for '${field}': expected an object, but got ${kindOf(part)} instead.`);
  }
  const type = part["type"] ?? (part["text"] === undefined ? undefined : "text");
  const reader = typeof type === "string" && Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (reader === undefined || typeof type !== "string") {
    const at = `${field}.type`;
    if (type === undefined) throw invalid(at, `Missing required parameter: '${at}'.`);
    throw invalid(at, `Invalid value for '${at}': this type of content part is not supported.`);
  }
  const table = Object.hasOwn(partFields, type) ? partFields[type] : undefined;
  if (table) judge(table, part, field, losses);
  return reader(part, field);
}

function textParts(text: string): Part[] {
  return text === "" ? [] : [{ text }];
}

function readUrl(key: "image_url" | "video_url" | "audio_url", fallbackMimeType: string): PartReader {
  return (part, field) => {
    const value = part[key];
    const at = isJsonObject(value) ? `${field}.${key}.url` : `${field}.${key}`;
    const url = isJsonObject(value) ? value["url"] : value;
    if (typeof url !== "string" || url === "") throw invalid(at, `Missing required parameter: '${at}'.`);
    // Base64 without a `data:` prefix is recognised by its first bytes only.
    const content = sniffMimeType(url) === undefined ? parseDataUrl(url) : parseContent(url);
    if (content === undefined) {
      throw invalid(
        at,
        `Invalid value for '${at}': send the content itself as a base64 data: URL; links are not fetched.`,
      );
    }
    return inline(content.mimeType ?? fallbackMimeType, content.data, at);
  };
}

/** Formats whose media type is not simply `audio/<format>`. */
const AUDIO_TYPES: Readonly<Record<string, string>> = {
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  opus: "audio/ogg",
  pcm16: "audio/pcm",
  g711_ulaw: "audio/basic",
  g711_alaw: "audio/basic",
};

function audioType(format: string): string | undefined {
  const name = format.toLowerCase();
  if (Object.hasOwn(AUDIO_TYPES, name)) return AUDIO_TYPES[name];
  return /^[\w.+-]+$/.test(name) ? `audio/${name}` : undefined;
}

function readAudio(part: JsonObject, field: string): Part[] {
  const at = `${field}.input_audio`;
  const audio = part["input_audio"];
  if (!isJsonObject(audio)) throw invalid(at, `Missing required parameter: '${at}'.`);
  const { data, format } = audio;
  if (typeof data !== "string" || data === "") throw invalid(`${at}.data`, `Missing required parameter: '${at}.data'.`);
  const content = parseContent(data);
  const mimeType = (typeof format === "string" ? audioType(format) : undefined) ?? content.mimeType;
  if (mimeType === undefined) throw invalid(`${at}.format`, `Missing required parameter: '${at}.format'.`);
  return inline(mimeType, content.data, `${at}.data`);
}

const FILE_TYPES: Readonly<Record<string, string>> = {
  pdf: "application/pdf",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  ogg: "audio/ogg",
  flac: "audio/flac",
  mp4: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  html: "text/html",
  json: "application/json",
};

function readFile(part: JsonObject, field: string): Part[] {
  const at = `${field}.file`;
  const file = part["file"];
  if (!isJsonObject(file)) throw invalid(at, `Missing required parameter: '${at}'.`);
  const { file_data: data, file_id: id, filename } = file;
  if (typeof data !== "string" || data === "") {
    if (!isAbsent(id)) {
      throw invalid(
        `${at}.file_id`,
        `Invalid value for '${at}.file_id': no files are stored here; send the content in file_data.`,
      );
    }
    throw invalid(`${at}.file_data`, `Missing required parameter: '${at}.file_data'.`);
  }
  const extension = typeof filename === "string" ? filename.slice(filename.lastIndexOf(".") + 1).toLowerCase() : "";
  const named = Object.hasOwn(FILE_TYPES, extension) ? FILE_TYPES[extension] : undefined;
  const content = parseContent(data, named);
  if (content.mimeType === undefined) {
    throw invalid(
      `${at}.filename`,
      `The type of '${at}' is unknown: send file_data as a data: URL or name the file with its extension.`,
    );
  }
  return attachment(content.mimeType, content.data, `${at}.file_data`);
}

/** Text files become text: not every model reads them as attachments, and every one reads text. */
function attachment(mimeType: string, data: string, field: string): Part[] {
  if (!mimeType.startsWith("text/") && mimeType !== "application/json") return inline(mimeType, data, field);
  return textParts(new TextDecoder().decode(decoded(data, field)));
}

/** `{ type: "image", source: { type: "base64", media_type, data } }`, as the Messages API has it. */
function readSource(fallbackMimeType: string): PartReader {
  return (part, field) => {
    const at = `${field}.source`;
    const source = part["source"];
    if (!isJsonObject(source)) throw invalid(at, `Missing required parameter: '${at}'.`);
    const { data, media_type: mediaType } = source;
    if (source["type"] === "text") return textParts(textOf(data));
    if (typeof data !== "string" || data === "") {
      throw invalid(`${at}.data`, `Missing required parameter: '${at}.data'. Links are not fetched.`);
    }
    const content = parseContent(data, isAbsent(mediaType) ? "" : textOf(mediaType));
    return inline(content.mimeType ?? fallbackMimeType, content.data, `${at}.data`);
  };
}

function inline(mimeType: string, data: string, field: string): Part[] {
  if (data === "") throw invalid(field, `Invalid value for '${field}': it holds no content.`);
  decoded(data, field);
  return [{ inlineData: { mimeType, data } }];
}

function decoded(data: string, field: string): Uint8Array {
  const bytes = decodeBase64(data);
  if (bytes === undefined) throw invalid(field, `Invalid value for '${field}': it is not base64.`);
  return bytes;
}
