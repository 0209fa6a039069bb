import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { JsoncError, parseJsonc } from "../../src/config/jsonc.ts";

describe("what is read", () => {
  const rows: [name: string, text: string, value: unknown][] = [
    ["plain JSON", '{"a":[1,-2.5e3,"x\\n\\u00e9",true,false,null]}', { a: [1, -2500, "x\né", true, false, null] }],
    ["comments of both kinds", '// head\n{ /* in\nside */ "a": 1 // tail\n}', { a: 1 }],
    ["trailing commas", '{"a":[1,],"b":{"c":1,},}', { a: [1], b: { c: 1 } }],
    ["comment signs inside a text", '{"a":"http://x /* y */"}', { a: "http://x /* y */" }],
    ["an escaped quote before the end of a text", String.raw`{"a":"\\\""}`, { a: '\\"' }],
    ["a byte order mark", '\uFEFF{"a":1}', { a: 1 }],
    ["Windows line ends", '{\r\n"a": 1\r\n}', { a: 1 }],
  ];
  for (const [name, text, value] of rows) {
    test(name, () => expect(parseJsonc(text).value).toEqual(value));
  }

  test("__proto__ is a key like any other and changes no prototype", () => {
    const value = parseJsonc('{"__proto__":{"polluted":true}}').value as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["__proto__"]);
  });

  test("every JSON document is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, "\t"), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(parseJsonc(text).value).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe("what is refused, and where", () => {
  const rows: [name: string, text: string, line: number, column: number, message: RegExp][] = [
    ["a missing comma", '{\n  "a": 1\n  "b": 2\n}', 3, 3, /Expected "," but found/],
    ["a key without quotes", "{ port: 1 }", 1, 3, /key in double quotes but found "port"/],
    ["single quotes", "{'a':1}", 1, 2, /key in double quotes/],
    ["a missing colon", '{"a" 1}', 1, 6, /Expected ":" after the key "a" but found "1"/],
    ["an object that is not closed", '{"a":\n{"b":1\n', 2, 1, /Missing "}"/],
    ["a list that is not closed", '{"a":[1', 1, 6, /Missing "\]"/],
    ["a text that is not closed", '{"a":"x\n}', 1, 6, /no closing quote/],
    ["a comment that is not closed", "{} /* x", 1, 4, /no closing \*\//],
    ["a word that is no value", '{"a": yes}', 1, 7, /Expected a value but found "yes"/],
    ["a hexadecimal number", '{"a": 0x1F}', 1, 8, /Expected "," but found "x1F"/],
    ["text after the document", '{"a":1}}', 1, 8, /after the end of the document/],
    ["a repeated key", '{"a":1,\n "a":2}', 2, 2, /a second time/],
    ["a bad escape", String.raw`{"a":"\x"}`, 1, 6, /escape/],
    ["nothing but a comment", "// nothing", 1, 11, /the end of the file/],
    ["endless nesting", "[".repeat(5000), 1, 102, /too deeply/],
  ];
  for (const [name, text, line, column, message] of rows) {
    test(name, () => {
      const error = refusal(text);
      expect(error.message).toMatch(message);
      expect(error.position).toEqual({ line, column });
    });
  }

  test("no cut of a document is taken for a whole one", () => {
    const text = '{"a": [1, {"b": "c"}], "d": null}';
    for (let length = 0; length < text.length; length++)
      expect(refusal(text.slice(0, length))).toBeInstanceOf(JsoncError);
  });
});

test("the place of every member is known", () => {
  const document = parseJsonc('{\n  "server": {\n    "port": 1, "urls": ["x", "y"]\n  }\n}');
  expect(document.positionOf(["server"])).toEqual({ line: 2, column: 3 });
  expect(document.positionOf(["server", "port"])).toEqual({ line: 3, column: 5 });
  expect(document.positionOf(["server", "urls", 1])).toEqual({ line: 3, column: 30 });
  expect(document.positionOf(["server", "host"])).toBeUndefined();
});

function refusal(text: string): JsoncError {
  try {
    parseJsonc(text);
  } catch (error) {
    if (error instanceof JsoncError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(text)} was accepted`);
}
