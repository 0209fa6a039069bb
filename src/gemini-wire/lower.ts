import { GatewayError, type Repair } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/protocol.ts";
import type { FunctionTool, GenerateRequest, ToolChoice } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";
import { endsWithResults, loopBeganWithoutThinking, lowerContents } from "./contents.ts";
import { lowerOutputFormat } from "./output-format.ts";
import { samplingConfig } from "./sampling.ts";
import { fitOutputLimit, planThinking, thinkingConfig, type ThinkingPlan } from "./thinking.ts";
import { callingRule } from "./tool-config.ts";
import { type ToolNames, toolNames } from "./tool-names.ts";
import type { ToolReturn } from "./tool-return.ts";
import { declarableTools, functionDeclarations, toolReturn } from "./tools.ts";
import { isBlank } from "./turns.ts";
import type { WireContent } from "./wire-content.ts";

export interface LoweredRequest {
  /** The envelope's `request`, session id aside: contents, systemInstruction, tools, toolConfig, generationConfig. */
  body: JsonObject;
  requestType: "agent" | "image_gen";
  /** What of the client's request could not be carried over. */
  losses: Loss[];
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
): LoweredRequest {
  return model.image ? lowerForImages(request, model, repairs) : lowerForText(request, model, repairs);
}

function lowerForText(request: GenerateRequest, model: ModelProfile, repairs: ReadonlySet<Repair>): LoweredRequest {
  const losses: Loss[] = [];
  const tools = declarableTools(request.tools);
  const names = toolNames(tools.map((tool) => tool.name));

  const { plan, maxOutputTokens, contents } = settleThinking(request, model, repairs, names, tools, losses);
  const system = request.system.filter((text) => !isBlank(text));
  const spoken = contents.length > 0 ? contents : systemAsUser(system);

  const { entries, config } = lowerTools(request, tools, names, model, losses);
  const generation = samplingConfig(request.sampling, model, plan.type === "on", losses);
  if (maxOutputTokens !== undefined) generation["maxOutputTokens"] = maxOutputTokens;

  const instructions = contents.length > 0 ? system : [];
  if (request.outputFormat) {
    const format = lowerOutputFormat(request.outputFormat, model, entries.length > 0);
    if (format.type === "config") Object.assign(generation, format.config);
    else {
      instructions.push(format.text);
      losses.push({ field: "response_format", why: "asked for in words; upstream does not enforce it here" });
    }
  }
  const thinking = thinkingConfig(plan, model, repairs);
  if (thinking) generation["thinkingConfig"] = thinking;

  const body: JsonObject = { contents: spoken };
  if (instructions.length > 0) {
    body["systemInstruction"] = { role: "user", parts: instructions.map((text) => ({ text })) };
  }
  if (entries.length > 0) body["tools"] = entries;
  if (config) body["toolConfig"] = { functionCallingConfig: config };
  if (Object.keys(generation).length > 0) body["generationConfig"] = generation;
  const mayEndSilently = endsWithResults(spoken);
  return { body, requestType: "agent", losses, tools: toolReturn(tools, names), mayEndSilently };
}

/** Image models take a conversation and nothing else: tools, system text, thinking and limits make them fail or do worse. */
function lowerForImages(request: GenerateRequest, model: ModelProfile, repairs: ReadonlySet<Repair>): LoweredRequest {
  const names = toolNames([]);
  const keepSignatures = !repairs.has("drop-thinking");
  const { contents, losses } = lowerContents(request.contents, { model, names, keepThoughts: false, keepSignatures });
  const system = request.system.filter((text) => !isBlank(text));
  const drop = (field: string, given: boolean) => {
    if (given) losses.push({ field, why: `${model.displayName} makes images and takes none of it` });
  };
  drop("system", system.length > 0 && contents.length > 0);
  drop("tools", request.tools.length > 0 || request.webSearch !== undefined);
  drop("response_format", request.outputFormat !== undefined);
  drop("thinking", request.thinking?.type === "budget" || request.thinking?.type === "effort");
  drop("max_tokens", request.sampling.maxOutputTokens !== undefined);

  const generationConfig = { candidateCount: 1, ...samplingConfig(request.sampling, model, false, losses) };
  const body = { contents: contents.length > 0 ? contents : systemAsUser(system), generationConfig };
  return { body, requestType: "image_gen", losses, tools: toolReturn([], names), mayEndSilently: false };
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

/** Entries of `tools`, and the mode they may be called in. Function declarations and Google search exclude each other. */
function lowerTools(
  request: GenerateRequest,
  tools: readonly FunctionTool[],
  names: ToolNames,
  model: ModelProfile,
  losses: Loss[],
): { entries: JsonObject[]; config?: JsonObject | undefined } {
  const { webSearch, toolChoice } = request;
  const searches = webSearch !== undefined && tools.length === 0 && model.family === "gemini";
  if (webSearch && !searches) {
    const why = model.family === "gemini" ? "cannot be combined with other tools" : `${model.displayName} has none`;
    losses.push({ field: "web_search", why: `left out: ${why}` });
  }
  if (searches) return { entries: toolChoice?.mode === "none" ? [] : [{ googleSearch: {} }] };

  const declared = new Set(tools.map((tool) => tool.name));
  const choice = webSearch ? withoutSearch(toolChoice, declared) : toolChoice;
  const { config, declareOnly } = callingRule(choice, model.family, declared, names);
  if (tools.length > 0) {
    const callable = declareOnly ? tools.filter((tool) => declareOnly.has(tool.name)) : tools;
    return { entries: [{ functionDeclarations: functionDeclarations(callable, names, model) }], config };
  }
  if (choice?.mode === "any") losses.push({ field: "tool_choice", why: "there is no tool to call" });

  // Claude refuses a history with calls when no tools are declared: declare the names, callable no more.
  const past = names
    .clientNames()
    .map((name) => ({ name, description: "Used earlier in this conversation, no longer available." }));
  if (past.length === 0) return { entries: [] };
  return { entries: [{ functionDeclarations: functionDeclarations(past, names, model) }], config: { mode: "NONE" } };
}

// The hosted search may be what the choice names; its loss is told already.
function withoutSearch(choice: ToolChoice | undefined, declared: ReadonlySet<string>): ToolChoice | undefined {
  if (!choice || choice.mode === "validated" || !choice.only) return choice;
  const only = choice.only.filter((name) => declared.has(name));
  return only.length > 0 ? { mode: choice.mode, only } : { mode: "auto" };
}
