import { describe, expect, test } from "bun:test";
import { isNestedTooDeep } from "../../src/lib/json.ts";

const lists = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
const objects = (depth: number): unknown => JSON.parse(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);

describe("nesting", () => {
  test.each([
    ["lists", lists],
    ["objects", objects],
  ])("500 levels of %s are passed on, 501 are not", (_, nested) => {
    expect(isNestedTooDeep(nested(500))).toBe(false);
    expect(isNestedTooDeep(nested(501))).toBe(true);
    expect(isNestedTooDeep({ wide: Array(10_000).fill(0), deep: nested(100_000) })).toBe(true);
  });

  test("plain values, texts of brackets and shallow documents are passed on", () => {
    for (const value of [null, 1, "[".repeat(1_000), [], {}, { a: [{ b: null }] }]) {
      expect(isNestedTooDeep(value)).toBe(false);
    }
  });
});
