import { describe, expect, test } from "bun:test";
import type { Content } from "../../../src/core/request.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { parse, parseWith, refusal } from "./support.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUg==";
const PDF = "JVBERi0xLjQK";

function read(messages: readonly Record<string, unknown>[]) {
  const { request, losses } = parse({ model: "m", messages });
  return { system: request.system, contents: request.contents, losses };
}

const user = (...parts: Content["parts"]): Content => ({ role: "user", parts });
const model = (...parts: Content["parts"]): Content => ({ role: "model", parts });

describe("roles", () => {
  test("system and developer messages before the first answer are system text, one entry per block, in order", () => {
    const { system, contents } = read([
      { role: "system", content: "one" },
      {
        role: "developer",
        content: [
          { type: "text", text: "two" },
          { type: "text", text: "three" },
        ],
      },
      { role: "user", content: "hello" },
      { role: "system", content: "four" },
    ]);
    expect(system).toEqual(["one", "two", "three", "four"]);
    expect(contents).toEqual([user({ text: "hello" })]);
  });

  test("system and developer messages after an answer stay at their place as user text", () => {
    const { system, contents } = read([
      { role: "system", content: "one" },
      { role: "user", content: "hello" },
      { role: "assistant", content: "hi" },
      { role: "developer", content: "be brief" },
      { role: "user", content: "again" },
    ]);
    expect(system).toEqual(["one"]);
    expect(contents).toEqual([
      user({ text: "hello" }),
      model({ text: "hi" }),
      user({ text: "be brief" }),
      user({ text: "again" }),
    ]);
  });

  test("a request of system messages alone asks with them", () => {
    expect(read([{ role: "system", content: "say hello" }])).toEqual({
      system: [],
      contents: [user({ text: "say hello" })],
      losses: [],
    });
  });

  test("a participant's name is reported once, however many messages carry one", () => {
    const { losses } = read([
      { role: "user", name: "ann", content: "hello" },
      { role: "user", name: "bob", content: "hello" },
    ]);
    expect(losses).toEqual([{ field: "messages[0].name", why: "the upstream has no names of participants" }]);
  });

  test.each([
    ["an unknown role", [{ role: "robot", content: "x" }], "messages[0].role"],
    ["no role", [{ content: "x" }], "messages[0].role"],
    ["a message that is text", ["hello"], "messages[0]"],
    ["a message that is null", [{ role: "user", content: "x" }, null], "messages[1]"],
    ["a user message without content", [{ role: "user" }], "messages[0].content"],
    ["a system message without content", [{ role: "system" }], "messages[0].content"],
    ["content that is a number", [{ role: "user", content: 5 }], "messages[0].content"],
    [
      "an image in a system message",
      [{ role: "system", content: [{ type: "image_url", image_url: `data:image/png;base64,${PNG}` }] }],
      "messages[0].content",
    ],
    ["a tool message without its call's id", [{ role: "tool", content: "x" }], "messages[0].tool_call_id"],
    ["a function message without a name", [{ role: "function", content: "x" }], "messages[0].name"],
    ["tool calls that are no list", [{ role: "assistant", tool_calls: {} }], "messages[0].tool_calls"],
    [
      "a tool call without an id",
      [{ role: "assistant", tool_calls: [{ type: "function", function: { name: "f", arguments: "{}" } }] }],
      "messages[0].tool_calls[0].id",
    ],
    [
      "a tool call without a function",
      [{ role: "assistant", tool_calls: [{ id: "a", type: "function" }] }],
      "messages[0].tool_calls[0].function",
    ],
    [
      "a tool call without a name",
      [{ role: "assistant", tool_calls: [{ id: "a", function: {} }] }],
      "messages[0].tool_calls[0].function.name",
    ],
    [
      "a tool call of unknown type",
      [{ role: "assistant", tool_calls: [{ id: "a", type: "magic" }] }],
      "messages[0].tool_calls[0].type",
    ],
    ["nothing to answer", [{ role: "user", content: "" }], "messages"],
    ["an empty list", [], "messages"],
    ["text instead of a list", "hello", "messages"],
    ["null", null, "messages"],
  ])("messages with %s are refused naming the field", (_, messages, field) => {
    const error = refusal({ model: "m", messages });
    expect([error.kind, error.detail.field]).toEqual(["invalid-request", field]);
    expect(error.message).toContain(field);
  });
});

