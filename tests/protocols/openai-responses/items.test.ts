import { describe, expect, test } from "bun:test";
import type { Content, Part } from "../../../src/core/request.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { sealSummary, sealThinking } from "../../../src/protocols/openai-responses/sealed.ts";
import { parseWith, refusalWith } from "./support.ts";

const PNG = "iVBORw0KGgo=";
const DATA_URL = `data:image/png;base64,${PNG}`;
const image: Part = { inlineData: { mimeType: "image/png", data: PNG } };
const text = (value: string): Part => ({ text: value });
const user = (...parts: Part[]): Content => ({ role: "user", parts });
const model = (...parts: Part[]): Content => ({ role: "model", parts });
const call = (id: string, name: string, args: JsonObject): Part => ({ functionCall: { id, name, args } });
const result = (id: string, response: JsonObject, more: Partial<NonNullable<Part["functionResponse"]>> = {}): Part => ({
  functionResponse: { id, name: "", response, ...more },
});
const hello = { role: "user", content: "hello" };
const contentsOf = (...input: JsonValue[]) => parseWith({ input }).request.contents;
const lossesOf = (...input: JsonValue[]) => parseWith({ input: [hello, ...input] }).losses;

describe("items and the turns they become", () => {
  test.each<[string, JsonValue[], Content[]]>([
    ["a message without a type", [hello], [user(text("hello"))]],
    ["a message with one", [{ type: "message", ...hello, id: "msg_1", status: "completed" }], [user(text("hello"))]],
    ["a bare text", ["hello"], [user(text("hello"))]],
    [
      "all parts of a user's message",
      [
        {
          role: "user",
          content: [
            { type: "input_text", text: "look" },
            { type: "input_image", image_url: DATA_URL, detail: "high" },
            { type: "input_image", image_url: { url: DATA_URL } },
            { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" },
            { type: "input_file", filename: "a.txt", file_data: "aGk=" },
            { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
            "bare",
          ],
        },
      ],
      [
        user(
          text("look"),
          image,
          image,
          { inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } },
          text("hi"),
          { inlineData: { mimeType: "audio/mpeg", data: "AAAA" } },
          text("bare"),
        ),
      ],
    ],
    [
      "media that stands elsewhere",
      [
        {
          role: "user",
          content: [
            { type: "input_image", image_url: "https://pictures.test/a.png" },
            { type: "input_file", file_url: "http://files.test/a", filename: "a.pdf" },
          ],
        },
      ],
      [
        user(
          {
            remote: { url: "https://pictures.test/a.png", mimeType: "image/*", field: "input[0].content[0].image_url" },
          },
          {
            remote: {
              url: "http://files.test/a",
              mimeType: "application/pdf",
              field: "input[0].content[1].file_url",
            },
          },
        ),
      ],
    ],
    [
      "parts as other protocols write them",
      [
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "image_url", image_url: { url: DATA_URL } },
            { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
            { type: "file", file: { filename: "a.json", file_data: "e30=" } },
            { type: "input_file", file_data: "https://files.test/a" },
            { type: "redacted_thinking", data: "x" },
          ],
        },
      ],
      [
        user(text("a"), image, image, text("{}"), {
          remote: { url: "https://files.test/a", field: "input[0].content[4].file_data" },
        }),
      ],
    ],
    [
      "an answer with a refusal, and an image that was given as text",
      [
        hello,
        {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          phase: "final_answer",
          content: [
            { type: "output_text", text: `see ![image](${DATA_URL})`, annotations: [], logprobs: [] },
            { type: "refusal", refusal: "no" },
          ],
        },
      ],
      [user(text("hello")), model(text("see "), image, text("no"))],
    ],
    [
      "an answer under the user's name, and words of the user that hold one",
      [
        hello,
        { role: "user", content: [{ type: "output_text", text: "yes" }] },
        {
          role: "user",
          content: [
            { type: "output_text", text: "you said that" },
            { type: "input_text", text: "why?" },
          ],
        },
      ],
      [user(text("hello")), model(text("yes")), user(text("you said that"), text("why?"))],
    ],
    [
      "a call and its result as text",
      [
        hello,
        { type: "function_call", id: "fc_1", call_id: "call_1", name: "f", arguments: '{"a":1}', status: "completed" },
        { type: "function_call_output", id: "fco_1", call_id: "call_1", output: "done" },
      ],
      [user(text("hello")), model(call("call_1", "f", { a: 1 })), user(result("call_1", { result: "done" }))],
    ],
    [
      "a result of texts, an image, a file and an address",
      [
        hello,
        { type: "function_call", call_id: "call_1", name: "f", arguments: "" },
        {
          type: "function_call_output",
          call_id: "call_1",
          output: [
            { type: "input_text", text: "one" },
            { type: "input_text", text: "two" },
            { type: "input_image", image_url: DATA_URL, detail: "high" },
            { type: "input_file", file_data: "data:application/pdf;base64,JVBERi0=" },
            { type: "input_image", image_url: "https://pictures.test/a.png" },
          ],
        },
      ],
      [
        user(text("hello")),
        model(call("call_1", "f", {})),
        user(
          result(
            "call_1",
            { result: "one\ntwo" },
            {
              media: [
                { mimeType: "image/png", data: PNG },
                { mimeType: "application/pdf", data: "JVBERi0=" },
                { url: "https://pictures.test/a.png", mimeType: "image/*", field: "input[2].output[4].image_url" },
              ],
            },
          ),
        ),
      ],
    ],
    [
      "results that are the tool's own data, or nothing",
      [
        { type: "function_call_output", call_id: "call_1", output: { ok: true } },
        { type: "function_call_output", call_id: "call_2", output: [1, { type: "resource", uri: "x" }] },
        { type: "function_call_output", call_id: "call_3", output: null },
      ],
      [
        user(result("call_1", { result: { ok: true } })),
        user(result("call_2", { result: [1, { type: "resource", uri: "x" }] })),
        user(result("call_3", { result: "" })),
      ],
    ],
    [
      "a result that names its tool in place of its call",
      [{ type: "function_call_output", name: "f", output: "late" }],
      [user(result("call_output_0", { result: "late" }, { name: "f" }))],
    ],
    [
      "a freeform call",
      [
        hello,
        { type: "custom_tool_call", id: "ctc_1", call_id: "call_1", name: "patch", input: "*** Begin" },
        { type: "custom_tool_call_output", call_id: "call_1", output: [{ type: "input_text", text: "ok" }] },
      ],
      [
        user(text("hello")),
        model(call("call_1", "patch", { input: "*** Begin" })),
        user(result("call_1", { result: "ok" })),
      ],
    ],
    [
      "a local shell's call, whose result goes by the item's id",
      [
        hello,
        {
          type: "local_shell_call",
          id: "lsh_1",
          call_id: "call_1",
          status: "completed",
          action: { type: "exec", command: ["ls", "-l"], env: {}, working_directory: "/tmp", timeout_ms: null },
        },
        { type: "local_shell_call_output", id: "call_1", output: "a.txt" },
      ],
      [
        user(text("hello")),
        model(call("call_1", "local_shell", { command: ["ls", "-l"], working_directory: "/tmp" })),
        user(result("call_1", { result: "a.txt" })),
      ],
    ],
    [
      "a shell's call with the output of each command",
      [
        hello,
        { type: "shell_call", call_id: "call_1", action: { commands: ["ls"], timeout_ms: 5, max_output_length: null } },
        {
          type: "shell_call_output",
          call_id: "call_1",
          output: [{ stdout: "a", stderr: "", outcome: { type: "exit", exit_code: 0 } }],
        },
      ],
      [
        user(text("hello")),
        model(call("call_1", "shell", { commands: ["ls"], timeout_ms: 5 })),
        user(result("call_1", { result: [{ stdout: "a", stderr: "", outcome: { type: "exit", exit_code: 0 } }] })),
      ],
    ],
    [
      "patches, applied and not",
      [
        hello,
        {
          type: "apply_patch_call",
          call_id: "call_1",
          status: "completed",
          operation: { type: "update_file", path: "a", diff: "@@\n-x\n+y" },
        },
        { type: "apply_patch_call_output", call_id: "call_1", status: "completed", output: "applied" },
        { type: "apply_patch_call_output", call_id: "call_2", status: "failed", output: "no such file" },
        { type: "apply_patch_call_output", call_id: "call_3", status: "failed" },
      ],
      [
        user(text("hello")),
        model(call("call_1", "apply_patch", { type: "update_file", path: "a", diff: "@@\n-x\n+y" })),
        user(result("call_1", { result: "applied" })),
        user(result("call_2", { error: "no such file" })),
        user(result("call_3", { error: "The patch could not be applied" })),
      ],
    ],
    [
      "a call that OpenAI made to a server, as both of its halves",
      [
        hello,
        { type: "mcp_call", id: "mcp_1", server_label: "wiki", name: "read", arguments: '{"p":1}', output: "page" },
        { type: "mcp_call", id: "mcp_2", server_label: "wiki", name: "read", arguments: "{}", error: "gone" },
      ],
      [
        user(text("hello")),
        model(call("mcp_1", "wiki__read", { p: 1 })),
        user(result("mcp_1", { result: "page" }, { name: "wiki__read" })),
        model(call("mcp_2", "wiki__read", {})),
        user(result("mcp_2", { error: "gone" }, { name: "wiki__read" })),
      ],
    ],
    [
      "a program that OpenAI ran",
      [
        hello,
        { type: "code_interpreter_call", id: "ci_1", code: "1+1", outputs: [{ type: "logs", logs: "2" }] },
        { type: "code_interpreter_call", id: "ci_2", code: "1+1", outputs: null },
      ],
      [
        user(text("hello")),
        model(call("ci_1", "code_interpreter", { code: "1+1" })),
        user(result("ci_1", { result: [{ type: "logs", logs: "2" }] }, { name: "code_interpreter" })),
      ],
    ],
    [
      "a computer's screen",
      [
        hello,
        { type: "computer_call", id: "cu_1", call_id: "call_1", action: { type: "screenshot" } },
        {
          type: "computer_call_output",
          call_id: "call_1",
          output: { type: "computer_screenshot", image_url: DATA_URL },
        },
      ],
      [
        user(text("hello")),
        model(call("call_1", "computer", { actions: { type: "screenshot" } })),
        user(result("call_1", { result: "" }, { media: [{ mimeType: "image/png", data: PNG }] })),
      ],
    ],
    [
      "an image of the model's own",
      [hello, { type: "image_generation_call", id: "ig_1", status: "completed", result: PNG, output_format: "png" }],
      [user(text("hello")), model(image)],
    ],
    [
      "our own thinking, exactly, whatever the client made of the summary",
      [
        hello,
        {
          type: "reasoning",
          id: "rs_1",
          summary: [],
          encrypted_content: sealThinking({ text: "I think — 思考", signature: "c2ln" }),
        },
        { type: "message", role: "assistant", content: "hi" },
      ],
      [user(text("hello")), model({ text: "I think — 思考", thought: true, thoughtSignature: "c2ln" }, text("hi"))],
    ],
    [
      "thinking of others, unsigned",
      [
        hello,
        { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "gAAAA" },
        { type: "reasoning", id: "rs_2", summary: [], content: null, encrypted_content: "e30=" },
      ],
      [user(text("hello")), model({ text: "hm", thought: true })],
    ],
    [
      "what the model said in a row, as one turn",
      [
        hello,
        { type: "reasoning", summary: [], encrypted_content: sealThinking({ text: "t", signature: "c2ln" }) },
        { role: "assistant", content: "a" },
        { type: "function_call", call_id: "call_1", name: "f", arguments: "{}" },
        { type: "function_call", call_id: "call_2", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "call_2", output: "2" },
        { type: "function_call_output", call_id: "call_1", output: "1" },
      ],
      [
        user(text("hello")),
        model(
          { text: "t", thought: true, thoughtSignature: "c2ln" },
          text("a"),
          call("call_1", "f", {}),
          call("call_2", "f", {}),
        ),
        user(result("call_2", { result: "2" })),
        user(result("call_1", { result: "1" })),
      ],
    ],
    [
      "a summary of ours in place of the conversation",
      [{ type: "compaction", id: "cmp_1", encrypted_content: sealSummary("We agreed on blue.") }, hello],
      [user(text("Summary of the conversation so far:\n\nWe agreed on blue.")), user(text("hello"))],
    ],
    [
      "items that leave nothing behind",
      [
        hello,
        { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "x" } },
        { type: "file_search_call", id: "fs_1", status: "completed", queries: ["x"], results: null },
        { type: "mcp_list_tools", id: "mcpl_1", server_label: "wiki", tools: [] },
        { type: "mcp_approval_request", id: "mcpr_1", server_label: "wiki", name: "read", arguments: "{}" },
        { type: "image_generation_call", id: "ig_1", status: "failed", result: null },
        { type: "item_reference", id: "rs_1" },
        { id: "rs_2" },
        { type: "additional_tools", role: "developer", tools: [] },
        { type: "configuration_update", reasoning: { effort: "low" } },
      ],
      [user(text("hello"))],
    ],
  ])("%s", (_, input, contents) => {
    const parsed = parseWith({ input });
    expect(parsed.request.contents).toEqual(contents);
    expect(parsed.losses).toEqual([]);
  });

  test("system texts before the model's first turn are the system's; later ones stay where they are", () => {
    const { system, contents } = parseWith({
      instructions: "first",
      input: [
        { role: "developer", content: [{ type: "input_text", text: "second" }] },
        hello,
        { role: "system", content: "third" },
        { role: "assistant", content: "hi" },
        { role: "developer", content: "later" },
        hello,
      ],
    }).request;
    expect(system).toEqual(["first", "second", "third"]);
    expect(contents).toEqual([user(text("hello")), model(text("hi")), user(text("later")), user(text("hello"))]);
  });

  test("system texts alone are asked with", () => {
    expect(parseWith({ input: [{ role: "developer", content: "rules" }] }).request).toMatchObject({
      system: [],
      contents: [user(text("rules"))],
    });
    expect(parseWith({ input: null, instructions: "rules" }).request.contents).toEqual([user(text("rules"))]);
  });

  test("a server that is only asked whether it answers is given a word to answer to", () => {
    expect(parseWith({ input: "" }).request.contents).toEqual([user(text("(nothing)"))]);
  });

  test("half characters and odd keys do no harm", () => {
    const input: JsonValue = JSON.parse(
      '[{"role":"user","content":"\\ud83d"},{"type":"function_call","call_id":"c","name":"f","arguments":{"__proto__":{"a":"\\ud83d"}}}]',
    );
    const { contents } = parseWith({ input }).request;
    expect(contents[0]).toEqual(user(text("\uFFFD")));
    expect(JSON.stringify(contents[1])).toBe(
      '{"role":"model","parts":[{"functionCall":{"id":"c","name":"f","args":{"__proto__":{"a":"\uFFFD"}}}}]}',
    );
  });
});

