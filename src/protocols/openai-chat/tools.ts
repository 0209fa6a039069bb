import { checkFields } from "../../core/field-table.ts";
import type { LossList } from "../../core/losses.ts";
import { check, invalid, refuseField } from "../../core/openai/check.ts";
import {
  choiceMode,
  customDefinition,
  customToolSchema,
  functionDefinition,
  functionSchema,
  WEB_SEARCH,
} from "../../core/openai/tools.ts";
import type { FunctionTool, ToolChoice, WebSearch } from "../../core/request.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { wellFormed } from "../../lib/well-formed.ts";
import {
  customToolFields,
  functionFields,
  searchFilterFields,
  searchToolFields,
  toolFields,
  webSearchFields,
} from "./fields.ts";
import type { ChatRequest } from "./schema.ts";

interface DeclaredTools {
  tools: FunctionTool[];
  toolChoice?: ToolChoice;
  webSearch?: WebSearch;
  /** Names of the tools that take plain text: their calls go back as `custom` calls. */
  customNames: ReadonlySet<string>;
  /** The client declared `functions`: it reads `function_call`, not `tool_calls`. */
  legacy: boolean;
}

export function readTools(request: ChatRequest, losses: LossList): DeclaredTools {
  const found: Found = { tools: [], names: new Set(), customNames: new Set() };
  const legacy = !request.tools?.length && request.functions !== undefined;
  for (const [index, tool] of (request.tools ?? []).entries()) addTool(found, tool, `tools[${index}]`, losses);
  if (legacy) {
    for (const [index, definition] of (request.functions ?? []).entries()) {
      addFunction(found, definition, `functions[${index}]`, losses);
    }
  }
  if (!legacy && request.functions?.length) losses.add("functions", "tools are declared as well");
  const search = request.web_search_options;
  if (search) {
    checkFields(webSearchFields, search, "web_search_options", losses, refuseField);
    found.webSearch ??= {};
  }

  const choice = request.tool_choice !== undefined ? toolChoice(request.tool_choice) : legacyChoice(request);
  if (choice) requireDeclared(choice, found);
  if (choice?.choice.mode === "any" && found.webSearch && found.names.size === 0) found.webSearch.forced = true;
  return {
    tools: found.tools,
    ...(choice && { toolChoice: choice.choice }),
    ...(found.webSearch && { webSearch: found.webSearch }),
    customNames: found.customNames,
    legacy,
  };
}

interface Found {
  tools: FunctionTool[];
  names: Set<string>;
  customNames: Set<string>;
  webSearch?: WebSearch;
}

function addTool(found: Found, tool: JsonObject, field: string, losses: LossList): void {
  const type = tool["type"] ?? "function";
  // Some clients leave out the wrapper object and write its content into the tool itself.
  if (type === "function") {
    const nested = tool["function"] !== undefined && tool["function"] !== null;
    if (nested) checkFields(toolFields, tool, field, losses, refuseField);
    return addFunction(found, nested ? tool["function"] : tool, nested ? `${field}.function` : field, losses);
  }
  if (type === "custom") {
    const nested = tool["custom"] !== undefined && tool["custom"] !== null;
    if (nested) checkFields(toolFields, tool, field, losses, refuseField);
    return addCustom(found, nested ? tool["custom"] : tool, nested ? `${field}.custom` : field, losses);
  }
  // The hosted search of the Responses API, which some clients send here as well.
  if (typeof type === "string" && WEB_SEARCH.test(type)) {
    checkFields(searchToolFields, tool, field, losses, refuseField);
    const { filters } = tool;
    if (isJsonObject(filters)) checkFields(searchFilterFields, filters, `${field}.filters`, losses, refuseField);
    const allowedDomains = domainsOf(tool);
    found.webSearch = allowedDomains.length > 0 ? { allowedDomains } : {};
    return;
  }
  throw invalid(`${field}.type`, `Invalid value for '${field}.type'. Supported values are: 'function' and 'custom'.`);
}

function domainsOf({ filters }: JsonObject): string[] {
  const domains = isJsonObject(filters) ? filters["allowed_domains"] : undefined;
  if (!Array.isArray(domains)) return [];
  return domains.flatMap((domain) => (typeof domain === "string" && domain.trim() !== "" ? wellFormed(domain) : []));
}

function addFunction(found: Found, definition: unknown, field: string, losses: LossList): void {
  const checked = check(functionSchema, definition, field);
  const { name } = checked;
  if (!admit(found, name, field, losses)) return;
  checkFields(functionFields, checked, field, losses, refuseField);
  found.tools.push({ name, ...functionDefinition(checked) });
}

function addCustom(found: Found, definition: unknown, field: string, losses: LossList): void {
  const checked = check(customToolSchema, definition, field);
  const { name } = checked;
  if (!admit(found, name, field, losses)) return;
  checkFields(customToolFields, checked, field, losses, refuseField);
  found.tools.push({ name, ...customDefinition(checked) });
  found.customNames.add(name);
}

/** Whether the tool can be declared: a nameless one could never be called, and names are unique upstream. */
function admit(found: Found, name: string | null | undefined, field: string, losses: LossList): name is string {
  if (!name) {
    losses.add(field, "a tool without a name cannot be called");
    return false;
  }
  if (found.names.has(name)) {
    losses.add(field, "a tool of this name is already declared");
    return false;
  }
  found.names.add(name);
  return true;
}

/** A choice and, where it names tools, the field that names them. */
interface Choice {
  choice: ToolChoice;
  field: string;
}

function toolChoice(value: NonNullable<ChatRequest["tool_choice"]>): Choice {
  if (typeof value === "string") return { choice: { mode: choiceMode(value, "tool_choice") }, field: "tool_choice" };
  if (value.type === "allowed_tools") return allowedTools(value.allowed_tools);
  const named = value.function ? "function" : value.custom ? "custom" : undefined;
  const name = (named && value[named]?.name) ?? value.name;
  if (name !== undefined) {
    return { choice: { mode: "any", only: [name] }, field: named ? `tool_choice.${named}.name` : "tool_choice.name" };
  }
  return { choice: { mode: choiceMode(value.type, "tool_choice.type") }, field: "tool_choice" };
}

function allowedTools(allowed: Exclude<NonNullable<ChatRequest["tool_choice"]>, string>["allowed_tools"]): Choice {
  const field = "tool_choice.allowed_tools";
  if (!allowed) throw invalid(field, `Missing required parameter: '${field}'.`);
  const only = allowed.tools.map((tool, index) => {
    const name = tool.function?.name ?? tool.custom?.name ?? tool.name;
    if (name !== undefined) return name;
    throw invalid(`${field}.tools[${index}]`, `Invalid value for '${field}.tools[${index}]': it names no tool.`);
  });
  if (only.length === 0) return { choice: { mode: "none" }, field };
  return { choice: { mode: allowed.mode === "required" ? "any" : "auto", only }, field: `${field}.tools` };
}

function legacyChoice({ function_call: call }: ChatRequest): Choice | undefined {
  if (call === undefined) return undefined;
  if (typeof call === "string") return { choice: { mode: call }, field: "function_call" };
  return { choice: { mode: "any", only: [call.name] }, field: "function_call.name" };
}

function requireDeclared({ choice, field }: Choice, found: Found): void {
  if (choice.mode === "any" && found.names.size === 0 && !found.webSearch) {
    throw invalid(field, `Invalid value for '${field}': a call is required but no tools are declared.`);
  }
  const missing = "only" in choice && choice.only?.some((name) => !found.names.has(name));
  if (missing) throw invalid(field, `Invalid value for '${field}': it names a tool that is not declared in 'tools'.`);
}
