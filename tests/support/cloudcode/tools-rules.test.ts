import type { JsonObject } from "../../../src/lib/json.ts";
import { table, plain, talk, tools, schema, property, without } from "./rule-table.ts";
import {
  answering,
  asking,
  calling,
  CLAUDE,
  declaring,
  GEMINI_25,
  GEMINI_3,
  IMAGE,
  mode,
  model,
  says,
  user,
  VALIDATED,
  weatherSchema,
  weatherTools,
} from "./samples.ts";

const claudeTools = { tools: weatherTools, toolConfig: VALIDATED };
const claudeLoop = (...list: JsonObject[]): JsonObject => talk(CLAUDE, claudeTools, user(says("go")), ...list);
const rightClaude = claudeLoop(
  model(calling("f", "a"), calling("g", "b")),
  user(answering("f", "a"), answering("g", "b")),
);
const named = (name: string): JsonObject => tools(GEMINI_3, declaring(weatherSchema, name));
const search = {
  googleSearch: { enhancedContent: { imageSearch: { maxResultCount: 5 } }, includedDomains: ["a.test"] },
};
const rightTools = tools(GEMINI_3, weatherTools);
const rightClaudeTools = asking(CLAUDE, claudeTools);

table("tools", [
  ["an empty tool list", "tools-empty", tools(GEMINI_3, []), rightTools],
  ["an empty tools entry", "tool-entry", tools(GEMINI_3, [{}]), rightTools],
  ["no declarations", "declarations-empty", tools(GEMINI_3, [{ functionDeclarations: [] }]), rightTools],
  [
    "two entries of declarations",
    "tool-entries-twice",
    tools(GEMINI_3, [...weatherTools, ...declaring(weatherSchema, "other")]),
    rightTools,
  ],
  [
    "a nameless declaration",
    "declaration-nameless",
    tools(GEMINI_3, [{ functionDeclarations: [{ description: "x" }] }]),
    rightTools,
  ],
  ["a name with a slash", "declaration-name", named("mcp/do"), named("mcp_do")],
  ["a name that begins with a digit", "declaration-name", named("1st"), named("_1st")],
  ["a name of 65 characters", "declaration-name", named("a".repeat(65)), named("a".repeat(64))],
  [
    "two declarations of one name",
    "declaration-duplicate",
    tools(GEMINI_3, [{ functionDeclarations: [{ name: "f" }, { name: "f" }] }]),
    rightTools,
  ],
  [
    "both forms of parameters",
    "declaration-two-schemas",
    tools(GEMINI_3, [
      { functionDeclarations: [{ name: "f", parameters: weatherSchema, parametersJsonSchema: weatherSchema }] },
    ]),
    rightTools,
  ],
  [
    "a search beside functions",
    "search-with-functions",
    tools(GEMINI_3, [...weatherTools, search]),
    tools(GEMINI_3, [search]),
  ],
  ["a search at Claude", "built-in-for-family", tools(CLAUDE, [search]), rightClaudeTools],
  [
    "a web search request without the tool",
    "web-search-without-tool",
    { ...without(plain, "requestId"), requestType: "web_search" },
    { ...without(tools(GEMINI_25, [search]), "requestId"), requestType: "web_search" },
  ],
  [
    "a tool config without mode",
    "mode-missing",
    tools(GEMINI_3, weatherTools, { toolConfig: {} }),
    tools(GEMINI_3, weatherTools, { toolConfig: mode("AUTO") }),
  ],
  [
    "another tool config without tools",
    "tool-config-without-tools",
    asking(GEMINI_3, { toolConfig: { includeServerSideToolInvocations: true } }),
    tools(GEMINI_3, weatherTools, { toolConfig: { includeServerSideToolInvocations: true } }),
  ],
  [
    "a tool config without functions",
    "tool-config-without-functions",
    asking(GEMINI_3, { toolConfig: mode("ANY") }),
    tools(GEMINI_3, weatherTools, { toolConfig: mode("ANY") }),
  ],
  [
    "an undeclared allowed name",
    "allowed-name-unknown",
    tools(GEMINI_3, weatherTools, { toolConfig: mode("ANY", ["other"]) }),
    tools(GEMINI_3, weatherTools, { toolConfig: mode("ANY", ["get_weather"]) }),
  ],
  [
    "allowed names beside AUTO",
    "allowed-names-mode",
    tools(GEMINI_3, weatherTools, { toolConfig: mode("AUTO", ["get_weather"]) }),
    rightTools,
  ],
  [
    "an empty list of allowed names",
    "allowed-names-empty",
    tools(GEMINI_3, weatherTools, { toolConfig: mode("ANY", []) }),
    rightTools,
  ],
  ["Claude's tools without a mode", "claude-tool-mode", tools(CLAUDE, weatherTools), rightClaudeTools],
  [
    "Claude's tools with AUTO",
    "claude-tool-mode",
    tools(CLAUDE, weatherTools, { toolConfig: mode("AUTO") }),
    tools(CLAUDE, weatherTools, { toolConfig: mode("NONE") }),
  ],
  [
    "Claude's parameters left out",
    "claude-parameters-missing",
    tools(CLAUDE, declaring(undefined), { toolConfig: VALIDATED }),
    tools(GEMINI_3, declaring(undefined)),
  ],
  [
    "Claude's parameters without properties",
    "claude-empty-parameters",
    tools(CLAUDE, declaring({ type: "object", properties: {} }), { toolConfig: VALIDATED }),
    tools(GEMINI_3, declaring({ type: "object", properties: {} })),
  ],
  [
    "Claude's history of calls without tools",
    "history-calls-without-tools",
    talk(CLAUDE, {}, user(says("go")), model(calling("f", "a")), user(answering("f", "a"))),
    rightClaude,
  ],
  [
    "a forced tool while Claude thinks",
    "claude-forced-tool-thinking",
    asking(CLAUDE, {
      tools: weatherTools,
      toolConfig: mode("ANY"),
      generationConfig: { maxOutputTokens: 9000, thinkingConfig: { thinkingBudget: 2000 } },
    }),
    asking(CLAUDE, { tools: weatherTools, toolConfig: mode("ANY") }),
  ],
  ["tools at an image model", "image-tools", tools(IMAGE, weatherTools), asking(IMAGE)],
]);

