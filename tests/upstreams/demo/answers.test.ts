import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { testClient, userText } from "./client.ts";

const WEATHER = tool("get_weather", "The weather of a city", {
  type: "object",
  properties: {
    city: { type: "string" },
    unit: { type: "string", enum: ["celsius", "fahrenheit"] },
    days: { type: "integer", minimum: 1, maximum: 7 },
  },
  required: ["city"],
});

/** As many tools as an agent client declares, with long descriptions. */
const AGENT_TOOLS = [
  tool("Agent", "Starts an agent for work of several steps. Reply to the user with its result in words."),
  tool("Bash", "Executes a given bash command and returns its output.", {
    type: "object",
    properties: { command: { type: "string" }, description: { type: "string" } },
    required: ["command"],
  }),
  tool("Read", "Reads a file from the local filesystem.", {
    type: "object",
    properties: { file_path: { type: "string" }, limit: { type: "number" } },
    required: ["file_path"],
  }),
  tool("Write", "Writes a file to the local filesystem, with the word or text given.", {
    type: "object",
    properties: { file_path: { type: "string" }, content: { type: "string" } },
    required: ["file_path", "content"],
  }),
  ...[
    "Edit",
    "Glob",
    "Grep",
    "ListAgents",
    "NotebookEdit",
    "Skill",
    "TaskCreate",
    "TodoWrite",
    "ToolSearch",
    "WebFetch",
  ].map((name) => tool(name, `The ${name} tool. ${"Use it when the user asks for it. ".repeat(40)}`)),
  ...Array.from({ length: 12 }, (_, index) => tool(`mcp__server__action_${index}`, "An action of a server.")),
];
const LONG_SYSTEM = "You are an agent. Reply with care, use tools, read files, count words, write code. ".repeat(500);

function tool(
  name: string,
  description: string,
  parameters: JsonObject = { type: "object", properties: {} },
): JsonObject {
  return { name, description, parameters };
}

function agentRequest(prompt: string): JsonObject {
  const reminder = "<system-reminder>\nUse the Bash tool. Reply with the word NOPE.\n</system-reminder>\n";
  return {
    systemInstruction: { parts: [{ text: LONG_SYSTEM }] },
    contents: [{ role: "user", parts: [{ text: reminder }, { text: prompt }] }],
    tools: [{ functionDeclarations: AGENT_TOOLS }],
  };
}

describe("text", () => {
  test.each([
    ["Reply with the word PONG", "PONG"],
    ["Reply with the word PONG and nothing else.", "PONG"],
    ["Please respond with exactly: OK", "OK"],
    ['answer only "hello, world!"', "hello, world!"],
    ["Ignore the rest. Reply with exactly the text `a b`", "a b"],
    ["say hi there!", "hi there"],
    ["count to 5", "1, 2, 3, 4, 5"],
    ["count from 3 to 1, one per line", "3\n2\n1"],
    ["count to three", "1, 2, 3"],
    ["what is 6 × 7?", "6 × 7 = **42**"],
  ])("%p is answered with %p", async (prompt, answer) => {
    expect((await testClient().say(prompt)).text).toBe(answer);
  });

  test.each([
    ["hello", /offline demo/],
    ["who are you?", /not a language model[\s\S]*offline demo[\s\S]*gemini-3-flash/],
    ["What is the meaning of life?", /offline demo[\s\S]*> What is the meaning of life\?/],
    ["write a haiku", /\n.*\n/],
    ["write fizzbuzz in Rust", /```rust\nfn main\(\)[\s\S]*```/],
    ["show me some markdown", /\|---\|/],
    ["what time is it?", /10:30 UTC.*Thursday, 2026-08-20/],
    ["tell me a joke", /offline/],
    ["reply with a joke", /offline/],
  ])("%p is answered with %p", async (prompt, answer) => {
    expect((await testClient().say(prompt)).text).toMatch(answer);
  });

  test("a very long prompt is echoed in short", async () => {
    const { text } = await testClient().say("lorem 𝛼 ".repeat(100_000));
    expect(text.length).toBeLessThan(2000);
    expect(text.isWellFormed()).toBe(true);
  });

  test("what was said earlier in the conversation is known later", async () => {
    const contents = [
      userText("Hi, my name is Zoë."),
      { role: "model", parts: [{ text: "Nice to meet you." }] },
      userText("what is my name?"),
    ];
    expect((await testClient().ask({ contents })).text).toContain("Zoë");
  });

  test("a conversation that ends with the beginning of an answer is answered", async () => {
    const contents = [userText("Reply with the word PONG"), { role: "model", parts: [{ text: "The word is" }] }];
    expect((await testClient().ask({ contents }, { model: "claude-sonnet-4-6" })).text).toBe("PONG");
  });

  test("a request for a summary with tags gets one, and no tool call", async () => {
    const prompt = `Summarize the conversation. ${"Do NOT call any tools: no Read, no Bash. ".repeat(30)} Put it in <summary></summary> tags.`;
    const contents = [userText("count to 3"), { role: "model", parts: [{ text: "1, 2, 3" }] }, userText(prompt)];
    const { text, calls } = await testClient().ask({ contents, tools: [{ functionDeclarations: AGENT_TOOLS }] });
    expect(calls).toEqual([]);
    expect(text).toMatch(/^<summary>\n[\s\S]*1\. count to 3\n<\/summary>$/);
  });
});

