import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { refusalOf } from "../../support/refusal.ts";
import { contentsOf, parse, parseWith, partsOf, SIGNATURE } from "./support.ts";

const PNG = "iVBORw0KGgo=";

describe("contents", () => {
  test.each<[string, unknown]>([
    ["a list of contents", [{ role: "user", parts: [{ text: "hi" }] }]],
    ["one content", { role: "user", parts: [{ text: "hi" }] }],
    ["a content without a role", [{ parts: [{ text: "hi" }] }]],
    ["a content of one part that is no list", { parts: { text: "hi" } }],
    ["a list of texts", ["hi"]],
    ["a list of parts", [{ text: "hi" }]],
  ])("%s is the user's", (_, contents) => {
    expect(parse({ contents }).request.contents).toEqual([{ role: "user", parts: [{ text: "hi" }] }]);
  });

  test("bare parts that follow each other are one content", () => {
    expect(
      parse({ contents: ["look", { inlineData: { mimeType: "image/png", data: PNG } }] }).request.contents,
    ).toEqual([{ role: "user", parts: [{ text: "look" }, { inlineData: { mimeType: "image/png", data: PNG } }] }]);
  });

  test.each([
    ["model", "model"],
    ["assistant", "model"],
    ["user", "user"],
    ["function", "user"],
    ["tool", "user"],
    ["", "user"],
  ])("the role %j is %s", (role, expected) => {
    expect(contentsOf({ role, parts: [{ text: "hi" }] })).toEqual([
      { role: expected as "user", parts: [{ text: "hi" }] },
    ]);
  });

  test("contents without anything in them are left out", () => {
    expect(
      contentsOf({ role: "model", parts: [] }, { role: "user", parts: [{ text: "" }, null, { text: "hi" }] }),
    ).toEqual([{ role: "user", parts: [{ text: "hi" }] }]);
  });

  test.each<[string, unknown, string]>([
    ["no contents", {}, "contents"],
    ["a text", { contents: "hello" }, "contents"],
    ["an empty list", { contents: [] }, "contents"],
    ["only empty texts", { contents: [{ parts: [{ text: "" }] }] }, "contents"],
    ["an unknown role", { contents: [{ role: "system", parts: [{ text: "a" }] }] }, "contents[0].role"],
    ["parts that are a number", { contents: [{ parts: 5 }] }, "contents[0].parts"],
    ["a part that is a list", { contents: [{ parts: [[]] }] }, "contents[0].parts[0]"],
    ["no body", 5, ""],
  ])("%s is refused by name", (_, body, field) => {
    const error = refusalOf(() => parse(body));
    expect([error.kind, error.detail.field ?? ""]).toEqual(["invalid-request", field]);
  });
});

describe("texts of the model", () => {
  test("chunks of one text are one text, signed by the signature at their end", () => {
    expect(partsOf([{ text: "PO" }, { text: "NG" }, { text: "", thoughtSignature: SIGNATURE }], "model")).toEqual([
      { text: "PONG", thoughtSignature: SIGNATURE },
    ]);
  });

  test("a turn kept as several contents is one turn", () => {
    const chunk = (value: string) => ({ role: "model", parts: [{ text: value }] });
    expect(contentsOf(chunk("PO"), chunk("NG"))).toEqual([{ role: "model", parts: [{ text: "PONG" }] }]);
  });

  test("thoughts and words are never put together, nor is anything added to a signed text", () => {
    const parts = [
      { text: "hm", thought: true },
      { text: "a", thoughtSignature: SIGNATURE },
      { text: "b" },
      { text: "c", thoughtSignature: "b3RoZXI=" },
    ];
    expect(partsOf(parts, "model")).toEqual([
      { text: "hm", thought: true },
      { text: "a", thoughtSignature: SIGNATURE },
      { text: "bc", thoughtSignature: "b3RoZXI=" },
    ]);
  });

  test("a signature that every chunk repeats signs the whole", () => {
    const chunk = (value: string) => ({ text: value, thoughtSignature: SIGNATURE });
    expect(partsOf([chunk("a"), chunk("b")], "model")).toEqual([chunk("ab")]);
  });

  test("the user's texts stay apart", () => {
    expect(partsOf([{ text: "a" }, { text: "b" }])).toEqual([{ text: "a" }, { text: "b" }]);
  });
});

