import { describe, expect, test } from "bun:test";
import { decodeBase64, parseContent, parseDataUrl, plainMimeType } from "../../src/lib/data-url.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAE=";

describe("a data URL", () => {
  const rows: [name: string, url: string, mimeType: string | undefined, data: string][] = [
    ["of base64", `data:image/png;base64,${PNG}`, "image/png", PNG],
    ["in capitals", `DATA:IMAGE/PNG;BASE64,${PNG}`, "image/png", PNG],
    ["with parameters", "data:text/plain;charset=utf-8;base64,aGk=", "text/plain", "aGk="],
    ["of the misspelt JPEG", "data:image/jpg;base64,/9j/4AAQ", "image/jpeg", "/9j/4AAQ"],
    ["without a type, told by its first bytes", `data:;base64,${PNG}`, "image/png", PNG],
    ["of bytes of any kind, told by the first", `data:application/octet-stream;base64,${PNG}`, "image/png", PNG],
    ["without a type that could be told", "data:;base64,aGk=", undefined, "aGk="],
    ["that is percent-encoded", "data:text/plain,caf%C3%A9%20100%", "text/plain", "Y2Fmw6kgMTAwJQ=="],
    ["that is percent-encoded without a type", "data:,hi", "text/plain", "aGk="],
    ["in the url-safe alphabet", "data:image/webp;base64,-_-_", "image/webp", "+/+/"],
    ["with percent-encoded base64", "data:image/webp;base64,%2B%2F%3D%3D", "image/webp", "+/=="],
    ["with line breaks", "data:image/webp;base64,aG\r\n k=\n", "image/webp", "aGk="],
    ["without padding", "data:image/webp;base64,aGk", "image/webp", "aGk="],
    ["with too little padding", "data:image/webp;base64,aA=", "image/webp", "aA=="],
    ["with too much padding", "data:image/webp;base64,aGk===", "image/webp", "aGk="],
    ["without content", "data:image/png;base64,", "image/png", ""],
  ];
  for (const [name, url, mimeType, data] of rows) {
    test(name, () => expect(parseDataUrl(url)).toEqual({ mimeType, data }));
  }

  test.each(["", "data:", "data:image/png;base64", "https://example.org/a,b", PNG])("%j is none", (text) => {
    expect(parseDataUrl(text)).toBeUndefined();
  });
});

describe("content", () => {
  const rows: [name: string, text: string, declared: string, mimeType: string | undefined][] = [
    ["is of the declared type", PNG, "image/webp; q=1", "image/webp"],
    ["of no declared type is told by its first bytes", PNG, "", "image/png"],
    ["declared as bytes of any kind is told by the first", PNG, "application/octet-stream", "image/png"],
    ["that is a whole URL is of the URL's type", `data:image/gif;base64,${PNG}`, "image/webp", "image/gif"],
    ["that is a whole URL without a type is of the declared one", "data:;base64,aGk=", "text/plain", "text/plain"],
    ["in RIFF is what RIFF says, a picture", "UklGRiQAAABXRUJQVlA4IA==", "", "image/webp"],
    ["in RIFF is what RIFF says, sound", "UklGRiQAAABXQVZFZm10IA==", "", "audio/wav"],
    ["that nothing tells is of unknown type", "aGk=", "", undefined],
  ];
  for (const [name, text, declared, mimeType] of rows) {
    test(name, () => expect(parseContent(text, declared).mimeType).toBe(mimeType));
  }
});

test.each(["A", "AAAAA", "AAAA=A", "a b!", "%ZZ==", "é"])("%j is not base64, however it is cleaned", (text) => {
  expect(decodeBase64(parseContent(text).data)).toBeUndefined();
});

test.each([
  ["Image/PNG; a=b", "image/png"],
  [" image/jpg ", "image/jpeg"],
  ["", ""],
])("the plain form of %j is %j", (type, plain) => {
  expect(plainMimeType(type)).toBe(plain);
});
