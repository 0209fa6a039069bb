import { expect, test } from "bun:test";
import { percentDecoded, percentDecodedBytes } from "../../src/lib/percent.ts";

test.each([
  ["a%20b", "a b"],
  ["caf%C3%A9", "café"],
  ["100%", "100%"],
  ["%zz%20", "%zz%20"],
  ["%ff", "%ff"],
  ["plain", "plain"],
])("%j means %j", (text, meant) => {
  expect(percentDecoded(text)).toBe(meant);
});

test.each([
  ["%00%fF", [0, 255]],
  ["é%", [0xc3, 0xa9, 0x25]],
  ["%4", [0x25, 0x34]],
  ["%g0", [0x25, 0x67, 0x30]],
])("%j stands for the bytes %j", (text, bytes) => {
  expect([...percentDecodedBytes(text)]).toEqual(bytes);
});
