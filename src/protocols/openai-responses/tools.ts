import { checkFields } from "../../core/field-table.ts";
import type { LossList } from "../../core/losses.ts";
import { check, invalid, refuseField } from "../../core/openai/check.ts";
import {
  customDefinition,
  customToolSchema,
  functionDefinition,
  functionSchema,
  WEB_SEARCH,
} from "../../core/openai/tools.ts";
import type { FunctionTool, WebSearch } from "../../core/request.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { wellFormed, wellFormedObject } from "../../lib/well-formed.ts";
import { CLIENT_TOOLS, type ClientTool } from "./client-tools.ts";
import { hostedTools, searchFilterFields, toolFields } from "./fields.ts";
import { namespaceSchema, toolSearchSchema, webSearchSchema } from "./schema.ts";

/** How a tool's calls are written. */
export type CallForm = "function" | "custom" | ClientTool;

/** A tool as the client knows it. */
export interface OwnTool {
  name: string;
  namespace?: string;
  form: CallForm;
}

/** Between the names of the client and those the model is shown, which are unique over all namespaces and forms. */
export interface ToolNames {
  /** What a call in the history is named for the model; for tools that are no longer declared, what they would be. */
  shown(name: string, namespace: string | undefined, form: CallForm): string;
  /** The tool that a choice or a short form means; `undefined` when there is none or it could be several. */
  find(name: string, namespace?: string): string | undefined;
  /** What a call of the model names; an undeclared name is a function's. */
  own(shown: string): OwnTool;
}

export interface DeclaredTools {
  tools: FunctionTool[];
  webSearch?: WebSearch;
  names: ToolNames;
  /** What the client says about its namespaces, one text each: functions have no place for it. */
  notes: string[];
}

/** A list of tools and the field it stands in; later lists may declare a tool anew. */
export interface ToolList {
  tools: readonly JsonObject[];
  field: string;
}

export function readTools(lists: readonly ToolList[], losses: LossList): DeclaredTools {
  const found = new Found(losses);
  for (const { tools, field } of lists) {
    found.seen.clear();
    for (const [index, tool] of tools.entries()) addTool(found, tool, `${field}[${index}]`);
  }
  const { webSearch } = found;
  return {
    tools: [...found.byShown.values()].map(({ tool }) => tool),
    ...(webSearch && { webSearch }),
    names: found,
    notes: [...found.notes.values()],
  };
}

interface Entry {
  tool: FunctionTool;
  own: OwnTool;
}

class Found implements ToolNames {
  readonly losses: LossList;
  readonly byShown = new Map<string, Entry>();
  readonly notes = new Map<string, string>();
  webSearch: WebSearch | undefined;
  /** Keys of the list that is being read: a list declares a tool only once. */
  readonly seen = new Set<string>();
  private readonly shownByKey = new Map<string, string>();

  constructor(losses: LossList) {
    this.losses = losses;
  }

  add(own: OwnTool, field: string, definition: Omit<FunctionTool, "name">): void {
    const key = keyOf(own.name, own.namespace, own.form);
    if (this.seen.has(key)) {
      this.losses.add(field, "a tool of this name is already declared");
      return;
    }
    this.seen.add(key);
    const shown = this.shownByKey.get(key) ?? this.unique(flatName(own.name, own.namespace));
    this.shownByKey.set(key, shown);
    this.byShown.set(shown, { tool: { name: shown, ...definition }, own });
  }

  shown(name: string, namespace: string | undefined, form: CallForm): string {
    const exact = this.shownByKey.get(keyOf(name, namespace, form));
    return exact ?? (typeof form === "string" ? this.find(name, namespace) : undefined) ?? flatName(name, namespace);
  }

  find(name: string, namespace?: string): string | undefined {
    const matches = [...this.byShown].filter(
      ([, { own }]) => own.name === name && (!namespace || own.namespace === namespace),
    );
    const bare = namespace ? undefined : matches.find(([, { own }]) => own.namespace === undefined);
    if (bare) return bare[0];
    if (matches.length > 0) return matches.length === 1 ? matches[0]?.[0] : undefined;
    const flat = flatName(name, namespace);
    return this.byShown.has(flat) ? flat : undefined;
  }

  own(shown: string): OwnTool {
    return this.byShown.get(shown)?.own ?? { name: shown, form: "function" };
  }

  private unique(name: string): string {
    let candidate = name;
    for (let number = 2; this.byShown.has(candidate); number++) candidate = `${name}_${number}`;
    return candidate;
  }
}

