import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { Blob64, FunctionTool, Part, ToolChoice } from "../../../src/core/request.ts";
import { toolNames } from "../../../src/gemini-wire/tool-names.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { shortHash } from "../../../src/lib/short-hash.ts";
import {
  call,
  claude,
  flash25,
  gemini3,
  gptOss,
  imageModel,
  looking,
  lost,
  lower,
  model,
  result,
  tool,
  user,
} from "./support.ts";

function declaredNames(tools: FunctionTool[], target: ModelProfile = gemini3): unknown {
  const [entry] = (lower({ tools }, target).body["tools"] ?? []) as { functionDeclarations: { name: string }[] }[];
  return entry?.functionDeclarations.map(({ name }) => name);
}

const wireName = (name: string) => toolNames([]).toWire(name);

function mode(toolChoice: ToolChoice | undefined, target: ModelProfile, tools = looking): unknown {
  const { body } = lower({ tools, ...(toolChoice ? { toolChoice } : {}) }, target);
  return (body["toolConfig"] as { functionCallingConfig: unknown } | undefined)?.functionCallingConfig;
}

describe("declarations", () => {
  test("stand in one entry, in the client's order, with the known fields only", () => {
    const odd = {
      ...tool("b", { type: "object", properties: { x: { type: "string" } } }, "B."),
      strict: true,
      defer_loading: true,
    };
    expect(lower({ tools: [odd, tool("a")] }).body["tools"]).toEqual([
      {
        functionDeclarations: [
          { name: "b", description: "B.", parameters: { type: "object", properties: { x: { type: "string" } } } },
          { name: "a", parameters: { type: "object", properties: {} } },
        ],
      },
    ]);
  });

  test("nameless tools are dropped, and of one name the first is kept", () => {
    const tools = [tool(""), tool("a", undefined, "first"), tool("a", undefined, "second")];
    expect(lower({ tools }).body["tools"]).toEqual([
      { functionDeclarations: [{ name: "a", description: "first", parameters: { type: "object", properties: {} } }] },
    ]);
  });

  test.each([[[]], [[tool("")]]])("%j leaves no tools and no mode behind", (tools) => {
    const { body } = lower({ tools, toolChoice: { mode: "auto" } }, claude);
    expect(body).not.toHaveProperty("tools");
    expect(body).not.toHaveProperty("toolConfig");
  });

  test("a history with calls keeps its tools declared, though not callable", () => {
    const contents = [user("q"), model(call("c1", "old.tool")), user(result("c1", "r"))];
    for (const target of [claude, gemini3, gptOss]) {
      const { body } = lower({ contents }, target);
      expect(body["tools"]).toEqual([
        { functionDeclarations: [expect.objectContaining({ name: wireName("old.tool") })] },
      ]);
      expect(body["toolConfig"]).toEqual({ functionCallingConfig: { mode: "NONE" } });
    }
  });
});

describe("names", () => {
  test.each([
    ["mcp.server/do it", "mcp_server_do_it"],
    ["7zip", "_7zip"],
    ["-x", "_-x"],
    ["größe", "gr__e"],
    ["a".repeat(70), "a".repeat(51)],
  ])("%s is called %s, and a hash of its own", (name, readable) => {
    expect(declaredNames([tool(name)])).toEqual([`${readable}_${shortHash(name)}`]);
  });

  test("a legal name keeps its spelling", () => {
    for (const name of ["fine_name-2", "_", "a".repeat(64)]) expect(declaredNames([tool(name)])).toEqual([name]);
  });

  test("no name depends on the other tools: earlier turns and the signatures in them stay as they were", () => {
    const [alone] = declaredNames([tool("fs.read")]) as string[];
    const others = ["fs_read", "fs/read", "fs read", "x"].map((name) => tool(name));
    expect(declaredNames([...others, tool("fs.read")])).toContain(alone);
    expect(declaredNames([tool("fs.read"), ...others])).toContain(alone);
    const { body } = lower({ contents: [user("q"), model(call("c1", "fs.read")), user(result("c1", "r"))] });
    expect(JSON.stringify(body["contents"])).toContain(`"name":"${alone}"`);
  });

  test("a name that looks like another's hashed one does not take it over", () => {
    const lookalike = wireName("fs.read");
    expect(new Set(declaredNames([tool("fs.read"), tool(lookalike)]) as string[]).size).toBe(2);
    expect(lower({ tools: [tool("fs.read"), tool(lookalike)] }).tools.restore(lookalike, {}).name).toBe(lookalike);
  });

  test("names that would fall together stay apart, and the legal one keeps its spelling", () => {
    const [dotted, legal, spaced] = declaredNames([tool("a.b"), tool("a_b"), tool("a b")]) as string[];
    expect(legal).toBe("a_b");
    expect(new Set([dotted, legal, spaced]).size).toBe(3);
    for (const name of [dotted, spaced]) expect(name).toMatch(/^a_b_[0-9a-f]{12}$/);
  });

  test("long names that differ at the end stay apart within 64 letters", () => {
    const names = declaredNames([tool(`${"n".repeat(80)}1`), tool(`${"n".repeat(80)}2`)]) as string[];
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/);
  });

  test("a name is the same in declaration, history and choice, and comes back as it was", () => {
    const { body, tools } = lower(
      {
        contents: [user("q"), model(call("c1", "a.b")), user(result("c1", "r"))],
        tools: [tool("a.b"), tool("c")],
        toolChoice: { mode: "any", only: ["a.b"] },
      },
      claude,
    );
    expect(JSON.stringify(body).split(`"${wireName("a.b")}"`)).toHaveLength(5);
    expect(JSON.stringify(body)).not.toContain("a.b");
    expect(tools.restore(wireName("a.b"), {})).toEqual({ name: "a.b", args: {} });
  });

  test("a name nobody declared comes back untouched", () => {
    expect(lower({ tools: [tool("mcp__files__read")] }).tools.restore("files__read", { a: 1 })).toEqual({
      name: "files__read",
      args: { a: 1 },
    });
  });

  test("every set of names maps one to one", () => {
    const all = ["", ".", "_", "a b", "a_b", "a.b", "constructor", "__proto__", "x".repeat(64), "x".repeat(65)];
    const names = toolNames(all);
    expect(all.map((name) => names.fromWire(names.toWire(name)))).toEqual(all);
  });
});

