import { stripVTControlCharacters } from "node:util";

export interface TestSummary {
  passed: number;
  failed: number;
  skipped: number;
}

/** Reads the closing lines of `bun test`. A file that could not be loaded counts as a failure. */
export function parseSummary(output: string): TestSummary {
  const closing = stripVTControlCharacters(output).split("\n").slice(-40);
  const count = (word: string) => {
    const lines = closing.map((line) => new RegExp(`^\\s*(\\d+) ${word}s?$`).exec(line)?.[1]);
    return Number(lines.findLast((number) => number !== undefined) ?? 0);
  };
  return { passed: count("pass"), failed: count("fail") + count("error"), skipped: count("skip") + count("todo") };
}

export function summaryLine({ passed, failed, skipped }: TestSummary): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
