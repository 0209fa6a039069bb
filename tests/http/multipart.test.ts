import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../src/core/errors.ts";
import { readMultipart } from "../../src/http/multipart.ts";
import type { JsonObject } from "../../src/lib/json.ts";

const LIMIT = 1024 * 1024;
const BOUNDARY = "----test-boundary";

function formRequest(
  body: string | Uint8Array<ArrayBuffer> | ReadableStream | FormData,
  headers: Record<string, string> = {},
): Request {
  const type = body instanceof FormData ? {} : { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
  return new Request("http://localhost/", { method: "POST", body, headers: { ...type, ...headers } });
}

/** One part with this head, as clients write it. */
const part = (head: string, content: string) => `--${BOUNDARY}\r\n${head}\r\n\r\n${content}\r\n`;
const disposition = (parameters: string) => `Content-Disposition: form-data; ${parameters}`;
const END = `--${BOUNDARY}--\r\n`;

async function failureOf(request: Request, limitBytes = LIMIT): Promise<GatewayError> {
  const seen = await readMultipart(request, limitBytes).catch((cause: unknown) => cause);
  if (!(seen instanceof GatewayError)) throw new Error("the form was read");
  return seen;
}

describe("a form", () => {
  test("becomes texts and files by name", async () => {
    const form = new FormData();
    form.append("prompt", "ein Boot ⛵");
    form.append("n", "2");
    form.append("image", new File([new Uint8Array([1, 2, 3])], "boat.png", { type: "image/png" }));
    expect(await readMultipart(formRequest(form), LIMIT)).toEqual({
      prompt: "ein Boot ⛵",
      n: "2",
      image: { filename: "boat.png", mimeType: "image/png", data: "AQID" },
    });
  });

  test("a name that comes again, or ends in brackets, is a list", async () => {
    const form = new FormData();
    for (const [name, value] of [
      ["tag", "a"],
      ["tag", "b"],
      ["one[]", "c"],
      ["some[0]", "d"],
      ["some[1]", "e"],
      ["mixed", "f"],
      ["mixed[]", "g"],
    ] as const) {
      form.append(name, value);
    }
    expect(await readMultipart(formRequest(form), LIMIT)).toEqual({
      tag: ["a", "b"],
      one: ["c"],
      some: ["d", "e"],
      mixed: ["f", "g"],
    });
  });

  const variants: [name: string, body: string, fields: JsonObject][] = [
    ["with a preamble and an epilogue", `hello\r\n${part(disposition('name="a"'), "1")}${END}bye`, { a: "1" }],
    ["without quotes", part(disposition("name=a"), "1") + END, { a: "1" }],
    ["with quotes inside a name", part(disposition('name="a%22b\\"c"'), "1") + END, { 'a"b"c': "1" }],
    [
      "with blanks after the delimiter",
      `--${BOUNDARY} \t\r\n${disposition('name="a"')}\r\n\r\n1\r\n${END}`,
      { a: "1" },
    ],
    ["with empty texts", part(disposition('name="a"'), "") + END, { a: "" }],
    [
      "with line ends and dashes inside",
      part(disposition('name="a"'), "\r\n--x\r\n\r\n--") + END,
      { a: "\r\n--x\r\n\r\n--" },
    ],
    [
      "with a type on a text",
      part(`${disposition('name="a"')}\r\nContent-Type: text/plain; charset=utf-8`, "1") + END,
      { a: "1" },
    ],
    [
      "with header names in any case",
      part(`content-type: text/plain\r\ncontent-disposition: FORM-DATA; NAME="a"`, "1") + END,
      { a: "1" },
    ],
    [
      "with a field named like a prototype",
      part(disposition('name="__proto__"'), "1") + END,
      JSON.parse('{"__proto__":"1"}') as JsonObject,
    ],
    [
      "with nothing chosen for a file",
      part(`${disposition('name="a"; filename=""')}\r\nContent-Type: application/octet-stream`, "") + END,
      {},
    ],
    [
      "with a file name outside ASCII",
      part(`${disposition("name=\"a\"; filename*=UTF-8''B%C3%B6ot.png")}\r\nContent-Type: image/png`, "x") + END,
      { a: { filename: "Böot.png", mimeType: "image/png", data: "eA==" } },
    ],
    [
      "with a nameless file",
      part(`${disposition('name="a"')}\r\nContent-Type: image/png`, "x") + END,
      { a: { filename: "", mimeType: "image/png", data: "eA==" } },
    ],
    [
      "with an empty file that has a name",
      part(`${disposition('name="a"; filename="x.png"')}`, "") + END,
      { a: { filename: "x.png", mimeType: "", data: "" } },
    ],
    ["without fields", END, {}],
  ];
  test.each(variants)("%s is read", async (_, body, fields) => {
    expect(await readMultipart(formRequest(body), LIMIT)).toEqual(fields);
  });

  test("any bytes of a file survive", async () => {
    const files = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(files, async (contents) => {
        const form = new FormData();
        for (const content of contents) form.append("image[]", new File([new Uint8Array(content)], "x"));
        const read = await readMultipart(formRequest(form), LIMIT);
        const back = (read["image"] as { data: string }[]).map(({ data }) => Uint8Array.fromBase64(data));
        expect(back).toEqual(contents.map((content) => new Uint8Array(content)));
      }),
      { numRuns: 100 },
    );
  });
});