const nested = (depth: number): JsonObject =>
  depth === 0 ? { type: "string" } : { type: "object", properties: { next: nested(depth - 1) } };

table("schemas", [
  ["a schema without type", "schema-type-missing", property({ description: "x" }), property({ type: "string" })],
  [
    "an array without items",
    "schema-items-missing",
    property({ type: "array" }),
    property({ type: "ARRAY", items: { type: "string" } }),
  ],
  [
    "items on a string",
    "schema-items-type",
    property({ type: "string", items: { type: "string" } }),
    property({ type: "string" }),
  ],
  [
    "an enum on an integer",
    "schema-enum-type",
    property({ type: "integer", enum: ["1"] }),
    property({ type: "string", enum: ["1"] }),
  ],
  [
    "an empty enum value",
    "schema-enum-empty-value",
    property({ type: "string", enum: ["a", ""] }),
    property({ type: "string", enum: ["a"] }),
  ],
  ["an empty enum", "schema-enum-empty", property({ type: "string", enum: [] }), property({ type: "string" })],
  [
    "a required name that is not there",
    "schema-required",
    schema({ ...weatherSchema, required: ["town"] }),
    schema(weatherSchema),
  ],
  [
    "a required name twice",
    "schema-required-twice",
    schema({ ...weatherSchema, required: ["city", "city"] }),
    schema(weatherSchema),
  ],
  [
    "a nested required name that is not there",
    "schema-required",
    property({ type: "object", properties: {}, required: ["z"] }),
    property({ type: "object", properties: {} }),
  ],
  [
    "properties on a string",
    "schema-properties-type",
    property({ type: "string", properties: {} }),
    property({ type: "string" }),
  ],
  [
    "required on a string",
    "schema-required-type",
    property({ type: "string", required: ["a"] }),
    property({ type: "string" }),
  ],
  [
    "a root that is an array",
    "schema-root",
    schema({ type: "array", items: { type: "string" } }),
    schema(weatherSchema),
  ],
  ["a schema of 200 levels", "schema-depth", schema(nested(200)), schema(nested(20))],
]);
