import { describe, expect, test } from "bun:test";
import { matchesWildcard, mostSpecific } from "../../src/models/wildcard.ts";

describe("matchesWildcard", () => {
  const rows: [pattern: string, text: string, fits: boolean][] = [
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["*", "", true],
    ["a*", "a", true],
    ["a*", "ba", false],
    ["*c", "abc", true],
    ["a*c", "ac", true],
    ["a*a", "a", false],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["a*b*b", "ab", false],
    ["a**c", "abc", true],
    ["a.c", "abc", false],
  ];
  for (const [pattern, text, fits] of rows) {
    test(`${pattern} ${fits ? "fits" : "does not fit"} "${text}"`, () =>
      expect(matchesWildcard(pattern, text)).toBe(fits));
  }

  test("a hostile pattern ends", () => {
    expect(matchesWildcard(`${"a*".repeat(1_000)}b`, "a".repeat(100_000))).toBe(false);
  });
});

test("the pattern with the most literal characters is the most specific; of equals the first", () => {
  expect(mostSpecific(["*", "ab*", "a*c*", "a*", "x*"], "abcd")).toBe("ab*");
  expect(mostSpecific(["x*"], "abcd")).toBeUndefined();
});