describe("parts", () => {
  test.each<[string, JsonObject, unknown[]]>([
    ["a number as text", { text: 5 }, [{ text: "5" }]],
    ["half a character", { text: "a\ud83d" }, [{ text: "a\ufffd" }]],
    ["text that looks unset", { text: "[undefined]" }, [{ text: "[undefined]" }]],
    [
      "an image",
      { inlineData: { mimeType: "image/png", data: PNG } },
      [{ inlineData: { mimeType: "image/png", data: PNG } }],
    ],
    [
      "snake case",
      { inline_data: { mime_type: "image/png", data: PNG } },
      [{ inlineData: { mimeType: "image/png", data: PNG } }],
    ],
    [
      "a type only its bytes tell",
      { inlineData: { data: PNG } },
      [{ inlineData: { mimeType: "image/png", data: PNG } }],
    ],
    [
      "settings beside media",
      { inlineData: { mimeType: "video/mp4", data: PNG }, videoMetadata: { fps: 2 }, media_resolution: { level: "X" } },
      [
        {
          inlineData: { mimeType: "video/mp4", data: PNG },
          native: { videoMetadata: { fps: 2 }, mediaResolution: { level: "X" } },
        },
      ],
    ],
    [
      "a web address",
      { fileData: { mimeType: "image/png", fileUri: "https://example.test/a.png" } },
      [
        {
          remote: {
            url: "https://example.test/a.png",
            mimeType: "image/png",
            field: "contents[0].parts[0].fileData.fileUri",
          },
        },
      ],
    ],
    [
      "a web address in snake case",
      { file_data: { file_uri: "http://example.test/a.png" } },
      [{ remote: { url: "http://example.test/a.png", field: "contents[0].parts[0].file_data.file_uri" } }],
    ],
    [
      "a data address",
      { fileData: { fileUri: `data:image/png;base64,${PNG}` } },
      [{ inlineData: { mimeType: "image/png", data: PNG } }],
    ],
    [
      "an object in storage",
      { fileData: { fileUri: "gs://bucket/a.pdf", mimeType: "application/pdf" }, videoMetadata: { fps: 1 } },
      [
        {
          native: {
            fileData: { mimeType: "application/pdf", fileUri: "gs://bucket/a.pdf" },
            videoMetadata: { fps: 1 },
          },
        },
      ],
    ],
    [
      "an uploaded file",
      { fileData: { fileUri: "https://generativelanguage.googleapis.com/v1beta/files/abc" } },
      [{ native: { fileData: { fileUri: "https://generativelanguage.googleapis.com/v1beta/files/abc" } } }],
    ],
    [
      "a video",
      { fileData: { fileUri: "https://www.youtube.com/watch?v=abc" } },
      [{ native: { fileData: { fileUri: "https://www.youtube.com/watch?v=abc" } } }],
    ],
    [
      "code",
      { executableCode: { language: "PYTHON", code: "1" } },
      [{ native: { executableCode: { language: "PYTHON", code: "1" } } }],
    ],
    [
      "its result",
      { code_execution_result: { outcome: "OUTCOME_OK" } },
      [{ native: { codeExecutionResult: { outcome: "OUTCOME_OK" } } }],
    ],
    [
      "several kinds of data in one part",
      { text: "a", functionCall: { id: "c1", name: "f" }, thoughtSignature: SIGNATURE },
      [{ text: "a" }, { functionCall: { id: "c1", name: "f", args: {} }, thoughtSignature: SIGNATURE }],
    ],
  ])("%s is read", (_, part, expected) => {
    expect(partsOf([part])).toEqual(expected as never);
  });

  test.each<[string, unknown, string]>([
    ["media without data", { inlineData: { mimeType: "image/png" } }, "inlineData.data"],
    ["media that is no base64", { inline_data: { mime_type: "image/png", data: "%%%" } }, "inline_data.data"],
    ["media of no type", { inlineData: { data: "AAAA" } }, "inlineData.mimeType"],
    ["a file without an address", { fileData: {} }, "fileData.fileUri"],
    ["a call without a name", { functionCall: { args: {} } }, "functionCall.name"],
    ["a call that is a text", { functionCall: "f" }, "functionCall"],
    ["a result of nothing", { functionResponse: { response: {} } }, "functionResponse.name"],
    ["code that is a text", { executableCode: "1" }, "executableCode"],
    [
      "a stored file in a result",
      { functionResponse: { name: "f", parts: [{ fileData: { fileUri: "gs://b/a" } }] } },
      "functionResponse.parts[0].fileData",
    ],
  ])("%s is refused by name", (_, part, field) => {
    const error = refusalOf(() => partsOf([part]));
    expect(error.detail.field).toBe(`contents[0].parts[0].${field}`);
  });

  test("what a part does not know is reported, its own notes are not", () => {
    const { losses } = parse({
      contents: [
        { parts: [{ text: "a", partMetadata: { a: 1 }, speech_metadata: { speaker: "x" }, odd: 1 }], more: 1 },
        { role: "model", parts: [{ toolCall: { id: "t" } }, { toolResponse: { id: "t" } }] },
      ],
    });
    expect(losses.map(({ field }) => field)).toEqual([
      "contents[0].more",
      "contents[0].parts[0].speech_metadata",
      "contents[0].parts[0].odd",
      "contents[1].parts[0].toolCall",
      "contents[1].parts[1].toolResponse",
    ]);
  });
});

