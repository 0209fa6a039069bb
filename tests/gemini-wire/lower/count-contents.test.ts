import { describe, expect, test } from "bun:test";
import type { ModelProfile } from "../../../src/core/models.ts";
import type { GenerateRequest } from "../../../src/core/request.ts";
import { countContents } from "../../../src/gemini-wire/count-contents.ts";
import { call, claude, gemini3, looking, lower, model, result, thought, user } from "./support.ts";

const counted = (fields: Partial<GenerateRequest>, target: ModelProfile = gemini3): unknown =>
  countContents(lower(fields, target).body);

test("a bare question is counted as it is", () => {
  expect(counted({})).toEqual([{ role: "user", parts: [{ text: "hello" }] }]);
});

test("system text, declarations and the schema of the answer are counted in, as words before the conversation", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  const { body } = lower({
    system: ["be brief", "be kind"],
    tools: looking,
    outputFormat: { type: "json-schema", schema },
  });
  const [tools] = body["tools"] as [{ functionDeclarations: unknown }];
  expect<unknown>(countContents(body)).toEqual([
    {
      role: "user",
      parts: [
        { text: "be brief" },
        { text: "be kind" },
        { text: JSON.stringify(tools.functionDeclarations) },
        { text: JSON.stringify(schema) },
      ],
    },
    { role: "user", parts: [{ text: "hello" }] },
  ]);
});

describe("thinking", () => {
  const contents = [
    user("hi"),
    model(thought("Let me see.", "c2ln"), call("a", "look", {}, "c2ln")),
    user(result("a", "1")),
  ];

  test("is counted in as plain text, without signatures", () => {
    expect(counted({ contents, tools: looking })).toEqual([
      { role: "user", parts: [{ text: expect.stringContaining("look") }] },
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [{ text: "Let me see." }, { functionCall: { id: "a", name: "look", args: {} } }] },
      { role: "user", parts: [{ functionResponse: { id: "a", name: "look", response: { result: "1" } } }] },
    ]);
  });

  test("is not counted where it would not be sent", () => {
    const said = [user("hi"), model(thought("Let me see.", "c2ln"), "yes"), user("and?")];
    expect(JSON.stringify(counted({ contents: said }, claude))).not.toContain("Let me see.");
  });
});

test("parts that only carry a signature, and the placeholder before a history that begins with the model, count nothing", () => {
  const contents = [model("I began.", { text: "", thoughtSignature: "c2ln" }), user("go on")];
  expect(counted({ contents })).toEqual([
    { role: "model", parts: [{ text: "I began." }] },
    { role: "user", parts: [{ text: "go on" }] },
  ]);
});

test("the lowered body is not changed", () => {
  const { body } = lower({ system: ["x"], contents: [user("hi"), model(thought("t", "c2ln"), "a"), user("b")] });
  const before = JSON.stringify(body);
  countContents(body);
  expect(JSON.stringify(body)).toBe(before);
});