describe("tool choice", () => {
  const named = [tool("look"), tool("find.it")];
  const rows: [ToolChoice | undefined, unknown, unknown][] = [
    [undefined, undefined, { mode: "VALIDATED" }],
    [{ mode: "auto" }, { mode: "AUTO" }, { mode: "VALIDATED" }],
    [{ mode: "none" }, { mode: "NONE" }, { mode: "NONE" }],
    [{ mode: "any" }, { mode: "ANY" }, { mode: "ANY" }],
    [{ mode: "any", only: [] }, { mode: "ANY" }, { mode: "ANY" }],
    [{ mode: "validated" }, { mode: "VALIDATED" }, { mode: "VALIDATED" }],
    [
      { mode: "any", only: ["find.it"] },
      { mode: "ANY", allowedFunctionNames: [wireName("find.it")] },
      { mode: "ANY", allowedFunctionNames: [wireName("find.it")] },
    ],
    [{ mode: "auto", only: ["look"] }, { mode: "AUTO" }, { mode: "VALIDATED" }],
  ];
  test.each(rows)("%j becomes %j, for Claude %j", (choice, others, forClaude) => {
    expect(mode(choice, gemini3, named)).toEqual(others);
    expect(mode(choice, gptOss, named)).toEqual(others);
    expect(mode(choice, claude, named)).toEqual(forClaude);
  });

  test("a free choice among some tools declares those only", () => {
    const some = { tools: [tool("a"), tool("b"), tool("c")], toolChoice: { mode: "auto" as const, only: ["c", "a"] } };
    expect(JSON.stringify(lower(some).body["tools"]).match(/"name":"."/g)).toEqual(['"name":"a"', '"name":"c"']);
  });

  test("a choice of a tool that is not declared is refused, without repeating its name", () => {
    const choose = () => lower({ tools: looking, toolChoice: { mode: "any", only: ["hear"] } });
    expect(choose).toThrow(GatewayError);
    expect(choose).toThrow("tool_choice names a tool that is not among the tools");
  });

  test("a call that must be made without any tool is a loss", () => {
    expect(lost({ toolChoice: { mode: "any" } }, gemini3)).toEqual(["tool_choice"]);
  });

  test("Claude is not made to think and to call a tool at once", () => {
    const fields = { tools: looking, toolChoice: { mode: "any" }, thinking: { type: "adaptive" } } as const;
    const { body, losses } = lower({ ...fields, tools: [...looking] }, claude);
    expect(body).not.toHaveProperty("generationConfig");
    expect(losses.map((loss) => loss.field)).toEqual(["thinking"]);
    expect(lower({ ...fields, tools: [...looking] }, gemini3).body).toHaveProperty("generationConfig.thinkingConfig");
  });
});

