import { describe, expect, test } from "bun:test";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { collect, tool, turnEvents } from "../../support/turn-script.ts";
import { context, finalResponse, parseWith, refusalWith, streamed } from "./support.ts";

const f: JsonObject = {
  type: "function",
  name: "f",
  description: "does f",
  parameters: { type: "object" },
  strict: true,
};
const declared = (...tools: JsonObject[]) => parseWith({ tools }).request.tools;
const lossesOf = (...tools: JsonObject[]) => parseWith({ tools }).losses.map(({ field }) => field);

describe("declared tools", () => {
  test("a function keeps its name, description and schema", () => {
    expect(declared(f)).toEqual([{ name: "f", description: "does f", schema: { type: "object" } }]);
    expect(lossesOf(f)).toEqual([]);
  });

  test.each<[string, JsonObject]>([
    ["wrapped as chat has it", { type: "function", function: { name: "f", parameters: { type: "object" } } }],
    ["without a type", { name: "f", parameters: { type: "object" } }],
    ["with an input_schema", { type: "function", name: "f", input_schema: { type: "object" } }],
  ])("a function %s is read", (_, definition) => {
    expect(declared(definition)).toEqual([{ name: "f", schema: { type: "object" } }]);
  });

  test("a freeform tool is a function of one text, its grammar shown and reported", () => {
    const format = { type: "grammar", syntax: "lark", definition: "start: /.+/" };
    expect(declared({ type: "custom", name: "run", description: "runs", format })).toEqual([
      {
        name: "run",
        description: "runs",
        schema: {
          type: "object",
          properties: { input: { type: "string", description: "Text of this lark grammar:\nstart: /.+/" } },
          required: ["input"],
        },
      },
    ]);
    expect(lossesOf({ type: "custom", name: "run", format })).toEqual(["tools[0].format"]);
    expect(lossesOf({ type: "custom", name: "run", format: { type: "text" } })).toEqual([]);
  });

  test("tools of a namespace get names that are unique over all of them", () => {
    const member: JsonObject = { type: "function", name: "read" };
    const tools = declared(
      { type: "function", name: "wiki__read" },
      { type: "function", name: "read" },
      { type: "namespace", name: "wiki", description: "An encyclopedia.", tools: [member] },
      { type: "namespace", name: "mcp__notes__", tools: [member] },
    );
    expect(tools.map(({ name }) => name)).toEqual(["wiki__read", "read", "wiki__read_2", "mcp__notes__read"]);
  });

  test("what a namespace says about itself becomes system text", () => {
    const tools = [{ type: "namespace", name: "wiki", description: "An encyclopedia.", tools: [f] }];
    expect(parseWith({ instructions: "rules", tools }).request.system).toEqual([
      "rules",
      "Tools named wiki__*: An encyclopedia.",
    ]);
  });

  test("tools that come up in the conversation are declared, and a later declaration replaces an earlier one", () => {
    const { tools } = parseWith({
      tools: [f],
      input: [
        { type: "additional_tools", role: "developer", tools: [{ type: "custom", name: "run" }] },
        { role: "user", content: "hello" },
        { type: "additional_tools", role: "developer", tools: [{ ...f, description: "does f better" }] },
        { type: "tool_search_output", execution: "client", call_id: "c", tools: [{ type: "function", name: "found" }] },
      ],
    }).request;
    expect(tools.map(({ name, description }) => [name, description])).toEqual([
      ["f", "does f better"],
      ["run", undefined],
      ["found", undefined],
    ]);
  });

  test("tools without a name, and a second one of a name, are named as lost", () => {
    expect(declared(f, f, { type: "function" })).toHaveLength(1);
    expect(lossesOf(f, f, { type: "function" })).toEqual(["tools[1]", "tools[2]"]);
  });

  test("the tools that OpenAI runs itself are named as lost and disturb nothing", () => {
    const hosted: JsonObject[] = [
      { type: "image_generation" },
      { type: "file_search", vector_store_ids: [] },
      { type: "code_interpreter", container: { type: "auto" } },
      { type: "computer_use_preview" },
      { type: "mcp", server_label: "x", server_url: "https://x.test" },
      { type: "programmatic_tool_calling" },
      { type: "shell", environment: { type: "container_auto" } },
      { type: "crystal_ball" },
    ];
    expect(declared(f, ...hosted).map(({ name }) => name)).toEqual(["f"]);
    expect(lossesOf(f, ...hosted)).toEqual([
      "tools[1].type",
      "tools[2].type",
      "tools[3].type",
      "tools[4].type",
      "tools[5].type",
      "tools[6].type",
      "tools[7].environment",
      "tools[8].type",
    ]);
  });

  test("a search for tools that OpenAI would run is needless: all are shown", () => {
    expect(declared({ type: "tool_search" }, { ...f, defer_loading: true }).map(({ name }) => name)).toEqual(["f"]);
    expect(lossesOf({ type: "tool_search" }, { ...f, defer_loading: true })).toEqual([]);
  });
});

