import { checkSchema } from "./rules-schema.ts";
import { refuse, refuseAsAnthropic } from "./refusal.ts";
import { hasTierSuffix, isProModel, type ServedModel } from "./model-table.ts";
import type { WireGenerationConfig, WireRequest, WireThinkingConfig } from "./wire-types.ts";

export function checkGenerationConfig(request: WireRequest, model: ServedModel): void {
  if (request.safetySettings && model.family !== "gemini") {
    refuse("safety-for-family", `safety_settings are not supported by ${model.id}.`);
  }
  if (model.image) {
    checkImageRequest(request, model);
  } else if (request.generationConfig?.imageConfig) {
    refuse("image-config-for-model", `image_config is not supported by ${model.id}.`);
  }
  const config = request.generationConfig;
  if (!config) return;
  if (config.thinkingConfig) checkThinkingConfig(config.thinkingConfig, model);
  checkMaxOutput(config, model);
  checkStopSequences(config);
  checkSampling(config, model);
  checkOutputFormat(config, request, model);
  if (config.candidateCount !== undefined && config.candidateCount !== 1) {
    refuse("candidate-count", "Multiple candidates is not enabled for this model");
  }
}

/** Whether Claude's answer and history are under the thinking rules. */
export function thinkingIsOn(request: WireRequest): boolean {
  return request.generationConfig?.thinkingConfig?.thinkingBudget !== undefined;
}

function checkImageRequest(request: WireRequest, model: ServedModel): void {
  const config = request.generationConfig;
  if (request.systemInstruction) refuse("image-system", `system_instruction is not supported by ${model.id}.`);
  if (config?.responseMimeType !== undefined)
    refuse("image-mime-type", `response_mime_type is not supported by ${model.id}.`);
  if (config?.maxOutputTokens !== undefined)
    refuse("image-max-output", `Token limit exceeded (131072) for ${model.id}.`);
  if (config?.imageConfig?.imageSize !== undefined && model.generation === "gemini-2.5") {
    refuse("image-size-for-model", `image_size is not supported by ${model.id}.`);
  }
}

function checkThinkingConfig(config: WireThinkingConfig, model: ServedModel): void {
  const { thinkingBudget: budget, thinkingLevel: level } = config;
  if (model.image) {
    if (budget === undefined && level === undefined && config.includeThoughts === false) return;
    refuse("image-thinking", `Thinking is not supported by ${model.id}.`);
  }
  if (!model.thinking) refuse("thinking-unsupported", `Thinking is not supported by ${model.id}.`);
  if (budget !== undefined && level !== undefined) {
    refuse("thinking-both-forms", "You can only set only one of thinking budget and thinking level.");
  }
  if (level !== undefined) return checkThinkingLevel(level.toUpperCase(), model);
  if (budget === undefined) {
    refuse("thinking-no-amount", "thinking_config must set thinking_budget or thinking_level.");
  }
  checkBudget(budget, model, model.thinking);
}

function checkThinkingLevel(level: string, model: ServedModel): void {
  if (model.generation !== "gemini-3" || hasTierSuffix(model.id)) {
    refuse("thinking-level-for-model", `Thinking level is not supported for this model: ${model.id}.`);
  }
  if (level === "MINIMAL" && isProModel(model.id)) {
    refuse("thinking-level-minimal", `Thinking level MINIMAL is not supported for this model: ${model.id}.`);
  }
}

function checkBudget(budget: number, model: ServedModel, range: NonNullable<ServedModel["thinking"]>): void {
  if (budget === 0 && range.zero) return;
  if (budget === -1 && range.dynamic) return;
  if (budget >= range.min && budget <= range.max) return;
  if (model.family === "claude" && budget < range.min) {
    refuseAsAnthropic(
      "thinking-budget",
      `thinking.enabled.budget_tokens: Input should be greater than or equal to ${range.min}`,
    );
  }
  refuse(
    "thinking-budget",
    `The thinking_budget ${budget} is out of range; supported values are integers from ${range.min} to ${range.max}.`,
  );
}

