import { describe, expect, test } from "bun:test";
import { parseSummary, summaryLine } from "../../scripts/lib/test-summary.ts";

describe("the closing lines of bun test become the last line", () => {
  const rows: [name: string, output: string, line: string][] = [
    [
      "all passed",
      "(pass) x\n\n 12 pass\n 0 fail\n 30 expect() calls\nRan 12 tests across 3 files. [1ms]\n",
      "12 passed, 0 failed",
    ],
    ["some failed", " 8 pass\n 1 skip\n 1 todo\n 2 fail\n 9 expect() calls\n", "8 passed, 2 failed, 2 skipped"],
    ["a file that could not be loaded is a failure", " 1 pass\n 0 fail\n 1 error\n", "1 passed, 1 failed"],
    ["coloured", "\u001B[32m 3 pass\u001B[0m\n\u001B[31m 1 fail\u001B[0m\n", "3 passed, 1 failed"],
    ["nothing ran", "error: no tests found\n", "0 passed, 0 failed"],
    ["a test that prints such a line is not believed", " 99 pass\n a\n 2 pass\n 0 fail\n", "2 passed, 0 failed"],
  ];
  for (const [name, output, line] of rows) {
    test(name, () => expect(summaryLine(parseSummary(output))).toBe(line));
  }
});