describe("the search of the web", () => {
  test.each(["web_search", "web_search_preview", "web_search_2025_08_26", "web_search_preview_2025_03_11"])(
    "%s is one",
    (type) => {
      const { request, losses } = parseWith({ tools: [{ type }] });
      expect(request).toMatchObject({ tools: [], webSearch: {} });
      expect(losses).toEqual([]);
    },
  );

  test("its domains are kept, its other wishes reported", () => {
    const { request, losses } = parseWith({
      max_tool_calls: 3,
      tools: [
        {
          type: "web_search",
          filters: { allowed_domains: ["a.test"] },
          search_context_size: "high",
          user_location: { type: "approximate", city: "Oslo" },
          external_web_access: true,
        },
      ],
    });
    expect(request.webSearch).toEqual({ allowedDomains: ["a.test"] });
    expect(losses.map(({ field }) => field)).toEqual([
      "max_tool_calls",
      "tools[0].search_context_size",
      "tools[0].user_location",
    ]);
  });

  test("without access to the web there is none", () => {
    const { request, losses } = parseWith({ tools: [f, { type: "web_search", external_web_access: false }] });
    expect(request.webSearch).toBeUndefined();
    expect(losses.map(({ field }) => field)).toEqual(["tools[1].external_web_access"]);
  });
});

describe("the choice of tools", () => {
  const wiki = { type: "namespace", name: "wiki", tools: [{ type: "function", name: "read" }] };
  const tools = [f, { type: "custom", name: "run" }, wiki, { type: "web_search" }, { type: "shell" }];

  test.each<[JsonValue, unknown, unknown]>([
    ["auto", { mode: "auto" }, {}],
    ["required", { mode: "any" }, {}],
    ["validated", { mode: "validated" }, {}],
    ["none", { mode: "none" }, undefined],
    [{ type: "auto" }, { mode: "auto" }, {}],
    [{ type: "function", name: "f" }, { mode: "any", only: ["f"] }, {}],
    [{ type: "function", function: { name: "f" } }, { mode: "any", only: ["f"] }, {}],
    [{ type: "custom", name: "run" }, { mode: "any", only: ["run"] }, {}],
    [{ type: "function", name: "read", namespace: "wiki" }, { mode: "any", only: ["wiki__read"] }, {}],
    [{ type: "function", name: "read" }, { mode: "any", only: ["wiki__read"] }, {}],
    [{ type: "function", name: "wiki__read" }, { mode: "any", only: ["wiki__read"] }, {}],
    [{ type: "shell" }, { mode: "any", only: ["shell"] }, {}],
    [{ type: "web_search_preview" }, undefined, { forced: true }],
    [
      {
        type: "allowed_tools",
        mode: "required",
        tools: [
          { type: "function", name: "f" },
          { type: "mcp", server_label: "x" },
        ],
      },
      { mode: "any", only: ["f"] },
      undefined,
    ],
    [
      { type: "allowed_tools", mode: "auto", tools: [{ type: "custom", name: "run" }, { type: "web_search" }] },
      { mode: "auto", only: ["run"] },
      {},
    ],
    [{ type: "allowed_tools", mode: "auto", tools: [] }, { mode: "none" }, undefined],
    [{ type: "allowed_tools", mode: "required", tools: [{ type: "web_search" }] }, undefined, { forced: true }],
  ])("%j", (choice, toolChoice, webSearch) => {
    const { request } = parseWith({ tools, tool_choice: choice });
    expect(request.toolChoice as unknown).toEqual(toolChoice);
    expect(request.webSearch as unknown).toEqual(webSearch);
  });

  test("a call that is required where there is only the search forces the search", () => {
    const { request } = parseWith({ tools: [{ type: "web_search" }], tool_choice: "required" });
    expect(request.webSearch).toEqual({ forced: true });
    expect(request.toolChoice).toBeUndefined();
  });

  test.each<[JsonValue, string]>([
    ["sometimes", "tool_choice"],
    [{ type: "sometimes" }, "tool_choice.type"],
    [{ type: "function", name: "g" }, "tool_choice.name"],
    [{ type: "image_generation" }, "tool_choice.type"],
    [{ type: "mcp", server_label: "x", name: "y" }, "tool_choice.type"],
    [{ type: "file_search" }, "tool_choice.type"],
    [{ type: "allowed_tools" }, "tool_choice.tools"],
    [{ type: "allowed_tools", tools: [{ type: "function" }] }, "tool_choice.tools[0]"],
    [{ type: "allowed_tools", tools: [{ type: "function", name: "g" }] }, "tool_choice.tools[0].name"],
  ])("%j is refused", (choice, field) => {
    expect(refusalWith({ tools, tool_choice: choice }).detail.field).toBe(field);
  });

  test("a call cannot be required, nor a search, where nothing is declared", () => {
    expect(refusalWith({ tool_choice: "required" }).detail.field).toBe("tool_choice");
    expect(refusalWith({ tool_choice: { type: "web_search" } }).detail.field).toBe("tool_choice.type");
  });
});

