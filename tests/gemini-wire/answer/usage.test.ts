import { expect, test } from "bun:test";
import { usageFrom } from "../../../src/gemini-wire/usage.ts";
import type { JsonObject } from "../../../src/lib/json.ts";

// [what, metadata, input, cachedInput, output, thinking]
const ROWS: [string, JsonObject, number, number, number, number][] = [
  ["nothing reported is zero", {}, 0, 0, 0, 0],
  [
    "thoughts apart from candidates are added, as the total shows",
    { promptTokenCount: 100, candidatesTokenCount: 20, thoughtsTokenCount: 30, totalTokenCount: 150 },
    100,
    0,
    50,
    30,
  ],
  [
    "thoughts inside candidates are not counted twice, as the total shows",
    { promptTokenCount: 100, candidatesTokenCount: 50, thoughtsTokenCount: 30, totalTokenCount: 150 },
    100,
    0,
    50,
    30,
  ],
  [
    "without a total, thoughts are added",
    { promptTokenCount: 100, candidatesTokenCount: 20, thoughtsTokenCount: 30 },
    100,
    0,
    50,
    30,
  ],
  [
    "when no sum fits, the output is what the total leaves",
    { promptTokenCount: 100, candidatesTokenCount: 20, thoughtsTokenCount: 30, totalTokenCount: 140 },
    100,
    0,
    40,
    30,
  ],
  [
    "a total below the prompt is not believed",
    { promptTokenCount: 100, candidatesTokenCount: 20, thoughtsTokenCount: 30, totalTokenCount: 60 },
    100,
    0,
    50,
    30,
  ],
  [
    "absent candidates are derived from the total",
    { promptTokenCount: 100, thoughtsTokenCount: 30, totalTokenCount: 130 },
    100,
    0,
    30,
    30,
  ],
  [
    "tool use prompts are input",
    {
      promptTokenCount: 100,
      toolUsePromptTokenCount: 15,
      candidatesTokenCount: 20,
      thoughtsTokenCount: 5,
      totalTokenCount: 140,
    },
    115,
    0,
    25,
    5,
  ],
  [
    "cached tokens are part of the input",
    { promptTokenCount: 812, cachedContentTokenCount: 512, candidatesTokenCount: 9, totalTokenCount: 821 },
    812,
    512,
    9,
    0,
  ],
  ["more cached than prompted is clamped", { promptTokenCount: 10, cachedContentTokenCount: 512 }, 10, 10, 0, 0],
  ["values that are no counts are absent", { promptTokenCount: "12", candidatesTokenCount: -3 }, 0, 0, 0, 0],
  ["numbers beyond all counting are absent", { promptTokenCount: Infinity, candidatesTokenCount: 1e300 }, 0, 0, 0, 0],
];

for (const [what, metadata, input, cachedInput, output, thinking] of ROWS) {
  test(what, () => {
    expect(usageFrom(metadata)).toEqual({ input, cachedInput, output, thinking });
  });
}