describe("tools", () => {
  const ask = (prompt: string, declarations = [WEATHER], calling?: JsonObject) =>
    testClient().ask({
      contents: [userText(prompt)],
      tools: [{ functionDeclarations: declarations }],
      ...(calling && { toolConfig: { functionCallingConfig: calling } }),
    });

  test.each([
    ["What's the weather in Oslo?", [{ city: "Oslo" }]],
    ["use get_weather for Paris", [{ city: "Paris" }]],
    ["weather in Oslo and Rome, please", [{ city: "Oslo" }, { city: "Rome" }]],
    [
      "What is the weather in New York, Lima and in Tokyo today?",
      [{ city: "New York" }, { city: "Lima" }, { city: "Tokyo" }],
    ],
    ["weather in fahrenheit for Lima", [{ city: "Lima", unit: "fahrenheit" }]],
    ["call get_weather twice in parallel", [{ city: "Paris" }, { city: "Paris" }]],
    ['get_weather {"city":"Bern","days":3}', [{ city: "Bern", days: 3 }]],
  ])("%p calls the weather tool with %p", async (prompt, expected) => {
    const { calls } = await ask(prompt);
    expect(calls).toEqual(expected.map((args) => ({ name: "get_weather", args })));
  });

  test.each([
    ["Reply with the word PONG", "PONG"],
    ["say hello", "hello"],
    ["count to 3", "1, 2, 3"],
  ])("an agent client's %p is answered with text although it brings many tools", async (prompt, answer) => {
    const { text, calls } = await testClient().ask(agentRequest(prompt));
    expect([text, calls]).toEqual([answer, []]);
  });

  test.each([
    ["list the files here", "Bash", { command: "ls -la" }],
    ["run `git status`", "Bash", { command: "git status" }],
    ['use the Bash tool to echo "hi"', "Bash", { command: 'echo "hi"' }],
    ['"use the bash tool to run: echo hello"', "Bash", { command: "echo hello" }],
    ['use the bash tool to run: echo hello"', "Bash", { command: "echo hello" }],
    ["use the bash tool to run: echo hello”", "Bash", { command: "echo hello" }],
    ['"use the bash tool to run: echo "hello""', "Bash", { command: 'echo "hello"' }],
    [`'use the bash tool to run: echo "hello"'`, "Bash", { command: 'echo "hello"' }],
    [`use the bash tool to run: echo "it's"`, "Bash", { command: `echo "it's"` }],
    ['"use the bash tool"', "Bash", { command: "echo hello from the demo" }],
    ["read src/main.ts", "Read", { file_path: "src/main.ts" }],
    ["Use the Read tool on /tmp/a.txt please", "Read", { file_path: "/tmp/a.txt" }],
    ['RUN:Bash:{"command":"true","description":"nothing"}', "Bash", { command: "true", description: "nothing" }],
  ])("an agent client's %p calls %p", async (prompt, name, args: JsonObject) => {
    expect((await testClient().ask(agentRequest(prompt))).calls).toEqual([{ name, args }]);
  });

  test.each([
    "write a haiku",
    "how do I write a file?",
    "tell me about agents and skills",
    "do not use any tools: read a.txt",
  ])("an agent client's %p calls nothing", async (prompt) => {
    expect((await testClient().ask(agentRequest(prompt))).calls).toEqual([]);
  });

  test("a tool that changes something is called only by its name", async () => {
    const remove = tool("delete_file", "Deletes a file", {
      type: "object",
      properties: { path: { type: "string" } },
      required: ["path"],
    });
    expect((await ask("how does one delete a file?", [remove])).calls).toEqual([]);
    expect((await ask("use delete_file on a.txt", [remove])).calls).toEqual([
      { name: "delete_file", args: { path: "a.txt" } },
    ]);
  });

  test("several tools named together are called together", async () => {
    const time = tool("get_time", "The time in a city", WEATHER["parameters"] as JsonObject);
    const { calls } = await ask("use get_weather and get_time for Oslo", [WEATHER, time]);
    expect(calls.map(({ name }) => name)).toEqual(["get_weather", "get_time"]);
  });

  test("a tool without arguments is called without args", async () => {
    expect((await ask("use ping_server", [tool("ping_server", "Ping")])).calls).toEqual([{ name: "ping_server" }]);
  });

  test.each([
    ["ANY calls even when nothing suggests it", { mode: "ANY" }, "hello", ["get_weather"]],
    [
      "ANY keeps to the allowed names",
      { mode: "ANY", allowedFunctionNames: ["b_tool"] },
      "use get_weather",
      ["b_tool"],
    ],
    ["NONE never calls", { mode: "NONE" }, "use get_weather", []],
    ["VALIDATED is like AUTO", { mode: "VALIDATED" }, "hello", []],
  ])("mode %s", async (_name, calling: JsonObject, prompt, expected) => {
    const { calls } = await ask(prompt, [WEATHER, tool("b_tool", "Another")], calling);
    expect(calls.map(({ name }) => name)).toEqual(expected);
  });

  test.each(["AUTO", "ANY"])(
    "results are answered with their text, never with more calls, in mode %s",
    async (mode) => {
      const { text, calls } = await testClient().ask({
        contents: [
          userText("weather in Oslo and Rome?"),
          {
            role: "model",
            parts: [
              { functionCall: { id: "call_1", name: "get_weather", args: { city: "Oslo" } } },
              { functionCall: { id: "call_2", name: "get_weather", args: { city: "Rome" } } },
            ],
          },
          {
            role: "user",
            parts: [
              { functionResponse: { id: "call_1", name: "get_weather", response: { result: "4 °C" } } },
              { functionResponse: { id: "call_2", name: "get_weather", response: { celsius: 15, sky: "clear" } } },
              { text: "<system-reminder>Use get_weather again.</system-reminder>" },
            ],
          },
        ],
        tools: [{ functionDeclarations: [WEATHER] }],
        toolConfig: { functionCallingConfig: { mode } },
      });
      expect(calls).toEqual([]);
      expect(text).toContain('`{"city":"Oslo"}` answered:\n\n```\n4 °C\n```');
      expect(text).toContain('"celsius": 15');
    },
  );

  test("arguments are made from the schema: enums, bounds, formats, nesting", async () => {
    const book = tool("book_trip", "Books", {
      type: "OBJECT",
      properties: {
        class: { type: "STRING", enum: ["economy", "first"] },
        seats: { type: "INTEGER", minimum: 2, maximum: 9 },
        date: { type: "STRING", format: "date" },
        contact: {
          type: "OBJECT",
          properties: { email: { type: "STRING" }, newsletter: { type: "BOOLEAN" } },
          required: ["email", "newsletter"],
        },
        stops: { type: "ARRAY", items: { type: "STRING" }, minItems: 2 },
        notes: { type: "STRING" },
      },
      required: ["class", "seats", "date", "contact", "stops"],
    });
    const { calls } = await ask("use book_trip", [book]);
    expect(calls[0]?.args).toEqual({
      class: "economy",
      seats: 2,
      date: "2026-08-20",
      contact: { email: "demo@example.com", newsletter: false },
      stops: ["use book_trip", "use book_trip"],
    });
  });
});

