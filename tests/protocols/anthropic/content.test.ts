import type {
  BetaContentBlockParam,
  BetaToolResultContentBlockParam,
} from "@anthropic-ai/sdk/resources/beta/messages/messages";
import { describe, expect, test } from "bun:test";
import type { Part } from "../../../src/core/request.ts";
import { refusalOf } from "../../support/refusal.ts";
import { parseMessages, partsOf } from "./support.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUg==";
const PDF = "JVBERi0xLjQK";
const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };

describe("text", () => {
  test.each([
    ["a plain string", "A", [{ text: "A" }]],
    ["a block", [{ type: "text", text: "A", cache_control: { type: "ephemeral" } }], [{ text: "A" }]],
    ["a string among blocks", ["A", { type: "text", text: "B" }], [{ text: "A" }, { text: "B" }]],
    ["a number", [{ type: "text", text: 5 }], [{ text: "5" }]],
    ["a text inside the text", [{ type: "text", text: { text: "A" } }], [{ text: "A" }]],
    ["an object", [{ type: "text", text: { a: 1 } }], [{ text: '{"a":1}' }]],
    ["nothing", [{ type: "text", text: null }, { type: "text" }, { type: "text", text: "A" }], [{ text: "A" }]],
    ["a user who writes [undefined]", "[undefined]", [{ text: "[undefined]" }]],
    ["a block without type", [{ text: "A" }], [{ text: "A" }]],
  ])("%s", (_, content, parts) => {
    expect(partsOf(content)).toEqual(parts);
  });
});

