import { expect, test } from "bun:test";
import { durationText } from "../../src/lib/duration-text.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const rows: [ms: number, text: string][] = [
  [-5, "0 s"],
  [0, "0 s"],
  [1, "1 s"],
  [45 * SECOND, "45 s"],
  [59 * SECOND + 1, "1 min"],
  [MINUTE, "1 min"],
  [MINUTE + 1, "2 min"],
  [59 * MINUTE + 1, "1 h"],
  [HOUR, "1 h"],
  [2 * HOUR + 20 * MINUTE + 50 * SECOND, "2 h 21 min"],
  [23 * HOUR + 59 * MINUTE + 1, "1 d"],
  [DAY + 1, "1 d 1 h"],
  [4 * DAY + 10 * HOUR + 30 * MINUTE, "4 d 11 h"],
  [6 * DAY + 23 * HOUR + 1, "7 d"],
];
for (const [ms, text] of rows) test(`${ms} ms are ${text}`, () => expect(durationText(ms)).toBe(text));
