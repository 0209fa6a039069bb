import type { JsonObject } from "../../../src/lib/json.ts";

/** The messages of the generation call in canonical spelling, as the shapes below let them through. */
export interface WireBlob {
  mimeType?: string;
  data?: string;
}

export interface WireFunctionCall {
  id?: string;
  name?: string;
  args?: JsonObject;
}

export interface WireFunctionResponse {
  id?: string;
  name?: string;
  response?: JsonObject;
  parts?: { inlineData?: WireBlob }[];
}

export interface WirePart {
  text?: string;
  thought?: boolean;
  thoughtSignature?: string;
  inlineData?: WireBlob;
  fileData?: { mimeType?: string; fileUri?: string };
  functionCall?: WireFunctionCall;
  functionResponse?: WireFunctionResponse;
  executableCode?: JsonObject;
  codeExecutionResult?: JsonObject;
  videoMetadata?: JsonObject;
  mediaResolution?: JsonObject;
}

export interface WireContent {
  role?: string;
  parts?: WirePart[];
}

export interface WireSchema {
  type?: string;
  description?: string;
  properties?: Record<string, WireSchema>;
  required?: string[];
  items?: WireSchema;
  enum?: string[];
  nullable?: boolean;
  additionalProperties?: boolean;
}

export interface WireDeclaration {
  name?: string;
  description?: string;
  behavior?: string;
  parameters?: WireSchema;
  parametersJsonSchema?: WireSchema;
  response?: WireSchema;
  responseJsonSchema?: WireSchema;
}

export interface WireTool {
  functionDeclarations?: WireDeclaration[];
  googleSearch?: JsonObject;
  urlContext?: JsonObject;
  codeExecution?: JsonObject;
}

export interface WireThinkingConfig {
  includeThoughts?: boolean;
  thinkingBudget?: number;
  thinkingLevel?: string;
}

export interface WireGenerationConfig {
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  candidateCount?: number;
  stopSequences?: string[];
  presencePenalty?: number;
  frequencyPenalty?: number;
  seed?: number;
  responseLogprobs?: boolean;
  logprobs?: number;
  responseMimeType?: string;
  responseSchema?: WireSchema;
  responseJsonSchema?: WireSchema;
  responseModalities?: string[];
  thinkingConfig?: WireThinkingConfig;
  imageConfig?: { aspectRatio?: string; imageSize?: string };
  mediaResolution?: string;
  speechConfig?: JsonObject;
  audioTimestamp?: boolean;
  routingConfig?: JsonObject;
}

export interface WireRequest {
  contents?: WireContent[];
  systemInstruction?: WireContent;
  tools?: WireTool[];
  toolConfig?: {
    functionCallingConfig?: { mode?: string; allowedFunctionNames?: string[] };
    includeServerSideToolInvocations?: boolean;
    /** Only the official API knows it. */
    retrievalConfig?: JsonObject;
  };
  generationConfig?: WireGenerationConfig;
  safetySettings?: { category?: string; threshold?: string }[];
  sessionId?: string;
  labels?: Record<string, string>;
  cachedContent?: string;
}

export interface WireEnvelope {
  project?: string;
  model?: string;
  userAgent?: string;
  requestType?: string;
  requestId?: string;
  request?: WireRequest;
  enabledCreditTypes?: string[];
}
