import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { parseWith, refusalWith } from "./support.ts";

const NEW = "this field is not known";
const user = (part: JsonObject) => ({ messages: [{ role: "user", content: [part] }] });
const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
const assistant = (fields: JsonObject) => ({
  messages: [
    { role: "user", content: "A" },
    { role: "assistant", content: "B", ...fields },
  ],
});

describe("what is inside the request", () => {
  test.each([
    ["of a message", { messages: [{ role: "user", content: "Hi", x: 1 }] }, "messages[0].x"],
    ["of a part", user({ type: "text", text: "Hi", x: 1 }), "messages[0].content[0].x"],
    [
      "of an image",
      user({ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=", x: 1 } }),
      "messages[0].content[0].image_url.x",
    ],
    ["of a call", assistant({ tool_calls: [{ ...call, x: 1 }] }), "messages[1].tool_calls[0].x"],
    [
      "of a called function",
      assistant({ tool_calls: [{ ...call, function: { ...call.function, x: 1 } }] }),
      "messages[1].tool_calls[0].function.x",
    ],
    ["of a tool", { tools: [{ type: "function", function: { name: "f" }, x: 1 }] }, "tools[0].x"],
    ["of a function", { tools: [{ type: "function", function: { name: "f", x: 1 } }] }, "tools[0].function.x"],
    ["of a format", { response_format: { type: "json_object", x: 1 } }, "response_format.x"],
    ["of a schema's frame", jsonSchema({ x: 1 }), "response_format.json_schema.x"],
    ["of stream options", { stream_options: { x: 1 } }, "stream_options.x"],
    ["of reasoning", { reasoning: { effort: "low", x: 1 } }, "reasoning.x"],
    ["of Google's own options", { extra_body: { google: { x: 1 } } }, "extra_body.google.x"],
    ["of search options", { web_search_options: { x: 1 } }, "web_search_options.x"],
  ])("an unknown field %s is reported where it stands", (_, fields, field) => {
    expect(parseWith(fields).losses).toEqual([{ field, why: NEW }]);
  });

  test("a tool's schema, arguments and results are data", () => {
    const { losses } = parseWith({
      tools: [{ type: "function", function: { name: "f", parameters: { x: 1 } } }],
      messages: [
        { role: "user", content: "A" },
        { role: "assistant", tool_calls: [{ ...call, function: { name: "f", arguments: '{"x":1}' } }] },
        { role: "tool", tool_call_id: "c", content: '{"x":1}' },
      ],
    });
    expect(losses).toEqual([]);
  });

  test("what answers and SDKs add to a message may come back without a word", () => {
    const { losses } = parseWith(
      assistant({
        refusal: null,
        annotations: [{ type: "url_citation", url_citation: { url: "https://example.org" } }],
        parsed: { a: 1 },
        reasoning_content: "hm",
        tool_calls: [{ ...call, index: 0, function: { ...call.function, parsed_arguments: {} } }],
      }),
    );
    expect(losses).toEqual([]);
  });

  test("an id of a stored file is refused, unless the content itself is there", () => {
    const file = (fields: JsonObject) => user({ type: "file", file: fields });
    expect(refusalWith(file({ file_id: "file-1" })).detail.field).toBe("messages[0].content[0].file.file_id");
    const both = file({ file_id: "file-1", file_data: "data:application/pdf;base64,JVBERi0xLjQK" });
    expect(parseWith(both).losses).toEqual([]);
  });

  test("a grammar is shown to the model, and that it is not enforced is said", () => {
    const tool = (format: JsonObject) => ({ tools: [{ type: "custom", custom: { name: "run", format } }] });
    expect(parseWith(tool({ type: "text" })).losses).toEqual([]);
    expect(parseWith(tool({ type: "grammar", grammar: { definition: "a", syntax: "lark" } })).losses).toEqual([
      { field: "tools[0].custom.format", why: "the grammar is shown to the model but not enforced" },
    ]);
  });
});

function jsonSchema(fields: JsonObject) {
  return { response_format: { type: "json_schema", json_schema: { name: "a", schema: {}, ...fields } } };
}