describe("content", () => {
  const blob = (mimeType: string, data: string) => ({ inlineData: { mimeType, data } });

  test.each<[string, unknown, Content["parts"]]>([
    ["text", "hello", [{ text: "hello" }]],
    ["whitespace is text", "  \n", [{ text: "  \n" }]],
    [
      "text parts",
      [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
      [{ text: "a" }, { text: "b" }],
    ],
    [
      "empty texts are left out",
      [
        { type: "text", text: "" },
        { type: "text", text: "b" },
      ],
      [{ text: "b" }],
    ],
    ["bare strings in the array", ["a"], [{ text: "a" }]],
    ["a part without type but with text", [{ text: "a" }], [{ text: "a" }]],
    [
      "part types of the Responses API",
      [
        { type: "input_text", text: "a" },
        { type: "output_text", text: "b" },
      ],
      [{ text: "a" }, { text: "b" }],
    ],
    ["text that is a number", [{ type: "text", text: 7 }], [{ text: "7" }]],
    ["text wrapped once more", [{ type: "text", text: { text: "a" } }], [{ text: "a" }]],
    ["text that is an object", [{ type: "text", text: { a: 1 } }], [{ text: '{"a":1}' }]],
    ["text that looks like an unset option", "[undefined]", [{ text: "[undefined]" }]],
    ["refusal parts", [{ type: "refusal", refusal: "no" }], [{ text: "no" }]],
    [
      "thinking of other protocols",
      [
        { type: "thinking", thinking: "hm" },
        { type: "text", text: "a" },
      ],
      [{ text: "a" }],
    ],
    [
      "an image",
      [{ type: "image_url", image_url: { url: `data:image/png;base64,${PNG}`, detail: "high" } }],
      [blob("image/png", PNG)],
    ],
    [
      "an image as bare text",
      [{ type: "image_url", image_url: `data:image/png;base64,${PNG}` }],
      [blob("image/png", PNG)],
    ],
    [
      "an image of the Responses API",
      [{ type: "input_image", image_url: `data:image/png;base64,${PNG}` }],
      [blob("image/png", PNG)],
    ],
    ["base64 without its prefix", [{ type: "image_url", image_url: { url: PNG } }], [blob("image/png", PNG)]],
    [
      "media type parameters",
      [{ type: "image_url", image_url: { url: `data:Image/PNG;name=a.png;charset=utf-8;base64,${PNG}` } }],
      [blob("image/png", PNG)],
    ],
    [
      "no media type: the content tells",
      [{ type: "image_url", image_url: { url: "data:;base64,/9j/4AAQ" } }],
      [blob("image/jpeg", "/9j/4AAQ")],
    ],
    [
      "octet-stream: the content tells",
      [{ type: "image_url", image_url: { url: "data:application/octet-stream;base64,R0lGODlh" } }],
      [blob("image/gif", "R0lGODlh")],
    ],
    [
      "no media type and unknown content: the part tells",
      [{ type: "image_url", image_url: { url: "data:;base64,AAAA" } }],
      [blob("image/png", "AAAA")],
    ],
    [
      "percent-encoded data",
      [{ type: "image_url", image_url: { url: "data:image/svg+xml,%3Csvg%3E%C3%A9%3C/svg%3E" } }],
      [blob("image/svg+xml", btoa("<svg>\u00c3\u00a9</svg>"))],
    ],
    [
      "unencoded data with a stray percent sign",
      [{ type: "image_url", image_url: { url: "data:image/svg+xml,<a>5%</a>" } }],
      [blob("image/svg+xml", btoa("<a>5%</a>"))],
    ],
    [
      "bytes that are no text",
      [{ type: "image_url", image_url: { url: "data:image/x,%FF%00%fe" } }],
      [blob("image/x", "/wD+")],
    ],
    [
      "url-safe base64 with line breaks",
      [{ type: "image_url", image_url: { url: "data:image/png;base64,-_8\r\nA" } }],
      [blob("image/png", "+/8A")],
    ],
    [
      "percent-encoded base64",
      [{ type: "image_url", image_url: { url: "data:image/png;base64,%2B%2f8A" } }],
      [blob("image/png", "+/8A")],
    ],
    ["a video", [{ type: "video_url", video_url: { url: "data:video/mp4;base64,AAAA" } }], [blob("video/mp4", "AAAA")]],
    [
      "mp3 audio",
      [{ type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } }],
      [blob("audio/mpeg", "AAAA")],
    ],
    ["wav audio", [{ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }], [blob("audio/wav", "AAAA")]],
    [
      "flac audio",
      [{ type: "input_audio", input_audio: { data: "AAAA", format: "FLAC" } }],
      [blob("audio/flac", "AAAA")],
    ],
    [
      "pcm audio",
      [{ type: "input_audio", input_audio: { data: "AAAA", format: "pcm16" } }],
      [blob("audio/pcm", "AAAA")],
    ],
    [
      "telephone audio",
      [{ type: "input_audio", input_audio: { data: "AAAA", format: "g711_ulaw" } }],
      [blob("audio/basic", "AAAA")],
    ],
    [
      "audio as a data URL",
      [{ type: "input_audio", input_audio: { data: "data:audio/ogg;base64,AAAA" } }],
      [blob("audio/ogg", "AAAA")],
    ],
    [
      "a file as a data URL",
      [{ type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` } }],
      [blob("application/pdf", PDF)],
    ],
    [
      "a bare file named by its extension",
      [{ type: "file", file: { filename: "talk.MP3", file_data: "AAAA" } }],
      [blob("audio/mpeg", "AAAA")],
    ],
    ["a bare file that tells itself", [{ type: "file", file: { file_data: PDF } }], [blob("application/pdf", PDF)]],
    [
      "an octet-stream file named by its extension",
      [{ type: "file", file: { filename: "a.webp", file_data: "data:application/octet-stream;base64,AAAA" } }],
      [blob("image/webp", "AAAA")],
    ],
    [
      "a text file is text",
      [{ type: "file", file: { filename: "a.csv", file_data: "data:text/csv;base64,YSzDqQ==" } }],
      [{ text: "a,é" }],
    ],
    ["a bare JSON file is text", [{ type: "file", file: { filename: "a.json", file_data: "e30=" } }], [{ text: "{}" }]],
    [
      "a text document of the Messages API",
      [{ type: "document", source: { type: "text", media_type: "text/plain", data: "hello" } }],
      [{ text: "hello" }],
    ],
    [
      "a file as the Responses API has it",
      [{ type: "input_file", filename: "a.json", file_data: "e30=" }],
      [{ text: "{}" }],
    ],
    [
      "an image block of the Messages API",
      [{ type: "image", source: { type: "base64", media_type: "image/webp", data: "AAAA" } }],
      [blob("image/webp", "AAAA")],
    ],
    [
      "an image block without media type",
      [{ type: "image", source: { type: "base64", data: "/9j/AAAA" } }],
      [blob("image/jpeg", "/9j/AAAA")],
    ],
    [
      "a document block of the Messages API",
      [{ type: "document", source: { type: "base64", media_type: "application/pdf", data: PDF } }],
      [blob("application/pdf", PDF)],
    ],
  ])("%s", (_, content, parts) => {
    const { request, losses } = parse({ model: "m", messages: [{ role: "user", content }] });
    expect(request.contents).toEqual([{ role: "user", parts }]);
    expect(losses).toEqual([]);
  });

  const at = (url: string, where: string, mimeType?: string) => ({
    remote: { url, ...(mimeType !== undefined && { mimeType }), field: `messages[0].content[0].${where}` },
  });

  test.each([
    ["an image", { type: "image_url", image_url: { url: "https://a.test/i" } }, ["image_url.url", "image/*"]],
    ["an image as bare text", { type: "input_image", image_url: "https://a.test/i" }, ["image_url", "image/*"]],
    ["a film", { type: "video_url", video_url: { url: "https://a.test/i" } }, ["video_url.url", "video/*"]],
    ["a sound", { type: "audio_url", audio_url: { url: "https://a.test/i" } }, ["audio_url.url", "audio/*"]],
    ["a file", { type: "file", file: { file_url: "https://a.test/i" } }, ["file.file_url"]],
    [
      "a file with a name",
      { type: "file", file: { filename: "a.pdf", file_url: "https://a.test/i" } },
      ["file.file_url", "application/pdf"],
    ],
    ["a file where its content belongs", { type: "file", file: { file_data: "https://a.test/i" } }, ["file.file_data"]],
    ["an image block", { type: "image", source: { type: "url", url: "https://a.test/i" } }, ["source.url", "image/*"]],
    ["a document block", { type: "document", source: { type: "url", url: "https://a.test/i" } }, ["source.url"]],
  ] as [string, JsonObject, [string, string?]][])(
    "%s at an address is left to be fetched",
    (_, content, [where, type]) => {
      const { request } = parse({ model: "m", messages: [{ role: "user", content: [content] }] });
      expect(request.contents).toEqual([{ role: "user", parts: [at("https://a.test/i", where, type)] }]);
    },
  );

  test("a file's data URL in the field for its address is its content", () => {
    const file = { type: "file", file: { file_url: "data:text/csv;base64,YSzDqQ==" } };
    const { request } = parse({ model: "m", messages: [{ role: "user", content: [file] }] });
    expect(request.contents).toEqual([{ role: "user", parts: [{ text: "a,é" }] }]);
  });

  const part = (value: JsonObject) => [{ role: "user", content: [{ type: "text", text: "a" }, value] }];

  test.each([
    [
      "an image in a bucket",
      part({ type: "image_url", image_url: { url: "gs://bucket/a.png" } }),
      "messages[0].content[1].image_url.url",
    ],
    [
      "an image in a file of the client's as bare text",
      part({ type: "image_url", image_url: "file:///a.png" }),
      "messages[0].content[1].image_url",
    ],
    [
      "a file in a bucket",
      part({ type: "file", file: { file_url: "gs://bucket/a.pdf" } }),
      "messages[0].content[1].file.file_url",
    ],
    ["an image without url", part({ type: "image_url", image_url: {} }), "messages[0].content[1].image_url.url"],
    [
      "an empty image",
      part({ type: "image_url", image_url: { url: "data:image/png;base64," } }),
      "messages[0].content[1].image_url.url",
    ],
    [
      "an image of a length that base64 cannot have",
      part({ type: "image_url", image_url: { url: "data:image/png;base64,A" } }),
      "messages[0].content[1].image_url.url",
    ],
    [
      "audio that is not base64",
      part({ type: "input_audio", input_audio: { data: "A!", format: "wav" } }),
      "messages[0].content[1].input_audio.data",
    ],
    [
      "a PDF that is not base64",
      part({ type: "file", file: { filename: "a.pdf", file_data: "A" } }),
      "messages[0].content[1].file.file_data",
    ],
    [
      "an image block with an address of another kind",
      part({ type: "image", source: { type: "url", url: "ftp://example.test/a.png" } }),
      "messages[0].content[1].source.url",
    ],
    ["an uploaded file", part({ type: "file", file: { file_id: "file-1" } }), "messages[0].content[1].file.file_id"],
    [
      "a file without content",
      part({ type: "file", file: { filename: "a.pdf" } }),
      "messages[0].content[1].file.file_data",
    ],
    [
      "a text file that is not base64",
      part({ type: "file", file: { filename: "a.txt", file_data: "hello!" } }),
      "messages[0].content[1].file.file_data",
    ],
    [
      "a file of unknown type",
      part({ type: "file", file: { file_data: "AAAA" } }),
      "messages[0].content[1].file.filename",
    ],
    [
      "audio of unknown format",
      part({ type: "input_audio", input_audio: { data: "AAAA" } }),
      "messages[0].content[1].input_audio.format",
    ],
    [
      "audio without data",
      part({ type: "input_audio", input_audio: { format: "mp3" } }),
      "messages[0].content[1].input_audio.data",
    ],
    ["an unknown part", part({ type: "hologram" }), "messages[0].content[1].type"],
    ["a part named like a method", part({ type: "toString" }), "messages[0].content[1].type"],
    ["a part without type", part({ foo: 1 }), "messages[0].content[1].type"],
    ["a part that is a number", [{ role: "user", content: [1] }], "messages[0].content[0]"],
  ])("%s is refused naming the field", (_, messages, field) => {
    const error = refusal({ model: "m", messages });
    expect([error.kind, error.detail.field]).toEqual(["invalid-request", field]);
  });
});

describe("assistant turns", () => {
  const call = (args: unknown, more: JsonObject = {}) => ({
    id: "call_1",
    type: "function",
    function: { name: "get_weather", arguments: args },
    ...more,
  });
  const readAssistant = (message: Record<string, unknown>) =>
    read([{ role: "assistant", ...message }]).contents[0]?.parts;

  test.each<[string, unknown, JsonObject]>([
    ["an object as text", '{"city":"Oslo"}', { city: "Oslo" }],
    [
      "keys a schema cleaner would eat",
      '{"format":"a","title":"b","default":null}',
      { format: "a", title: "b", default: null },
    ],
    ["no text", "", {}],
    ["blank text", " \n", {}],
    ["text that is no JSON", '{"city":', { params: '{"city":' }],
    ["a list", "[1,2]", { params: [1, 2] }],
    ["a scalar", "5", { params: 5 }],
    ["null as text", "null", {}],
    ["null", null, {}],
    ["absent", undefined, {}],
    ["an object", { city: "Oslo" }, { city: "Oslo" }],
  ])("arguments: %s", (_, args, expected) => {
    expect(readAssistant({ content: null, tool_calls: [call(args)] })).toEqual([
      { functionCall: { id: "call_1", name: "get_weather", args: expected } },
    ]);
  });

  test("text comes before calls, and parallel calls keep their order", () => {
    expect(readAssistant({ content: "let me see", tool_calls: [call("{}"), { ...call("{}"), id: "call_2" }] })).toEqual(
      [
        { text: "let me see" },
        { functionCall: { id: "call_1", name: "get_weather", args: {} } },
        { functionCall: { id: "call_2", name: "get_weather", args: {} } },
      ],
    );
  });

  test("a call without a type is a function call", () => {
    expect(readAssistant({ tool_calls: [{ id: "a", function: { name: "f", arguments: "{}" } }] })).toEqual([
      { functionCall: { id: "a", name: "f", args: {} } },
    ]);
  });

  test("a custom call carries its text under the one property of its schema", () => {
    expect(
      readAssistant({ tool_calls: [{ id: "a", type: "custom", custom: { name: "patch", input: "*** x" } }] }),
    ).toEqual([{ functionCall: { id: "a", name: "patch", args: { input: "*** x" } } }]);
  });

  test.each<[string, JsonObject]>([
    ["where Google's endpoint puts it", { extra_content: { google: { thought_signature: "c2ln" } } }],
    ["where LiteLLM puts it", { provider_specific_fields: { thought_signature: "c2ln" } }],
  ])("a call's signature is read %s", (_, more) => {
    expect(readAssistant({ tool_calls: [call("{}", more), { ...call("{}"), id: "call_2" }] })).toEqual([
      { functionCall: { id: "call_1", name: "get_weather", args: {} }, thoughtSignature: "c2ln" },
      { functionCall: { id: "call_2", name: "get_weather", args: {} } },
    ]);
  });

  test("a signature on the message belongs to its first call, or to its one text", () => {
    const extra = { extra_content: { google: { thought_signature: "c2ln" } } };
    expect(readAssistant({ content: "a", ...extra })).toEqual([{ text: "a", thoughtSignature: "c2ln" }]);
    expect(readAssistant({ content: "a", tool_calls: [call("{}")], ...extra })).toEqual([
      { text: "a" },
      { functionCall: { id: "call_1", name: "get_weather", args: {} }, thoughtSignature: "c2ln" },
    ]);
  });

  test("unsigned thinking in history is dropped without a report", () => {
    const { contents, losses } = read([
      { role: "user", content: "x" },
      { role: "assistant", content: "a", reasoning_content: "hm", reasoning: "hm", reasoning_details: [] },
    ]);
    expect(contents[1]).toEqual(model({ text: "a" }));
    expect(losses).toEqual([]);
  });

  test("a refusal is text", () => {
    expect(readAssistant({ content: null, refusal: "no" })).toEqual([{ text: "no" }]);
  });

  test("a reference to earlier audio is reported", () => {
    const { losses } = read([
      { role: "assistant", content: "a", audio: { id: "audio_1" } },
      { role: "user", content: "b" },
    ]);
    expect(losses.map(({ field }) => field)).toEqual(["messages[0].audio"]);
  });

  test("an answer that said nothing leaves no turn", () => {
    const { contents } = read([
      { role: "user", content: "a" },
      { role: "assistant", content: null },
      { role: "user", content: "b" },
    ]);
    expect(contents).toEqual([user({ text: "a" }), user({ text: "b" })]);
  });

  test.each<[string, string, Content["parts"]]>([
    ["alone", `![image](data:image/png;base64,${PNG})`, [{ inlineData: { mimeType: "image/png", data: PNG } }]],
    [
      "between texts, twice",
      `a![image](data:image/png;base64,AAAA)b![x y](data:image/jpeg;base64,BBBB)`,
      [
        { text: "a" },
        { inlineData: { mimeType: "image/png", data: "AAAA" } },
        { text: "b" },
        { inlineData: { mimeType: "image/jpeg", data: "BBBB" } },
      ],
    ],
    ["not when it is a link", "[a](data:image/png;base64,AAAA)", [{ text: "[a](data:image/png;base64,AAAA)" }]],
    [
      "not when the bracket closed before",
      "![a] [b](data:image/png;base64,AAAA)",
      [{ text: "![a] [b](data:image/png;base64,AAAA)" }],
    ],
    ["not when it is no base64", "![a](data:image/png;base64,**)", [{ text: "![a](data:image/png;base64,**)" }]],
    ["not when it is unfinished", "![a](data:image/png;base64,AAAA", [{ text: "![a](data:image/png;base64,AAAA" }]],
  ])("an image in an earlier answer becomes an image again: %s", (_, content, parts) => {
    expect(readAssistant({ content })).toEqual(parts);
  });

  test("an image a user quotes stays text", () => {
    const quoted = `![image](data:image/png;base64,${PNG})`;
    expect(read([{ role: "user", content: quoted }]).contents).toEqual([user({ text: quoted })]);
  });
});

describe("tool results", () => {
  const readResult = (message: Record<string, unknown>) => read([message]).contents[0]?.parts;

  test.each<[string, unknown, JsonObject]>([
    ["text", "4 degrees", { result: "4 degrees" }],
    ["text that is JSON stays text", '{"a":1}', { result: '{"a":1}' }],
    ["null", null, { result: "" }],
    ["empty text", "", { result: "" }],
    ["no parts", [], { result: "" }],
    [
      "text parts",
      [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
      { result: "a\nb" },
    ],
    ["an object", { a: 1 }, { result: { a: 1 } }],
  ])("content: %s", (_, content, response) => {
    expect(readResult({ role: "tool", tool_call_id: "call_1", content: content })).toEqual([
      { functionResponse: { id: "call_1", name: "", response } },
    ]);
  });

  test("an image in a result is its media", () => {
    const content = [
      { type: "text", text: "shot" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
    ];
    expect(readResult({ role: "tool", tool_call_id: "call_1", name: "screenshot", content })).toEqual([
      {
        functionResponse: {
          id: "call_1",
          name: "screenshot",
          response: { result: "shot" },
          media: [{ mimeType: "image/png", data: PNG }],
        },
      },
    ]);
  });

  test("each message becomes a turn of its own, in the client's order", () => {
    const { contents } = read([
      { role: "tool", tool_call_id: "b", content: "2" },
      { role: "tool", tool_call_id: "a", content: "1" },
    ]);
    expect(contents.map(({ parts }) => parts[0]?.functionResponse?.id)).toEqual(["b", "a"]);
  });

  test("legacy calls and results get matching ids, first call first", () => {
    const call = (city: string) => ({
      role: "assistant",
      content: null,
      function_call: { name: "f", arguments: `{"city":"${city}"}` },
    });
    const result = (content: string) => ({ role: "function", name: "f", content });
    const { contents } = read([
      { role: "user", content: "x" },
      call("Oslo"),
      result("1"),
      call("Rome"),
      result("2"),
      result("3"),
    ]);
    const ids = contents.flatMap(({ parts }) =>
      parts.map((part) => part.functionCall?.id ?? part.functionResponse?.id),
    );
    expect(ids).toEqual([
      undefined,
      "function_call_1",
      "function_call_1",
      "function_call_3",
      "function_call_3",
      "function_result_5",
    ]);
    expect(contents[2]?.parts[0]?.functionResponse).toEqual({
      id: "function_call_1",
      name: "f",
      response: { result: "1" },
    });
  });
});

test("a text that was cut through a character is mended wherever it stands", () => {
  const half = "a\ud83d";
  const { request } = parseWith({
    tools: [{ type: "function", function: { name: "f", description: half, parameters: { description: half } } }],
    messages: [
      { role: "system", content: half },
      { role: "user", content: [half, { type: "text", text: half }] },
      {
        role: "assistant",
        refusal: half,
        tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: JSON.stringify({ path: half }) } }],
      },
      { role: "tool", tool_call_id: "c", content: half },
      { role: "user", content: half },
    ],
  });
  const text = JSON.stringify(request);
  expect(text).not.toContain("\\ud83d");
  expect(text.match(/a\ufffd/g)).toHaveLength(9);
});
