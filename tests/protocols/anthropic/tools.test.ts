import type { BetaToolUnion } from "@anthropic-ai/sdk/resources/beta/messages/messages";
import { describe, expect, test } from "bun:test";
import type { GenerateRequest } from "../../../src/core/request.ts";
import { refusalOf } from "../../support/refusal.ts";
import { parse } from "./support.ts";

const schema = { type: "object", properties: { constructor: { type: "string" }, city: { type: ["string", "null"] } } };
const weather = { name: "get_weather", description: "Look out", input_schema: schema };

describe("function tools", () => {
  test("keep order, names, descriptions and schemas as they were sent", () => {
    const { tools } = parse({
      tools: [
        { ...weather, type: "custom", cache_control: { type: "ephemeral" }, eager_input_streaming: true },
        { name: "mcp.server/do it", input_schema: { $schema: "x", type: "object" } },
        { name: "now" },
        { name: "later", input_schema: {}, defer_loading: true, type: null },
      ],
    }).request;
    expect(tools).toEqual([
      { name: "get_weather", description: "Look out", schema },
      { name: "mcp.server/do it", schema: { $schema: "x", type: "object" } },
      { name: "now" },
      { name: "later", schema: {} },
    ]);
  });

  test("what cannot be promised about them is reported, once for many tools", () => {
    const extras = { strict: true, input_examples: [{}], allowed_callers: ["code_execution_20260120"] };
    const { losses } = parse({
      tools: [
        { ...weather, ...extras },
        { ...weather, ...extras, name: "b" },
      ],
    });
    expect(losses.map(({ field }) => field)).toEqual([
      "tools[0].strict",
      "tools[0].input_examples",
      "tools[0].allowed_callers",
    ]);
  });

  test("a tool without a name is left out and reported", () => {
    const { request, losses } = parse({ tools: [{ input_schema: {} }, weather] });
    expect(request.tools.map(({ name }) => name)).toEqual(["get_weather"]);
    expect(losses).toEqual([{ field: "tools[0]", why: "a tool without a name cannot be called" }]);
  });

  test.each([
    ["tools[1]", [weather, "read"], "tools.1: Input should be an object"],
    ["tools[0].name", [{ name: 5 }], "tools.0.name: Input should be a valid string"],
    ["tools[0].input_schema", [{ name: "a", input_schema: "x" }], "tools.0.input_schema: Input should be an object"],
  ])("a broken %s is refused", (field, tools, message) => {
    const error = refusalOf(() => parse({ tools }));
    expect(error.message).toBe(message);
    expect(error.detail.field).toBe(field);
  });
});

describe("every tool type of the API", () => {
  type Fate = "function" | "search" | "lost" | "refused";
  // The compiler demands an entry for each type that the SDK knows.
  const fates: Record<NonNullable<BetaToolUnion["type"]>, Fate> = {
    custom: "function",
    web_search_20250305: "search",
    web_search_20260209: "search",
    web_search_20260318: "search",
    web_fetch_20250910: "lost",
    web_fetch_20260209: "lost",
    web_fetch_20260309: "lost",
    web_fetch_20260318: "lost",
    code_execution_20250522: "lost",
    code_execution_20250825: "lost",
    code_execution_20260120: "lost",
    code_execution_20260521: "lost",
    tool_search_tool_bm25_20251119: "lost",
    tool_search_tool_bm25: "lost",
    tool_search_tool_regex_20251119: "lost",
    tool_search_tool_regex: "lost",
    advisor_20260301: "lost",
    mcp_toolset: "lost",
    bash_20241022: "refused",
    bash_20250124: "refused",
    text_editor_20241022: "refused",
    text_editor_20250124: "refused",
    text_editor_20250429: "refused",
    text_editor_20250728: "refused",
    computer_20241022: "refused",
    computer_20250124: "refused",
    computer_20251124: "refused",
    computer_toolset_20260801: "refused",
    browser_toolset_20260801: "refused",
    memory_20250818: "refused",
  };
  test.each(Object.entries(fates))("%s: %s", (type, fate) => {
    const tools = [weather, { type, name: "special" }];
    if (fate === "refused") {
      const error = refusalOf(() => parse({ tools }));
      expect(error.detail.field).toBe("tools[1]");
      expect(error.message).toStartWith("tools.1: this type of tool is not supported");
      return;
    }
    const { request, losses } = parse({ tools });
    expect(request.tools.map(({ name }) => name)).toEqual(
      fate === "function" ? ["get_weather", "special"] : ["get_weather"],
    );
    expect(request.webSearch).toEqual(fate === "search" ? {} : undefined);
    expect(losses.map(({ field }) => field)).toEqual(fate === "lost" ? ["tools[1]"] : []);
  });

  test("a tool of any other type is a function when it brings a schema", () => {
    const tools = [{ type: "bash_20250124", name: "bash", input_schema: schema }];
    expect(parse({ tools }).request.tools).toEqual([{ name: "bash", schema }]);
  });
});

describe("web search", () => {
  test("carries its domains and reports what it cannot do", () => {
    const search = {
      type: "web_search_20250305",
      name: "web_search",
      max_uses: 8,
      allowed_domains: ["example.org"],
      blocked_domains: [],
      user_location: { type: "approximate", city: "Oslo" },
    };
    const { request, losses } = parse({ tools: [search] });
    expect(request).toMatchObject({ tools: [], webSearch: { allowedDomains: ["example.org"] } });
    expect(losses.map(({ field }) => field)).toEqual(["tools[0].max_uses", "tools[0].user_location"]);
  });
});

describe("tool_choice", () => {
  const search = { type: "web_search_20250305", name: "web_search" };
  const cases: [name: string, choice: unknown, expected: GenerateRequest["toolChoice"], losses: string[]][] = [
    ["auto", { type: "auto" }, { mode: "auto" }, []],
    ["any", { type: "any" }, { mode: "any" }, []],
    ["none", { type: "none" }, { mode: "none" }, []],
    ["a tool", { type: "tool", name: "get_weather" }, { mode: "any", only: ["get_weather"] }, []],
    ["Copilot's validated", { type: "validated" }, { mode: "validated" }, []],
    ["a bare word", "any", { mode: "any" }, []],
    ["the hosted search", { type: "tool", name: "web_search" }, undefined, []],
    [
      "no parallel calls",
      { type: "auto", disable_parallel_tool_use: true },
      { mode: "auto" },
      ["tool_choice.disable_parallel_tool_use"],
    ],
    ["parallel calls", { type: "auto", disable_parallel_tool_use: false }, { mode: "auto" }, []],
    ["null", null, undefined, []],
  ];
  test.each(cases)("%s", (_, tool_choice, expected, lost) => {
    const { request, losses } = parse({ tools: [weather, search], tool_choice });
    expect(request.toolChoice).toEqual(expected as GenerateRequest["toolChoice"] & {});
    expect(losses.map(({ field }) => field)).toEqual(lost);
  });

  test.each([
    ["a tool that is not declared", { type: "tool", name: "other" }, "tool_choice: Tool not found in provided tools"],
    ["a tool without name", { type: "tool" }, "tool_choice.name: Field required"],
    ["an unknown type", { type: "some" }, "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'"],
    ["a number", 4, "tool_choice: Input should be an object"],
  ])("%s is refused", (_, tool_choice, message) => {
    expect(refusalOf(() => parse({ tools: [weather], tool_choice })).message).toBe(message);
  });
});
