import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { jsonObject } from "../../lib/schema.ts";
import { invalidArgument } from "./refusal.ts";

const anyObject = jsonObject("Expected object");

const blob = v.looseObject({ mimeType: v.string(), data: v.string() });

const part = v.looseObject({
  text: v.optional(v.string()),
  thought: v.optional(v.boolean()),
  inlineData: v.optional(blob),
  functionCall: v.optional(
    v.looseObject({ id: v.optional(v.string()), name: v.string(), args: v.optional(anyObject, {}) }),
  ),
  functionResponse: v.optional(
    v.looseObject({
      id: v.optional(v.string()),
      name: v.string(),
      response: v.optional(anyObject, {}),
      parts: v.optional(v.array(v.looseObject({ inlineData: v.optional(blob) })), []),
    }),
  ),
});

const content = v.looseObject({ role: v.optional(v.string(), "user"), parts: v.optional(v.array(part), []) });

const declaration = v.looseObject({
  name: v.string(),
  description: v.optional(v.string(), ""),
  parameters: v.optional(anyObject),
  parametersJsonSchema: v.optional(anyObject),
});

const envelope = v.looseObject({
  project: v.optional(v.string(), ""),
  model: v.string(),
  requestType: v.optional(v.string(), "agent"),
  request: v.looseObject({
    contents: v.pipe(v.array(content), v.minLength(1, "contents is not specified")),
    systemInstruction: v.optional(v.looseObject({ parts: v.optional(v.array(part), []) })),
    tools: v.optional(
      v.array(
        v.looseObject({
          functionDeclarations: v.optional(v.array(declaration), []),
          googleSearch: v.optional(v.unknown()),
        }),
      ),
      [],
    ),
    toolConfig: v.optional(
      v.looseObject({
        functionCallingConfig: v.optional(
          v.looseObject({ mode: v.optional(v.string()), allowedFunctionNames: v.optional(v.array(v.string())) }),
        ),
      }),
    ),
    generationConfig: v.optional(
      v.looseObject({
        maxOutputTokens: v.optional(v.number()),
        stopSequences: v.optional(v.array(v.string()), []),
        responseMimeType: v.optional(v.string()),
        responseSchema: v.optional(anyObject),
        responseJsonSchema: v.optional(anyObject),
        thinkingConfig: v.optional(anyObject),
        imageConfig: v.optional(
          v.looseObject({ aspectRatio: v.optional(v.string()), imageSize: v.optional(v.string()) }),
        ),
      }),
    ),
    sessionId: v.optional(v.string()),
  }),
});

export type DemoContent = v.InferOutput<typeof content>;
export type DemoBlob = v.InferOutput<typeof blob>;
export type DemoResult = NonNullable<v.InferOutput<typeof part>["functionResponse"]>;
export type DemoCall = NonNullable<v.InferOutput<typeof part>["functionCall"]>;

export interface DemoTool {
  name: string;
  description: string;
  schema: JsonObject;
}

/** A generation request in the terms the demo answers in. */
export interface DemoRequest {
  project: string;
  model: string;
  /** The client wants a picture whatever the model. */
  wantsImage: boolean;
  aspectRatio: string;
  /** "1K", "2K" or "4K". */
  imageSize: string;
  system: string[];
  contents: DemoContent[];
  tools: DemoTool[];
  calling: { mode: string; only?: readonly string[] };
  googleSearch: boolean;
  maxOutputTokens: number;
  stopSequences: readonly string[];
  /** Present: the answer must be JSON, of this shape when one is given. */
  json?: { schema?: JsonObject };
  includeThoughts: boolean;
  sessionId?: string;
}

const ENVELOPE_KEYS = new Set([
  "project",
  "model",
  "userAgent",
  "requestType",
  "requestId",
  "enabledCreditTypes",
  "request",
]);

const REQUEST_KEYS = new Set([
  "contents",
  "systemInstruction",
  "tools",
  "toolConfig",
  "generationConfig",
  "safetySettings",
  "sessionId",
  "labels",
  "cachedContent",
]);

/** Reads the body of streamGenerateContent. Throws Refusal as the service does for what it cannot read. */
export function parseGenerate(body: JsonObject): DemoRequest {
  rejectUnknownNames(body, ENVELOPE_KEYS, "");
  if (isJsonObject(body["request"])) rejectUnknownNames(body["request"], REQUEST_KEYS, " at 'request'");
  const { project, model, requestType, request } = parseOrRefuse(envelope, body);
  const config = request.generationConfig;
  const calling = request.toolConfig?.functionCallingConfig;
  const schema = config?.responseSchema ?? config?.responseJsonSchema;
  return {
    project,
    model,
    wantsImage: requestType === "image_gen",
    aspectRatio: config?.imageConfig?.aspectRatio ?? "1:1",
    imageSize: config?.imageConfig?.imageSize ?? "1K",
    system: texts(request.systemInstruction?.parts ?? []),
    contents: request.contents,
    tools: request.tools.flatMap(({ functionDeclarations }) =>
      functionDeclarations.map(({ name, description, parameters, parametersJsonSchema }) => ({
        name,
        description,
        schema: parameters ?? parametersJsonSchema ?? {},
      })),
    ),
    calling: {
      mode: calling?.mode ?? "AUTO",
      ...(calling?.allowedFunctionNames && { only: calling.allowedFunctionNames }),
    },
    googleSearch: request.tools.some((tool) => tool.googleSearch !== undefined),
    maxOutputTokens: config?.maxOutputTokens ?? Infinity,
    stopSequences: config?.stopSequences.filter((stop) => stop !== "") ?? [],
    ...(config?.responseMimeType === "application/json" && { json: schema ? { schema } : {} }),
    includeThoughts: wantsThoughts(config?.thinkingConfig),
    ...(request.sessionId !== undefined && { sessionId: request.sessionId }),
  };
}

const countEnvelope = v.looseObject({ request: v.looseObject({ contents: v.array(content) }) });

/** Reads the body of countTokens, whose only top-level name is `request`. */
export function parseCount(body: JsonObject): DemoContent[] {
  rejectUnknownNames(body, new Set(["request"]), "");
  return parseOrRefuse(countEnvelope, body).request.contents;
}

/** Both spellings are accepted by the service. Budget 0 turns thinking off. */
function wantsThoughts(config: JsonObject | undefined): boolean {
  if (!config) return false;
  const budget = config["thinkingBudget"] ?? config["thinking_budget"];
  return (config["includeThoughts"] ?? config["include_thoughts"]) === true && budget !== 0;
}

function texts(parts: readonly { text?: string | undefined }[]): string[] {
  return parts.flatMap(({ text }) => (text === undefined ? [] : [text]));
}

function rejectUnknownNames(object: JsonObject, known: ReadonlySet<string>, place: string): void {
  const unknown = Object.keys(object).find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw invalidArgument(`Invalid JSON payload received. Unknown name "${unknown}"${place}: Cannot find field.`);
}

function parseOrRefuse<S extends v.GenericSchema>(schema: S, body: JsonObject): v.InferOutput<S> {
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw invalidArgument(`Invalid value at '${v.getDotPath(issue) ?? "request"}': ${issue.message}`);
}