describe("web search", () => {
  test("alone, on Gemini, it is Google's", () => {
    const fields = { webSearch: {}, toolChoice: { mode: "any" as const, only: ["web_search"] } };
    const { body, losses } = lower(fields);
    expect(body["tools"]).toEqual([{ googleSearch: {} }]);
    expect(body).not.toHaveProperty("toolConfig");
    expect(losses).toEqual([]);
  });

  test("beside functions it is left out, and never mixed in", () => {
    const { body, losses } = lower({
      webSearch: {},
      tools: looking,
      toolChoice: { mode: "any", only: ["web_search"] },
    });
    expect(JSON.stringify(body["tools"])).not.toContain("googleSearch");
    expect(losses.map((loss) => loss.field)).toEqual(["web_search"]);
  });

  test.each([claude, gptOss])("$id has none", (target) => {
    expect(lower({ webSearch: {} }, target).body).not.toHaveProperty("tools");
    expect(lost({ webSearch: {} }, target)).toEqual(["web_search"]);
  });

  test("a client that forbids tools gets none", () => {
    expect(lower({ webSearch: {}, toolChoice: { mode: "none" } }).body).not.toHaveProperty("tools");
  });
});

describe("image models", () => {
  test("get the conversation and nothing that would make them fail", () => {
    const { body, requestType, losses } = lower(
      {
        system: ["be artful"],
        contents: [
          user("draw", { inlineData: { mimeType: "image/png", data: "AA==" } }),
          model(call("c1", "look", { at: "it" })),
          user(result("c1", "seen")),
        ],
        tools: looking,
        toolChoice: { mode: "any", only: ["look"] },
        thinking: { type: "effort", effort: "high" },
        outputFormat: { type: "json" },
        sampling: { maxOutputTokens: 4000, temperature: 0.5 },
      },
      imageModel,
    );
    expect(requestType).toBe("image_gen");
    expect(body).toEqual({
      contents: [
        { role: "user", parts: [{ text: "draw" }, { inlineData: { mimeType: "image/png", data: "AA==" } }] },
        { role: "model", parts: [{ text: '[Called the tool look with {"at":"it"}]' }] },
        { role: "user", parts: [{ text: "[Result of an earlier call of a tool]\nseen" }] },
      ],
      generationConfig: { candidateCount: 1, temperature: 0.5 },
    });
    expect(losses.map((loss) => loss.field)).toEqual(["system", "tools", "response_format", "thinking", "max_tokens"]);
  });

  describe("read the results of tools", () => {
    const blob = { mimeType: "image/png", data: "AA==" };
    const png = { inlineData: blob };
    const asked = { text: "[Called the tool look with {}]" };
    const parts = (...results: Part[]) => {
      const contents = [user("q"), model(call("c1")), { role: "user" as const, parts: results }];
      return (lower({ contents }, imageModel).body["contents"] as { parts: unknown[] }[]).flatMap((turn) => turn.parts);
    };
    const answered = (response: JsonObject, media?: Blob64[], id = "c1"): Part => ({
      functionResponse: { id, name: "look", response, ...(media && { media }) },
    });

    test.each([{}, { result: "" }, { result: " \n" }, { result: "(no content)" }])(
      "%j is told as nothing, never as empty text",
      (response) => {
        expect(parts(answered(response))).toEqual([
          { text: "q" },
          asked,
          { text: "[Result of an earlier call of the tool look]\n(nothing)" },
        ]);
      },
    );

    test("whose images follow the words", () => {
      expect(parts(answered({ result: "two" }, [blob, blob]))).toEqual([
        { text: "q" },
        asked,
        { text: "[Result of an earlier call of the tool look]\ntwo" },
        png,
        png,
      ]);
      expect(parts(answered({ result: "" }, [blob]))).toEqual([
        { text: "q" },
        asked,
        { text: "[Result of an earlier call of the tool look]" },
        png,
      ]);
    });

    test("that belong to no call any more", () => {
      const contents = [user({ functionResponse: { id: "gone", name: "", response: {}, media: [blob] } }), user("go")];
      expect(lower({ contents }, imageModel).body["contents"]).toEqual([
        { role: "user", parts: [{ text: "[Result of an earlier call of a tool]" }, png, { text: "go" }] },
      ]);
    });

    test("and a note in the place of an image of a kind they cannot read", () => {
      expect(parts(answered({ result: "x" }, [{ mimeType: "image/gif", data: "AA==" }])).at(-1)).toEqual({
        text: expect.stringContaining("image/gif"),
      });
    });
  });

  test("are asked by system text when there is nothing else", () => {
    expect(lower({ system: ["a paper boat"], contents: [] }, imageModel).body["contents"]).toEqual([
      { role: "user", parts: [{ text: "a paper boat" }] },
    ]);
  });

  test("other models make an agent request", () => {
    expect(lower({}, flash25).requestType).toBe("agent");
  });
});
