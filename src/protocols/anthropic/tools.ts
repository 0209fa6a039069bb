import type { LossList } from "../../core/losses.ts";
import type { FunctionTool, GenerateRequest, ToolChoice, WebSearch } from "../../core/request.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import { checkTool } from "./check.ts";
import type { ToolChange } from "./content.ts";
import { invalid } from "./report.ts";
import { parseToolDeclaration, type Body, type ToolDeclaration } from "./schema.ts";

/** The canonical tool fields of a request. */
type Tools = Pick<GenerateRequest, "tools" | "toolChoice" | "webSearch">;

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

  const toolChoice = readToolChoice(body.tool_choice, result);
  if (toolChoice) result.toolChoice = toolChoice;
  return result;
}

function declare(declaration: ToolDeclaration, field: string, result: Tools, losses: LossList): void {
  switch (checkTool(declaration, field, losses)) {
    case "web-search":
      result.webSearch = webSearch(declaration);
      return;
    case "function":
      if (declaration.name) result.tools.push(functionTool(declaration, declaration.name));
      else losses.add(field, "a tool without a name cannot be called");
      return;
    case "nothing":
  }
}

function functionTool({ description, input_schema: schema }: ToolDeclaration, name: string): FunctionTool {
  return {
    name,
    ...(description === undefined ? {} : { description: wellFormed(description) }),
    ...(schema === undefined ? {} : { schema: wellFormedObject(schema) }),
  };
}

function webSearch({ allowed_domains: domains }: ToolDeclaration): WebSearch {
  const allowedDomains = domains?.map(wellFormed).filter((domain) => domain.trim() !== "");
  return allowedDomains?.length ? { allowedDomains } : {};
}

/** A choice that leaves nothing but the hosted search makes the search an obligation. */
function readToolChoice(choice: Body["tool_choice"], result: Tools): ToolChoice | undefined {
  if (!choice) return undefined;
  switch (choice.type) {
    case "any":
      if (result.webSearch && result.tools.length === 0) result.webSearch.forced = true;
      return { mode: "any" };
    case "auto":
    case "none":
    case "validated": // sent by Copilot for Gemini models
      return { mode: choice.type };
    case "tool": {
      const { name } = choice;
      if (name === undefined) throw invalid("tool_choice.name", "Field required");
      if (result.tools.some((tool) => tool.name === name)) return { mode: "any", only: [name] };
      if (result.webSearch && WEB_SEARCH.test(name)) {
        result.webSearch.forced = true;
        return undefined;
      }
      throw invalid("tool_choice", "Tool not found in provided tools");
    }
    default:
      return choice.type satisfies never;
  }
}
