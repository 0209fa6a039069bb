import { describe, expect, test } from "bun:test";
import { isJsonObject, type JsonObject } from "../../../src/lib/json.ts";
import { judge, table, PNG, plain, contents, config, tools, schema, property } from "./rule-table.ts";
import {
  answering,
  asking,
  calling,
  GEMINI_25,
  GEMINI_3,
  IMAGE,
  mode,
  model,
  says,
  user,
  weatherSchema,
  weatherTools,
} from "./samples.ts";

const intruder = (path: string, body: unknown): [string, unknown] => [path, body];
describe("unknown names", () => {
  test.each([
    intruder("", { ...plain, stream: true }),
    intruder("", { ...plain, toolConfig: {} }),
    intruder("request", asking(GEMINI_3, { model: "x" })),
    intruder("request", asking(GEMINI_3, { anthropic_version: "2023-06-01" })),
    intruder("request", asking(GEMINI_3, { system_instruction: { parts: [says("x")] } })),
    intruder("request.contents[0]", contents(GEMINI_3, { ...user(says("x")), name: "n" })),
    intruder("request.contents[0].parts[0]", contents(GEMINI_3, user({ text: "x", cache_control: { type: "e" } }))),
    intruder("request.contents[0].parts[0]", contents(GEMINI_3, user({ text: "x", thought_signature: "AAAA" }))),
    intruder("request.contents[0].parts[0].function_call", contents(GEMINI_3, user({ functionCall: { input: {} } }))),
    intruder(
      "request.contents[0].parts[0].function_response",
      contents(GEMINI_3, user({ functionResponse: { is_error: true } })),
    ),
    intruder(
      "request.contents[0].parts[0].inline_data",
      contents(GEMINI_3, user({ inlineData: { mimeType: "image/png", data: "AAAA", type: "base64" } })),
    ),
    intruder("request.tools[0]", tools(GEMINI_3, [{ ...weatherTools[0], parameters: {} }])),
    intruder("request.tools[0]", tools(GEMINI_3, [{ googleSearchRetrieval: {} }])),
    intruder(
      "request.tools[0].function_declarations[0]",
      tools(GEMINI_3, [{ functionDeclarations: [{ name: "f", strict: true }] }]),
    ),
    intruder("request.tools[0].function_declarations[0].parameters", schema({ ...weatherSchema, $schema: "x" })),
    intruder(
      "request.tools[0].function_declarations[0].parameters.properties[0].value",
      property({ type: "string", format: "uri" }),
    ),
    intruder(
      "request.tools[0].function_declarations[0].parameters.properties[0].value.items",
      property({ type: "array", items: { type: "string", const: "x" } }),
    ),
    intruder("request.tool_config", tools(GEMINI_3, weatherTools, { toolConfig: { mode: "AUTO" } })),
    intruder(
      "request.tool_config.function_calling_config",
      tools(GEMINI_3, weatherTools, { toolConfig: { functionCallingConfig: { mode: "AUTO", parallel: false } } }),
    ),
    intruder("request.generation_config", config(GEMINI_3, { max_tokens: 5 })),
    intruder("request.generation_config.thinking_config", config(GEMINI_3, { thinkingConfig: { type: "enabled" } })),
    intruder("request.generation_config.image_config", config(IMAGE, { imageConfig: { quality: "hd" } })),
    intruder("request.system_instruction", asking(GEMINI_3, { systemInstruction: { parts: [says("x")], text: "x" } })),
    intruder("request.safety_settings[0]", asking(GEMINI_3, { safetySettings: [{ method: "x" }] })),
    intruder("request.contents[0]", contents(GEMINI_3, { ...user(says("x")), constructor: "n" })),
  ])("at '%s' are refused", (path, body) => {
    const refusal = judge(body);
    expect(refusal?.rule).toBe("unknown-name");
    expect(refusal?.status).toBe(400);
    const where = path === "" ? ": Cannot find field." : ` at '${path}': Cannot find field.`;
    expect(messageOf(refusal?.body)).toMatch(/^Invalid JSON payload received\. Unknown name "[^"]+"/);
    expect(messageOf(refusal?.body)).toEndWith(where);
  });

  test("are data inside arguments and results", () => {
    const open = { format: "x", title: "y", $ref: "z", cache_control: null, nested: [{ const: 1 }] };
    const history = contents(
      GEMINI_25,
      user(says("go")),
      model({ functionCall: { name: "f", args: open } }),
      user({ functionResponse: { name: "f", response: open } }),
    );
    expect(judge(history)).toBeUndefined();
  });

  test("are only keywords in schema position: properties may be called anything", () => {
    const names = ["title", "format", "pattern", "default", "$id", "properties", "enum", "type", "items", "__proto__"];
    const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
    expect(judge(schema({ type: "object", properties, required: names }))).toBeUndefined();
  });
});

