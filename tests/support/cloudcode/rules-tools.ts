import { callsOf, FUNCTION_NAME, responsesOf } from "./rules-calls.ts";
import { checkRootObject, checkSchema } from "./rules-schema.ts";
import { refuse, refuseAsAnthropic } from "./refusal.ts";
import type { ServedModel } from "./model-table.ts";
import type { WireDeclaration, WireRequest, WireTool } from "./wire-types.ts";

const BUILT_IN = ["googleSearch", "urlContext", "codeExecution"] as const;

export function checkTools(request: WireRequest, model: ServedModel, requestType?: string): void {
  if (model.image && (request.tools || request.toolConfig)) {
    refuse("image-tools", `Tools are not supported by ${model.id}.`);
  }
  const declarations = checkEntries(request.tools, model);
  if (requestType === "web_search" && !request.tools?.some((tool) => tool.googleSearch)) {
    refuse("web-search-without-tool", "request_type web_search needs the google_search tool.");
  }
  checkToolConfig(request, declarations, model);
  if (model.family === "claude") checkClaudeTools(request, declarations);
}

function checkEntries(tools: readonly WireTool[] | undefined, model: ServedModel): WireDeclaration[] {
  if (!tools) return [];
  if (tools.length === 0) refuse("tools-empty", "* GenerateContentRequest.tools: must not be empty");
  tools.forEach((tool, index) => {
    const present = (["functionDeclarations", ...BUILT_IN] as const).filter((name) => tool[name] !== undefined);
    if (present.length !== 1) {
      refuse("tool-entry", `* GenerateContentRequest.tools[${index}]: must have one initialized field`);
    }
  });
  const holders = tools.filter((tool) => tool.functionDeclarations);
  if (holders.length > 1)
    refuse("tool-entries-twice", "Multiple tools are supported only when they are all search tools.");
  const builtIn = tools.some((tool) => BUILT_IN.some((name) => tool[name]));
  if (builtIn && model.family !== "gemini")
    refuse("built-in-for-family", `Built-in tools are not supported by ${model.id}.`);
  if (builtIn && holders.length > 0) {
    refuse("search-with-functions", "Multiple tools are supported only when they are all search tools.");
  }
  const declarations = holders[0]?.functionDeclarations;
  if (!declarations) return [];
  if (declarations.length === 0) {
    refuse("declarations-empty", "* GenerateContentRequest.tools[0].function_declarations: must not be empty");
  }
  declarations.forEach(checkDeclaration);
  checkUniqueNames(declarations);
  return declarations;
}

function checkDeclaration(declaration: WireDeclaration, index: number): void {
  const where = `tools[0].function_declarations[${index}]`;
  if (!declaration.name) {
    refuse(
      "declaration-nameless",
      `* GenerateContentRequest.${where}.name: [REQUIRED_FIELD_MISSING] Name cannot be empty.`,
    );
  }
  if (!FUNCTION_NAME.test(declaration.name)) {
    refuse(
      "declaration-name",
      `* GenerateContentRequest.${where}.name: [FIELD_INVALID] Invalid function name. Must start with a letter or an underscore, with a maximum length of 64.`,
    );
  }
  if (declaration.parameters && declaration.parametersJsonSchema) {
    refuse(
      "declaration-two-schemas",
      `* GenerateContentRequest.${where}: parameters and parameters_json_schema are mutually exclusive.`,
    );
  }
  const parameters = declaration.parameters ?? declaration.parametersJsonSchema;
  if (parameters) {
    checkSchema(parameters, `${where}.parameters`);
    checkRootObject(parameters, `${where}.parameters`);
  }
  const response = declaration.response ?? declaration.responseJsonSchema;
  if (response) checkSchema(response, `${where}.response`);
}

function checkUniqueNames(declarations: readonly WireDeclaration[]): void {
  const seen = new Set<string>();
  for (const { name = "" } of declarations) {
    if (seen.has(name)) refuse("declaration-duplicate", `Duplicate function declaration found: ${name}`);
    seen.add(name);
  }
}

function checkToolConfig(request: WireRequest, declarations: readonly WireDeclaration[], model: ServedModel): void {
  if (!request.toolConfig) return;
  const { functionCallingConfig: config, ...rest } = request.toolConfig;
  if (!config && Object.keys(rest).length > 0) {
    if (!request.tools) refuse("tool-config-without-tools", "Tool config is set without tools.");
    return;
  }
  if (!config?.mode)
    refuse("mode-missing", "* GenerateContentRequest.tool_config.function_calling_config.mode: required");
  if (declarations.length === 0) {
    refuse("tool-config-without-functions", "Function calling config is set without function_declarations.");
  }
  const allowed = config.allowedFunctionNames;
  if (!allowed) return;
  if (config.mode !== "ANY") {
    refuse("allowed-names-mode", "Allowed function names can only be set when the function calling mode is ANY.");
  }
  if (allowed.length === 0) refuse("allowed-names-empty", `allowed_function_names must not be empty for ${model.id}.`);
  for (const name of allowed) {
    if (!declarations.some((declaration) => declaration.name === name)) {
      refuse("allowed-name-unknown", `Function '${name}' in allowed_function_names is not declared.`);
    }
  }
}

function checkClaudeTools(request: WireRequest, declarations: readonly WireDeclaration[]): void {
  const contents = request.contents ?? [];
  if (declarations.length === 0) {
    if (contents.some((content) => callsOf(content).length > 0 || responsesOf(content).length > 0)) {
      refuseAsAnthropic(
        "history-calls-without-tools",
        "Requests which have `tool_use` or `tool_result` blocks in messages must define tools.",
      );
    }
    return;
  }
  const mode = request.toolConfig?.functionCallingConfig?.mode;
  if (mode === undefined || mode === "AUTO") {
    refuse("claude-tool-mode", "Function calling mode must be one of VALIDATED, ANY, NONE for this model.");
  }
  declarations.forEach((declaration, index) => {
    const parameters = declaration.parameters ?? declaration.parametersJsonSchema;
    if (!parameters)
      refuseAsAnthropic("claude-parameters-missing", `tools.${index}.custom.input_schema: Field required`);
    if (mode === "VALIDATED" && Object.keys(parameters.properties ?? {}).length === 0) {
      refuse(
        "claude-empty-parameters",
        `* GenerateContentRequest.tools[0].function_declarations[${index}].parameters.properties: should be non-empty for OBJECT type`,
      );
    }
  });
  const thinking = request.generationConfig?.thinkingConfig !== undefined;
  if (mode === "ANY" && thinking) {
    refuseAsAnthropic("claude-forced-tool-thinking", "Thinking may not be enabled when tool_choice forces tool use.");
  }
}
