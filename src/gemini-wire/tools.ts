import type { ModelProfile } from "../core/models.ts";
import type { FunctionTool } from "../core/request.ts";
import type { JsonObject } from "../lib/json.ts";
import { reviveArguments } from "./tool-arguments.ts";
import type { ToolNames } from "./tool-names.ts";
import type { ToolReturn } from "./tool-return.ts";
import { PLACEHOLDER_PROPERTY, toolParameters } from "./tool-schema.ts";

/** Tools that can be declared: named, and the first of each name. */
export function declarableTools(tools: readonly FunctionTool[]): FunctionTool[] {
  const byName = new Map<string, FunctionTool>();
  for (const tool of tools) if (tool.name !== "" && !byName.has(tool.name)) byName.set(tool.name, tool);
  return [...byName.values()];
}

/** In the client's order, which must not change from turn to turn: upstream's prompt cache begins with the tools. */
export function functionDeclarations(
  tools: readonly FunctionTool[],
  names: ToolNames,
  model: ModelProfile,
): JsonObject[] {
  const neverEmpty = model.family === "claude";
  return tools.map(({ name, description, schema }) => {
    const declaration: JsonObject = { name: names.toWire(name) };
    if (description) declaration["description"] = description;
    declaration["parameters"] = toolParameters(schema, { neverEmpty });
    return declaration;
  });
}

export function toolReturn(tools: readonly FunctionTool[], names: ToolNames): ToolReturn {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  return {
    restore(wireName, args) {
      const name = names.fromWire(wireName);
      if (name === undefined) return { name: wireName, args };
      const { schema } = byName.get(name) ?? {};
      const own = withoutPlaceholder(args, schema);
      return { name, args: schema ? reviveArguments(own, schema) : own };
    },
  };
}

function withoutPlaceholder(args: JsonObject, schema: JsonObject | undefined): JsonObject {
  if (!(PLACEHOLDER_PROPERTY in args)) return args;
  const declared = schema?.["properties"];
  if (typeof declared === "object" && declared !== null && PLACEHOLDER_PROPERTY in declared) return args;
  const { [PLACEHOLDER_PROPERTY]: _, ...own } = args;
  return own;
}
