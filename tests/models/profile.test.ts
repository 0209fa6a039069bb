import { describe, expect, test } from "bun:test";
import type { DiscoveredModel, ModelProfile } from "../../src/core/models.ts";
import { profileOf } from "../../src/models/profile.ts";

const CLAUDE = { min: 1024, max: 64_000, zeroAllowed: false, default: 16_000 };
const GEMINI = { min: 128, max: 32_768, zeroAllowed: false, default: 8192 };

describe("the shipped profile", () => {
  const rows: [id: string, expected: Partial<ModelProfile>][] = [
    [
      "claude-opus-4-6-thinking",
      {
        displayName: "Claude Opus 4.6 (Thinking)",
        family: "claude",
        generation: "claude",
        contextTokens: 200_000,
        maxOutputTokens: 64_000,
      },
    ],
    [
      "claude-sonnet-4-6",
      { thinking: CLAUDE, mimeTypes: ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"] },
    ],
    ["claude-something-9", { displayName: "claude-something-9", family: "claude", thinking: CLAUDE }],
    [
      "gemini-3-flash",
      { family: "gemini", generation: "gemini-3", contextTokens: 1_048_576, maxOutputTokens: 65_536, thinking: GEMINI },
    ],
    ["gemini-pro-agent", { generation: "gemini-3", maxOutputTokens: 65_535, thinking: { ...GEMINI, default: 10_001 } }],
    ["gemini-3.1-flash-lite", { thinking: { ...GEMINI, zeroAllowed: true } }],
    ["gemini-3.7-flash-high", { generation: "gemini-3", thinking: { ...GEMINI, min: 1, max: 65_535 } }],
    ["gemini-2.5-pro", { generation: "gemini-2.5", thinking: GEMINI }],
    [
      "gemini-2.5-flash",
      { generation: "gemini-2.5", thinking: { min: 1, max: 24_576, zeroAllowed: true, default: 8192 } },
    ],
    [
      "gemini-2.5-flash-lite",
      {
        displayName: "Gemini 2.5 Flash Lite",
        generation: "gemini-2.5",
        thinking: { min: 512, max: 24_576, zeroAllowed: true, default: 8192 },
      },
    ],
    ["gemini-3.1-flash-lite-preview", { thinking: { ...GEMINI, zeroAllowed: true } }],
    // Whichever generation it stands for at the time takes these.
    ["gemini-flash-latest", { thinking: { min: 512, max: 24_576, zeroAllowed: false, default: 8192 } }],
    ["gemini-1.5-pro", { generation: "gemini-2.5" }],
    ["gemini-12-ultra", { generation: "gemini-3", contextTokens: 1_048_576, thinking: GEMINI, image: false }],
    ["gemini-3.1-flash-image", { family: "gemini", image: true, maxOutputTokens: 32_768 }],
    [
      "gpt-oss-120b-medium",
      {
        family: "gpt-oss",
        generation: "gpt-oss",
        contextTokens: 114_000,
        maxOutputTokens: 32_768,
        mimeTypes: [],
      },
    ],
  ];
  for (const [id, expected] of rows) test(`of ${id}`, () => expect(profileOf(id)).toMatchObject(expected));

  for (const id of ["gemini-3-pro-image", "gemini-2.5-flash-image", "gpt-oss-120b-medium"]) {
    test(`of ${id} has no thinking, whatever discovery says`, () => {
      expect(profileOf(id, { id, supportsThinking: true, thinkingBudget: 8192 })).not.toHaveProperty("thinking");
    });
  }
});

describe("discovery wins over what is shipped", () => {
  const rows: [what: string, discovered: Omit<DiscoveredModel, "id">, expected: Partial<ModelProfile>][] = [
    ["name", { displayName: "New Name" }, { displayName: "New Name" }],
    ["window", { contextTokens: 5, maxOutputTokens: 4 }, { contextTokens: 5, maxOutputTokens: 4 }],
    ["the app's own budget", { thinkingBudget: 10_000 }, { thinking: { ...GEMINI, default: 10_000 } }],
    [
      "a budget beyond the range",
      { thinkingBudget: 50_000 },
      { thinking: { ...GEMINI, max: 50_000, default: 50_000 } },
    ],
    ["a budget below the range", { thinkingBudget: 100 }, { thinking: { ...GEMINI, min: 100, default: 100 } }],
    ["but a budget of 0 is no amount", { thinkingBudget: 0 }, { thinking: GEMINI }],
    ["nor is -1", { supportsThinking: true, thinkingBudget: -1 }, { thinking: GEMINI }],
    [
      "media",
      { supportedMimeTypes: ["image/png", "Audio/WebM;codecs=opus", "audio/webm"] },
      { mimeTypes: ["image/png", "audio/webm"] },
    ],
    [
      "but an empty list of media is no fact",
      { supportedMimeTypes: [] },
      { mimeTypes: profileOf("gemini-3-flash").mimeTypes },
    ],
  ];
  for (const [what, discovered, expected] of rows) {
    test(what, () =>
      expect(profileOf("gemini-3-flash", { id: "gemini-3-flash", ...discovered })).toMatchObject(expected),
    );
  }

  test("a model that does not think, does not", () => {
    expect(profileOf("claude-x", { id: "claude-x", supportsThinking: false })).not.toHaveProperty("thinking");
  });
});

describe("media, where discovery says nothing", () => {
  test("Gemini reads the image types it documents, and no others", () => {
    const { mimeTypes } = profileOf("gemini-3-flash");
    expect(mimeTypes.filter((type) => type.startsWith("image/"))).toEqual([
      "image/png",
      "image/jpeg",
      "image/webp",
      "image/heic",
      "image/heif",
    ]);
    for (const type of ["application/pdf", "audio/mpeg", "audio/wav", "video/mp4"]) expect(mimeTypes).toContain(type);
  });

  test("image models read images, models of no known family nothing", () => {
    expect(profileOf("gemini-3-pro-image").mimeTypes.every((type) => type.startsWith("image/"))).toBe(true);
    expect(profileOf("gpt-something").mimeTypes).toEqual([]);
  });
});

test("the floor that the catalogue names for Claude is not what an open wish for thinking gets", () => {
  const id = "claude-opus-4-6-thinking";
  expect(profileOf(id, { id, supportsThinking: true, thinkingBudget: 1024 }).thinking).toEqual(CLAUDE);
});
