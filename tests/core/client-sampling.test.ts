import { expect, test } from "bun:test";
import { type AskedSampling, readSampling } from "../../src/core/client-sampling.ts";

test.each<[string, AskedSampling & { stream?: boolean }, object]>([
  ["what is not said is not there", { temperature: undefined, seed: undefined }, {}],
  ["zeros are values", { temperature: 0, topP: 0, seed: 0 }, { temperature: 0, topP: 0, seed: 0 }],
  ["no limit of tokens", { topK: 0 }, {}],
  ["less than no limit of tokens", { topK: -1 }, {}],
  ["a limit that is no whole number", { topK: 40.5 }, { topK: 40 }],
  ["stops that stop nothing", { stopSequences: ["", "[undefined]"] }, {}],
  ["half a character in a stop", { stopSequences: ["", "a\ud800"] }, { stopSequences: ["a\ufffd"] }],
  ["what else the request says", { maxOutputTokens: 5, stream: true }, { maxOutputTokens: 5 }],
])("%s", (_, asked, sampling) => {
  expect(readSampling(asked)).toStrictEqual(sampling);
});
