import { invalid } from "../../core/openai/check.ts";
import { choiceMode, WEB_SEARCH } from "../../core/openai/tools.ts";
import type { GenerateRequest } from "../../core/request.ts";
import { CLIENT_TOOLS } from "./client-tools.ts";
import { hostedTools } from "./fields.ts";
import type { NamedTool, ResponsesRequest, ToolChoiceObject } from "./schema.ts";
import type { DeclaredTools } from "./tools.ts";

type Chosen = Pick<GenerateRequest, "tools" | "toolChoice" | "webSearch">;

/** The declared tools as the request's choice leaves them. */
export function chooseTools(request: ResponsesRequest, declared: DeclaredTools): Chosen {
  const { tools, webSearch } = declared;
  const { tool_choice: choice } = request;
  const all = { tools, ...(webSearch && { webSearch }) };
  if (choice === undefined) return all;
  if (typeof choice === "string") return byWord(choice, "tool_choice", all);
  if (choice.type === "allowed_tools") return byList(choice, declared, all);
  if (WEB_SEARCH.test(choice.type)) {
    if (!webSearch) throw undeclared("tool_choice.type");
    return { tools, webSearch: { ...webSearch, forced: true } };
  }
  const named = nameIn(choice);
  if (named === undefined) {
    refuseHosted(choice.type, "tool_choice.type");
    return byWord(choice.type, "tool_choice.type", all);
  }
  return { ...all, toolChoice: { mode: "any", only: [shownName(declared, named, "tool_choice")] } };
}

function byWord(word: string, field: string, all: Chosen): Chosen {
  const mode = choiceMode(word, field);
  const { tools, webSearch } = all;
  if (mode === "none") return { tools, toolChoice: { mode } };
  if (mode !== "any" || tools.length > 0) return { ...all, toolChoice: { mode } };
  if (webSearch) return { tools, webSearch: { ...webSearch, forced: true } };
  throw invalid(field, `Invalid value for '${field}': a call is required but no tools are declared.`);
}

function byList(choice: ToolChoiceObject, declared: DeclaredTools, all: Chosen): Chosen {
  const nested = choice.allowed_tools;
  const base = nested ? "tool_choice.allowed_tools" : "tool_choice";
  const { mode = "auto", tools: allowed } = nested ?? choice;
  const field = `${base}.tools`;
  if (!allowed) throw invalid(field, `Missing required parameter: '${field}'.`);
  const only = new Set<string>();
  let searches = false;
  for (const [index, tool] of allowed.entries()) {
    const at = `${field}[${index}]`;
    const { type = "function" } = tool;
    if (WEB_SEARCH.test(type)) searches = true;
    // Tools that were left out are left out here as well; their declaration is what is reported.
    else if (!Object.hasOwn(hostedTools.rows, type)) only.add(shownName(declared, namedTool(tool, at), at));
  }
  const { tools, webSearch } = all;
  const search = searches && webSearch ? webSearch : undefined;
  if (only.size === 0) {
    if (!search) return { tools, toolChoice: { mode: "none" } };
    return { tools: [], webSearch: mode === "required" ? { ...search, forced: true } : search };
  }
  return {
    tools,
    ...(search && { webSearch: search }),
    toolChoice: { mode: mode === "required" ? "any" : "auto", only: [...only] },
  };
}

type Name = Pick<NamedTool, "namespace"> & { name: string };

function nameIn({ type, name, namespace, ...nested }: NamedTool | ToolChoiceObject): Name | undefined {
  const own = type !== undefined && CLIENT_TOOLS.has(type) ? type : undefined;
  const found = nested.function?.name ?? nested.custom?.name ?? (type === "mcp" ? undefined : name) ?? own;
  return found === undefined ? undefined : { name: found, ...(namespace !== undefined && { namespace }) };
}

function namedTool(tool: NamedTool, field: string): Name {
  const named = nameIn(tool);
  if (named === undefined) throw invalid(field, `Invalid value for '${field}': it names no tool.`);
  return named;
}

function shownName({ names }: DeclaredTools, { name, namespace }: Name, field: string): string {
  const shown = names.find(name, namespace);
  if (shown === undefined) throw undeclared(`${field}.name`);
  return shown;
}

function undeclared(field: string) {
  return invalid(field, `Invalid value for '${field}': it names a tool that is not declared in 'tools'.`);
}

function refuseHosted(type: string, field: string): void {
  const row = Object.hasOwn(hostedTools.rows, type) ? hostedTools.rows[type] : undefined;
  if (row === undefined || row.type === "mapped") return;
  throw invalid(field, `'${field}' asks for a tool that cannot be had: ${row.why}.`);
}
