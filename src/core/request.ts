import type { JsonObject } from "../lib/json.ts";

/** Base64 without a prefix. */
export interface Blob64 {
  mimeType: string;
  data: string;
}

/** Media that stands elsewhere: the gateway fetches it before any model is asked. */
export interface RemoteMedia {
  /** http or https, as the client wrote it. */
  url: string;
  /** As the client gave it: a type, or what kind is expected there ("image/*"). What comes next is what the server says. */
  mimeType?: string;
  /** Where the client wrote the address, in its spelling: "messages[2].content[0].image_url.url". */
  field: string;
}

/**
 * One piece of a turn: exactly one of the data fields, in the GenerateContent vocabulary.
 * Client parsers write what the client said; everything upstream is fussy about is the lowering's matter.
 */
export interface Part {
  text?: string;
  /** With `text`: this is the model's thinking. */
  thought?: boolean;
  thoughtSignature?: string;
  inlineData?: Blob64;
  /** Becomes `inlineData`, or text, before lowering. */
  remote?: RemoteMedia;
  /**
   * What only the Gemini protocol can say, as a wire part: `fileData`, `executableCode`, `codeExecutionResult`; beside
   * `inlineData` or `text` its side keys (`videoMetadata`, `mediaResolution`). Gemini models are given it untouched, others its
   * meaning as text where it has one.
   */
  native?: JsonObject;
  functionCall?: FunctionCall;
  functionResponse?: FunctionResponse;
}

export interface FunctionCall {
  id: string;
  /** The name as the client declared it. */
  name: string;
  args: JsonObject;
}

export interface FunctionResponse {
  id: string;
  /** As the client gave it; "" when the protocol has none: the lowering finds it by `id`. */
  name: string;
  response: JsonObject;
  /** Images and documents the tool returned. */
  media?: (Blob64 | RemoteMedia)[];
}

export interface Content {
  role: "user" | "model";
  parts: Part[];
}

export interface FunctionTool {
  name: string;
  description?: string;
  /** JSON Schema as the client sent it, untouched. Absent: the tool takes no arguments. */
  schema?: JsonObject;
}

export type ToolChoice = { mode: "auto" | "none" | "any"; only?: string[] } | { mode: "validated" };

export const EFFORTS = ["minimal", "low", "medium", "high", "xhigh", "max"] as const;

export type Effort = (typeof EFFORTS)[number];

/** What the client asked about thinking. Absent on the request: it did not say. */
export type ThinkingRequest =
  | { type: "off" }
  | { type: "budget"; tokens: number }
  /** `asLevel`: the client spoke of a Gemini `thinkingLevel`, which is sent as one where the model takes it. */
  | { type: "effort"; effort: Effort; asLevel?: true }
  | { type: "adaptive" };

export type OutputFormat = { type: "json" } | { type: "json-schema"; schema: JsonObject };

export interface Sampling {
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  stopSequences?: string[];
  presencePenalty?: number;
  frequencyPenalty?: number;
  seed?: number;
}

/** The hosted search tool of a client, whatever its protocol calls it. */
export interface WebSearch {
  /** Only these domains. */
  allowedDomains?: string[];
  /** The client insists on a search: an answer without one is a failure. */
  forced?: boolean;
  /** The `googleSearch` object of a Gemini client, sent as it is. */
  native?: JsonObject;
}

/** What the service knows; others it refuses. */
export const ASPECT_RATIOS: readonly string[] = [
  "1:1",
  "2:3",
  "3:2",
  "3:4",
  "4:3",
  "4:5",
  "5:4",
  "9:16",
  "16:9",
  "21:9",
];

export const IMAGE_SIZES = ["1K", "2K", "4K"] as const;

export type ImageSize = (typeof IMAGE_SIZES)[number];

/** What pictures shall look like; absent members are the model's choice. */
export interface ImageOptions {
  /** "16:9": one of ASPECT_RATIOS, or what a Gemini client has written in its place. */
  aspectRatio?: string;
  size?: ImageSize;
}

/** What only the Gemini protocol can say about a whole request. Gemini models are given it as written; for others it is a loss. */
export interface GeminiExtras {
  /** Members of `generationConfig` that have no canonical place: `mediaResolution`, `speechConfig`, `responseModalities`, … */
  generationConfig?: JsonObject;
  safetySettings?: JsonObject[];
  /** Members of `toolConfig` besides `functionCallingConfig`. */
  toolConfig?: JsonObject;
  urlContext?: JsonObject;
  codeExecution?: JsonObject;
}

/** What every client protocol narrows to. */
export interface GenerateRequest {
  /** As the client wrote it, suffixes included. */
  model: string;
  /** System texts in order, one per block the client sent. */
  system: string[];
  /** The conversation in the client's order; may be unmerged, unpaired, or end with a model turn. */
  contents: Content[];
  tools: FunctionTool[];
  toolChoice?: ToolChoice;
  webSearch?: WebSearch;
  gemini?: GeminiExtras;
  image?: ImageOptions;
  sampling: Sampling;
  thinking?: ThinkingRequest;
  outputFormat?: OutputFormat;
  /** The client's own id for this conversation, when it gave one. */
  session?: string;
  /** The client's id for its end user: tells apart conversations that begin alike, but is none. */
  user?: string;
}
