import { describe, expect, test } from "bun:test";
import { fieldPath, isAbsent, textOf, toolArguments } from "../../src/core/lenient.ts";

test.each([
  [undefined, true],
  [null, true],
  ["[undefined]", true],
  ["", false],
  ["undefined", false],
  [0, false],
  [false, false],
  [[], false],
])("that %j is absent is %p", (value, absent) => {
  expect(isAbsent(value)).toBe(absent);
});

test.each([
  ["hi", "hi"],
  [undefined, ""],
  [null, ""],
  [5, "5"],
  [{ text: { text: "hi" } }, "hi"],
  [{ other: 1 }, '{"other":1}'],
  [["a"], '["a"]'],
  ["cut \ud83d", "cut \ufffd"],
])("the text meant by %j is %j", (value, text) => {
  expect(textOf(value)).toBe(text);
});

describe("arguments of a tool call", () => {
  test.each([
    ["an object", { a: 1 }, { a: 1 }],
    ["JSON of an object", '{"a":1}', { a: 1 }],
    ["nothing", undefined, {}],
    ["null", null, {}],
    ["JSON of null", "null", {}],
    ["[undefined]", "[undefined]", {}],
    ["blank text", " \n", {}],
    ["a list", [1], { params: [1] }],
    ["a number", 5, { params: 5 }],
    ["JSON of a list", "[1]", { params: [1] }],
    ["JSON of a text", '"x"', { params: "x" }],
    ["text that is no JSON", '{"a":', { params: '{"a":' }],
    ["half a character", { a: ["\ud83d"] }, { a: ["\ufffd"] }],
    ["half a character in JSON", String.raw`{"a":"\ud83d"}`, { a: "\ufffd" }],
  ])("%s", (_, value, expected) => {
    expect(toolArguments(value)).toEqual(expected);
  });

  test("JSON nested too deep to be sent on is kept as its text", () => {
    const deep = "[".repeat(1_000) + "]".repeat(1_000);
    expect(toolArguments(deep)).toEqual({ params: deep });
  });
});

test.each([
  [[{ key: "messages" }, { key: 2 }, { key: "content" }], "", "messages[2].content"],
  [[{ key: "name" }], "tools[0].function", "tools[0].function.name"],
  [[{ key: 0 }], "stop", "stop[0]"],
  [undefined, "model", "model"],
])("the path %j below %j is %j", (path, base, field) => {
  expect(fieldPath(path, base)).toBe(field);
});
