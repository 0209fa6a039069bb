import { expect, test } from "bun:test";
import { spentText } from "../../src/lib/spent-text.ts";

const rows: [ms: number, text: string][] = [
  [-5, "0 ms"],
  [0, "0 ms"],
  [0.4, "0 ms"],
  [340, "340 ms"],
  [999.6, "1 s"],
  [3_400, "3.4 s"],
  [34_000, "34 s"],
  [59_940, "59.9 s"],
  [59_960, "1 min"],
  [125_000, "2 min 5 s"],
  [3_599_600, "1 h"],
  [3_720_000, "1 h 2 min"],
  [90_000_000, "25 h"],
];

for (const [ms, text] of rows) test(`${ms} ms are "${text}"`, () => expect(spentText(ms)).toBe(text));
