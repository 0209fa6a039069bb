import { expect, test } from "bun:test";
import fc from "fast-check";
import { clockText } from "../../src/cli/records/clock-text.ts";
import { logTable } from "../../src/cli/records/log-table.ts";
import { whyText } from "../../src/cli/records/why-text.ts";
import { createPaint } from "../../src/cli/terminal.ts";
import { explanation } from "../../src/explain/explanation.ts";
import { arbitraryRecord } from "./arbitrary-record.ts";

const clock = clockText("UTC");
const NOTHING_SAID = /undefined|unknown|NaN|null|\[object|Infinity|-\d+ (?:ms|s|min|h|d)\b/;

test("any record is explained by one sentence that says something, and by steps and facts that do", () => {
  fc.assert(
    fc.property(arbitraryRecord, (record) => {
      const { sentence, facts, steps, advice } = explanation(record);
      expect(sentence).toMatch(/^(?:Answered|Refused|Failed|The client left|The answer broke off)[^]*[^.\s]\.$/);
      const texts = [sentence, advice ?? "", ...facts.map(({ text }) => text), ...steps.map(({ text }) => text)];
      for (const text of texts) {
        // Names of kinds stand in the steps as they stand in records: "unknown-model" is one.
        expect(text.replaceAll(/\(unknown-(?:model|route)\)/g, "")).not.toMatch(NOTHING_SAID);
        expect(text).not.toMatch(/ {2}|\(\)|: *[.;,)]|, *[.;)]|\( |after after/);
      }
    }),
    { numRuns: 1_000 },
  );
});

test("whatever is explained fits the width, word by word, and holds nothing that could repaint a terminal", () => {
  fc.assert(
    fc.property(arbitraryRecord, fc.constantFrom(60, 80, 120), fc.boolean(), (record, width, color) => {
      const text = whyText(record, { width, paint: createPaint(color), clock });
      for (const line of text.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
      // oxlint-disable-next-line no-control-regex -- the colours that were asked for
      expect(text.replaceAll(/\u001B\[\d+m/g, "")).not.toMatch(/[^\P{Cc}\n]/u);
    }),
    { numRuns: 500 },
  );
});

test("rows of any requests line up, with their ids whole", () => {
  fc.assert(
    fc.property(fc.array(arbitraryRecord, { minLength: 1, maxLength: 5 }), fc.boolean(), (records, isGrowing) => {
      const options = { width: 80, paint: createPaint(false), clock, now: () => 0, isGrowing };
      const table = logTable(records, options);
      const idAt = table.head.indexOf("ID");
      for (const record of records) {
        const line = table.line(record);
        expect(line).not.toMatch(NOTHING_SAID);
        expect(line).toEndWith(`  ${record.id}`);
        expect(Bun.stringWidth(line) - record.id.length).toBe(idAt);
      }
    }),
    { numRuns: 300 },
  );
});