describe("images and documents", () => {
  const source = (value: object) => [{ type: "image", source: value }];
  const png = [{ inlineData: { mimeType: "image/png", data: PNG } }];
  test.each([
    ["base64", source({ type: "base64", media_type: "image/png", data: PNG }), png],
    ["a missing type is read from the first bytes", source({ type: "base64", data: PNG }), png],
    [
      "an unknown format is taken for PNG",
      source({ type: "base64", data: "AAAA" }),
      [{ inlineData: { mimeType: "image/png", data: "AAAA" } }],
    ],
    [
      "image/jpg is image/jpeg",
      source({ type: "base64", media_type: "IMAGE/JPG", data: "/9j/4AAQ" }),
      [{ inlineData: { mimeType: "image/jpeg", data: "/9j/4AAQ" } }],
    ],
    [
      "line breaks in base64 are taken out",
      source({ type: "base64", media_type: "image/png", data: `${PNG.slice(0, 8)}\r\n${PNG.slice(8)}` }),
      png,
    ],
    [
      "base64 of any dialect is put into the standard one",
      source({ type: "base64", media_type: "image/webp", data: "%2B_-\n8" }),
      [{ inlineData: { mimeType: "image/webp", data: "+/+8" } }],
    ],
    [
      "a data URL of any dialect too",
      source({ type: "url", url: "data:image/webp;base64,-_8\r\nA%3D" }),
      [{ inlineData: { mimeType: "image/webp", data: "+/8A" } }],
    ],
    [
      "a data URL that tells no type",
      source({ type: "url", url: "data:;base64,AAAA" }),
      [{ inlineData: { mimeType: "image/png", data: "AAAA" } }],
    ],
    ["a data URL as source", source({ type: "url", url: `data:image/png;base64,${PNG}` }), png],
    [
      "a data URL in the data field",
      source({ type: "base64", media_type: "image/jpeg", data: `data:image/png;base64,${PNG}` }),
      png,
    ],
    ["parameters of a data URL stay out", source({ type: "url", url: `data:image/png;name=a.png;base64,${PNG}` }), png],
  ] as [string, object[], Part[]][])("%s", (_, content, parts) => {
    expect(partsOf(content)).toEqual(parts);
  });

  test("a data URL without base64 is percent-decoded first, as UTF-8", () => {
    const parts = partsOf(source({ type: "url", url: "data:image/svg+xml,%3Csvg%2F%3E%C3%A9" }));
    expect(parts).toEqual([
      { inlineData: { mimeType: "image/svg+xml", data: Buffer.from("<svg/>é").toString("base64") } },
    ]);
  });

  test.each([
    [
      "a bucket address",
      { type: "image", source: { type: "url", url: "gs://bucket/a.png" } },
      "source.url",
      "Input should be an http, https or data URL",
    ],
    [
      "an uploaded file",
      { type: "document", source: { type: "file", file_id: "file_1" } },
      "source.file_id",
      "uploaded files are not available; send the content as base64",
    ],
    ["no source", { type: "image" }, "source", "Field required"],
    [
      "empty data",
      { type: "image", source: { type: "base64", media_type: "image/png", data: "" } },
      "source.data",
      "Input should be a valid string",
    ],
    [
      "base64 of a length that cannot be",
      { type: "image", source: { type: "base64", media_type: "image/png", data: "A" } },
      "source.data",
      "the content is not valid base64",
    ],
    [
      "a data URL of no base64",
      { type: "document", source: { type: "url", url: "data:application/pdf;base64,A" } },
      "source.url",
      "the content is not valid base64",
    ],
    [
      "an empty data URL",
      { type: "image", source: { type: "url", url: "data:image/png;base64," } },
      "source.url",
      "the attachment is empty",
    ],
    [
      "an unknown source",
      { type: "image", source: { type: "ftp" } },
      "source.type",
      "Input should be 'base64', 'url', 'text', 'content' or 'file'",
    ],
  ])("%s is refused by its field", (_, block, field, problem) => {
    const error = refusalOf(() => partsOf([{ type: "text", text: "Look" }, block]));
    expect(error.detail.field).toBe(`messages[0].content[1].${field}`);
    expect(error.message).toBe(`messages.0.content.1.${field}: ${problem}`);
  });

  test("a refused source inside a tool result is named by its whole path", () => {
    const content = [{ type: "image", source: { type: "url", url: "gs://bucket/a.png" } }];
    const error = refusalOf(() => partsOf([{ type: "tool_result", tool_use_id: "t", content }]));
    expect(error.detail.field).toBe("messages[0].content[0].content[0].source.url");
  });

  test.each([
    [
      "an image",
      [{ type: "image", source: { type: "url", url: "https://example.org/a.png" } }],
      [
        {
          remote: { url: "https://example.org/a.png", mimeType: "image/*", field: "messages[0].content[0].source.url" },
        },
      ],
    ],
    [
      "a document",
      [{ type: "document", title: "T", source: { type: "url", url: "HTTP://example.org/a" } }],
      [
        { text: "Document title: T" },
        { remote: { url: "HTTP://example.org/a", field: "messages[0].content[0].source.url" } },
      ],
    ],
  ])("%s at an address is left to be fetched", (_, content, parts) => {
    expect(partsOf(content)).toEqual(parts);
  });

  test("an address in a tool's result is left to be fetched, between what else it returned", () => {
    const png = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
    const remote = { type: "image", source: { type: "url", url: "https://example.org/a.png" } };
    const [part] = partsOf([{ type: "tool_result", tool_use_id: "t", content: [png, remote] }]);
    const field = "messages[0].content[0].content[1].source.url";
    expect(part?.functionResponse?.media).toEqual([
      { mimeType: "image/png", data: PNG },
      { url: "https://example.org/a.png", mimeType: "image/*", field },
    ]);
  });

  const document = (value: object, more: object = {}) => [{ type: "document", source: value, ...more }];
  test.each([
    [
      "a PDF",
      document({ type: "base64", media_type: "application/pdf", data: PDF }),
      [{ inlineData: { mimeType: "application/pdf", data: PDF } }],
    ],
    [
      "base64 of another type",
      document({ type: "base64", media_type: "text/csv", data: "YTtiCg==" }),
      [{ inlineData: { mimeType: "text/csv", data: "YTtiCg==" } }],
    ],
    [
      "a document without type is a PDF",
      document({ type: "base64", data: "AAAA" }),
      [{ inlineData: { mimeType: "application/pdf", data: "AAAA" } }],
    ],
    ["plain text", document({ type: "text", media_type: "text/plain", data: "A" }), [{ text: "A" }]],
    ["content as text", document({ type: "content", content: "A" }), [{ text: "A" }]],
    [
      "content as blocks",
      document({ type: "content", content: [{ type: "text", text: "A" }, image] }),
      [{ text: "A" }, { inlineData: { mimeType: "image/png", data: PNG } }],
    ],
    [
      "title and context stand before it",
      document({ type: "text", data: "A" }, { title: "Plan", context: "Draft", citations: null }),
      [{ text: "Document title: Plan\nDocument context: Draft" }, { text: "A" }],
    ],
  ] as [string, object[], Part[]][])("%s", (_, content, parts) => {
    expect(partsOf(content)).toEqual(parts);
  });

  test("requested citations and image checks are reported as lost", () => {
    const { losses } = parseMessages({
      role: "user",
      content: [
        { ...image, transformations: { oversized_image: "error" } },
        ...document({ type: "text", data: "A" }, { citations: { enabled: true } }),
        ...document({ type: "text", data: "B" }, { citations: { enabled: true } }),
      ],
    });
    expect(losses).toEqual([
      { field: "messages[0].content[0].transformations", why: "the size of images is not checked" },
      { field: "messages[0].content[1].citations", why: "answers cite no documents" },
    ]);
  });
});

