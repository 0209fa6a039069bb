import { describe, expect, test } from "bun:test";
import { asUtf8, mediaType } from "../../src/media/media-type.ts";

const PNG = "iVBORw0KGgo=";
const UNKNOWN = "AAAA";

describe("what a file is", () => {
  test.each([
    ["its first bytes say, whatever else is said", "image/jpeg", "image/webp", PNG, "image/png"],
    ["its first bytes say, under a page's name too", undefined, "text/html", PNG, "image/png"],
    ["the client says", "video/mp4", "application/octet-stream", UNKNOWN, "video/mp4"],
    ["the client says rather than the server", "text/csv", "text/plain; charset=utf-8", UNKNOWN, "text/csv"],
    ["the server says", undefined, "Audio/MPEG; x=1", UNKNOWN, "audio/mpeg"],
    ["the server says when the client knows nothing", "application/octet-stream", "audio/mpeg", UNKNOWN, "audio/mpeg"],
    ["the server says what was expected", "video/*", "video/webm", UNKNOWN, "video/webm"],
    ["a page is taken where one is asked for", "text/html", "text/html", UNKNOWN, "text/html"],
    ["sound in RIFF is no picture", "audio/*", null, "UklGRiQAAABXQVZFZm10", "audio/wav"],
  ])("%s", (_, hint, contentType, data, type) => {
    expect(mediaType(hint, contentType, data)).toBe(type);
  });

  test.each([
    ["a page in the place of a file", undefined, "text/html; charset=utf-8", UNKNOWN, "leads to a web page"],
    ["a page in the place of a picture", "image/png", "text/html", UNKNOWN, "leads to a web page"],
    [
      "an error as JSON where a picture is expected",
      "image/*",
      "application/json",
      UNKNOWN,
      "of type application/json",
    ],
    ["a PDF where a picture is expected", "image/*", "image/png", "JVBERi0x", "of type application/pdf"],
    ["nothing that says what it is", undefined, null, UNKNOWN, "whose type is unknown"],
    ["a server that does not know", "image/*", "application/octet-stream", UNKNOWN, "whose type is unknown"],
  ])("%s is refused", (_, hint, contentType, data, why) => {
    expect(() => mediaType(hint, contentType, data)).toThrow(why);
  });
});

describe("text", () => {
  const latin = Uint8Array.of(0x63, 0xe9);
  test.each([
    [
      "in another encoding is put into UTF-8",
      "text/plain",
      'text/plain; charset="ISO-8859-1"',
      new TextEncoder().encode("cé"),
    ],
    ["of no named encoding is left", "text/plain", "text/plain", latin],
    ["of an unheard-of encoding is left", "text/plain", "text/plain; charset=x-none", latin],
    ["that is none is left", "image/png", "image/png; charset=iso-8859-1", latin],
  ])("%s", (_, type, contentType, bytes) => {
    expect([...asUtf8(latin, type, contentType)]).toEqual([...bytes]);
  });
});
