import { GatewayError, type Repair } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import type { FunctionTool, GenerateRequest } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";
import { endsWithResults, loopBeganWithoutThinking, lowerContents } from "./contents.ts";
import type { Dialect } from "./dialect.ts";
import { extraConfig, safetySettings } from "./gemini-extras.ts";
import { imageConfig, loseImageOptions } from "./image-config.ts";
import { lowerOutputFormat } from "./output-format.ts";
import { samplingConfig } from "./sampling.ts";
import { fitOutputLimit, planThinking, thinkingConfig, type ThinkingPlan } from "./thinking.ts";
import { lowerTools } from "./tool-entries.ts";
import { type ToolNames, toolNames } from "./tool-names.ts";
import { asSearchQuestion } from "./search-question.ts";
import type { ToolReturn } from "./tool-return.ts";
import { declarableTools, toolReturn } from "./tools.ts";
import { isBlank } from "./turns.ts";
import type { WireContent } from "./wire-content.ts";

/** What the call is for, as the envelope says it. */
export type RequestType = "agent" | "image_gen" | "web_search";

export interface LoweredRequest {
  /** The envelope's `request`, session id aside: contents, systemInstruction, tools, toolConfig, generationConfig, safetySettings. */
  body: JsonObject;
  requestType: RequestType;
  /** What of the client's request could not be carried over. */
  losses: Loss[];
  /** Else the form of the answer that the client wants is asked for in words only. */
  isFormatEnforced: boolean;
  tools: ToolReturn;
  /** The conversation ends with results of tools: an answer without content may be all there is to say. */
  mayEndSilently: boolean;
}

/**
 * Writes a request as the model's family takes it. Equal inputs give equal bytes (upstream caches prompt prefixes); the
 * input is not changed, parts of it are shared. Throws GatewayError `invalid-request` when there is nothing to answer
 * or the tool choice names no declared tool; any other oddity of the history is repaired.
 */
export function lowerRequest(
  request: GenerateRequest,
  model: ModelProfile,
  repairs: ReadonlySet<Repair>,
  dialect: Dialect = "cloudcode",
): LoweredRequest {
  const lower = model.image ? lowerForImages : lowerForText;
  return lower(request, model, repairs, dialect);
}

function lowerForText(
  request: GenerateRequest,
  model: ModelProfile,
  repairs: ReadonlySet<Repair>,
  dialect: Dialect,
): LoweredRequest {
  const { gemini = {} } = request;
  const losses: Loss[] = [];
  const tools = declarableTools(request.tools);
  const names = toolNames(tools.map((tool) => tool.name));

  const { plan, maxOutputTokens, contents } = settleThinking(request, model, repairs, names, tools, losses);
  const system = request.system.filter((text) => !isBlank(text));
  const spoken = contents.length > 0 ? contents : systemAsUser(system);

  const { entries, config, searchesOnly } = lowerTools(request, tools, names, model, dialect, losses);
  loseImageOptions(request.image, model, losses);
  const generation = {
    ...extraConfig(gemini, model, dialect, losses),
    ...samplingConfig(request.sampling, model, plan.type === "on", losses),
  };
  if (maxOutputTokens !== undefined) generation["maxOutputTokens"] = maxOutputTokens;

  const instructions = contents.length > 0 ? system : [];
  let isFormatEnforced = true;
  if (request.outputFormat) {
    const format = lowerOutputFormat(request.outputFormat, model, entries.length > 0);
    if (format.type === "config") Object.assign(generation, format.config);
    else instructions.push(format.text);
    isFormatEnforced = format.type === "config";
  }
  const thinking = thinkingConfig(plan, model, repairs);
  if (thinking) generation["thinkingConfig"] = thinking;

  // What a Gemini client asks for is written as it would write it itself.
  const isSearch = searchesOnly && !request.webSearch?.native;
  const isOneQuestion = isSearch && dialect === "cloudcode";
  const body: JsonObject = { contents: isOneQuestion ? asSearchQuestion(spoken, losses) : spoken };
  if (instructions.length > 0) {
    body["systemInstruction"] = { role: "user", parts: instructions.map((text) => ({ text })) };
  }
  if (entries.length > 0) body["tools"] = entries;
  if (config) body["toolConfig"] = config;
  if (Object.keys(generation).length > 0) body["generationConfig"] = generation;
  const safety = safetySettings(gemini, model, losses);
  if (safety.length > 0) body["safetySettings"] = safety;
  return {
    body,
    requestType: isSearch ? "web_search" : "agent",
    losses,
    isFormatEnforced,
    tools: toolReturn(tools, names),
    mayEndSilently: endsWithResults(spoken),
  };
}

