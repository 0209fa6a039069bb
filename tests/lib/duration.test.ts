import { describe, expect, test } from "bun:test";
import { parseDuration } from "../../src/lib/duration.ts";

describe("durations in milliseconds", () => {
  const ROWS: [unknown, number][] = [
    ["0.479s", 479],
    ["8485.8s", 8_485_800],
    ["8485.831s", 8_485_831],
    ["900ms", 900],
    ["900.2ms", 901],
    ["479.417207ms", 480],
    ["1.5s", 1_500],
    [".5s", 500],
    ["2h21m25.831s", 8_485_831],
    ["1h16m0.667s", 4_560_667],
    ["5m30s", 330_000],
    ["165h59m", 597_540_000],
    ["1m500ms", 60_500],
    ["250µs", 1],
    ["250μs", 1],
    ["1500us", 2],
    ["999ns", 1],
    ["0s", 0],
    ["-3s", 0],
    ["2m 30s", 150_000],
    [" 10s ", 10_000],
    ["60 seconds", 60_000],
    ["1 minute", 60_000],
    ["1 hour, 5 minutes and 2 seconds", 3_902_000],
    ["2 days", 172_800_000],
    ["3 Hrs", 10_800_000],
    [{ seconds: "9", nanos: 500_000_000 }, 9_500],
    [{ seconds: 9 }, 9_000],
    [{ nanos: 1 }, 1],
    [{ seconds: -4 }, 0],
  ];
  for (const [value, expected] of ROWS) {
    test(`${JSON.stringify(value)} is ${expected}`, () => expect(parseDuration(value)).toBe(expected));
  }
});

describe("what is no duration as a whole is none", () => {
  const ROWS: unknown[] = [
    "",
    "-",
    "30",
    "s",
    "15s of fame",
    "about 15s",
    "10x",
    "1s2",
    "constructor",
    "1 constructor",
    "2026-08-20T13:00:49Z",
    {},
    { seconds: "soon" },
    { minutes: 1 },
    ["1s"],
    null,
    undefined,
    9,
    true,
  ];
  for (const value of ROWS) {
    test(`${JSON.stringify(value)}`, () => expect(parseDuration(value)).toBeUndefined());
  }
});