describe("items that cannot be told in full", () => {
  test.each<[string, JsonObject, string]>([
    ["a kind that is not known", { type: "hologram", data: "x" }, "input[1].type"],
    ["a summary that OpenAI sealed", { type: "compaction", encrypted_content: "gAAAA" }, "input[1].encrypted_content"],
    ["a reference to an item other than reasoning", { type: "item_reference", id: "msg_1" }, "input[1].id"],
    ["a program", { type: "program", id: "p", call_id: "c", code: "1", fingerprint: "f" }, "input[1].type"],
    ["an approval", { type: "mcp_approval_response", approval_request_id: "x", approve: true }, "input[1].type"],
    ["a field that is not known", { role: "user", content: "a", shade: "blue" }, "input[1].shade"],
    [
      "a field of a part that is not known",
      { role: "user", content: [{ type: "input_text", text: "a", shade: "blue" }] },
      "input[1].content[0].shade",
    ],
    ["a participant's name", { role: "user", content: "a", name: "Ann" }, "input[1].name"],
  ])("%s is a loss with its field", (_, item, field) => {
    expect(lossesOf(item).map((loss) => loss.field)).toEqual([field]);
  });

  test("a client's notes about an item are no loss", () => {
    expect(lossesOf({ ...hello, internal_chat_message_metadata_passthrough: { turn_id: "x" } })).toEqual([]);
  });
});

