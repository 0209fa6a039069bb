import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/json.ts";

/**
 * A lowered body as the official API takes it (docs/wire.md, "Official API"): functions without arguments declare no
 * parameters, and the schema of a structured answer knows no `additionalProperties`. Everything else is the same. The input is not
 * changed, parts of it are shared.
 */
export function officialBody(body: JsonObject): JsonObject {
  const { tools, generationConfig } = body;
  return {
    ...body,
    ...(Array.isArray(tools) && { tools: tools.map(officialTool) }),
    ...(isJsonObject(generationConfig) && { generationConfig: officialConfig(generationConfig) }),
  };
}

function officialTool(tool: JsonValue): JsonValue {
  if (!isJsonObject(tool) || !Array.isArray(tool["functionDeclarations"])) return tool;
  return { ...tool, functionDeclarations: tool["functionDeclarations"].map(officialDeclaration) };
}

function officialDeclaration(declaration: JsonValue): JsonValue {
  if (!isJsonObject(declaration)) return declaration;
  const { parameters, ...rest } = declaration;
  const properties = isJsonObject(parameters) ? parameters["properties"] : undefined;
  return isJsonObject(properties) && Object.keys(properties).length > 0 ? declaration : rest;
}

function officialConfig(config: JsonObject): JsonObject {
  const { responseSchema } = config;
  return isJsonObject(responseSchema) ? { ...config, responseSchema: openSchema(responseSchema) } : config;
}

/** Nothing is lost: the service writes no properties but those of the schema in any case. */
function openSchema({ additionalProperties: _, ...schema }: JsonObject): JsonObject {
  const { properties, items } = schema;
  if (isJsonObject(properties)) {
    // Not by assignment: a property may be called "__proto__".
    const entries = Object.entries(properties).map(([name, value]) => [
      name,
      isJsonObject(value) ? openSchema(value) : value,
    ]);
    schema["properties"] = Object.fromEntries(entries) as JsonObject;
  }
  if (isJsonObject(items)) schema["items"] = openSchema(items);
  return schema;
}
