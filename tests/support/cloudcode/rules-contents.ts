import { refuse, refuseAsAnthropic } from "./refusal.ts";
import type { ServedModel } from "./model-table.ts";
import type { WireBlob, WireContent, WirePart, WireRequest } from "./wire-types.ts";

const DATA_FIELDS = [
  "text",
  "functionCall",
  "functionResponse",
  "inlineData",
  "fileData",
  "executableCode",
  "codeExecutionResult",
] as const;

const ONEOF_MESSAGE = "required oneof field 'data' must have one initialized field";

/** Roles, alternation and what a part may hold. */
export function checkContents(request: WireRequest, model: ServedModel): void {
  const contents = request.contents ?? [];
  if (contents.length === 0) refuse("contents-empty", "* GenerateContentRequest.contents: contents is not specified");
  contents.forEach((content, index) => {
    checkRole(content, index);
    checkOneof(content, `contents[${index}]`);
    if (isLeadingPlaceholder(content, index) && model.family !== "claude") return;
    content.parts?.forEach((part, position) => checkPart(part, content, model, index, position));
  });
  checkAlternation(contents, model);
  checkEnds(contents, model);
}

export function checkSystemInstruction(instruction: WireContent | undefined, model: ServedModel): void {
  if (!instruction) return;
  if (instruction.role !== undefined && instruction.role !== "user") {
    refuse("system-role", `Invalid role '${instruction.role}' in system_instruction.`);
  }
  checkOneof(instruction, "system_instruction");
  for (const part of instruction.parts ?? []) {
    if (part.text === undefined || part.thought === true || part.thoughtSignature !== undefined) {
      refuse("system-not-text", "system_instruction takes text parts only.");
    }
    if (part.text.trim() === "") {
      if (model.family === "claude")
        refuseAsAnthropic("system-text-empty", "system: text content blocks must be non-empty");
      refuse("system-text-empty", `* GenerateContentRequest.system_instruction.parts[0].data: ${ONEOF_MESSAGE}`);
    }
  }
}

function checkRole(content: WireContent, index: number): void {
  if (content.role === "user" || content.role === "model") return;
  const where = `contents[${index}].role`;
  if (content.role === undefined)
    refuse("role-missing", `* GenerateContentRequest.${where}: required field is missing`);
  refuse("role-unknown", `${where}: Please use a valid role: user, model.`);
}

/** Exactly one data field in each part, at least one part. Also the whole of what countTokens checks about contents. */
export function checkOneof(content: WireContent, path: string): void {
  const parts = content.parts ?? [];
  if (parts.length === 0) {
    refuse("parts-empty", `* GenerateContentRequest.${path}.parts: contents.parts must not be empty.`);
  }
  parts.forEach((part, position) => {
    const present = DATA_FIELDS.filter((field) => part[field] !== undefined);
    if (present.length === 0) {
      refuse("part-without-data", `* GenerateContentRequest.${path}.parts[${position}].data: ${ONEOF_MESSAGE}`);
    }
    if (present.length > 1) {
      refuse(
        "part-with-two-data-fields",
        `Invalid value at '${path}.parts[${position}]' (oneof), oneof field 'data' is already set. Cannot set '${present[1]}'`,
      );
    }
  });
}

/** A user turn of one empty text at the very start stands for "the history begins with the model". */
function isLeadingPlaceholder(content: WireContent, index: number): boolean {
  const only = content.parts?.[0];
  return (
    index === 0 &&
    content.role === "user" &&
    content.parts?.length === 1 &&
    only?.text === "" &&
    only.thought === undefined &&
    only.thoughtSignature === undefined
  );
}

function checkPart(part: WirePart, content: WireContent, model: ServedModel, index: number, position: number): void {
  const where = `contents[${index}].parts[${position}]`;
  if (part.text !== undefined) checkText(part, part.text, model, index, position);
  if (part.inlineData) checkMedia(part.inlineData, model, where, content.role === "model");
  if (part.thought === true && part.text === undefined && part.inlineData === undefined) {
    refuse("thought-flag", `${where}.thought: only text and media can be thoughts.`);
  }
  if (content.role === "user") {
    if (part.thought === true) refuse("user-thought", `${where}: user content cannot hold thoughts.`);
    if (part.thoughtSignature !== undefined) {
      refuse("user-signature", `${where}.thought_signature: user content cannot carry a thought_signature.`);
    }
  }
  const geminiOnly =
    part.fileData ?? part.executableCode ?? part.codeExecutionResult ?? part.videoMetadata ?? part.mediaResolution;
  if (geminiOnly && model.family !== "gemini") refuse("part-not-for-family", `${where}: not supported by ${model.id}.`);
}

function checkText(part: WirePart, text: string, model: ServedModel, index: number, position: number): void {
  if (model.family === "claude") {
    if (part.thought === true) return; // the thinking rules have their own wording
    if (text === "") refuseAsAnthropic("text-empty", `messages.${index}.content.${position}.text: Field required`);
    if (text.trim() === "") {
      refuseAsAnthropic("text-blank", "messages: text content blocks must contain non-whitespace text");
    }
    return;
  }
  if (text === "" && part.thoughtSignature === undefined) {
    refuse("text-empty", `* GenerateContentRequest.contents[${index}].parts[${position}].data: ${ONEOF_MESSAGE}`);
  }
}

/** Also used for the media inside function responses. */
export function checkMedia(blob: WireBlob, model: ServedModel, where: string, inModelTurn: boolean): void {
  if (!blob.mimeType) refuse("media-type-missing", `* GenerateContentRequest.${where}.inline_data.mime_type: required`);
  if (!/^[a-z]+\/[a-z0-9.+-]+$/.test(blob.mimeType)) {
    refuse("media-type-malformed", `Unsupported MIME type: ${blob.mimeType}`);
  }
  if (blob.data === undefined)
    refuse("media-data-missing", `* GenerateContentRequest.${where}.inline_data.data: required`);
  if (!model.media.includes(blob.mimeType)) refuse("media-unsupported", `Unsupported MIME type: ${blob.mimeType}`);
  if (inModelTurn && model.family === "claude") {
    refuseAsAnthropic("media-in-assistant-turn", "messages: `image` blocks are not allowed in `assistant` messages");
  }
}

function checkAlternation(contents: readonly WireContent[], model: ServedModel): void {
  contents.forEach((content, index) => {
    const previous = contents[index - 1];
    if (previous?.role !== content.role) return;
    if (model.family === "claude") {
      const spoken = content.role === "user" ? "user" : "assistant";
      refuseAsAnthropic("same-role-twice", `messages.${index}: Consecutive ${spoken} messages are not allowed`);
    }
    refuse("same-role-twice", "Please ensure that multiturn requests alternate between user and model.");
  });
}

function checkEnds(contents: readonly WireContent[], model: ServedModel): void {
  const last = contents.at(-1);
  if (model.family === "claude") {
    const tail = last?.role === "model" ? last.parts?.at(-1)?.text : undefined;
    if (tail !== undefined && tail !== tail.trimEnd()) {
      refuseAsAnthropic(
        "prefill-trailing-space",
        "messages: final assistant content cannot end with trailing whitespace",
      );
    }
    return;
  }
  if (contents[0]?.role !== "user") {
    refuse("first-not-user", "Please ensure that multiturn requests start with a user turn.");
  }
  const plain = last?.parts?.every(
    (part) => part.thought !== true && !part.functionCall && part.thoughtSignature === undefined,
  );
  if (last?.role === "model" && plain === true) {
    refuse("prefill", "Please ensure that multiturn requests end with a user turn or a function response.");
  }
}