describe("items that cannot be understood are refused with their field", () => {
  test.each<[string, JsonValue, string]>([
    ["input of another type", 5, "input"],
    ["an item of another type", [5], "input[0]"],
    ["an item without a type", [{ text: "x" }], "input[0].type"],
    ["a type that is no text", [{ type: 5 }], "input[0].type"],
    ["a role that is not known", [{ role: "king", content: "x" }], "input[0].role"],
    ["a message without content", [{ role: "user" }], "input[0].content"],
    ["content of another type", [{ role: "user", content: 5 }], "input[0].content"],
    ["a part that is not known", [{ role: "user", content: [{ type: "smell" }] }], "input[0].content[0].type"],
    [
      "a file that would be stored",
      [{ role: "user", content: [{ type: "input_file", file_id: "file-1" }] }],
      "input[0].content[0].file_id",
    ],
    [
      "an image that would be stored",
      [{ role: "user", content: [{ type: "input_image", file_id: "file-1" }] }],
      "input[0].content[0].file_id",
    ],
    [
      "an address that is none",
      [{ role: "user", content: [{ type: "input_image", image_url: "ftp://x" }] }],
      "input[0].content[0].image_url",
    ],
    [
      "an image that is no base64",
      [{ role: "user", content: [{ type: "input_image", image_url: "data:image/png;base64,é" }] }],
      "input[0].content[0].image_url",
    ],
    [
      "a file of an unknown type",
      [{ role: "user", content: [{ type: "input_file", file_data: "AAAA" }] }],
      "input[0].content[0].filename",
    ],
    [
      "an image in a system message",
      [{ role: "system", content: [{ type: "input_image", image_url: DATA_URL }] }],
      "input[0].content",
    ],
    ["a call without a name", [{ type: "function_call", call_id: "c", arguments: "{}" }], "input[0].name"],
    ["a call without an id", [{ type: "function_call", name: "f", arguments: "{}" }], "input[0].call_id"],
    ["an image that is none", [{ type: "image_generation_call", result: "é" }], "input[0].result"],
    ["nothing at all", [], "input"],
    ["tools that are no list", [hello, { type: "additional_tools", tools: 5 }], "input[1].tools"],
    [
      "a setting that does not exist",
      [hello, { type: "configuration_update", reasoning: { effort: "huge" } }],
      "input[1].reasoning.effort",
    ],
  ])("%s", (_, input, field) => {
    const { kind, detail } = refusalWith({ input });
    expect({ kind, field: detail.field }).toEqual({ kind: "invalid-request", field });
  });
});