describe("thinking", () => {
  test.each([
    ["signed", { thinking: "T", signature: "S" }, [{ text: "T", thought: true, thoughtSignature: "S" }]],
    ["unsigned", { thinking: "T", signature: "" }, [{ text: "T", thought: true }]],
    ["without a signature field", { thinking: "T" }, [{ text: "T", thought: true }]],
    ["omitted from display", { thinking: "", signature: "S" }, [{ text: "", thought: true, thoughtSignature: "S" }]],
    ["with nothing in it", { thinking: "", signature: "" }, []],
  ])("%s", (_, block, parts) => {
    expect(partsOf([{ type: "thinking", ...block }], "assistant")).toEqual(parts as Part[]);
  });
});

describe("tool calls", () => {
  test.each([
    ["an object", { a: 1 }, { a: 1 }],
    [
      "an object with schema-like keys",
      { format: "x", title: 1, default: null },
      { format: "x", title: 1, default: null },
    ],
    ["JSON text", '{"a":1}', { a: 1 }],
    ["null", null, {}],
    ["nothing", undefined, {}],
    ["empty text", "", {}],
    ['the text "null"', "null", {}],
    ["a list", [1, 2], { params: [1, 2] }],
    ["a list as text", "[1]", { params: [1] }],
    ["a number", 5, { params: 5 }],
    ["text that is not JSON", "{oops", { params: "{oops" }],
    ["a JSON string", '"word"', { params: "word" }],
  ])("input that is %s reaches the model as an object", (_, input, args) => {
    const parts = partsOf([{ type: "tool_use", id: "toolu_1", name: "read", input }], "assistant");
    expect(parts).toEqual([{ functionCall: { id: "toolu_1", name: "read", args } }] as Part[]);
  });

  test.each([["id"], ["name"]])("a call without %s is refused", (missing) => {
    const block = { type: "tool_use", id: "toolu_1", name: "read", input: {}, [missing]: undefined };
    expect(refusalOf(() => partsOf([block], "assistant")).message).toBe(
      `messages.1.content.0.${missing}: Field required`,
    );
  });

  test("blocks on the wrong side are refused", () => {
    const call = { type: "tool_use", id: "t", name: "read", input: {} };
    expect(refusalOf(() => partsOf([call])).message).toBe(
      "messages.0.content.0: tool_use blocks can only be in assistant messages",
    );
    const result = { type: "tool_result", tool_use_id: "t", content: "" };
    expect(refusalOf(() => partsOf([result], "assistant")).message).toBe(
      "messages.1.content.0: tool_result blocks can only be in user messages",
    );
  });
});

