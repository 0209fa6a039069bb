import * as v from "valibot";
import type { LossList } from "../../core/losses.ts";
import type { FunctionTool, GeminiExtras, ToolChoice, WebSearch } from "../../core/request.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { jsonObject } from "../../lib/schema.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import {
  callingConfigFields,
  functionDeclarationFields,
  searchRetrievalFields,
  toolConfigFields,
  toolFields,
} from "./fields.ts";
import { jsonSchema } from "./json-schema.ts";
import { check, invalid, judgeStructure, listIn, requireStructure, type Structure, structureIn } from "./structure.ts";

export interface DeclaredTools {
  tools: FunctionTool[];
  webSearch?: WebSearch;
  extras: Pick<GeminiExtras, "urlContext" | "codeExecution">;
  /** Where each of the service's own tools was asked for. */
  fields: { webSearch?: string; urlContext?: string; codeExecution?: string };
}

export function readTools(value: unknown, field: string, losses: LossList): DeclaredTools {
  const declared: DeclaredTools = { tools: [], extras: {}, fields: {} };
  const names = new Set<string>();
  const isOne = isJsonObject(value);
  for (const [index, entry] of listIn(value, field).entries()) {
    const tool = requireStructure(entry, isOne ? field : `${field}[${index}]`);
    judgeStructure(toolFields, tool, losses);
    readHosted(tool, declared, losses);
    const { functionDeclarations } = tool.fields;
    const at = tool.place("functionDeclarations");
    for (const [position, declaration] of listIn(functionDeclarations, at).entries()) {
      addFunction(requireStructure(declaration, `${at}[${position}]`), declared.tools, names, losses);
    }
  }
  return declared;
}

/** The tools that the service itself runs. */
function readHosted({ fields, place }: Structure, declared: DeclaredTools, losses: LossList): void {
  const { googleSearchRetrieval } = fields;
  const settings = (name: string) =>
    structureIn(fields[name], place(name)) && wellFormedObject(fields[name] as JsonObject);

  const search = settings("googleSearch");
  if (search) {
    declared.webSearch = { native: search };
    declared.fields.webSearch = place("googleSearch");
  }
  // The older tool's settings have no place in the one that took over from it.
  const retrieval = structureIn(googleSearchRetrieval, place("googleSearchRetrieval"));
  if (retrieval) {
    judgeStructure(searchRetrievalFields, retrieval, losses);
    declared.webSearch ??= { native: {} };
    declared.fields.webSearch ??= place("googleSearchRetrieval");
  }
  for (const name of ["urlContext", "codeExecution"] as const) {
    const wanted = settings(name);
    if (!wanted) continue;
    declared.extras[name] = wanted;
    declared.fields[name] = place(name);
  }
}

const declarationSchema = v.looseObject({
  name: v.optional(v.string()),
  description: v.optional(v.string()),
  parameters: v.optional(jsonObject("object")),
  parametersJsonSchema: v.optional(jsonObject("object")),
});

function addFunction(declaration: Structure, tools: FunctionTool[], names: Set<string>, losses: LossList): void {
  const { name, description, parameters, parametersJsonSchema } = check(declarationSchema, declaration);
  if (!name) return losses.add(declaration.place("name"), "a function without a name cannot be called");
  if (names.has(name)) return losses.add(declaration.place("name"), "a function of this name is already declared");
  names.add(name);
  judgeStructure(functionDeclarationFields, declaration, losses);
  const schema = parametersJsonSchema ?? parameters;
  tools.push({
    name,
    ...(description && { description: wellFormed(description) }),
    ...(schema && { schema: wellFormedObject(jsonSchema(schema)) }),
  });
}

export interface Calling {
  toolChoice?: ToolChoice;
  /** Members of `toolConfig` that only Gemini models understand. */
  extras?: JsonObject;
  /** The field that `toolChoice` was read from. */
  field: string;
}

export function readToolConfig(
  value: unknown,
  field: string,
  { tools, webSearch }: DeclaredTools,
  losses: LossList,
): Calling {
  const config = structureIn(value, field);
  if (!config) return { field: `${field}.functionCallingConfig` };
  judgeStructure(toolConfigFields, config, losses);
  const extras = nativeMembers(config);
  const at = config.place("functionCallingConfig");
  const calling = structureIn(config.fields["functionCallingConfig"], at);
  const choice = calling && readChoice(calling, losses);
  if (choice && calling) {
    const declared = new Set(tools.map((tool) => tool.name));
    if (choice.mode === "any" && declared.size === 0 && !webSearch) {
      throw invalid(calling.place("mode"), "a call is required but no functions are declared");
    }
    if ("only" in choice && choice.only?.some((name) => !declared.has(name))) {
      throw invalid(calling.place("allowedFunctionNames"), "it names a function that is not declared");
    }
  }
  return { ...(choice && { toolChoice: choice }), ...(extras && { extras }), field: at };
}

function nativeMembers({ fields }: Structure): JsonObject | undefined {
  const native: JsonObject = {};
  const { includeServerSideToolInvocations: include, retrievalConfig } = fields;
  if (typeof include === "boolean") native["includeServerSideToolInvocations"] = include;
  if (isJsonObject(retrievalConfig)) native["retrievalConfig"] = wellFormedObject(retrievalConfig);
  return Object.keys(native).length === 0 ? undefined : native;
}

const callingSchema = v.looseObject({
  mode: v.optional(
    v.pipe(v.string(), v.toUpperCase(), v.picklist(["AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED"])),
  ),
  allowedFunctionNames: v.optional(v.array(v.string())),
});

function readChoice(calling: Structure, losses: LossList): ToolChoice | undefined {
  judgeStructure(callingConfigFields, calling, losses);
  const { mode, allowedFunctionNames: names = [] } = check(callingSchema, calling);
  const only = names.length > 0 ? { only: [...new Set(names)] } : {};
  switch (mode) {
    case "NONE":
      return { mode: "none" };
    case "ANY":
      return { mode: "any", ...only };
    case "VALIDATED":
      if (names.length === 0) return { mode: "validated" };
      // Which functions may be called matters more than how closely their calls are checked.
      losses.add(calling.place("mode"), "calls are not checked where only some functions are allowed");
      return { mode: "auto", ...only };
    case "AUTO":
      return { mode: "auto", ...only };
    case "MODE_UNSPECIFIED":
    case undefined:
      return names.length > 0 ? { mode: "auto", ...only } : undefined;
    default:
      return mode satisfies never;
  }
}
