import { describe, expect, test } from "bun:test";
import { createParser } from "eventsource-parser";
import { GatewayError } from "../../../src/core/errors.ts";
import { documentReader } from "../../../src/gemini-wire/documents.ts";
import type { JsonValue } from "../../../src/lib/json.ts";
import { runMachine } from "../../../src/lib/machine.ts";
import { answerFixture, answerFixtures, sseBody } from "../../support/turn.ts";

const read = (...chunks: string[]): JsonValue[] => runMachine(documentReader(), chunks);

function failing(...chunks: string[]): { documents: JsonValue[]; message: string } {
  const reader = documentReader();
  const documents: JsonValue[] = [];
  try {
    for (const chunk of chunks) reader.push(chunk, documents);
    reader.end(documents);
  } catch (error) {
    if (error instanceof GatewayError && error.kind === "unavailable") return { documents, message: error.message };
    throw error;
  }
  throw new Error("did not fail");
}

const FRAMINGS: [string, string, JsonValue[]][] = [
  ["events with CRLF", 'data: {"a":1}\r\n\r\ndata: {"b":2}\r\n\r\n', [{ a: 1 }, { b: 2 }]],
  ["events with LF and no space after the colon", 'data:{"a":1}\n\ndata:{"b":2}\n\n', [{ a: 1 }, { b: 2 }]],
  ["a last event without a line end", 'data: {"a":1}\n\ndata: {"b":2}', [{ a: 1 }, { b: 2 }]],
  ["a document on each line, without blank lines", 'data: {"a":1}\ndata: {"b":2}\n', [{ a: 1 }, { b: 2 }]],
  ["one document over several data lines", 'data: {"a":\r\ndata: [1,\r\ndata: 2]}\r\n\r\n', [{ a: [1, 2] }]],
  [
    "a multi-line document without a blank line behind it",
    'data: {\ndata: "a": 1}\ndata: {"b":2}',
    [{ a: 1 }, { b: 2 }],
  ],
  [
    "brackets and escaped quotes inside the text of a multi-line document",
    'data: {"a": "}\\"]{",\ndata:  "b": 1}\n\n',
    [{ a: '}"]{', b: 1 }],
  ],
  ["comments and other fields", ': ping\n\nevent: message\nid: 7\nretry: 10\ndata: {"a":1}\n\n:\n\n', [{ a: 1 }]],
  ["a [DONE] at the end", 'data: {"a":1}\n\ndata: [DONE]\n\n', [{ a: 1 }]],
  ["empty data lines", 'data:\n\ndata: \ndata: {"a":1}\n\n', [{ a: 1 }]],
  ["a bare object", '{"a":1}', [{ a: 1 }]],
  ["a bare object over several lines with blank ones", '{\n  "a": 1,\n\n  "b": 2\n}\n', [{ a: 1, b: 2 }]],
  ["a bare array", '[{\n  "a": 1\n}\n,\n{\n  "b": 2\n}\n]', [[{ a: 1 }, { b: 2 }]]],
  ["one bare object on each line", '{"a":1}\n{"b":2}\n', [{ a: 1 }, { b: 2 }]],
  [
    "an error written bare after events",
    'data: {"a":1}\n\n{\n "error": {"code": 503}\n}\n',
    [{ a: 1 }, { error: { code: 503 } }],
  ],
  [
    "stray commas in an error",
    'data: {"error":{"code":429, ,"message":"a, ,b",}}\n\n',
    [{ error: { code: 429, message: "a, ,b" } }],
  ],
  ["nothing", "", []],
  ["a page that is no event stream", "<html>\n<body>Bad gateway</body>\n</html>\n", []],
];

describe("framings", () => {
  for (const [what, body, expected] of FRAMINGS) {
    test(`${what}: read alike, wherever the text is cut`, () => {
      expect(read(body)).toEqual(expected);
      expect(read(...body)).toEqual(expected);
      for (let first = 0; first <= body.length; first++) {
        expect(read(body.slice(0, first), body.slice(first))).toEqual(expected);
      }
    });
  }
});

test("every pair of cuts gives the same documents", () => {
  const body = 'data: {"text":"héllo €"}\r\n\r\n: ping\r\ndata: {"n":\r\ndata: 1}\r\n\r\ndata: {"z":[]}';
  const expected = [{ text: "héllo €" }, { n: 1 }, { z: [] }];
  for (let first = 0; first <= body.length; first++) {
    for (let second = first; second <= body.length; second++) {
      expect(read(body.slice(0, first), body.slice(first, second), body.slice(second))).toEqual(expected);
    }
  }
});

test("plain SSE is read as eventsource-parser reads it", () => {
  for (const name of answerFixtures) {
    const body = `: start\r\n\r\n${sseBody(answerFixture(name))}`;
    const oracle: JsonValue[] = [];
    const parser = createParser({ onEvent: ({ data }) => oracle.push(JSON.parse(data) as JsonValue) });
    parser.feed(body);
    expect(read(body)).toEqual(oracle);
    expect(read(body.replaceAll("\r\n", "\n"))).toEqual(oracle);
  }
});

describe("damage", () => {
  test("an event that is not JSON fails at its end; what came before it is given out", () => {
    expect(failing('data: {"a":1}\n\ndata: {"b":}\n\ndata: {"c":3}\n\n')).toEqual({
      documents: [{ a: 1 }],
      message: "Upstream sent a malformed event",
    });
    expect(failing("data: hello\n\n").message).toBe("Upstream sent a malformed event");
  });

  test("an event that ends with brackets open is malformed, also when another follows", () => {
    expect(failing('data: {"a":{\n\ndata: {"b":1}\n\n').message).toBe("Upstream sent a malformed event");
  });

  test("a body cut inside an event never ends like a whole one", () => {
    const body = 'data: {"a":{"b":[1,"x"]}}';
    for (let length = 'data: {"'.length; length < body.length; length++) {
      expect(failing(body.slice(0, length)).message).toBe("Upstream closed the stream in the middle of an event");
    }
    expect(failing('[{"a":1},\n{"b"').documents).toEqual([]);
  });
});

test("a line of 20 million characters in small pieces is one document", () => {
  const image = "iVBORw0K".repeat(2_500_000);
  const line = `data: {"data":"${image}"}\r\n`;
  const pieces: string[] = [];
  for (let start = 0; start < line.length; start += 1_000) pieces.push(line.slice(start, start + 1_000));
  const [document] = read(...pieces);
  expect(document).toEqual({ data: image });
});

test("many lines of one document cost no more than the same text in one line", () => {
  const lines = Array.from({ length: 20_000 }, (_, index) => `data: ${index === 0 ? "[" : ","}{"n":${index}}\n`);
  const [document] = read(...lines, "data: ]\n\n");
  expect(document).toHaveLength(20_000);
});
