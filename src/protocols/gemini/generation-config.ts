import * as v from "valibot";
import { readSampling } from "../../core/client-sampling.ts";
import { isAbsent } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import {
  EFFORTS,
  type GenerateRequest,
  IMAGE_SIZES,
  type ImageOptions,
  type OutputFormat,
  type ThinkingRequest,
} from "../../core/request.ts";
import { compact } from "../../lib/compact.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";
import { integer, jsonObject, numberBetween, wholeNumber } from "../../lib/schema.ts";
import { wellFormedObject } from "../../lib/well-formed.ts";
import { generationConfigFields, imageConfigFields, NATIVE_GENERATION_FIELDS, thinkingConfigFields } from "./fields.ts";
import { jsonSchema } from "./json-schema.ts";
import type { ReplyForm } from "./reply.ts";
import { check, invalid, judgeStructure, structureIn, type Structure } from "./structure.ts";

export interface GenerationConfig extends Pick<GenerateRequest, "sampling" | "thinking" | "outputFormat" | "image"> {
  /** Members that only Gemini models understand. */
  extras?: JsonObject;
  form: Pick<ReplyForm, "showThoughts" | "isEnum">;
  /** Where the canonical fields were said: "max_tokens" → "generation_config.max_output_tokens". */
  places: Readonly<Record<string, string>>;
}

const configSchema = v.looseObject({
  temperature: v.optional(numberBetween(0, 2)),
  topP: v.optional(numberBetween(0, 1)),
  topK: v.optional(v.number()),
  maxOutputTokens: v.optional(wholeNumber(1)),
  stopSequences: v.optional(v.array(v.string())),
  seed: v.optional(integer),
  presencePenalty: v.optional(numberBetween(-2, 2)),
  frequencyPenalty: v.optional(numberBetween(-2, 2)),
  responseMimeType: v.optional(v.string()),
  responseSchema: v.optional(jsonObject("object")),
  responseJsonSchema: v.optional(jsonObject("object")),
});

type CheckedConfig = v.InferOutput<typeof configSchema>;

export function readGenerationConfig(value: unknown, field: string, losses: LossList): GenerationConfig {
  const config: Structure = structureIn(value, field) ?? { fields: {}, place: (name) => `${field}.${name}` };
  judgeStructure(generationConfigFields, config, losses);
  const { place, fields } = config;
  const checked = check(configSchema, config);
  const thinking = readThinking(
    structureIn(fields["thinkingConfig"], place("thinkingConfig")),
    place("thinkingConfig"),
    losses,
  );
  const format = readOutputFormat(checked, config, losses);
  const image = readImage(structureIn(fields["imageConfig"], place("imageConfig")), losses);
  const extras = nativeMembers(config);
  return {
    sampling: readSampling(checked),
    ...(thinking.thinking && { thinking: thinking.thinking }),
    ...(format.outputFormat && { outputFormat: format.outputFormat }),
    ...(image && { image }),
    ...(Object.keys(extras).length > 0 && { extras }),
    form: { showThoughts: thinking.show, isEnum: format.isEnum ?? false },
    places: {
      max_tokens: place("maxOutputTokens"),
      stop_sequences: place("stopSequences"),
      temperature: place("temperature"),
      top_p: place("topP"),
      top_k: place("topK"),
      seed: place("seed"),
      presence_penalty: place("presencePenalty"),
      frequency_penalty: place("frequencyPenalty"),
      image: place("imageConfig"),
      response_format: format.field,
      thinking: thinking.field,
    },
  };
}

const thinkingSchema = v.looseObject({
  includeThoughts: v.optional(v.boolean()),
  thinkingBudget: v.optional(wholeNumber(-1)),
  thinkingLevel: v.optional(
    v.pipe(v.string(), v.toLowerCase(), v.picklist([...EFFORTS, "none", "thinking_level_unspecified"])),
  ),
});

function readThinking(
  config: Structure | undefined,
  field: string,
  losses: LossList,
): { thinking?: ThinkingRequest; show: boolean; field: string } {
  if (!config) return { show: false, field };
  judgeStructure(thinkingConfigFields, config, losses);
  const { includeThoughts: show = false, thinkingBudget: budget, thinkingLevel: level } = check(thinkingSchema, config);
  // An amount is more definite than a level.
  if (budget !== undefined) return { thinking: ofBudget(budget), show, field: config.place("thinkingBudget") };
  if (level !== undefined && level !== "thinking_level_unspecified") {
    const thinking: ThinkingRequest =
      level === "none" ? { type: "off" } : { type: "effort", effort: level, asLevel: true };
    return { thinking, show, field: config.place("thinkingLevel") };
  }
  // Thoughts can only be shown when there are some.
  return { ...(show && { thinking: { type: "adaptive" } }), show, field: config.place("includeThoughts") };
}

function ofBudget(tokens: number): ThinkingRequest {
  if (tokens === -1) return { type: "adaptive" };
  return tokens === 0 ? { type: "off" } : { type: "budget", tokens };
}

interface Format {
  outputFormat?: OutputFormat;
  isEnum?: true;
  field: string;
}

/** An answer that is one of the schema's words, without the quotes that make it JSON. */
const ENUM = "text/x.enum";

function readOutputFormat(config: CheckedConfig, { place }: Structure, losses: LossList): Format {
  const { responseMimeType, responseSchema, responseJsonSchema } = config;
  const mimeType = responseMimeType?.trim().toLowerCase() || undefined;
  const field = place(responseJsonSchema ? "responseJsonSchema" : "responseSchema");
  const schema = responseJsonSchema ?? responseSchema;
  const outputFormat: OutputFormat | undefined = schema && {
    type: "json-schema",
    schema: wellFormedObject(jsonSchema(schema)),
  };
  switch (mimeType) {
    case "text/plain":
      if (schema) losses.add(field, "a schema has no meaning for plain text");
      return { field };
    case ENUM:
      if (!outputFormat) throw invalid(field, `${ENUM} needs a schema with the words to choose from`);
      return { outputFormat, isEnum: true, field };
    case "application/json":
      return outputFormat
        ? { outputFormat, field }
        : { outputFormat: { type: "json" }, field: place("responseMimeType") };
    case undefined:
      return { ...(outputFormat && { outputFormat }), field };
    default:
      throw invalid(place("responseMimeType"), `supported values are application/json, text/plain, ${ENUM}`);
  }
}

const imageSchema = v.looseObject({
  aspectRatio: v.optional(v.pipe(v.string(), v.regex(/^\d{1,2}:\d{1,2}$/, 'a ratio such as "16:9"'))),
  imageSize: v.optional(v.pipe(v.string(), v.toUpperCase(), v.picklist(IMAGE_SIZES))),
});

function readImage(config: Structure | undefined, losses: LossList): ImageOptions | undefined {
  if (!config) return undefined;
  judgeStructure(imageConfigFields, config, losses);
  const { aspectRatio, imageSize: size } = check(imageSchema, config);
  const image: ImageOptions = compact({ aspectRatio, size });
  return Object.keys(image).length === 0 ? undefined : image;
}

function nativeMembers({ fields }: Structure): JsonObject {
  const native: JsonObject = {};
  for (const name of NATIVE_GENERATION_FIELDS) {
    const value = fields[name];
    if (isAbsent(value) || (name === "responseModalities" && isTextOnly(value))) continue;
    native[name] = isJsonObject(value) ? wellFormedObject(value) : (value as JsonValue);
  }
  return native;
}

/** What every model answers in anyway. */
function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.every((modality) => typeof modality === "string" && /^text$/i.test(modality));
}