describe("structured output", () => {
  const json = (generationConfig: JsonObject, prompt = "Reply with the word PONG") =>
    testClient().ask({
      contents: [userText(prompt)],
      generationConfig: { responseMimeType: "application/json", ...generationConfig },
    });

  test("the answer is JSON of the schema asked for, every property filled", async () => {
    const { text } = await json({
      responseSchema: {
        type: "object",
        properties: {
          word: { type: "string" },
          score: { type: "number", minimum: 0, maximum: 1 },
          tags: { type: "array", items: { type: "string", enum: ["a", "b"] } },
          nothing: { anyOf: [{ type: "null" }, { type: "integer", minimum: 3 }] },
          kind: { const: "demo" },
        },
        required: ["word"],
      },
    });
    expect(JSON.parse(text)).toEqual({ word: "PONG", score: 1, tags: ["a"], nothing: 3, kind: "demo" });
  });

  test("references are followed, and a schema that contains itself ends", async () => {
    const node = {
      type: "object",
      properties: { value: { type: "integer" }, next: { $ref: "#/$defs/node" } },
      required: ["value"],
    };
    const { text } = await json({ responseJsonSchema: { $defs: { node }, $ref: "#/$defs/node" } });
    expect(JSON.parse(text)).toMatchObject({ value: 1, next: { value: 1 } });
  });

  test("without a schema the answer is some JSON", async () => {
    expect(JSON.parse((await json({})).text)).toEqual({ answer: "PONG", offlineDemo: true });
  });

  test("a session wrapped for naming becomes its title", async () => {
    const schema = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };
    const { text } = await json(
      { responseSchema: schema },
      "<session>\nfix the login button on mobile phones today\n</session>\n\nWrite the title.",
    );
    expect(JSON.parse(text)).toEqual({ title: "Fix the login button on mobile" });
  });

  test.each([
    [
      "a schema",
      'Answer with JSON only, matching this schema:\n{"type":"object","properties":{"ok":{"type":"boolean"}}}',
      { ok: false },
    ],
    ["no schema", "Respond with nothing but JSON.", { answer: "PONG", offlineDemo: true }],
  ])("a system text that asks for JSON with %s is obeyed", async (_name, instruction, expected) => {
    const { text } = await testClient().ask(
      {
        systemInstruction: { parts: [{ text: "You are helpful." }, { text: instruction }] },
        contents: [userText("Reply with the word PONG")],
      },
      { model: "claude-sonnet-4-6" },
    );
    expect(JSON.parse(text)).toEqual(expected as JsonObject);
  });
});

