import { describe, expect, test } from "bun:test";
import { refusalOf } from "../../support/refusal.ts";
import { parse, parseMessages } from "./support.ts";

const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown) => ({ role: "assistant", content });
const system = (content: unknown, more: object = {}) => ({ role: "system", content, ...more });

describe("system texts", () => {
  const billing = "x-anthropic-billing-header: cc_version=9; cc_entrypoint=cli;";
  test.each([
    ["a text", "Be brief.", ["Be brief."]],
    [
      "blocks, one text each",
      [
        { type: "text", text: "A" },
        { type: "text", text: "B", cache_control: { type: "ephemeral" } },
      ],
      ["A", "B"],
    ],
    [
      "the billing block is dropped",
      [
        { type: "text", text: billing },
        { type: "text", text: "A" },
      ],
      ["A"],
    ],
    ["only the billing line of a text is dropped", `${billing}\n\nBe brief.`, ["Be brief."]],
    ["the header's name inside a text is left alone", `Ignore ${billing}`, [`Ignore ${billing}`]],
    ["empty blocks are dropped", [{ type: "text", text: "" }], []],
    ["a text that is a number is coerced", [{ type: "text", text: 42 }], ["42"]],
    ["an empty list", [], []],
  ])("%s", (_, value, texts) => {
    expect(parse({ system: value }).request.system).toEqual(texts);
  });
});

describe("system messages inside messages", () => {
  test("those before the first answer join the system texts, in order, whatever they are called", () => {
    const { request } = parse({
      system: "S0",
      messages: [user("Hi"), system("S1"), { role: "developer", content: [{ type: "text", text: "S2" }] }],
    });
    expect(request.system).toEqual(["S0", "S1", "S2"]);
    expect(request.contents).toEqual([{ role: "user", parts: [{ text: "Hi" }] }]);
  });

  test("the billing line is dropped there too", () => {
    const { request } = parseMessages(user("Hi"), system("x-anthropic-billing-header: cc_version=9;\nS1"));
    expect(request.system).toEqual(["S1"]);
  });

  test("a message that is nothing but the billing line is no message", () => {
    const billing = system("x-anthropic-billing-header: cc_version=9;");
    const { request } = parseMessages(user("Hi"), assistant("Hello"), billing, user("More"));
    expect(request.system).toEqual([]);
    expect(request.contents.map(({ parts }) => parts[0]?.text)).toEqual(["Hi", "Hello", "More"]);
    expect(refusalOf(() => parseMessages(billing))).toMatchObject({ detail: { field: "messages" } });
  });

  test("later ones stay in their place as user text, so that the cached prefix stays the same", () => {
    const history = [user("Hi"), system("S1"), assistant("Hello"), user("More")];
    const before = parseMessages(...history).request;
    const after = parseMessages(...history, system("S2")).request;
    expect(after.system).toEqual(before.system);
    expect(after.contents).toEqual([...before.contents, { role: "user", parts: [{ text: "S2" }] }]);
  });

  test("a message cleared at the next user message is shown in its place until then, and not after", () => {
    const reminder = system("Now", { clear_at: "next_user_message" });
    expect(parseMessages(user("Hi"), reminder).request).toMatchObject({
      system: [],
      contents: [{ parts: [{ text: "Hi" }] }, { role: "user", parts: [{ text: "Now" }] }],
    });
    expect(parseMessages(user("Hi"), reminder, assistant("A"), user("B")).request.contents).toEqual([
      { role: "user", parts: [{ text: "Hi" }] },
      { role: "model", parts: [{ text: "A" }] },
      { role: "user", parts: [{ text: "B" }] },
    ]);
  });

  test("one that holds an image stays in its place: system texts are texts", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
    expect(parseMessages(user("Hi"), system([{ type: "text", text: "S" }, image])).request).toMatchObject({
      system: [],
      contents: [{}, { role: "user", parts: [{ text: "S" }, { inlineData: { data: "AAAA" } }] }],
    });
  });

  test("a request of instructions only is sent as the user's turn", () => {
    expect(parse({ system: "S0", messages: [system("Say hello")] }).request).toMatchObject({
      system: ["S0"],
      contents: [{ role: "user", parts: [{ text: "Say hello" }] }],
    });
  });
});

describe("turns", () => {
  test.each([
    ["empty text", ""],
    ["null", null],
    ["an empty list", []],
    ["nothing", undefined],
    ["an empty block", [{ type: "text", text: "" }]],
  ])("a turn with %s as content is left out", (_, content) => {
    expect(parseMessages(user(content), user("B")).request.contents).toEqual([
      { role: "user", parts: [{ text: "B" }] },
    ]);
  });

  test("turns are neither merged nor reordered, and the last may be the assistant's", () => {
    expect(parseMessages(user("A"), user("B"), assistant("C"), assistant("D")).request.contents).toEqual([
      { role: "user", parts: [{ text: "A" }] },
      { role: "user", parts: [{ text: "B" }] },
      { role: "model", parts: [{ text: "C" }] },
      { role: "model", parts: [{ text: "D" }] },
    ]);
  });

  test("whitespace is kept as it is", () => {
    expect(parseMessages(user("  A\n")).request.contents).toEqual([{ role: "user", parts: [{ text: "  A\n" }] }]);
  });
});

describe("tool changes in the middle of a conversation", () => {
  const tools = [
    { name: "read", input_schema: {} },
    { name: "write", input_schema: {}, defer_loading: true },
  ];
  const names = (...changes: unknown[]) =>
    parse({ tools, messages: [user("Hi"), ...changes.map((change) => system([change]))] }).request.tools.map(
      ({ name }) => name,
    );
  const removal = { type: "tool_removal", tool: { type: "tool_reference", name: "read" } };
  const restored = { type: "tool_addition", tool: { type: "tool_reference", name: "read" } };

  test("a definition is declared after the others", () => {
    const definition = { name: "grep", description: "Search", input_schema: { type: "object" } };
    expect(names({ type: "tool_addition", tool: { type: "tool_definition", definition } })).toEqual([
      "read",
      "write",
      "grep",
    ]);
  });

  test("a removed tool is not declared, until it is added again", () => {
    expect(names(removal)).toEqual(["write"]);
    expect(names(removal, restored)).toEqual(["read", "write"]);
  });

  test("a broken definition is refused by its place in the conversation", () => {
    const change = { type: "tool_addition", tool: { type: "tool_definition", definition: { name: 4 } } };
    expect(refusalOf(() => names(change)).detail.field).toBe("messages[1].content[0].tool.definition.name");
  });
});