describe("calls and their results", () => {
  const call = (name: string, id?: string) => ({ functionCall: { name, args: {}, ...(id !== undefined && { id }) } });
  const result = (name: string, id?: string) => ({
    functionResponse: { name, response: { output: "x" }, ...(id !== undefined && { id }) },
  });
  const model = (...parts: unknown[]) => ({ role: "model", parts });
  const user = (...parts: unknown[]) => ({ role: "user", parts });

  /** The ids of calls and of results, in order. */
  const ids = (...contents: unknown[]) =>
    contentsOf(...contents).flatMap(({ parts }) =>
      parts.flatMap(({ functionCall, functionResponse }) => functionCall?.id ?? functionResponse?.id ?? []),
    );

  test("ids that are there stay", () => {
    expect(ids(model(call("f", "b"), call("f", "a")), user(result("f", "a"), result("f", "b")))).toEqual([
      "b",
      "a",
      "a",
      "b",
    ]);
  });

  test("calls without ids and their results meet by name, in order", () => {
    expect(ids(model(call("f"), call("g"), call("f")), user(result("f"), result("f"), result("g")))).toEqual([
      "call_f_1",
      "call_g_1",
      "call_f_2",
      "call_f_1",
      "call_f_2",
      "call_g_1",
    ]);
  });

  test("the ids of a history do not change while it grows", () => {
    const turn = [model(call("f")), user(result("f"))];
    expect(ids(...turn, ...turn)).toEqual([...ids(...turn), "call_f_2", "call_f_2"]);
  });

  test("a result without an id answers the latest turn's call, whatever was left open before", () => {
    expect(ids(model(call("f")), user({ text: "stop" }), model(call("f")), user(result("f")))).toEqual([
      "call_f_1",
      "call_f_2",
      "call_f_2",
    ]);
  });

  test("a client that keeps the ids of one side only is understood", () => {
    expect(ids(model(call("f", "id1")), user(result("f")))).toEqual(["id1", "id1"]);
    expect(ids(model(call("f")), user(result("f", "id1")))).toEqual(["call_f_1", "call_f_1"]);
    expect(ids(model(call("f", "id1")), user(result("f", "id2")))).toEqual(["id1", "id2"]);
  });

  test("a made id is never one that is taken", () => {
    expect(ids(model(call("f", "call_f_1"), call("f")))).toEqual(["call_f_1", "call_f_2"]);
  });

  test("a result without a name takes the name of its call", () => {
    const [, results] = contentsOf(model(call("f")), user({ functionResponse: { response: { a: 1 } } }));
    expect(results?.parts).toEqual([{ functionResponse: { id: "call_f_1", name: "f", response: { a: 1 } } }]);
  });

  test.each<[unknown, JsonObject]>([
    [{ output: "a" }, { output: "a" }],
    [
      { name: "f", content: [{ type: "text" }] },
      { name: "f", content: [{ type: "text" }] },
    ],
    ["words", { result: "words" }],
    [[1], { result: [1] }],
    [null, {}],
    [{ snake_case: { inner_key: 1 } }, { snake_case: { inner_key: 1 } }],
    [JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
  ])("the response %j is %j", (response, expected) => {
    expect(partsOf([{ functionResponse: { id: "c", name: "f", response } }])).toEqual([
      { functionResponse: { id: "c", name: "f", response: expected } },
    ]);
  });

  test.each<[unknown, JsonObject]>([
    [{ snake_case: 1 }, { snake_case: 1 }],
    ['{"a":1}', { a: 1 }],
    [null, {}],
    [[1], { params: [1] }],
  ])("the arguments %j are %j", (args, expected) => {
    expect(partsOf([{ functionCall: { id: "c", name: "f", args } }], "model")).toEqual([
      { functionCall: { id: "c", name: "f", args: expected } },
    ]);
  });

  test("media of a result come along, fetched from the web where they stand there", () => {
    const parts = [
      { inlineData: { mimeType: "image/png", data: PNG, displayName: "a.png" } },
      { file_data: { file_uri: "https://example.test/b.pdf", mime_type: "application/pdf" } },
    ];
    const [part] = partsOf([{ function_response: { id: "c", name: "f", response: {}, parts } }]);
    expect(part?.functionResponse?.media).toEqual([
      { mimeType: "image/png", data: PNG },
      {
        url: "https://example.test/b.pdf",
        mimeType: "application/pdf",
        field: "contents[0].parts[0].function_response.parts[1].file_data.file_uri",
      },
    ]);
  });

  test("a signature inside the call is the call's", () => {
    expect(partsOf([{ functionCall: { id: "c", name: "f", thought_signature: SIGNATURE } }], "model")).toEqual([
      { functionCall: { id: "c", name: "f", args: {} }, thoughtSignature: SIGNATURE },
    ]);
  });

  test("a long history of unanswered calls takes no time", () => {
    const calls = Array.from({ length: 20_000 }, () => call("f"));
    const results = Array.from({ length: 20_000 }, () => result("f"));
    expect(ids(model(...calls), user(...results)).at(-1)).toBe("call_f_20000");
  });
});

describe("the system instruction", () => {
  test.each<[string, unknown, string[]]>([
    ["a text", "be kind", ["be kind"]],
    ["a part", { text: "be kind" }, ["be kind"]],
    ["a content", { role: "system", parts: [{ text: "a" }, { text: "" }, { text: "b" }] }, ["a", "b"]],
    ["a list of texts and parts", ["a", { text: "b" }, { parts: [{ text: "c" }] }], ["a", "b", "c"]],
    ["nothing", null, []],
    ["an empty content", { parts: [] }, []],
  ])("may be %s", (_, systemInstruction, expected) => {
    expect(parseWith({ systemInstruction } as JsonObject).request.system).toEqual(expected);
    expect(parseWith({ system_instruction: systemInstruction } as JsonObject).request.system).toEqual(expected);
  });

  test("that is a picture is refused by name", () => {
    const systemInstruction = { parts: [{ inlineData: { mimeType: "image/png", data: PNG } }] };
    const error = refusalOf(() => parseWith({ systemInstruction }));
    expect(error.detail.field).toBe("systemInstruction.parts[0]");
  });
});
