import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { isOwnerToken, ownerToken } from "../../src/keys/owner-token.ts";

const NOW = Date.UTC(2026, 0, 1);
const signer = (secret: string) => (text: string) => createHmac("sha256", secret).update(text).digest("base64url");
const sign = signer("of this data folder");
const token = ownerToken(sign, NOW);

const rows: [name: string, text: string, now: number, expected: boolean][] = [
  ["opens at once", token, NOW, true],
  ["opens for a minute", token, NOW + 60_000, true],
  ["opens no longer", token, NOW + 60_001, false],
  ["opens by a clock that is a little behind", token, NOW - 60_000, true],
  ["does not open by one that is far behind", token, NOW - 60_001, false],
  ["of another data folder opens nothing", ownerToken(signer("another"), NOW), NOW, false],
  ["with another time opens nothing", token.replace(/\.\d+\./, `.${NOW / 1_000 + 1}.`), NOW, false],
  ["that is cut opens nothing", token.slice(0, -1), NOW, false],
  ["with more behind it opens nothing", `${token}A`, NOW, false],
  ["without a signature opens nothing", `ag-owner.${NOW / 1_000}.`, NOW, false],
  ["with a time that is none opens nothing", `ag-owner.NaN.${sign("ag-owner.NaN")}`, NOW, false],
  ["with a line break behind it opens nothing", `${token}\n`, NOW, false],
  ["that is empty opens nothing", "", NOW, false],
];

for (const [name, text, now, expected] of rows) {
  test(`an owner's token ${name}`, () => expect(isOwnerToken(text, sign, now)).toBe(expected));
}
