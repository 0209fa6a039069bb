import { expect, test } from "bun:test";
import { signatureFamily } from "../../src/core/signature-family.ts";
import { anthropicDirectSignature, claudeSignature, geminiSignature } from "../support/signature-samples.ts";

const rows: [name: string, signature: string, family: ReturnType<typeof signatureFamily>][] = [
  ["Claude through Cloud Code is wrapped twice", claudeSignature("some key and digest"), "claude"],
  ["Gemini 3 has a 0x01 behind its two field heads", geminiSignature("key id and digest"), "gemini"],
  ["Anthropic's own form is foreign", anthropicDirectSignature("some key and digest"), undefined],
  ["OpenAI's encrypted reasoning is foreign", "gAAAAABmadeup0123456789madeup0123456789", undefined],
  ["a base64 UUID is a placeholder", btoa("3f2e8f0e-5a53-4d0e-9b7e-0c6d1d5f2b11"), undefined],
  ["the validator's sentinel is no signature", "skip_thought_signature_validator", undefined],
  ["what is not base64 is foreign", "not a signature!", undefined],
  ["an empty text is foreign", "", undefined],
  ["a text of one character is foreign", "R", undefined],
];

for (const [name, signature, family] of rows) {
  test(name, () => {
    expect(signatureFamily(signature)).toBe(family);
  });
}
