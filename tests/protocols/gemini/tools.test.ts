import { describe, expect, test } from "bun:test";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { jsonSchema } from "../../../src/protocols/gemini/json-schema.ts";
import { refusalOf } from "../../support/refusal.ts";
import { parseWith } from "./support.ts";

const withTools = (...tools: JsonValue[]) => parseWith({ tools });
const declare = (...functionDeclarations: JsonValue[]) => withTools({ functionDeclarations });

describe("functions", () => {
  const openApi = { type: "OBJECT", properties: { city: { type: "STRING" } }, required: ["city"] };
  const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

  test.each<[string, JsonObject]>([
    ["parameters", { name: "f", description: "d", parameters: openApi }],
    ["parametersJsonSchema", { name: "f", description: "d", parametersJsonSchema: schema }],
    ["parameters_json_schema", { name: "f", description: "d", parameters_json_schema: schema }],
    ["both", { name: "f", description: "d", parameters: { type: "OBJECT" }, parametersJsonSchema: schema }],
  ])("with %s are declared with a JSON Schema", (_, declaration) => {
    const { request, losses } = declare(declaration);
    expect(request.tools).toEqual([{ name: "f", description: "d", schema }]);
    expect(losses).toEqual([]);
  });

  test.each<[string, JsonObject]>([
    [
      "several entries",
      { tools: [{ functionDeclarations: [{ name: "f" }] }, { function_declarations: [{ name: "g" }] }] },
    ],
    ["one entry that is no list", { tools: { functionDeclarations: [{ name: "f" }, { name: "g" }] } }],
  ])("in %s are all declared", (_, fields) => {
    expect(parseWith(fields).request.tools).toEqual([{ name: "f" }, { name: "g" }]);
  });

  test("without a name, or with one that is taken, are reported", () => {
    const { request, losses } = declare({ name: "f" }, { description: "?" }, { name: "f", description: "again" });
    expect(request.tools).toEqual([{ name: "f" }]);
    expect(losses.map(({ field }) => field)).toEqual([
      "tools[0].functionDeclarations[1].name",
      "tools[0].functionDeclarations[2].name",
    ]);
  });

  test("lose what they say about their results", () => {
    const { losses } = declare({ name: "f", response: { type: "STRING" }, behavior: "NON_BLOCKING" });
    expect(losses.map(({ field }) => field).sort()).toEqual([
      "tools[0].functionDeclarations[0].behavior",
      "tools[0].functionDeclarations[0].response",
    ]);
    expect(declare({ name: "f", behavior: "BLOCKING" }).losses).toEqual([]);
  });

  test.each<[JsonValue, string]>([
    [{ functionDeclarations: "f" }, "tools[0].functionDeclarations"],
    [{ functionDeclarations: [5] }, "tools[0].functionDeclarations[0]"],
    [{ functionDeclarations: [{ name: 5 }] }, "tools[0].functionDeclarations[0].name"],
    [{ function_declarations: [{ name: "f", parameters: [] }] }, "tools[0].function_declarations[0].parameters"],
  ])("%j is refused by name", (tool, field) => {
    expect(refusalOf(() => withTools(tool)).detail.field).toBe(field);
  });
});

describe("the service's own tools", () => {
  test("a search is kept as it was written", () => {
    const search = { timeRangeFilter: { startTime: "2026-01-01T00:00:00Z" } };
    expect(withTools({ googleSearch: search }).request.webSearch).toEqual({ native: search });
    expect(withTools({ google_search: {} }).request.webSearch).toEqual({ native: {} });
  });

  test("the older search is the newer one without its settings", () => {
    const { request, losses } = withTools({
      googleSearchRetrieval: { dynamicRetrievalConfig: { mode: "MODE_DYNAMIC" } },
    });
    expect(request.webSearch).toEqual({ native: {} });
    expect(losses.map(({ field }) => field)).toEqual(["tools[0].googleSearchRetrieval.dynamicRetrievalConfig"]);
  });

  test("functions may stand beside a search", () => {
    const { request, losses } = parseWith({
      tools: [{ googleSearch: {} }, { functionDeclarations: [{ name: "f" }] }],
      toolConfig: { functionCallingConfig: { mode: "VALIDATED" }, includeServerSideToolInvocations: true },
    });
    expect(request).toMatchObject({
      tools: [{ name: "f" }],
      webSearch: { native: {} },
      toolChoice: { mode: "validated" },
      gemini: { toolConfig: { includeServerSideToolInvocations: true } },
    });
    expect(losses).toEqual([]);
  });

  test("addresses are read and code is run by those who can", () => {
    expect(withTools({ urlContext: {} }, { code_execution: {} }).request.gemini).toEqual({
      urlContext: {},
      codeExecution: {},
    });
  });

  test.each([
    "googleMaps",
    "computerUse",
    "fileSearch",
    "retrieval",
    "enterpriseWebSearch",
    "exaAiSearch",
    "parallelAiSearch",
  ])("%s is refused by name", (name) => {
    expect(refusalOf(() => withTools({ [name]: {} })).detail.field).toBe(`tools[0].${name}`);
  });

  test("MCP servers are refused, an empty list of them is not", () => {
    expect(refusalOf(() => withTools({ mcp_servers: [{ name: "a" }] })).detail.field).toBe("tools[0].mcp_servers");
    expect(withTools({ mcpServers: [] }).losses).toEqual([]);
  });

  test("one that is not known is reported", () => {
    expect(withTools({ teleporter: {} }).losses.map(({ field }) => field)).toEqual(["tools[0].teleporter"]);
  });
});