/** Image models take a conversation and what their pictures shall look like: all else makes them fail or do worse. */
function lowerForImages(
  request: GenerateRequest,
  model: ModelProfile,
  repairs: ReadonlySet<Repair>,
  dialect: Dialect,
): LoweredRequest {
  const { gemini = {} } = request;
  const names = toolNames([]);
  const keepSignatures = !repairs.has("drop-thinking");
  const { contents, losses } = lowerContents(request.contents, { model, names, keepThoughts: false, keepSignatures });
  const system = request.system.filter((text) => !isBlank(text));
  const drop = (field: string, given: boolean) => {
    if (given) losses.push({ field, why: `${model.displayName} makes images and takes none of it` });
  };
  drop("system", system.length > 0 && contents.length > 0);
  drop("tools", request.tools.length > 0);
  drop("web_search", request.webSearch !== undefined);
  drop("url_context", gemini.urlContext !== undefined);
  drop("code_execution", gemini.codeExecution !== undefined);
  drop("tool_config", gemini.toolConfig !== undefined);
  drop("response_format", request.outputFormat !== undefined);
  drop("thinking", request.thinking?.type === "budget" || request.thinking?.type === "effort");
  drop("max_tokens", request.sampling.maxOutputTokens !== undefined);

  const picture = imageConfig(request.image, model, losses);
  const generationConfig = {
    candidateCount: 1,
    ...extraConfig(gemini, model, dialect, losses),
    ...samplingConfig(request.sampling, model, false, losses),
    ...(picture && { imageConfig: picture }),
  };
  const safety = safetySettings(gemini, model, losses);
  const body: JsonObject = {
    contents: contents.length > 0 ? contents : systemAsUser(system),
    generationConfig,
    ...(safety.length > 0 && { safetySettings: safety }),
  };
  return {
    body,
    requestType: "image_gen",
    losses,
    isFormatEnforced: true,
    tools: toolReturn([], names),
    mayEndSilently: false,
  };
}

/**
 * Decides about thinking, and writes the contents that go with the decision: Claude thinks only where the conversation
 * allows it, and takes earlier thinking only while it thinks.
 */
function settleThinking(
  request: GenerateRequest,
  model: ModelProfile,
  repairs: ReadonlySet<Repair>,
  names: ToolNames,
  tools: readonly FunctionTool[],
  losses: Loss[],
): { plan: ThinkingPlan; maxOutputTokens: number | undefined; contents: WireContent[] } {
  const { family } = model;
  const keepSignatures = !repairs.has("drop-thinking");
  const write = (keepThoughts: boolean) =>
    lowerContents(request.contents, { model, names, keepThoughts, keepSignatures });
  const asked = request.sampling.maxOutputTokens;

  const thinkingLosses: Loss[] = [];
  const planned = planThinking(request.thinking, asked, model, repairs, thinkingLosses);
  const fitted = fitOutputLimit(planned, asked, model, thinkingLosses);
  const lowered = write(family === "claude" ? fitted.plan.type === "on" : keepSignatures);

  const why =
    fitted.plan.type === "on" && family === "claude" ? claudeCannotThink(request, tools, lowered.contents) : undefined;
  if (why === undefined) {
    losses.push(...thinkingLosses, ...lowered.losses);
    return { ...fitted, contents: lowered.contents };
  }
  losses.push({ field: "thinking", why });
  const unsaid = fitOutputLimit({ type: "unsaid" }, asked, model, losses);
  const without = write(false);
  losses.push(...without.losses);
  return { ...unsaid, contents: without.contents };
}

function claudeCannotThink(
  { toolChoice }: GenerateRequest,
  tools: readonly FunctionTool[],
  contents: readonly WireContent[],
): string | undefined {
  if (toolChoice?.mode === "any" && tools.length > 0)
    return "left out: Claude cannot both think and be made to call a tool";
  return loopBeganWithoutThinking(contents)
    ? "left out for this turn: its tool calls came back without the thinking that led to them"
    : undefined;
}

function systemAsUser(system: readonly string[]): WireContent[] {
  if (system.length === 0) {
    throw new GatewayError("invalid-request", "The conversation is empty: there is nothing to answer", {
      field: "messages",
    });
  }
  return [{ role: "user", parts: system.map((text) => ({ text })) }];
}