/** Functions and freeform tools share their names; a client's own kind of tool may be named like one of them. */
function keyOf(name: string, namespace: string | undefined, form: CallForm): string {
  return JSON.stringify([typeof form === "string" ? "" : form.callType, namespace ?? "", name]);
}

function flatName(name: string, namespace: string | undefined): string {
  if (!namespace) return name;
  return namespace.endsWith("_") ? namespace + name : `${namespace}__${name}`;
}

function addTool(found: Found, tool: JsonObject, field: string, namespace?: string): void {
  const { losses } = found;
  const type = tool["type"] ?? "function";
  if (typeof type !== "string") throw invalid(`${field}.type`, `Invalid type for '${field}.type': expected a string.`);
  if (type === "function" || type === "custom") {
    checkFields(toolFields[type], tool, field, losses, refuseField);
    // Where the Chat Completions API has its definition.
    const nested = isJsonObject(tool[type]) ? tool[type] : undefined;
    if (nested) checkFields(toolFields[type], nested, `${field}.${type}`, losses, refuseField);
    const add = type === "function" ? addFunction : addCustom;
    return add(found, nested ?? tool, nested ? `${field}.${type}` : field, namespace);
  }
  if (type === "namespace") return addNamespace(found, tool, field);
  if (WEB_SEARCH.test(type)) return addWebSearch(found, tool, type, field);
  const own = CLIENT_TOOLS.get(type);
  if (own) return addClientTool(found, own, tool, field);
  const hosted = Object.hasOwn(hostedTools.rows, type) ? hostedTools.rows[type] : undefined;
  losses.add(
    `${field}.type`,
    hosted && "why" in hosted ? hosted.why : "this kind of tool is not known; it is left out",
  );
}

function addFunction(found: Found, definition: JsonObject, field: string, namespace?: string): void {
  const tool = check(functionSchema, definition, field);
  if (!hasName(tool.name, field, found.losses)) return;
  found.add(ownTool(tool.name, namespace, "function"), field, functionDefinition(tool));
}

function addCustom(found: Found, definition: JsonObject, field: string, namespace?: string): void {
  const tool = check(customToolSchema, definition, field);
  if (!hasName(tool.name, field, found.losses)) return;
  found.add(ownTool(tool.name, namespace, "custom"), field, customDefinition(tool));
}

/** A nameless tool could never be called. */
function hasName(name: string | null | undefined, field: string, losses: LossList): name is string {
  if (name) return true;
  losses.add(field, "a tool without a name cannot be called");
  return false;
}

function ownTool(name: string, namespace: string | undefined, form: CallForm): OwnTool {
  return { name: wellFormed(name), ...(namespace && { namespace }), form };
}

function addNamespace(found: Found, tool: JsonObject, field: string): void {
  checkFields(toolFields.namespace, tool, field, found.losses, refuseField);
  const { name, description, tools } = check(namespaceSchema, tool, field);
  const namespace = wellFormed(name);
  if (description) found.notes.set(namespace, `Tools named ${flatName("*", namespace)}: ${wellFormed(description)}`);
  for (const [index, member] of (tools ?? []).entries()) {
    const at = `${field}.tools[${index}]`;
    const type = member["type"] ?? "function";
    if (type === "function" || type === "custom") addTool(found, member, at, namespace);
    else found.losses.add(`${at}.type`, "only functions and custom tools can be in a namespace; it is left out");
  }
}

function addWebSearch(found: Found, tool: JsonObject, type: string, field: string): void {
  const { losses } = found;
  const isPreview = type.startsWith("web_search_preview");
  checkFields(toolFields[isPreview ? "web_search_preview" : "web_search"], tool, field, losses, refuseField);
  const { external_web_access: access, filters } = check(webSearchSchema, tool, field);
  if (access === false) return;
  if (filters) checkFields(searchFilterFields, filters, `${field}.filters`, losses, refuseField);
  const allowedDomains = filters?.allowed_domains;
  found.webSearch = { ...(allowedDomains?.length && { allowedDomains: allowedDomains.map(wellFormed) }) };
}

function addClientTool(found: Found, own: ClientTool, tool: JsonObject, field: string): void {
  const { losses } = found;
  checkFields(toolFields[own.name], tool, field, losses, refuseField);
  const { environment } = tool;
  if (isJsonObject(environment) && environment["type"] !== "local") return;
  const { execution, description, parameters } = check(toolSearchSchema, tool, field);
  // A search that OpenAI runs would find tools that are declared here: the model sees all of them.
  if (own.name === "tool_search" && execution !== "client") return;
  found.add({ name: own.name, form: own }, field, {
    description: description ? wellFormed(description) : own.description,
    schema: parameters ? wellFormedObject(parameters) : own.schema,
  });
}
