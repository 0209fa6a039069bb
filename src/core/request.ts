import type { JsonObject } from "../lib/json.ts";

/** Base64 without a prefix. */
export interface Blob64 {
  mimeType: string;
  data: string;
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
  media?: Blob64[];
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

export type Effort = "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

/** What the client asked about thinking. Absent on the request: it did not say. */
export type ThinkingRequest =
  { type: "off" } | { type: "budget"; tokens: number } | { type: "effort"; effort: Effort } | { type: "adaptive" };

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
  /** The client's hosted web search tool. */
  webSearch?: { maxUses?: number };
  sampling: Sampling;
  thinking?: ThinkingRequest;
  outputFormat?: OutputFormat;
  /** The client's own id for this conversation, when it gave one. */
  session?: string;
  /** The client's id for its end user: tells apart conversations that begin alike, but is none. */
  user?: string;
}
