import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { Part } from "../../../src/core/request.ts";
import { claude, contentsOf, flash25, gemini3, gptOss, imageModel, lost, lower, model, user } from "./support.ts";

const film = { fileData: { mimeType: "video/mp4", fileUri: "https://example.com/film" } };
const code = { executableCode: { language: "PYTHON", code: "print(6 * 7)\n" } };
const output = { codeExecutionResult: { outcome: "OUTCOME_OK", output: "42\n" } };
const picture = { mimeType: "image/png", data: "aGk=" };
const parts = (...list: (string | Part)[]) => [user("go"), model(...list), user("on")];

describe("a part that only Gemini knows", () => {
  test.each([gemini3, flash25])("is written as it is for $id, its signature beside it", (target) => {
    const contents = parts({ native: code, thoughtSignature: "c2ln" }, { native: output }, "42");
    expect(contentsOf([user({ native: film }), ...contents.slice(1)], target)).toEqual([
      { role: "user", parts: [film] },
      { role: "model", parts: [{ ...code, thoughtSignature: "c2ln" }, output, { text: "42" }] },
      { role: "user", parts: [{ text: "on" }] },
    ]);
  });

  test.each([claude, gptOss])("is told in words to $id", (target) => {
    expect(contentsOf(parts({ native: code, thoughtSignature: "c2ln" }, { native: output }), target)).toMatchObject([
      {},
      {
        role: "model",
        parts: [{ text: "```python\nprint(6 * 7)\n```" }, { text: "Output of the code:\n```\n42\n```" }],
      },
      {},
    ]);
  });

  test("code that failed says so, and fences are not broken by what is inside", () => {
    const failed = { codeExecutionResult: { outcome: "OUTCOME_FAILED", output: "```" } };
    expect(contentsOf(parts({ native: failed }), claude)).toMatchObject([
      {},
      { parts: [{ text: "The code failed:\n````\n```\n````" }] },
      {},
    ]);
  });

  test("of a file that cannot be opened a note is left, and it is a loss", () => {
    const { body, losses } = lower({ contents: [user("look", { native: film }, { native: film })] }, claude);
    expect<unknown>(body["contents"]).toEqual([
      user("look", ...Array(2).fill("[A file was left out: this model cannot open files by their address.]")),
    ]);
    expect(losses).toEqual([
      { field: "messages", why: "a file given by its address was left out: Claude Opus 4.6 cannot open it" },
    ]);
  });

  test("image models are given files, and the words of code", () => {
    expect(contentsOf([user({ native: film }, { native: code }, "draw")], imageModel)).toEqual([
      { role: "user", parts: [film, { text: "```python\nprint(6 * 7)\n```" }, { text: "draw" }] },
    ]);
  });
});

test("many attachments whose types have no proper names are one loss", () => {
  const odd = (mimeType: string): Part => ({ inlineData: { mimeType, data: "aGk=" } });
  expect(lower({ contents: [user(odd("?a"), odd("?b"), odd("?c"))] }, claude).losses).toEqual([
    { field: "messages", why: "some content was left out: Claude Opus 4.6 cannot read it" },
  ]);
});

describe("what stands beside media", () => {
  const clip: Part = { inlineData: { mimeType: "video/mp4", data: "aGk=" }, native: { videoMetadata: { fps: 2 } } };
  const still: Part = { inlineData: picture, native: { mediaResolution: { level: "MEDIA_RESOLUTION_LOW" } } };

  test("stays beside it for Gemini", () => {
    expect(contentsOf([user(clip, still)], gemini3)).toEqual([
      {
        role: "user",
        parts: [
          { inlineData: clip.inlineData, ...clip.native },
          { inlineData: picture, ...still.native },
        ],
      },
    ]);
    expect(lost({ contents: [user(clip, still)] }, gemini3)).toEqual([]);
  });

  test("is a loss elsewhere", () => {
    const { body, losses } = lower({ contents: [user(still)] }, claude);
    expect<unknown>(body["contents"]).toEqual([{ role: "user", parts: [{ inlineData: picture }] }]);
    expect(losses).toEqual([
      { field: "messages", why: "mediaResolution beside a part: Claude Opus 4.6 has no such thing" },
    ]);
  });

  test("goes with media that the model cannot read", () => {
    const unread: Part = { ...clip, inlineData: { mimeType: "video/x-unheard-of", data: "aGk=" } };
    expect(JSON.stringify(contentsOf([user(unread)], gemini3))).not.toContain("videoMetadata");
  });
});

describe("media that were not fetched", () => {
  const remote = { url: "https://example.com/a.png", field: "messages[0].content[1].image_url.url" };
  const fault = (part: Part): unknown => {
    try {
      return lower({ contents: [user(part)] });
    } catch (error) {
      return error;
    }
  };

  test.each<[string, Part]>([
    ["in a part", { remote }],
    ["in a result", { functionResponse: { id: "a", name: "look", response: {}, media: [remote] } }],
  ])("%s are refused by the name of their field", (_where, part) => {
    const error = fault(part);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ kind: "invalid-request", detail: { field: remote.field } });
  });
});
