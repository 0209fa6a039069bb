import { expect, test } from "bun:test";
import { textTable } from "../../src/cli/text-table.ts";

const ROWS = [
  ["name", "what it is", "a few words that say more about it"],
  ["ünïcode", "", "more words"],
  ["bare", "no words", ""],
];

test("the last column is broken into lines within itself", () => {
  expect(textTable(ROWS, { maxWidth: 50 })).toBe(`name      what it is   a few words that say more
                       about it
ünïcode                more words
bare      no words`);
});

test("columns before it have at least the widths asked for", () => {
  expect(textTable(ROWS.slice(1), { maxWidth: 80, widths: [10, 9], indent: "  " }))
    .toBe(`  ünïcode                  more words
  bare         no words`);
});

test("where it would be too narrow, the text stands below its row", () => {
  expect(textTable(ROWS, { maxWidth: 40, indent: "  " })).toBe(`  name      what it is
      a few words that say more about it
  ünïcode
      more words
  bare      no words`);
});

test("no line is wider than the output while its words allow for that", () => {
  const words = ["claude-sonnet-*-thinking", "gemini-3.5-flash-extra-low,", "gemini-3.1-flash-lite-preview"].join(" ");
  for (let maxWidth = 44; maxWidth < 120; maxWidth++) {
    const lines = textTable([["gemini-*flash-lite*", words]], { maxWidth }).split("\n");
    expect(Math.max(...lines.map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(maxWidth);
  }
});
