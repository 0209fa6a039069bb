import { isAbsent, textOf } from "../../core/lenient.ts";
import type { Blob64, RemoteMedia } from "../../core/request.ts";
import { decodeBase64, parseContent, parseDataUrl } from "../../lib/data-url.ts";
import { isJsonObject } from "../../lib/json.ts";
import { wellFormed } from "../../lib/well-formed.ts";
import { invalid } from "./report.ts";

/** What a `source` object holds once its transport is taken off. */
type Source =
  | { type: "blob"; blob: Blob64 }
  | { type: "remote"; media: RemoteMedia }
  | { type: "text"; text: string }
  /** Content blocks, still unread. */
  | { type: "blocks"; content: unknown };

/** What a block says about its attachment by its own type. */
export interface AttachmentKind {
  /** The type of content that does not tell its own. */
  otherwise: string;
  /** What may stand at an address. Absent: anything. */
  expected?: string;
}

/**
 * Reads the `source` of an image or document block. Throws `invalid-request` for uploaded files, which are not there:
 * leaving the attachment out would make the model answer about something it never saw.
 */
export function readSource(source: unknown, field: string, { otherwise, expected }: AttachmentKind): Source {
  if (!isJsonObject(source)) throw invalid(field, isAbsent(source) ? "Field required" : "Input should be an object");
  switch (source["type"]) {
    case "base64":
      return { type: "blob", blob: inlineBlob(source["data"], source["media_type"], `${field}.data`, otherwise) };
    case "text":
      if (typeof source["data"] !== "string") throw invalid(`${field}.data`, "Input should be a valid string");
      return { type: "text", text: textOf(source["data"]) };
    case "content":
      return { type: "blocks", content: source["content"] };
    case "url": {
      const url = source["url"];
      if (typeof url !== "string") throw invalid(`${field}.url`, "Input should be a valid string");
      const content = parseDataUrl(url);
      if (!content) return { type: "remote", media: remoteMedia(url, `${field}.url`, expected) };
      return { type: "blob", blob: checkedBlob(content.mimeType ?? otherwise, content.data, `${field}.url`) };
    }
    case "file":
      throw invalid(`${field}.file_id`, "uploaded files are not available; send the content as base64");
    default:
      throw invalid(`${field}.type`, "Input should be 'base64', 'url', 'text', 'content' or 'file'");
  }
}

function remoteMedia(url: string, field: string, expected: string | undefined): RemoteMedia {
  if (!/^\s*https?:/i.test(url)) throw invalid(field, "Input should be an http, https or data URL");
  return { url: wellFormed(url), ...(expected !== undefined && { mimeType: expected }), field };
}

function inlineBlob(data: unknown, mediaType: unknown, field: string, otherwise: string): Blob64 {
  if (typeof data !== "string" || data === "") throw invalid(field, "Input should be a valid string");
  const content = parseContent(data, isAbsent(mediaType) ? "" : textOf(mediaType));
  return checkedBlob(content.mimeType ?? otherwise, content.data, field);
}

function checkedBlob(mimeType: string, data: string, field: string): Blob64 {
  if (data === "") throw invalid(field, "the attachment is empty");
  if (decodeBase64(data) === undefined) throw invalid(field, "the content is not valid base64");
  return { mimeType, data };
}