table("types", [
  [
    "a string system instruction",
    "wrong-type",
    asking(GEMINI_3, { systemInstruction: "x" }),
    asking(GEMINI_3, { systemInstruction: { parts: [says("x")] } }),
  ],
  [
    "a type list",
    "not-repeating",
    property({ type: ["string", "null"] }),
    property({ type: "string", nullable: true }),
  ],
  [
    "tuple items",
    "not-repeating",
    property({ type: "array", items: [{ type: "string" }] }),
    property({ type: "array", items: { type: "string" } }),
  ],
  ["a boolean sub-schema", "wrong-type", property(false), property({ type: "boolean" })],
  ["a sub-schema that is a list", "not-repeating", property([{ type: "string" }]), property({ type: "string" })],
  [
    "a numeric enum member",
    "wrong-type",
    property({ type: "string", enum: [1] }),
    property({ type: "string", enum: ["1"] }),
  ],
  [
    "required: true on a property",
    "wrong-type",
    property({ type: "string", required: true }),
    property({ type: "string" }),
  ],
  [
    "args as a string",
    "wrong-type",
    contents(GEMINI_25, user(says("x")), model({ functionCall: { name: "f", args: "{}" } }), user(answering("f"))),
    contents(GEMINI_25, user(says("x")), model(calling("f")), user(answering("f"))),
  ],
  [
    "args as a list",
    "not-repeating",
    contents(GEMINI_25, user(says("x")), model({ functionCall: { name: "f", args: [] } }), user(answering("f"))),
    contents(GEMINI_25, user(says("x")), model(calling("f")), user(answering("f"))),
  ],
  [
    "a response that is text",
    "wrong-type",
    contents(GEMINI_25, user(says("x")), model(calling("f")), user({ functionResponse: { name: "f", response: "4" } })),
    contents(GEMINI_25, user(says("x")), model(calling("f")), user(answering("f"))),
  ],
  ["a text that is a number", "wrong-type", contents(GEMINI_3, user({ text: 5 })), contents(GEMINI_3, user(says("5")))],
  [
    "a text that is an object",
    "wrong-type",
    contents(GEMINI_3, user({ text: { text: "x" } })),
    contents(GEMINI_3, user(says("x"))),
  ],
  [
    "a number as text",
    "wrong-type",
    config(GEMINI_3, { maxOutputTokens: "100" }),
    config(GEMINI_3, { maxOutputTokens: 100 }),
  ],
  [
    "a broken integer",
    "wrong-type",
    config(GEMINI_3, { maxOutputTokens: 1.5 }),
    config(GEMINI_3, { maxOutputTokens: 1 }),
  ],
  [
    "stop as a string",
    "wrong-type",
    config(GEMINI_3, { stopSequences: "END" }),
    config(GEMINI_3, { stopSequences: ["END"] }),
  ],
  ["an explicit null", "wrong-type", config(GEMINI_3, { temperature: null }), config(GEMINI_3, { temperature: 0 })],
  [
    "contents as an object",
    "wrong-type",
    asking(GEMINI_3, { contents: user(says("x")) }),
    asking(GEMINI_3, { contents: [user(says("x"))] }),
  ],
  ["an unknown schema type", "unknown-enum-value", property({ type: "null" }), property({ type: "STRING" })],
  [
    "an unknown mode",
    "unknown-enum-value",
    tools(GEMINI_3, weatherTools, { toolConfig: mode("required") }),
    tools(GEMINI_3, weatherTools, { toolConfig: mode("AUTO") }),
  ],
  [
    "an unknown thinking level",
    "unknown-enum-value",
    config(GEMINI_3, { thinkingConfig: { thinkingLevel: "xhigh" } }),
    config(GEMINI_3, { thinkingConfig: { thinkingLevel: "high" } }),
  ],
  [
    "both spellings of one field",
    "duplicate-name",
    config(GEMINI_3, { thinkingConfig: { thinkingBudget: 500, thinking_budget: 500 } }),
    config(GEMINI_3, { thinkingConfig: { include_thoughts: true, thinking_budget: 500 } }),
  ],
  [
    "media that is not base64",
    "not-base64",
    contents(GEMINI_3, user({ inlineData: { mimeType: "image/png", data: "data:image/png;base64,AAAA" } })),
    contents(GEMINI_3, user(PNG)),
  ],
  [
    "half a character",
    "not-well-formed",
    contents(GEMINI_3, user(says("cut \ud83d"))),
    contents(GEMINI_3, user(says("whole \ud83d\ude00"))),
  ],
  [
    "half a character in a name within arguments",
    "not-well-formed",
    talk25({ args: { deep: [{ "\ude00": 1 }] } }),
    talk25({ args: { deep: [{ "": 1 }] } }),
  ],
  [
    "half a character within a result",
    "not-well-formed",
    talk25({ response: { result: ["\ud83d"] } }),
    talk25({ response: { result: ["x"] } }),
  ],
  [
    "unknown credit types",
    "unknown-enum-value",
    { ...plain, enabledCreditTypes: ["FREE"] },
    { ...plain, enabledCreditTypes: ["GOOGLE_ONE_AI"] },
  ],
]);

/** A tool loop with these arguments or this response. */
function talk25({ args = {}, response = { result: "r" } }: { args?: JsonObject; response?: JsonObject }): JsonObject {
  return contents(
    GEMINI_25,
    user(says("go")),
    model({ functionCall: { name: "f", args } }),
    user({ functionResponse: { name: "f", response } }),
  );
}

function messageOf(body: JsonObject | undefined): string {
  const error = body?.["error"];
  return isJsonObject(error) ? String(error["message"]) : "";
}
