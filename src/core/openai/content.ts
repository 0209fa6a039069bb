import { isJsonObject, type JsonObject, kindOf } from "../../lib/json.ts";
import { invalid } from "./check.ts";
import { readAudio, readFile, readLinked, readSource, textParts } from "./media.ts";
import type { Part } from "../request.ts";

// What OpenAI's APIs call content: a text, or a list of typed parts.

/** Judges a part of a kind that is known by the protocol's own tables, before it is read. */
export type JudgePart = (type: string, part: JsonObject, field: string) => void;

/** The parts of `content`: text, `null`, or a list of typed parts. Empty texts are left out. Throws for parts of other kinds. */
export function readContent(content: unknown, field: string, judge: JudgePart): Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return textParts(content);
  if (!Array.isArray(content)) {
    throw invalid(
      field,
      `Invalid type for '${field}': expected a string or an array, but got ${kindOf(content)} instead.`,
    );
  }
  return content.flatMap((part: unknown, index) => readPart(part, `${field}[${index}]`, judge));
}

/** Whether a value can be one of the parts that `readContent` takes. */
export function isContentPart(value: unknown): boolean {
  if (!isJsonObject(value)) return typeof value === "string";
  const { type } = value;
  return typeof type === "string" ? Object.hasOwn(READERS, type) : typeof value["text"] === "string";
}

type PartReader = (part: JsonObject, field: string) => Part[];

const readText: PartReader = ({ text }) => textParts(text);
const readNothing: PartReader = () => [];

/** Clients mix the part types of their other protocols in; what is unambiguous is read. */
const READERS: Readonly<Record<string, PartReader>> = {
  text: readText,
  input_text: readText,
  output_text: readText,
  summary_text: readText,
  refusal: ({ refusal }) => textParts(refusal),
  image_url: readLinked("image_url", "image/png"),
  input_image: readLinked("image_url", "image/png"),
  computer_screenshot: readLinked("image_url", "image/png"),
  video_url: readLinked("video_url", "video/mp4"),
  input_video: readLinked("video_url", "video/mp4"),
  audio_url: readLinked("audio_url", "audio/wav"),
  input_audio: (part, field) => readAudio(part["input_audio"], `${field}.input_audio`),
  file: (part, field) => (isJsonObject(part["file"]) ? readFile(part["file"], `${field}.file`) : readFile(part, field)),
  input_file: readFile,
  image: (part, field) => readSource(part["source"], `${field}.source`, "image/png"),
  document: (part, field) => readSource(part["source"], `${field}.source`, "application/pdf"),
  // A model's earlier thinking: unsigned, so it cannot be sent back.
  thinking: readNothing,
  redacted_thinking: readNothing,
  reasoning: readNothing,
  reasoning_text: readNothing,
};

function readPart(part: unknown, field: string, judge: JudgePart): Part[] {
  if (typeof part === "string") return textParts(part);
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
  judge(type, part, field);
  return reader(part, field);
}