describe("tool results", () => {
  const result = (more: object) => [{ type: "tool_result", tool_use_id: "t1", ...more }];
  const media = [{ mimeType: "image/png", data: PNG }];
  test.each([
    ["text", { content: "4 °C" }, { response: { result: "4 °C" } }],
    ["JSON text stays text", { content: '{"a":1}' }, { response: { result: '{"a":1}' } }],
    ["nothing", {}, { response: { result: "" } }],
    ["null", { content: null }, { response: { result: "" } }],
    ["an empty list", { content: [] }, { response: { result: "" } }],
    ["a number", { content: 5 }, { response: { result: "5" } }],
    [
      "several texts",
      {
        content: [
          { type: "text", text: "A" },
          { type: "text", text: "B" },
        ],
      },
      { response: { result: "A\nB" } },
    ],
    ["a single block without a list", { content: { type: "text", text: "A" } }, { response: { result: "A" } }],
    ["an error", { content: "No such file", is_error: true }, { response: { error: "No such file" } }],
    ["an error of nothing", { is_error: true }, { response: { error: "" } }],
    ["is_error false", { content: "A", is_error: false }, { response: { result: "A" } }],
    ["an image beside text", { content: [{ type: "text", text: "A" }, image] }, { response: { result: "A" }, media }],
    ["an image alone", { content: [image] }, { response: { result: "" }, media }],
    [
      "a PDF with a title",
      {
        content: [
          { type: "document", title: "Plan", source: { type: "base64", media_type: "application/pdf", data: PDF } },
        ],
      },
      { response: { result: "Document title: Plan" }, media: [{ mimeType: "application/pdf", data: PDF }] },
    ],
    [
      "references to found tools",
      {
        content: [
          { type: "tool_reference", tool_name: "mcp__a__b" },
          { type: "tool_reference", tool_name: "grep" },
        ],
      },
      { response: { result: "Tool loaded: mcp__a__b\nTool loaded: grep" } },
    ],
    [
      "a search result",
      {
        content: [
          { type: "search_result", source: "docs/a.md", title: "A", content: [{ type: "text", text: "Body" }] },
        ],
      },
      { response: { result: "A\ndocs/a.md\nBody" } },
    ],
  ])("%s", (_, more, expected) => {
    expect(partsOf(result(more))).toEqual([{ functionResponse: { id: "t1", name: "", ...expected } }] as Part[]);
  });

  test("results keep the order of the message, with the text that surrounds them", () => {
    const parts = partsOf([{ type: "text", text: "A" }, ...result({ content: "B" }), { type: "text", text: "C" }]);
    expect(parts.map((part) => part.text ?? part.functionResponse?.response["result"])).toEqual(["A", "B", "C"]);
  });

  test("a result without the id of its call is refused", () => {
    expect(refusalOf(() => partsOf([{ type: "tool_result", content: "A" }])).message).toBe(
      "messages.0.content.0.tool_use_id: Field required",
    );
  });
});

describe("images of ours that come back as text", () => {
  test("become images again, with the text around them", () => {
    expect(partsOf(`See ![image](data:image/png;base64,${PNG}) here`, "assistant")).toEqual([
      { text: "See " },
      { inlineData: { mimeType: "image/png", data: PNG } },
      { text: " here" },
    ]);
  });

  test("stay text when the user wrote them, or when they only look similar", () => {
    const text = `![image](data:image/png;base64,${PNG})`;
    expect(partsOf(text)).toEqual([{ text }]);
    expect(partsOf("![image](data:image/png;base64,", "assistant")).toEqual([
      { text: "![image](data:image/png;base64," },
    ]);
  });
});