describe("what is no form", () => {
  const head = disposition('name="a"');
  const broken: [name: string, body: string, headers?: Record<string, string>][] = [
    ["nothing", ""],
    ["other text", "s3cret-canary"],
    ["JSON", '{"prompt":"s3cret-canary"}'],
    ["no last delimiter", part(head, "s3cret-canary")],
    ["a cut head", `--${BOUNDARY}\r\n${head}`],
    ["a part without a name", part("Content-Type: text/plain", "s3cret-canary") + END],
    ["a part without a head", `--${BOUNDARY}\r\n\r\ns3cret-canary\r\n${END}`],
    ["text behind a delimiter", `--${BOUNDARY}s3cret\r\n${END}`],
    ["bare line feeds", (part(head, "1") + END).replaceAll("\r\n", "\n")],
    ["an endless head", part(`${head}\r\nx: ${"y".repeat(20_000)}`, "1") + END],
    ["thousands of parts", part(head, "").repeat(1001) + END],
    ["no boundary", part(head, "1") + END, { "content-type": "multipart/form-data" }],
    ["another boundary", part(head, "1") + END, { "content-type": "multipart/form-data; boundary=other" }],
    ["compressed", part(head, "1") + END, { "content-encoding": "gzip" }],
  ];
  test.each(broken)("%s is a 400 that repeats none of it", async (_, body, headers) => {
    const failure = await failureOf(formRequest(body, headers));
    expect(failure.kind).toBe("invalid-request");
    expect(failure.message).not.toContain("s3cret");
  });

  test("any bytes are read or refused", async () => {
    const pieces = fc.constantFrom(`--${BOUNDARY}`, "--", "\r\n", "\r\n\r\n", disposition('name="a"'), "x", " ", '"');
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (words) => {
        const read = await readMultipart(formRequest(words.join("")), LIMIT).catch((cause: unknown) => cause);
        if (read instanceof Error) expect(read).toMatchObject({ kind: "invalid-request" });
      }),
      { numRuns: 300 },
    );
  });
});

describe("the limit", () => {
  test("a body that announces too much is not read", async () => {
    const request = formRequest(part(disposition('name="a"'), "1") + END, { "content-length": String(LIMIT + 1) });
    expect(await failureOf(request)).toMatchObject({
      kind: "payload-too-large",
      message: "The request body exceeds the limit of 1 MiB",
    });
    expect(request.bodyUsed).toBe(false);
  });

  test("a body that announces nothing is read up to the limit and no further", async () => {
    let given = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        given += 1024;
        controller.enqueue(new Uint8Array(1024));
      },
    });
    expect(await failureOf(formRequest(endless), 10 * 1024)).toMatchObject({ kind: "payload-too-large" });
    expect(given).toBeLessThan(20 * 1024);
  });
});

test("a client that leaves is not told that its form was bad", async () => {
  const abort = new AbortController();
  const cut = new ReadableStream<Uint8Array>({
    pull(controller) {
      abort.abort();
      controller.error(new Error("gone"));
    },
  });
  const request = new Request(formRequest(cut), { signal: abort.signal });
  expect(await failureOf(request)).toMatchObject({ kind: "cancelled" });
});
