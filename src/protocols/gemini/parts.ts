import { isAbsent, textOf, toolArguments } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import type { Blob64, FunctionCall, FunctionResponse, Part, RemoteMedia } from "../../core/request.ts";
import { decodeBase64, parseContent } from "../../lib/data-url.ts";
import { isJsonObject, type JsonObject, type JsonValue, kindOf } from "../../lib/json.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import type { CallIds } from "./call-ids.ts";
import {
  blobFields,
  fileDataFields,
  functionCallFields,
  functionResponseFields,
  functionResponsePartFields,
  partFields,
} from "./fields.ts";
import { invalid, judgeStructure, listIn, requireStructure, type Structure, structure } from "./structure.ts";

export interface PartReader {
  losses: LossList;
  ids: CallIds;
}

/**
 * One part as the client wrote it. More than one comes of a part with several kinds of data, as a well-known SDK writes a
 * history that it has put together from a stream; none of an empty one.
 */
export function readPart(value: unknown, field: string, reader: PartReader): Part[] {
  if (typeof value === "string") return value === "" ? [] : [{ text: wellFormed(value) }];
  if (isAbsent(value)) return [];
  if (!isJsonObject(value)) throw invalid(field, `expected an object, but got ${kindOf(value)}`);
  const part = structure(value, field);
  judgeStructure(partFields, part, reader.losses);

  const parts = readData(part, reader);
  const signature = signatureOf(part.fields) ?? callSignature(part.fields["functionCall"]);
  if (signature !== undefined) {
    // A signature without data signs what came before it.
    if (parts.length === 0) parts.push({ text: "", ...(part.fields["thought"] === true && { thought: true }) });
    const signed = parts.find((read) => read.functionCall) ?? parts[0];
    if (signed) signed.thoughtSignature = signature;
  }
  return parts.filter(({ text, thoughtSignature }) => text !== "" || thoughtSignature !== undefined);
}

const NATIVE_DATA = ["executableCode", "codeExecutionResult"] as const;

function readData(part: Structure, reader: PartReader): Part[] {
  const { fields, place } = part;
  const { text, thought, inlineData, fileData, functionCall, functionResponse } = fields;
  const parts: Part[] = [];
  if (text !== undefined && text !== null) {
    parts.push({ text: textOf(text), ...(thought === true && { thought: true }), ...besides(part) });
  }
  if (!isAbsent(inlineData)) {
    if (thought === true) reader.losses.add(place("inlineData"), "draft pictures are not sent back");
    else parts.push({ inlineData: readBlob(inlineData, place("inlineData"), reader), ...besides(part) });
  }
  if (!isAbsent(fileData)) parts.push(filePart(readFile(fileData, place("fileData"), reader), part));
  for (const name of NATIVE_DATA) {
    const data = fields[name];
    if (isAbsent(data)) continue;
    if (!isJsonObject(data)) throw invalid(place(name), `expected an object, but got ${kindOf(data)}`);
    parts.push({ native: { [name]: wellFormedObject(data) } });
  }
  if (!isAbsent(functionCall)) {
    parts.push({ functionCall: readCall(functionCall, place("functionCall"), reader) });
  }
  if (!isAbsent(functionResponse)) {
    parts.push({ functionResponse: readResponse(functionResponse, place("functionResponse"), reader) });
  }
  return parts;
}

/** What only Gemini models understand beside text or media. */
function besides({ fields, place }: Structure): { native?: JsonObject } {
  const native: JsonObject = {};
  for (const name of ["videoMetadata", "mediaResolution"]) {
    const value = fields[name];
    if (isAbsent(value)) continue;
    if (!isJsonObject(value)) throw invalid(place(name), `expected an object, but got ${kindOf(value)}`);
    native[name] = wellFormedObject(value);
  }
  return Object.keys(native).length === 0 ? {} : { native };
}

function readBlob(value: unknown, field: string, { losses }: PartReader): Blob64 {
  const blob = requireStructure(value, field);
  judgeStructure(blobFields, blob, losses);
  const { data, mimeType } = blob.fields;
  if (isAbsent(data) || data === "") throw invalid(blob.place("data"), "this field is required");
  if (typeof data !== "string") throw invalid(blob.place("data"), `expected base64, but got ${kindOf(data)}`);
  return decodable(data, typeOf(mimeType, blob.place("mimeType")), blob.place("data"), blob.place("mimeType"));
}

function typeOf(value: unknown, field: string): string | undefined {
  if (isAbsent(value) || value === "") return undefined;
  if (typeof value === "string") return value;
  throw invalid(field, `expected a media type, but got ${kindOf(value)}`);
}

function decodable(text: string, declared: string | undefined, field: string, typeField: string): Blob64 {
  const { mimeType, data } = parseContent(text, declared);
  if (data === "" || decodeBase64(data) === undefined) throw invalid(field, "expected the content in base64");
  if (mimeType === undefined) throw invalid(typeField, "expected the media type of the content");
  return { mimeType, data };
}

