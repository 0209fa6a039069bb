import type { FunctionTool, GenerateRequest, ToolChoice } from "../../core/request.ts";
import type { ToolChange } from "./content.ts";
import { invalid, type LossLog } from "./report.ts";
import { isAbsent, parseToolDeclaration, type Body, type ToolDeclaration } from "./schema.ts";

/** The canonical tool fields of a request. */
type Tools = Pick<GenerateRequest, "tools" | "toolChoice" | "webSearch">;

/** Tools that Anthropic's servers run themselves: without them the conversation still makes sense. */
const SERVER_TOOL = /^(?:web_fetch|code_execution|tool_search_tool|advisor|mcp_toolset)(?:_|$)/;
const WEB_SEARCH = /^web_search(?:_|$)/;

/**
 * Reads `tools`, `tool_choice` and the changes the conversation made to the tools. Deferred tools are declared like all
 * others: the upstream has no way to add one later.
 */
export function readTools(body: Body, changes: readonly ToolChange[], log: LossLog): Tools {
  const result: Tools = { tools: [] };
  for (const [index, declaration] of (body.tools ?? []).entries()) {
    declare(declaration, `tools[${index}]`, result, log);
  }
  const removed = new Set<string>();
  for (const change of changes) {
    switch (change.type) {
      case "add":
        declare(parseToolDeclaration(change.definition, change.field), change.field, result, log);
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

  const toolChoice = readToolChoice(body.tool_choice, result, log);
  if (toolChoice) result.toolChoice = toolChoice;
  return result;
}

function declare(declaration: ToolDeclaration, field: string, result: Tools, log: LossLog): void {
  const type = declaration.type ?? "custom";
  if (WEB_SEARCH.test(type)) {
    noteSearchOptions(declaration, field, log);
    result.webSearch = declaration.max_uses === undefined ? {} : { maxUses: declaration.max_uses };
  } else if (type === "custom" || declaration.input_schema !== undefined) {
    if (declaration.name) result.tools.push(functionTool(declaration, declaration.name, field, log));
    else log.report(field, "a tool without a name cannot be called");
  } else if (SERVER_TOOL.test(type)) {
    log.report(field, `${type} is run by the service that defines it and is not available here`);
  } else {
    throw invalid(
      field,
      `tool '${declaration.name ?? type}' of type '${type}' is not supported; declare it as a custom tool with an input_schema`,
    );
  }
}

function functionTool(declaration: ToolDeclaration, name: string, field: string, log: LossLog): FunctionTool {
  if (declaration.strict === true) log.report(`${field}.strict`, "arguments are not guaranteed to fit the schema");
  if (declaration.input_examples?.length) log.report(`${field}.input_examples`, "examples of input are left out");
  if (declaration.allowed_callers && !declaration.allowed_callers.includes("direct")) {
    log.report(`${field}.allowed_callers`, "the model calls every tool directly");
  }
  return {
    name,
    ...(declaration.description === undefined ? {} : { description: declaration.description }),
    ...(declaration.input_schema === undefined ? {} : { schema: declaration.input_schema }),
  };
}

function noteSearchOptions(declaration: ToolDeclaration, field: string, log: LossLog): void {
  for (const option of ["allowed_domains", "blocked_domains", "user_location"]) {
    const value = declaration[option];
    const isSet = Array.isArray(value) ? value.length > 0 : !isAbsent(value);
    if (isSet) log.report(`${field}.${option}`, `web search has no ${option}`);
  }
}

function readToolChoice(
  choice: Body["tool_choice"],
  { tools, webSearch }: Tools,
  log: LossLog,
): ToolChoice | undefined {
  if (!choice) return undefined;
  if (choice.disable_parallel_tool_use === true) {
    log.report("tool_choice.disable_parallel_tool_use", "the model may call several tools at once");
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
        log.report("tool_choice", "whether to search is the model's choice");
        return undefined;
      }
      throw invalid("tool_choice", `Tool '${name}' not found in provided tools`);
    }
    default:
      return choice.type satisfies never;
  }
}