describe("the calling mode", () => {
  const choice = (functionCallingConfig: JsonObject) =>
    parseWith({
      tools: [{ functionDeclarations: [{ name: "f" }, { name: "g" }] }],
      toolConfig: { functionCallingConfig },
    });

  test.each<[JsonObject, object | undefined]>([
    [{ mode: "AUTO" }, { mode: "auto" }],
    [{ mode: "auto" }, { mode: "auto" }],
    [{ mode: "ANY" }, { mode: "any" }],
    [
      { mode: "ANY", allowedFunctionNames: ["f"] },
      { mode: "any", only: ["f"] },
    ],
    [
      { mode: "AUTO", allowed_function_names: ["f", "f"] },
      { mode: "auto", only: ["f"] },
    ],
    [{ mode: "NONE" }, { mode: "none" }],
    [{ mode: "VALIDATED" }, { mode: "validated" }],
    [{ mode: "MODE_UNSPECIFIED" }, undefined],
    [{}, undefined],
  ])("%j is %j", (config, expected) => {
    const { request, losses } = choice(config);
    expect(request.toolChoice).toEqual(expected as never);
    expect(losses).toEqual([]);
  });

  test("only the allowed functions matter more than the check of their arguments", () => {
    const { request, losses } = choice({ mode: "VALIDATED", allowedFunctionNames: ["g"] });
    expect(request.toolChoice).toEqual({ mode: "auto", only: ["g"] });
    expect(losses.map(({ field }) => field)).toEqual(["toolConfig.functionCallingConfig.mode"]);
  });

  test.each<[JsonObject, string]>([
    [{ mode: "SOMETIMES" }, "mode"],
    [{ mode: "ANY", allowedFunctionNames: ["h"] }, "allowedFunctionNames"],
    [{ allowed_function_names: [5] }, "allowed_function_names[0]"],
  ])("%j is refused by name", (config, field) => {
    expect(refusalOf(() => choice(config)).detail.field).toBe(`toolConfig.functionCallingConfig.${field}`);
  });

  test("a call of nothing cannot be required", () => {
    const error = refusalOf(() => parseWith({ tool_config: { function_calling_config: { mode: "ANY" } } }));
    expect(error.detail.field).toBe("tool_config.function_calling_config.mode");
  });
});

describe("schemas", () => {
  test.each<[string, JsonObject, JsonObject]>([
    ["upper-case types", { type: "STRING" }, { type: "string" }],
    ["lists of types", { type: ["STRING", "NULL"] }, { type: ["string", "null"] }],
    ["no type", { type: "TYPE_UNSPECIFIED", description: "d" }, { description: "d" }],
    ["what may be null", { type: "INTEGER", nullable: true }, { type: ["integer", "null"] }],
    [
      "a choice that may be null",
      { anyOf: [{ type: "STRING" }], nullable: true },
      { anyOf: [{ type: "string" }, { type: "null" }] },
    ],
    ["words or null", { type: "STRING", enum: ["a"], nullable: true }, { type: ["string", "null"], enum: ["a", null] }],
    ["what may not be null", { type: "STRING", nullable: false }, { type: "string" }],
    [
      "counts written as texts",
      { type: "ARRAY", minItems: "1", max_items: "5" },
      { type: "array", minItems: 1, maxItems: 5 },
    ],
    ["an example", { type: "STRING", example: "a" }, { type: "string", examples: ["a"] }],
    [
      "either spelling of keywords, and names as they are",
      { any_of: [{ type: "OBJECT", properties: { any_of: { type: "STRING" }, type: { type: "NUMBER" } } }] },
      { anyOf: [{ type: "object", properties: { any_of: { type: "string" }, type: { type: "number" } } }] },
    ],
    [
      "values that look like types",
      { type: "STRING", enum: ["STRING"], default: { type: "STRING" } },
      { type: "string", enum: ["STRING"], default: { type: "STRING" } },
    ],
    [
      "JSON Schema",
      {
        $schema: "x",
        $defs: { a: { const: 1 } },
        type: "object",
        properties: { a: { $ref: "#/$defs/a" } },
        additionalProperties: false,
      },
      {
        $schema: "x",
        $defs: { a: { const: 1 } },
        type: "object",
        properties: { a: { $ref: "#/$defs/a" } },
        additionalProperties: false,
      },
    ],
  ])("%s", (_, schema, expected) => {
    expect(jsonSchema(schema)).toEqual(expected);
  });

  test("properties stand in the order that was asked for", () => {
    const schema = { properties: { a: {}, b: {}, c: {} }, propertyOrdering: ["c", "b"] };
    expect(Object.keys(jsonSchema(schema)["properties"] as object)).toEqual(["c", "b", "a"]);
  });

  test("a property may be called __proto__", () => {
    const schema = JSON.parse('{"type":"OBJECT","properties":{"__proto__":{"type":"STRING"}}}') as JsonObject;
    expect(JSON.stringify(jsonSchema(schema))).toBe('{"type":"object","properties":{"__proto__":{"type":"string"}}}');
  });
});