describe("calls in the client's own terms", () => {
  const tools: JsonObject[] = [
    f,
    {
      type: "namespace",
      name: "wiki",
      tools: [
        { type: "function", name: "f" },
        { type: "custom", name: "edit" },
      ],
    },
    { type: "shell" },
    { type: "local_shell" },
    { type: "apply_patch" },
    { type: "tool_search", execution: "client", description: "finds tools", parameters: { type: "object" } },
  ];
  const items = (name: string, args: JsonObject) => {
    const events = turnEvents([tool("call_1", name, args)], "tool");
    const { output } = parseWith({ tools }).reply.whole(collect(events), context());
    expect(finalResponse(streamed(events, { tools }))["output"]).toEqual(output ?? []);
    return output;
  };

  test("each kind of tool is declared once, as a function", () => {
    expect(parseWith({ tools }).request.tools.map(({ name }) => name)).toEqual([
      "f",
      "wiki__f",
      "wiki__edit",
      "shell",
      "local_shell",
      "apply_patch",
      "tool_search",
    ]);
    expect(parseWith({ tools }).losses).toEqual([]);
  });

  test.each<[string, JsonObject, JsonObject]>([
    ["f", { a: 1 }, { type: "function_call", name: "f", arguments: '{"a":1}' }],
    ["wiki__f", {}, { type: "function_call", name: "f", namespace: "wiki", arguments: "{}" }],
    ["wiki__edit", { input: "x" }, { type: "custom_tool_call", name: "edit", namespace: "wiki", input: "x" }],
    ["wiki__edit", { text: "x" }, { type: "custom_tool_call", name: "edit", namespace: "wiki", input: "x" }],
    [
      "wiki__edit",
      { a: "x", b: 1 },
      { type: "custom_tool_call", name: "edit", namespace: "wiki", input: '{"a":"x","b":1}' },
    ],
    ["unknown", {}, { type: "function_call", name: "unknown", arguments: "{}" }],
    [
      "shell",
      { commands: ["ls", 5], timeout_ms: 100 },
      {
        type: "shell_call",
        action: { commands: ["ls", "5"], timeout_ms: 100, max_output_length: null },
        environment: { type: "local" },
      },
    ],
    [
      "local_shell",
      { command: "ls -l", working_directory: "/tmp" },
      {
        type: "local_shell_call",
        action: { type: "exec", command: ["bash", "-lc", "ls -l"], env: {}, working_directory: "/tmp" },
      },
    ],
    [
      "apply_patch",
      { type: "delete_file", path: "a", diff: "x" },
      { type: "apply_patch_call", operation: { type: "delete_file", path: "a" } },
    ],
    ["tool_search", { query: "x" }, { type: "tool_search_call", execution: "client", arguments: { query: "x" } }],
  ])("%s(%j)", (name, args, item) => {
    expect(items(name, args)).toEqual([{ ...item, id: expect.any(String), call_id: "call_1", status: "completed" }]);
  });

  test("a call in the history is named as its tool is shown", () => {
    const { contents } = parseWith({
      tools,
      input: [
        { role: "user", content: "hello" },
        { type: "function_call", call_id: "c1", name: "f", arguments: "{}" },
        { type: "function_call", call_id: "c2", name: "f", namespace: "wiki", arguments: "{}" },
        { type: "custom_tool_call", call_id: "c3", name: "edit", namespace: "wiki", input: "x" },
        { type: "function_call", call_id: "c4", name: "gone", namespace: "mcp__old", arguments: "{}" },
        { type: "tool_search_call", call_id: "c5", execution: "client", arguments: { query: "x" } },
        { type: "tool_search_call", execution: "server", arguments: { query: "x" } },
        { type: "function_call_output", call_id: "c1", name: "f", namespace: "wiki", output: "" },
      ],
    }).request;
    expect(contents[1]?.parts.map(({ functionCall }) => functionCall?.name)).toEqual([
      "f",
      "wiki__f",
      "wiki__edit",
      "mcp__old__gone",
      "tool_search",
    ]);
    expect(contents[2]?.parts[0]?.functionResponse?.name).toBe("wiki__f");
  });
});