describe("every block type of the API", () => {
  type Sample = { role?: "assistant" | "system"; fields: object; parts: Part[]; lost?: string };
  const serverResult = "results of server tools are kept as plain text";
  const serverCall = "calls of server tools are left out of the history";
  // The compiler demands an entry for each type that the SDK knows.
  const samples: Record<(BetaContentBlockParam | BetaToolResultContentBlockParam)["type"], Sample> = {
    text: { fields: { text: "A" }, parts: [{ text: "A" }] },
    image: { fields: image, parts: [{ inlineData: { mimeType: "image/png", data: PNG } }] },
    document: { fields: { source: { type: "text", data: "A" } }, parts: [{ text: "A" }] },
    search_result: {
      fields: { title: "T", source: "S", content: [{ type: "text", text: "A" }] },
      parts: [{ text: "T\nS\nA" }],
    },
    thinking: {
      role: "assistant",
      fields: { thinking: "A", signature: "S" },
      parts: [{ text: "A", thought: true, thoughtSignature: "S" }],
    },
    redacted_thinking: { role: "assistant", fields: { data: "xyz" }, parts: [] },
    tool_use: {
      role: "assistant",
      fields: { id: "t", name: "n", input: {} },
      parts: [{ functionCall: { id: "t", name: "n", args: {} } }],
    },
    tool_result: {
      fields: { tool_use_id: "t", content: "A" },
      parts: [{ functionResponse: { id: "t", name: "", response: { result: "A" } } }],
    },
    tool_reference: { fields: { tool_name: "n" }, parts: [{ text: "Tool loaded: n" }] },
    browser_state: { fields: { tabs: [] }, parts: [], lost: "the state of a browser is left out" },
    server_tool_use: {
      role: "assistant",
      fields: { id: "s", name: "code_execution", input: { code: "1" } },
      parts: [],
      lost: serverCall,
    },
    mcp_tool_use: {
      role: "assistant",
      fields: { id: "s", name: "n", server_name: "m", input: {} },
      parts: [],
      lost: serverCall,
    },
    mcp_tool_result: {
      role: "assistant",
      fields: { tool_use_id: "s", is_error: false, content: [{ type: "text", text: "A" }] },
      parts: [{ text: "A" }],
      lost: serverResult,
    },
    web_search_tool_result: {
      role: "assistant",
      fields: {
        tool_use_id: "s",
        content: [{ type: "web_search_result", title: "T", url: "https://example.org", encrypted_content: "zzz" }],
      },
      parts: [{ text: "T\nhttps://example.org" }],
      lost: serverResult,
    },
    web_fetch_tool_result: {
      role: "assistant",
      fields: {
        tool_use_id: "s",
        content: {
          type: "web_fetch_result",
          url: "https://example.org",
          content: { type: "document", title: "T", source: { type: "text", data: "A" } },
        },
      },
      parts: [{ text: "https://example.org\nT\nA" }],
      lost: serverResult,
    },
    code_execution_tool_result: {
      role: "assistant",
      fields: {
        tool_use_id: "s",
        content: { type: "code_execution_result", stdout: "4", stderr: "", return_code: 0, content: [] },
      },
      parts: [{ text: "4" }],
      lost: serverResult,
    },
    bash_code_execution_tool_result: {
      role: "assistant",
      fields: {
        tool_use_id: "s",
        content: { type: "bash_code_execution_tool_result_error", error_code: "unavailable" },
      },
      parts: [{ text: "unavailable" }],
      lost: serverResult,
    },
    text_editor_code_execution_tool_result: {
      role: "assistant",
      fields: {
        tool_use_id: "s",
        content: { type: "text_editor_code_execution_str_replace_result", lines: ["-a", "+b"] },
      },
      parts: [{ text: "-a\n+b" }],
      lost: serverResult,
    },
    advisor_tool_result: {
      role: "assistant",
      fields: { tool_use_id: "s", content: { type: "advisor_result", text: "A" } },
      parts: [{ text: "A" }],
      lost: serverResult,
    },
    tool_search_tool_result: { role: "assistant", fields: { tool_use_id: "s", content: {} }, parts: [] },
    mcp_tool_listing: { role: "assistant", fields: { mcp_server_name: "m", tools: [] }, parts: [] },
    fallback: { role: "assistant", fields: { from: {}, to: {} }, parts: [] },
    container_upload: { fields: { file_id: "f" }, parts: [], lost: "there is no container to upload files to" },
    compaction: { role: "assistant", fields: { content: "So far: A" }, parts: [{ text: "So far: A" }] },
    tool_addition: { role: "system", fields: { tool: { type: "tool_reference", name: "n" } }, parts: [] },
    tool_removal: { role: "system", fields: { tool: { type: "tool_reference", name: "n" } }, parts: [] },
  };
  test.each(Object.entries(samples))("%s", (type, { role = "user", fields, parts, lost }) => {
    const { request, losses } = parseMessages(
      { role: "user", content: "Q" },
      { role, content: [{ ...fields, type }] },
      { role: "user", content: "END" },
    );
    expect(request.contents.slice(1, -1).flatMap((content) => content.parts)).toEqual(parts);
    expect(losses).toEqual(lost ? [{ field: "messages[1].content[0]", why: lost }] : []);
  });

  test("a summary that only its own service can read is reported", () => {
    const content = [{ type: "compaction", content: null, encrypted_content: "zzz" }];
    const { losses } = parseMessages({ role: "assistant", content }, { role: "user", content: "Go on" });
    expect(losses).toEqual([
      { field: "messages[0].content[0]", why: "encrypted summaries can be read by their own service only" },
    ]);
  });

  test("an unknown block gives its text and is reported, once for many", () => {
    const { request, losses } = parseMessages({
      role: "user",
      content: [
        { type: "new", text: "A" },
        { type: "newer", text: "B" },
      ],
    });
    expect(request.contents).toEqual([{ role: "user", parts: [{ text: "A" }, { text: "B" }] }]);
    expect(losses).toEqual([{ field: "messages[0].content[0]", why: "unknown content is kept as its text" }]);
  });
});