type File = { blob: Blob64 } | { remote: RemoteMedia } | { held: JsonObject };

function readFile(value: unknown, field: string, { losses }: PartReader): File {
  const file = requireStructure(value, field);
  judgeStructure(fileDataFields, file, losses);
  const { fileUri } = file.fields;
  const uriField = file.place("fileUri");
  if (isAbsent(fileUri) || fileUri === "") throw invalid(uriField, "this field is required");
  if (typeof fileUri !== "string") throw invalid(uriField, `expected a URI, but got ${kindOf(fileUri)}`);
  const mimeType = typeOf(file.fields["mimeType"], file.place("mimeType"));
  if (/^data:/i.test(fileUri)) return { blob: decodable(fileUri, mimeType, uriField, file.place("mimeType")) };
  const typed = mimeType === undefined ? {} : { mimeType };
  if (!/^https?:\/\//i.test(fileUri) || HELD_BY_GOOGLE.test(fileUri)) {
    return { held: { fileData: { ...typed, fileUri: wellFormed(fileUri) } } };
  }
  return { remote: { url: wellFormed(fileUri), ...typed, field: uriField } };
}

/** Addresses that Gemini models read by themselves: uploaded files, videos. What is there on the web is a page about them. */
const HELD_BY_GOOGLE =
  /^https?:\/\/(?:[\w-]+\.)*(?:generativelanguage\.googleapis\.com|youtube\.com|youtu\.be)(?:[:/?#]|$)/i;

function filePart(file: File, part: Structure): Part {
  const beside = besides(part);
  if ("blob" in file) return { inlineData: file.blob, ...beside };
  if ("remote" in file) return { remote: file.remote, ...beside };
  return { native: { ...file.held, ...beside.native } };
}

function readCall(value: unknown, field: string, { losses, ids }: PartReader): FunctionCall {
  const call = requireStructure(value, field);
  judgeStructure(functionCallFields, call, losses);
  const name = nameIn(call);
  if (name === undefined) throw invalid(call.place("name"), "this field is required");
  return { id: ids.called(name, idIn(call)), name, args: toolArguments(call.fields["args"]) };
}

function readResponse(value: unknown, field: string, reader: PartReader): FunctionResponse {
  const result = requireStructure(value, field);
  judgeStructure(functionResponseFields, result, reader.losses);
  const name = nameIn(result);
  const id = idIn(result);
  const call = reader.ids.answered(name, id);
  if (!call && name === undefined) throw invalid(result.place("name"), "this field is required");
  const media = listIn(result.fields["parts"], result.place("parts")).map((part, index) =>
    readResultMedia(part, `${result.place("parts")}[${index}]`, reader),
  );
  return {
    id: call?.id ?? id ?? "",
    name: name ?? call?.name ?? "",
    response: responseIn(result.fields["response"]),
    ...(media.length > 0 && { media }),
  };
}

function nameIn({ fields, place }: Structure): string | undefined {
  const { name } = fields;
  if (isAbsent(name) || name === "") return undefined;
  if (typeof name === "string") return wellFormed(name);
  throw invalid(place("name"), `expected the name of a function, but got ${kindOf(name)}`);
}

function idIn({ fields, place }: Structure): string | undefined {
  const { id } = fields;
  if (isAbsent(id) || id === "") return undefined;
  if (typeof id === "string") return wellFormed(id);
  throw invalid(place("id"), `expected the id of a call, but got ${kindOf(id)}`);
}

function responseIn(value: unknown): JsonObject {
  if (isAbsent(value)) return {};
  if (isJsonObject(value)) return wellFormedObject(value);
  return wellFormedObject({ result: value as JsonValue });
}

function readResultMedia(value: unknown, field: string, reader: PartReader): Blob64 | RemoteMedia {
  const part = requireStructure(value, field);
  judgeStructure(functionResponsePartFields, part, reader.losses);
  const { inlineData, fileData } = part.fields;
  if (!isAbsent(inlineData)) return readBlob(inlineData, part.place("inlineData"), reader);
  const file = readFile(fileData, part.place("fileData"), reader);
  if ("blob" in file) return file.blob;
  if ("remote" in file) return file.remote;
  throw invalid(
    part.place("fileData"),
    "not supported: what a function returns must be sent along or stand on the web",
  );
}

function callSignature(value: unknown): string | undefined {
  return isJsonObject(value) ? signatureOf(value) : undefined;
}

function signatureOf(fields: Structure["fields"]): string | undefined {
  const signature = fields["thoughtSignature"] ?? fields["thought_signature"];
  return typeof signature === "string" && signature !== "" && !isAbsent(signature) ? signature : undefined;
}
