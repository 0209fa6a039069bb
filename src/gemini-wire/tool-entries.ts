import type { ModelProfile } from "../core/models.ts";
import type { Loss } from "../core/losses.ts";
import type { FunctionTool, GenerateRequest, ToolChoice, WebSearch } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";
import type { Dialect } from "./dialect.ts";
import { extraToolConfig, nativeSearch } from "./gemini-extras.ts";
import { callingRule } from "./tool-config.ts";
import type { ToolNames } from "./tool-names.ts";
import { functionDeclarations } from "./tools.ts";

export interface LoweredTools {
  /** The body's `tools`. */
  entries: JsonObject[];
  /** The body's `toolConfig`; absent where upstream's default says the same. */
  config?: JsonObject;
  /** Google search is all there is. */
  searchesOnly: boolean;
}

/**
 * What the model may use, and how it may be called. Function declarations and what upstream runs itself (search, reading of
 * addresses, code) exclude each other: functions, which the client waits for, win.
 */
export function lowerTools(
  request: GenerateRequest,
  tools: readonly FunctionTool[],
  names: ToolNames,
  model: ModelProfile,
  dialect: Dialect,
  losses: Loss[],
): LoweredTools {
  const { webSearch, toolChoice } = request;
  const hosted = hostedTools(request, tools.length > 0, model, dialect, losses);
  const rest = extraToolConfig(request.gemini ?? {}, model, dialect, losses);
  const isForbidden = toolChoice?.mode === "none";
  if (hosted.length > 0) {
    const entries = isForbidden ? [] : hosted;
    const searchesOnly = entries.length === 1 && webSearch !== undefined && entries[0]?.["googleSearch"] !== undefined;
    return { entries, searchesOnly, ...(entries.length > 0 && withConfig(rest)) };
  }

  const declared = new Set(tools.map((tool) => tool.name));
  const choice = webSearch ? withoutSearch(toolChoice, declared) : toolChoice;
  const { config, declareOnly } = callingRule(choice, model.family, declared, names);
  if (tools.length > 0) {
    const callable = declareOnly ? tools.filter((tool) => declareOnly.has(tool.name)) : tools;
    const entries = [{ functionDeclarations: functionDeclarations(callable, names, model) }];
    return { entries, searchesOnly: false, ...withConfig(rest, config) };
  }
  if (choice?.mode === "any") losses.push({ field: "tool_choice", why: "there is no tool to call" });

  // Claude refuses a history with calls when no tools are declared: declare the names, callable no more.
  const past = names
    .clientNames()
    .map((name) => ({ name, description: "Used earlier in this conversation, no longer available." }));
  if (past.length === 0) return { entries: [], searchesOnly: false };
  const entries = [{ functionDeclarations: functionDeclarations(past, names, model) }];
  return { entries, searchesOnly: false, ...withConfig(rest, { mode: "NONE" }) };
}

/** The entries for what upstream runs itself; none, with losses, where it cannot be had. */
function hostedTools(
  { webSearch, gemini = {} }: GenerateRequest,
  hasFunctions: boolean,
  model: ModelProfile,
  dialect: Dialect,
  losses: Loss[],
): JsonObject[] {
  const why =
    model.family !== "gemini"
      ? `${model.displayName} has none`
      : hasFunctions
        ? "cannot be combined with other tools"
        : undefined;
  const { urlContext, codeExecution } = gemini;
  if (why !== undefined) {
    const asked = { web_search: webSearch, url_context: urlContext, code_execution: codeExecution };
    for (const [field, tool] of Object.entries(asked)) if (tool) losses.push({ field, why: `left out: ${why}` });
    return [];
  }
  return [
    ...(webSearch ? [{ googleSearch: searchOf(webSearch, model, dialect, losses) }] : []),
    ...(urlContext ? [{ urlContext }] : []),
    ...(codeExecution ? [{ codeExecution }] : []),
  ];
}

function searchOf(
  { native, allowedDomains = [] }: WebSearch,
  model: ModelProfile,
  dialect: Dialect,
  losses: Loss[],
): JsonObject {
  const search = native ? nativeSearch(native, model, dialect, losses) : {};
  if (allowedDomains.length === 0) return search;
  if (dialect === "cloudcode") return { ...search, includedDomains: allowedDomains };
  losses.push({ field: "web_search", why: "searches all domains: the official API takes no list of them" });
  return search;
}

function withConfig(rest: JsonObject, calling?: JsonObject): { config?: JsonObject } {
  const config = { ...rest, ...(calling && { functionCallingConfig: calling }) };
  return Object.keys(config).length > 0 ? { config } : {};
}

// The hosted search may be what the choice names; its loss is told already.
function withoutSearch(choice: ToolChoice | undefined, declared: ReadonlySet<string>): ToolChoice | undefined {
  if (!choice || choice.mode === "validated" || !choice.only) return choice;
  const only = choice.only.filter((name) => declared.has(name));
  return only.length > 0 ? { mode: choice.mode, only } : { mode: "auto" };
}
