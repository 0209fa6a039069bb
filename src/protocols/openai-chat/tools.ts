import type { LossList } from "../../core/losses.ts";
import type { FunctionTool, GenerateRequest, ToolChoice } from "../../core/request.ts";
import type { JsonObject } from "../../lib/json.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import { check, invalid } from "./check.ts";
import { customToolFields, functionFields, judge, webSearchFields } from "./fields.ts";
import { type ChatRequest, customToolSchema, functionSchema } from "./schema.ts";

/** The one property of the schema that a tool without a schema is given. */
export const CUSTOM_INPUT = "input";

interface DeclaredTools {
  tools: FunctionTool[];
  toolChoice?: ToolChoice;
  webSearch?: NonNullable<GenerateRequest["webSearch"]>;
  /** Names of the tools that take plain text: their calls go back as `custom` calls. */
  customNames: ReadonlySet<string>;
  /** The client declared `functions`: it reads `function_call`, not `tool_calls`. */
  legacy: boolean;
}

export function readTools(request: ChatRequest, losses: LossList): DeclaredTools {
  const found: Found = { tools: [], names: new Set(), customNames: new Set(), webSearch: false };
  const legacy = !request.tools?.length && request.functions !== undefined;
  for (const [index, tool] of (request.tools ?? []).entries()) addTool(found, tool, `tools[${index}]`, losses);
  if (legacy) {
    for (const [index, definition] of (request.functions ?? []).entries()) {
      addFunction(found, definition, `functions[${index}]`, losses);
    }
  }
  if (!legacy && request.functions?.length) losses.add("functions", "tools are declared as well");
  const search = request.web_search_options;
  if (search) judge(webSearchFields, search, "web_search_options", losses);

  const choice = request.tool_choice !== undefined ? toolChoice(request.tool_choice) : legacyChoice(request);
  if (choice) requireDeclared(choice, found);
  return {
    tools: found.tools,
    ...(choice && { toolChoice: choice.choice }),
    ...((search || found.webSearch) && { webSearch: {} }),
    customNames: found.customNames,
    legacy,
  };
}

interface Found {
  tools: FunctionTool[];
  names: Set<string>;
  customNames: Set<string>;
  webSearch: boolean;
}

/** The hosted search of the Responses API, which some clients send here as well. */
const WEB_SEARCH = /^web_search(_preview)?(_\d[\d_]*)?$/;

function addTool(found: Found, tool: JsonObject, field: string, losses: LossList): void {
  const type = tool["type"] ?? "function";
  // Some clients leave out the wrapper object and write its content into the tool itself.
  if (type === "function") {
    const nested = tool["function"] !== undefined && tool["function"] !== null;
    return addFunction(found, nested ? tool["function"] : tool, nested ? `${field}.function` : field, losses);
  }
  if (type === "custom") {
    const nested = tool["custom"] !== undefined && tool["custom"] !== null;
    return addCustom(found, nested ? tool["custom"] : tool, nested ? `${field}.custom` : field, losses);
  }
  if (typeof type === "string" && WEB_SEARCH.test(type)) {
    found.webSearch = true;
    return;
  }
  throw invalid(`${field}.type`, `Invalid value for '${field}.type'. Supported values are: 'function' and 'custom'.`);
}

function addFunction(found: Found, definition: unknown, field: string, losses: LossList): void {
  const checked = check(functionSchema, definition, field);
  const { name, description, parameters, input_schema: inputSchema } = checked;
  if (!admit(found, name, field, losses)) return;
  judge(functionFields, checked, field, losses);
  const schema = parameters ?? inputSchema;
  found.tools.push({
    name,
    ...(description && { description: wellFormed(description) }),
    ...(schema && { schema: wellFormedObject(schema) }),
  });
}

/** A tool that takes text becomes a function with one string; the reply unwraps it. */
function addCustom(found: Found, definition: unknown, field: string, losses: LossList): void {
  const checked = check(customToolSchema, definition, field);
  const { name, description, format } = checked;
  if (!admit(found, name, field, losses)) return;
  judge(customToolFields, checked, field, losses);
  const input: JsonObject = { type: "string" };
  const grammar = format?.grammar ?? format;
  if (format?.type === "grammar" && typeof grammar?.definition === "string") {
    input["description"] = `Text of this ${grammar.syntax ?? "formal"} grammar:\n${grammar.definition}`;
    losses.add(`${field}.format`, "the grammar is shown to the model but not enforced");
  }
  const schema: JsonObject = { type: "object", properties: { [CUSTOM_INPUT]: input }, required: [CUSTOM_INPUT] };
  found.tools.push({
    name,
    ...(description && { description: wellFormed(description) }),
    schema: wellFormedObject(schema),
  });
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

const CHOICE_WORDS: Readonly<Record<string, ToolChoice>> = {
  none: { mode: "none" },
  auto: { mode: "auto" },
  required: { mode: "any" },
  any: { mode: "any" },
  // Sent by clients that know they talk to a Gemini model: calls must fit their schema.
  validated: { mode: "validated" },
};

function toolChoice(value: NonNullable<ChatRequest["tool_choice"]>): Choice {
  if (typeof value === "string") return { choice: choiceOf(value, "tool_choice"), field: "tool_choice" };
  if (value.type === "allowed_tools") return allowedTools(value.allowed_tools);
  const named = value.function ? "function" : value.custom ? "custom" : undefined;
  const name = (named && value[named]?.name) ?? value.name;
  if (name !== undefined) {
    return { choice: { mode: "any", only: [name] }, field: named ? `tool_choice.${named}.name` : "tool_choice.name" };
  }
  return { choice: choiceOf(value.type, "tool_choice.type"), field: "tool_choice" };
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

function choiceOf(word: string, field: string): ToolChoice {
  const choice = Object.hasOwn(CHOICE_WORDS, word) ? CHOICE_WORDS[word] : undefined;
  if (choice) return choice;
  throw invalid(
    field,
    `Invalid value for '${field}'. Supported values are: 'none', 'auto', 'required', 'validated' and objects that name a tool.`,
  );
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