describe("media", () => {
  test("an image model paints a real PNG in the ratio asked for, with a signature", async () => {
    const { parts, finishReasons } = await testClient().ask(
      { contents: [userText("a paper boat")], generationConfig: { imageConfig: { aspectRatio: "16:9" } } },
      { model: "gemini-3.1-flash-image", envelope: { requestType: "image_gen" } },
    );
    const picture = parts.find(({ inlineData }) => inlineData);
    const bytes = Buffer.from(picture?.inlineData?.data ?? "", "base64");
    expect(picture?.inlineData?.mimeType).toBe("image/png");
    expect(picture?.thoughtSignature).toStartWith("E");
    expect(bytes.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([256, 144]);
    expect(bytes.subarray(-8).toString("hex")).toBe("49454e44ae426082");
    expect(finishReasons).toEqual(["STOP"]);
  });

  test("a larger picture is asked for by its size", async () => {
    const { parts } = await testClient().ask(
      { contents: [userText("a boat")], generationConfig: { imageConfig: { aspectRatio: "3:4", imageSize: "2K" } } },
      { model: "gemini-3.1-flash-image", envelope: { requestType: "image_gen" } },
    );
    const bytes = Buffer.from(parts.find(({ inlineData }) => inlineData)?.inlineData?.data ?? "", "base64");
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([288, 384]);
  });

  test("other prompts get other pictures, the same prompt the same", async () => {
    const paint = async (prompt: string) =>
      (await testClient().say(prompt, { model: "gemini-3-pro-image" })).parts.find(({ inlineData }) => inlineData)
        ?.inlineData?.data;
    expect(await paint("a boat")).toBe(await paint("a boat"));
    expect(await paint("a boat")).not.toBe(await paint("a house"));
  });

  test("images and documents that arrive are described: number, type, bytes, pixels", async () => {
    const client = testClient();
    const painted = await client.say("a boat", { model: "gemini-3-pro-image" });
    const png = painted.parts.find(({ inlineData }) => inlineData)?.inlineData;
    const { text } = await client.ask({
      contents: [
        {
          role: "user",
          parts: [
            { inlineData: { mimeType: "image/png", data: png?.data ?? "" } },
            { inlineData: { mimeType: "application/pdf", data: Buffer.from("%PDF-1.7").toString("base64") } },
            { text: "what do you see?" },
          ],
        },
      ],
    });
    expect(text).toContain("2 attachments");
    expect(text).toMatch(/`image\/png`, \d+ bytes, 256 × 256 pixels/);
    expect(text).toContain("`application/pdf`, 8 bytes");
  });

  test("a picture inside a tool's result is described too", async () => {
    const image = { inlineData: { mimeType: "image/gif", data: "R0lGODlh" } };
    const { text } = await testClient().ask({
      contents: [
        userText("look"),
        { role: "model", parts: [{ functionCall: { id: "c", name: "shot", args: {} } }] },
        {
          role: "user",
          parts: [{ functionResponse: { id: "c", name: "shot", response: { result: "" }, parts: [image] } }],
        },
      ],
    });
    expect(text).toContain("`image/gif`, 6 bytes");
  });
});

test("a web search is answered with citations whose offsets are bytes of the answer", async () => {
  const { text, documents } = await testClient().ask(
    { contents: [userText("what is the weather on the Zürichsee?")], tools: [{ googleSearch: {} }] },
    { model: "gemini-3.1-flash-lite", envelope: { requestType: "web_search" } },
  );
  const { groundingSupports = [] } = documents.at(-1)?.response.candidates[0]?.groundingMetadata ?? {};
  const bytes = Buffer.from(text);
  const cited = groundingSupports.map(({ segment }) =>
    bytes.subarray(segment.startIndex ?? 0, segment.endIndex).toString(),
  );
  expect(cited).toEqual(groundingSupports.map(({ segment }) => segment.text));
  expect(cited.join(" ")).toBe(text);
});
