import { describe, expect, test } from "bun:test";
import { mediaAsText, splitMediaText } from "../../src/core/media-text.ts";

const PNG = { mimeType: "image/png", data: "iVBORw0KGgo=" };
const MP3 = { mimeType: "audio/mpeg", data: "SUQz" };
const png = mediaAsText(PNG.mimeType, PNG.data);
const mp3 = mediaAsText(MP3.mimeType, MP3.data);

test("an image is a Markdown image, any other media a link that names its type", () => {
  expect(png).toBe("![image](data:image/png;base64,iVBORw0KGgo=)");
  expect(mp3).toBe("[audio/mpeg](data:audio/mpeg;base64,SUQz)");
});

describe("split", () => {
  test.each([
    ["an image alone", png, [{ inlineData: PNG }]],
    ["audio alone", mp3, [{ inlineData: MP3 }]],
    [
      "media between words",
      `a ${png}${mp3} b`,
      [{ text: "a " }, { inlineData: PNG }, { inlineData: MP3 }, { text: " b" }],
    ],
    ["an image with another alternative text", `![a cat](${png.slice(9)}`, [{ inlineData: PNG }]],
    ["no text at all", "", []],
  ])("%s", (_, text, parts) => {
    expect(splitMediaText(text)).toEqual(parts);
  });

  test.each([
    ["words", "hello"],
    ["an image elsewhere", "![image](https://example.org/a.png)"],
    ["a link to an image", `[image](data:image/png;base64,${PNG.data})`],
    ["a link of another label to audio", "[song](data:audio/mpeg;base64,SUQz)"],
    ["an image that is cut off", png.slice(0, -1)],
    ["an alternative text over two lines", "![a\nb](data:image/png;base64,AAAA)"],
    ["an alternative text of 600 characters", `![${"x".repeat(600)}](data:image/png;base64,AAAA)`],
    ["base64 of a length that cannot be", "![image](data:image/png;base64,A)"],
    ["a data URL of no base64", "![image](data:image/svg+xml,<svg/>)"],
  ])("%s stays text", (_, text) => {
    expect(splitMediaText(text)).toEqual([{ text }]);
  });
});
