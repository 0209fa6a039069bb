import { expect, test } from "bun:test";
import { shortHash } from "../../src/lib/short-hash.ts";

test("a short hash is twelve hex digits, the same for the same text", () => {
  for (const text of ["", "a", "größe", "x".repeat(1000)]) {
    expect(shortHash(text)).toMatch(/^[0-9a-f]{12}$/);
    expect(shortHash(text)).toBe(shortHash(text));
  }
});

test("texts that differ anywhere have different hashes", () => {
  const texts = Array.from({ length: 20_000 }, (_, index) => `tool_${index}`);
  expect(new Set(texts.map(shortHash)).size).toBe(texts.length);
});
