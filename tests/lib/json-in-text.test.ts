import { describe, expect, test } from "bun:test";
import { jsonInText } from "../../src/lib/json-in-text.ts";

describe("jsonInText", () => {
  test.each([
    ["nothing else", ' {"a": 1} \n', ['{"a": 1}']],
    ["a bare value", "7", ["7"]],
    ["a text in quotes", '"a"', ['"a"']],
    ["a code fence", '```json\n{"a": 1}\n```', ['{"a": 1}']],
    ["a fence without a language", "```\n[1,\n2]\n```\n", ["[1,\n2]"]],
    ["words around", 'Here you are: {"a": {"b": [1]}}. Enjoy!', ['{"a": {"b": [1]}}']],
    ["brackets and quotes in strings", 'So: {"a": "}] \\" {["} done', ['{"a": "}] \\" {["}']],
    ["an apostrophe and quotes before", 'It\'s "so" {"a": 1}', ['{"a": 1}']],
    ["brackets that are no JSON before", 'With [brackets] and {braces}: {"a": 1}', ['{"a": 1}']],
    ["two documents", 'First {"a": 1}, then [2]', ['{"a": 1}', "[2]"]],
    ["a document that was cut off", 'Here: {"a": 1', []],
    ["a document inside of one that was cut off", '{"a": {"b": 1}, "c": ', []],
    ["a document inside of something else in brackets", `{'a': {"b": 1}}`, []],
    ["a bracket that is never closed, before", 'One [of these: {"a": 1}', ['{"a": 1}']],
    ["words alone", "I cannot do that.", []],
    ["nothing", "", []],
  ])("%s", (_, text, documents) => {
    const found = jsonInText(text);
    expect(found.map((document) => document.text)).toEqual(documents);
    for (const document of found) expect(document.value).toEqual(JSON.parse(document.text));
  });

  test("a text that begins again and again and never ends is given up", () => {
    expect(jsonInText("{".repeat(1_000_000))).toEqual([]);
  });
});
