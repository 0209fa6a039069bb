import { describe, expect, test } from "bun:test";
import { nearest } from "../../src/lib/nearest.ts";

const FLAGS = ["--port", "--host", "--demo", "--scenario", "--log-format", "--log-level"];

describe("the nearest name", () => {
  const rows: [wanted: string, candidates: string[], expected: string | undefined][] = [
    ["--prot", FLAGS, "--port"],
    ["--portt", FLAGS, "--port"],
    ["--PORT", FLAGS, "--port"],
    ["--scen", FLAGS, "--scenario"],
    ["--log-levle", FLAGS, "--log-level"],
    ["--verbose", FLAGS, undefined],
    ["x", ["serve", "models"], undefined],
    ["", ["a"], "a"],
    ["serve", [], undefined],
  ];
  for (const [wanted, candidates, expected] of rows) {
    test(`to ${JSON.stringify(wanted)} is ${expected ?? "none"}`, () => {
      expect(nearest(wanted, candidates)[0]).toBe(expected);
    });
  }

  test("comes first, and no more than asked for are given", () => {
    expect(nearest("gemini-3-flsh", ["gemini-3-pro", "gemini-3-flash", "claude", "gemini-2-flash"], 2)).toEqual([
      "gemini-3-flash",
      "gemini-2-flash",
    ]);
  });
});
