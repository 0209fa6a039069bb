import { expect, test } from "bun:test";
import type { JsonObject } from "../../src/lib/json.ts";
import { wellFormed, wellFormedObject } from "../../src/lib/well-formed.ts";

test("half a character becomes the replacement character, a whole one stays", () => {
  expect(wellFormed("a\ud83d")).toBe("a\ufffd");
  expect(wellFormed("\ude00b")).toBe("\ufffdb");
  expect(wellFormed("😀 é")).toBe("😀 é");
});

test("an object is mended at every depth, keys included", () => {
  const broken: JsonObject = { "k\ud83d": 1, list: ["\ud83d", { deep: "x\ude00" }], n: null, yes: true };
  expect(wellFormedObject(broken)).toEqual({ "k\ufffd": 1, list: ["\ufffd", { deep: "x\ufffd" }], n: null, yes: true });
});

test("an object without a broken text is returned as it is, not as a copy", () => {
  const whole: JsonObject = { a: ["😀", { b: null }], c: 1.5 };
  expect(wellFormedObject(whole)).toBe(whole);
});

test("a key that every object has is a name like any other", () => {
  const broken = JSON.parse('{"__proto__": "\\ud83d"}') as JsonObject;
  expect(Object.entries(wellFormedObject(broken))).toEqual([["__proto__", "\ufffd"]]);
});
