import { expect, test } from "bun:test";
import { mintKey } from "../../src/keys/new-key.ts";

test("a key is 256 random bits, of which four characters are kept to tell it by, and the digest", () => {
  const lengths: number[] = [];
  const minted = mintKey({
    randomBytes(length) {
      lengths.push(length);
      return new Uint8Array(length).map((_, index) => 255 - index);
    },
    hash: (text) => `digest of ${text}`,
  });
  expect(lengths).toEqual([32]);
  expect(minted.text).toMatch(/^sk-ag-[\w-]{43}$/);
  expect(Buffer.from(minted.text.slice("sk-ag-".length), "base64url")).toEqual(
    Buffer.from(new Uint8Array(32).map((_, index) => 255 - index)),
  );
  expect(minted.digest).toBe(`digest of ${minted.text}`);
  expect(minted.hint).toBe(`${minted.text.slice(0, 10)}…`);
});