describe("settings that a conversation changes", () => {
  test("the last word about effort and format counts, over the request's own", () => {
    const format = { type: "json_schema", name: "a", schema: { type: "object" } };
    const { thinking, outputFormat } = parseWith({
      reasoning: { effort: "low" },
      input: [
        { type: "configuration_update", reasoning: { effort: "medium" }, text: { format } },
        { type: "configuration_update", reasoning: { effort: "high" } },
        hello,
      ],
    }).request;
    expect(thinking).toEqual({ type: "effort", effort: "high" });
    expect(outputFormat).toEqual({ type: "json-schema", schema: { type: "object" } });
  });
});

describe("a conversation to be summed up", () => {
  test("is asked for in words, and no tool can be called", () => {
    const { request } = parseWith({
      tools: [{ type: "function", name: "f" }, { type: "web_search" }],
      text: { format: { type: "json_object" } },
      input: [hello, { role: "assistant", content: "hi" }, { type: "compaction_trigger" }],
    });
    expect(request).toMatchObject({ tools: [{ name: "f" }], toolChoice: { mode: "none" } });
    expect(request.webSearch).toBeUndefined();
    expect(request.outputFormat).toBeUndefined();
    expect(request.contents.at(-1)?.parts[0]?.text).toStartWith("Summarise this conversation");
    expect(contentsOf(hello)).toHaveLength(1);
  });
});
