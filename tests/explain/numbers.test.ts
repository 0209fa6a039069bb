import { expect, test } from "bun:test";
import { cachedShare, numberText, shortNumber } from "../../src/explain/numbers.ts";

test("numbers are grouped by three", () => {
  expect([0, 999, 1_000, 12_345, 1_234_567].map(numberText)).toEqual(["0", "999", "1,000", "12,345", "1,234,567"]);
});

test("short numbers keep two digits or more, and never say 1000k", () => {
  const numbers = [0, 7, 950, 999.9, 1_000, 1_234, 9_940, 9_960, 34_567, 999_400, 999_600, 1_200_000, 3e9];
  expect(numbers.map(shortNumber)).toEqual([
    "0",
    "7",
    "950",
    "1k",
    "1k",
    "1.2k",
    "9.9k",
    "10k",
    "35k",
    "999k",
    "1M",
    "1.2M",
    "3G",
  ]);
});

test("the cached share is all only when nothing is missing, and none only when nothing was cached", () => {
  const shares = [0, 1, 500, 999, 1_000].map((cachedInput) => cachedShare({ input: 1_000, cachedInput }));
  expect(shares).toEqual(["0 %", "1 %", "50 %", "99 %", "100 %"]);
  expect(cachedShare({ input: 0, cachedInput: 0 })).toBe("");
});
