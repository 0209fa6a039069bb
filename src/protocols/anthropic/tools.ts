import { isAbsent } from "../../core/lenient.ts";
import type { LossList } from "../../core/losses.ts";
import type { FunctionTool, GenerateRequest, ToolChoice } from "../../core/request.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import type { ToolChange } from "./content.ts";
import { invalid } from "./report.ts";
import { parseToolDeclaration, type Body, type ToolDeclaration } from "./schema.ts";

/** The canonical tool fields of a request. */
type Tools = Pick<GenerateRequest, "tools" | "toolChoice" | "webSearch">;

/** Tools that Anthropic's servers run themselves: without them the conversation still makes sense. */
const SERVER_TOOL = /^(?:web_fetch|code_execution|tool_search_tool|advisor|mcp_toolset)(?:_|$)/;
const WEB_SEARCH = /^web_search(?:_|$)/;

/**
 * Reads `tools`, `tool_choice` and the changes the conversation made to the tools. Deferred tools are declared like all
 * others: the upstream has no way to add one later.
 */
export function readTools(body: Body, changes: readonly ToolChange[], losses: LossList): Tools {
  const result: Tools = { tools: [] };
  for (const [index, declaration] of (body.tools ?? []).entries()) {
    declare(declaration, `tools[${index}]`, result, losses);
  }
  const removed = new Set<string>();
  for (const change of changes) {
    switch (change.type) {
      case "add":
        declare(parseToolDeclaration(change.definition, change.field), change.field, result, losses);
        break;
      case "restore":
        removed.delete(change.name);
        break;
      case "remove":
        removed.add(change.name);
        break;
      default:
        change satisfies never;
    }
  }
  if (removed.size > 0) result.tools = result.tools.filter(({ name }) => !removed.has(name));

  const toolChoice = readToolChoice(body.tool_choice, result, losses);
  if (toolChoice) result.toolChoice = toolChoice;
  return result;
}

function declare(declaration: ToolDeclaration, field: string, result: Tools, losses: LossList): void {
  const type = declaration.type ?? "custom";
  if (WEB_SEARCH.test(type)) {
    noteSearchOptions(declaration, field, losses);
    result.webSearch = declaration.max_uses === undefined ? {} : { maxUses: declaration.max_uses };
  } else if (type === "custom" || declaration.input_schema !== undefined) {
    if (declaration.name) result.tools.push(functionTool(declaration, declaration.name, field, losses));
    else losses.add(field, "a tool without a name cannot be called");
  } else if (SERVER_TOOL.test(type)) {
    losses.add(field, "this tool is run by the service that defines it and is not available here");
  } else {
    throw invalid(field, "this type of tool is not supported; declare it as a custom tool with an input_schema");
  }
}

function functionTool(declaration: ToolDeclaration, name: string, field: string, losses: LossList): FunctionTool {
  if (declaration.strict === true) losses.add(`${field}.strict`, "arguments are not guaranteed to fit the schema");
  if (declaration.input_examples?.length) losses.add(`${field}.input_examples`, "examples of input are left out");
  if (declaration.allowed_callers && !declaration.allowed_callers.includes("direct")) {
    losses.add(`${field}.allowed_callers`, "the model calls every tool directly");
  }
  return {
    name,
    ...(declaration.description === undefined ? {} : { description: wellFormed(declaration.description) }),
    ...(declaration.input_schema === undefined ? {} : { schema: wellFormedObject(declaration.input_schema) }),
  };
}

function noteSearchOptions(declaration: ToolDeclaration, field: string, losses: LossList): void {
  for (const option of ["allowed_domains", "blocked_domains", "user_location"]) {
    const value = declaration[option];
    const isSet = Array.isArray(value) ? value.length > 0 : !isAbsent(value);
    if (isSet) losses.add(`${field}.${option}`, `web search has no ${option}`);
  }
}

function readToolChoice(
  choice: Body["tool_choice"],
  { tools, webSearch }: Tools,
  losses: LossList,
): ToolChoice | undefined {
  if (!choice) return undefined;
  if (choice.disable_parallel_tool_use === true) {
    losses.add("tool_choice.disable_parallel_tool_use", "the model may call several tools at once");
  }
  switch (choice.type) {
    case "auto":
    case "none":
    case "any":
    case "validated": // sent by Copilot for Gemini models
      return { mode: choice.type };
    case "tool": {
      const { name } = choice;
      if (name === undefined) throw invalid("tool_choice.name", "Field required");
      if (tools.some((tool) => tool.name === name)) return { mode: "any", only: [name] };
      if (webSearch && WEB_SEARCH.test(name)) {
        losses.add("tool_choice", "whether to search is the model's choice");
        return undefined;
      }
      throw invalid("tool_choice", "Tool not found in provided tools");
    }
    default:
      return choice.type satisfies never;
  }
}
