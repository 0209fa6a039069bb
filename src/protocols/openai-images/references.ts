import { isAbsent } from "../../core/lenient.ts";
import { invalid } from "../../core/openai/check.ts";
import type { Part } from "../../core/request.ts";
import { decodeBase64, parseContent } from "../../lib/data-url.ts";
import { isJsonObject, type JsonObject, kindOf } from "../../lib/json.ts";
import { wellFormed } from "../../lib/well-formed.ts";
import type { ImageRequest } from "./schema.ts";

/**
 * The pictures that an edit starts from, in the client's order: uploaded files, `data:` URLs, plain base64, or addresses to
 * fetch. Throws invalid-request naming the one that is none.
 */
export function readReferences({ image, images }: ImageRequest): Part[] {
  const parts = [...readList(image, "image"), ...readList(images, "images")];
  if (parts.length === 0) throw invalid("image", "Missing required parameter: 'image'.");
  return parts;
}

function readList(value: unknown, field: string): Part[] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) return [readReference(value, field)];
  return value.map((entry: unknown, index) => readReference(entry, `${field}[${index}]`));
}

function readReference(value: unknown, field: string): Part {
  if (typeof value === "string") return readAddress(value, field);
  if (!isJsonObject(value)) {
    throw invalid(field, `Invalid type for '${field}': expected an image, but got ${kindOf(value)} instead.`);
  }
  if (!isAbsent(value["file_id"])) {
    throw invalid(
      `${field}.file_id`,
      `'${field}.file_id' is not supported: no files are kept here; send the image itself.`,
    );
  }
  return isAbsent(value["data"]) ? readLinked(value, field) : readFile(value, field);
}

const ADDRESS_KEYS = ["image_url", "url", "b64_json"];

/** `{ image_url }`, whose address may stand in an object of its own as it does in chat. */
function readLinked(value: JsonObject, field: string): Part {
  const key = ADDRESS_KEYS.find((name) => !isAbsent(value[name]));
  if (key === undefined) throw invalid(`${field}.image_url`, `Missing required parameter: '${field}.image_url'.`);
  const inner = value[key];
  if (isJsonObject(inner) && key === "image_url")
    return readLinked({ url: inner["url"] ?? null }, `${field}.image_url`);
  if (typeof inner === "string") return readAddress(inner, `${field}.${key}`);
  const at = `${field}.${key}`;
  throw invalid(at, `Invalid type for '${at}': expected a string, but got ${kindOf(inner)} instead.`);
}

function readAddress(address: string, field: string): Part {
  if (!/^https?:/i.test(address)) return readContent(address, "", field);
  return { remote: { url: wellFormed(address), mimeType: "image/*", field } };
}

/** A file of a form. */
function readFile({ data, mimeType }: JsonObject, field: string): Part {
  return readContent(typeof data === "string" ? data : "", typeof mimeType === "string" ? mimeType : "", field);
}

function readContent(text: string, declared: string, field: string): Part {
  const { mimeType, data } = parseContent(text, declared);
  const problem = (expected: string) => invalid(field, `Invalid value for '${field}': expected ${expected}.`);
  if (data === "") throw problem("an image that is not empty");
  if (decodeBase64(data) === undefined) throw problem("an image file, a base64 data: URL or an http(s) address");
  if (mimeType === undefined) throw problem("an image whose type is named or can be told from its first bytes");
  if (!mimeType.startsWith("image/")) throw problem("an image");
  return { inlineData: { mimeType, data } };
}