function checkMaxOutput(config: WireGenerationConfig, model: ServedModel): void {
  const max = config.maxOutputTokens;
  const budget = config.thinkingConfig?.thinkingBudget;
  if (max === undefined) {
    if (model.family === "claude" && budget !== undefined) {
      refuseAsAnthropic("max-output-missing", "max_tokens: Field required");
    }
    return;
  }
  if (max < 1 || max > model.maxOutputTokens) {
    refuse(
      "max-output-range",
      `Unable to submit request because it has a maxOutputTokens value of ${max} but the supported range is from 1 (inclusive) to ${model.maxOutputTokens + 1} (exclusive).`,
    );
  }
  if (model.family === "claude" && budget !== undefined && max <= budget) {
    refuseAsAnthropic("max-output-within-budget", "`max_tokens` must be greater than `thinking.budget_tokens`.");
  }
}

function checkStopSequences(config: WireGenerationConfig): void {
  const stops = config.stopSequences;
  if (!stops) return;
  if (stops.length === 0 || stops.length > 5) {
    refuse("stop-count", `The number of stop sequences must be from 1 to 5, but is ${stops.length}.`);
  }
  if (stops.includes("")) refuse("stop-empty", "Stop sequences must not be empty.");
}

function checkSampling(config: WireGenerationConfig, model: ServedModel): void {
  const { temperature, topP, topK, seed } = config;
  const hottest = model.family === "claude" ? 1 : 2;
  if (temperature !== undefined && (temperature < 0 || temperature > hottest)) {
    refuse("temperature-range", `temperature must be from 0 to ${hottest}.`);
  }
  if (topP !== undefined && (topP < 0 || topP > 1)) refuse("top-p-range", "top_p must be from 0 to 1.");
  if (topK !== undefined && topK < 1) refuse("top-k-range", "top_k must be positive.");
  if (seed !== undefined && seed < 0) refuse("seed-range", "seed must not be negative.");
  if (model.family !== "gemini") {
    for (const name of ["presencePenalty", "frequencyPenalty", "seed", "responseLogprobs", "logprobs"] as const) {
      if (config[name] !== undefined) refuse("sampling-for-family", `${name} is not supported by ${model.id}.`);
    }
  }
  if (model.family !== "claude" || config.thinkingConfig === undefined) return;
  if (temperature !== undefined && temperature !== 1) {
    refuseAsAnthropic("thinking-temperature", "`temperature` may only be set to 1 when thinking is enabled.");
  }
  if (topK !== undefined) refuseAsAnthropic("thinking-top-k", "`top_k` must be unset when thinking is enabled.");
  if (topP !== undefined && topP < 0.95) {
    refuseAsAnthropic(
      "thinking-top-p",
      "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
    );
  }
}

function checkOutputFormat(config: WireGenerationConfig, request: WireRequest, model: ServedModel): void {
  const { responseMimeType: mime, responseSchema, responseJsonSchema } = config;
  if (config.responseModalities && !model.image) {
    refuse("response-modalities", `response_modalities are not supported by ${model.id}.`);
  }
  for (const name of ["mediaResolution", "speechConfig", "audioTimestamp", "routingConfig"] as const) {
    if (config[name] !== undefined && (model.family !== "gemini" || model.image)) {
      refuse("config-for-model", `${name} is not supported by ${model.id}.`);
    }
  }
  if (responseSchema && responseJsonSchema) {
    refuse("two-output-schemas", "response_schema and response_json_schema are mutually exclusive.");
  }
  const schema = responseSchema ?? responseJsonSchema;
  if (model.family === "claude" && (mime !== undefined || schema)) {
    refuse("output-format-for-family", `Structured output is not supported by ${model.id}.`);
  }
  if (mime !== undefined && mime !== "application/json" && mime !== "text/plain" && mime !== "text/x.enum") {
    refuse("response-mime-type", `Unsupported response_mime_type: ${mime}`);
  }
  if (schema) {
    if (mime !== "application/json") {
      refuse("output-schema-without-mime", "response_schema is only allowed with response_mime_type application/json.");
    }
    checkSchema(schema, "generation_config.response_schema");
  }
  const declares = request.tools?.some((tool) => tool.functionDeclarations);
  if (mime === "application/json" && declares && model.generation === "gemini-2.5") {
    refuse("json-with-functions", "Function calling with a response mime type: 'application/json' is unsupported");
  }
}
