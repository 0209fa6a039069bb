import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { gzipSync } from "node:zlib";
import type { JsonObject, JsonValue } from "../../src/lib/json.ts";
import { type AgProcess, startAgProcess, storedAccounts } from "../support/ag-process.ts";
import { chatClient, type Client, messagesClient } from "../support/clients.ts";
import { type Answer, type CloudCodeServer, image, startCloudCode, turn } from "../support/cloudcode/index.ts";
import { type RawReply, rawRequest } from "../support/raw-http.ts";
import { geminiClient } from "../support/gemini-client.ts";
import { responsesClient } from "../support/responses-client.ts";
import { richLegacy, richPicture } from "../support/rich-requests.ts";

/** Stands wherever a request can hold something private; nothing the gateway says or writes may repeat it. */
const SECRET = "s3cret-canary";

const PRIVATE_HEADERS = {
  authorization: `Bearer ${SECRET}`,
  "x-api-key": SECRET,
  "x-goog-api-key": SECRET,
  cookie: `session=${SECRET}`,
  "user-agent": SECRET,
  "x-session-id": SECRET,
};

const CLIENTS = [messagesClient, chatClient, responsesClient, geminiClient];
const MIB = 1024 * 1024;
const DEEP = 100_000;
const RANDOM_BODIES = 2_000;

interface Input {
  name: string;
  method?: string;
  headers?: Record<string, string>;
  /** The headers that say where the body ends; its length by default. */
  framing?: Record<string, string>;
  /** For clients whose model stands in the body. */
  needsModel?: true;
  /** What is written after the head; `small` is a good request. */
  body(small: JsonObject, client: Client): string | Uint8Array | Iterable<string | Uint8Array>;
}

const IN_CHUNKS = { "transfer-encoding": "chunked" };

function* chunks(pieces: Iterable<string | Uint8Array>): Generator<string | Uint8Array> {
  for (const piece of pieces) {
    yield `${piece.length.toString(16)}\r\n`;
    yield piece;
    yield "\r\n";
  }
  yield "0\r\n\r\n";
}

function* repeated<T>(value: T, count: number): Generator<T> {
  for (let number = 0; number < count; number++) yield value;
}

/** The request with other JSON in the place of its one text, of its token limit. */
const withText = (small: JsonObject, json: string) => JSON.stringify(small).replace('"Hello"', json);
const withLimit = (json: string) => (small: JsonObject, client: Client) =>
  JSON.stringify({ ...small, ...client.limit(77) }).replace("77", json);

const REFUSED: (Input & { status: number })[] = [
  { name: "a body that breaks off", status: 400, body: (small) => JSON.stringify(small).slice(0, -9) },
  { name: "a body that is no JSON", status: 400, body: () => `{'model': '${SECRET}'}` },
  { name: "a bare word", status: 400, body: () => SECRET },
  { name: "a form", status: 400, body: () => `model=${SECRET}&messages=${SECRET}` },
  { name: "a list", status: 400, body: () => JSON.stringify([SECRET]) },
  { name: "a text", status: 400, body: () => JSON.stringify(SECRET) },
  { name: "null", status: 400, body: () => "null" },
  { name: "an empty object", status: 400, body: () => "{}" },
  { name: "0 bytes", status: 400, body: () => "" },
  { name: "no body at all", status: 400, framing: {}, body: () => [] },
  { name: "0 bytes in chunks", status: 400, framing: IN_CHUNKS, body: () => chunks([]) },
  { name: "blanks", status: 400, body: () => " \r\n\t " },
  { name: "bytes that are no text", status: 400, body: () => new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x00, 0x80]) },
  { name: "100 000 open brackets", status: 400, body: () => "[".repeat(DEEP) },
  {
    name: "100 000 brackets in one another",
    status: 400,
    body: (small) => withText(small, `[{"type":"text","text":${"[".repeat(DEEP)}${"]".repeat(DEEP)}}]`),
  },
  {
    name: "100 000 objects in one another",
    status: 400,
    body: (small) => withText(small, `${'{"text":'.repeat(DEEP)}1${"}".repeat(DEEP)}`),
  },
  { name: "a number beyond all numbers", status: 400, body: withLimit("1e999") },
  { name: "a number below all numbers", status: 400, body: withLimit("-1e999") },
  { name: "a fraction where there is none", status: 400, body: withLimit("1.5") },
  {
    name: "a model in the prototype only",
    status: 400,
    needsModel: true,
    body: ({ model: _, ...small }) => `{"__proto__":{"model":"${SECRET}"},${JSON.stringify(small).slice(1)}`,
  },
  {
    name: "a compressed body",
    status: 400,
    headers: { "content-encoding": "gzip" },
    body: (small) => gzipSync(JSON.stringify(small)),
  },
  { name: "110 MiB announced", status: 413, framing: { "content-length": String(110 * MIB) }, body: () => SECRET },
  {
    name: "110 MiB sent",
    status: 413,
    framing: { "content-length": String(110 * MIB) },
    body: () => repeated(Buffer.alloc(MIB, SECRET), 110),
  },
  { name: "110 MiB in chunks", status: 413, framing: IN_CHUNKS, body: () => chunks(repeated(Buffer.alloc(MIB), 110)) },
  ...["GET", "PUT", "PATCH", "DELETE", "OPTIONS"].map((method) => ({
    name: `${method} in place of POST`,
    status: 404,
    method,
    body: (small: JsonObject) => JSON.stringify(small),
  })),
];

/** Odd, but what is meant is plain. */
const SERVED: Input[] = [
  { name: "text/plain", headers: { "content-type": "text/plain" }, body: (small) => JSON.stringify(small) },
  {
    name: "a form's content-type",
    headers: { "content-type": "multipart/form-data" },
    body: (small) => JSON.stringify(small),
  },
  { name: "a byte order mark", body: (small) => `\ufeff${JSON.stringify(small)}` },
  {
    name: "bytes that are no text within a text",
    body: (small) => Buffer.from(withText(small, '"Hello \xff\xfe"'), "latin1"),
  },
  {
    name: "fields named like what all objects have",
    body: (small) => `{"__proto__":{"model":"x"},"constructor":{},"hasOwnProperty":1,${JSON.stringify(small).slice(1)}`,
  },
  {
    name: "chunks of one byte",
    framing: IN_CHUNKS,
    body: (small) => chunks([...Buffer.from(JSON.stringify(small))].map((byte) => Buffer.of(byte))),
  },
];

let upstream: CloudCodeServer;
let ag: AgProcess;
let accountsBefore: Awaited<ReturnType<typeof storedAccounts>>;

beforeAll(async () => {
  upstream = await startCloudCode();
  ag = await startAgProcess(upstream);
  accountsBefore = await storedAccounts(upstream, ag.home);
});

afterAll(async () => {
  await ag?.stop();
  await upstream?.stop();
});

beforeEach(() => upstream.reset());

function send(client: Client, stream: boolean, { method, headers, framing, body }: Input): Promise<RawReply> {
  const { request } = client;
  const path = pathOf(client, stream);
  const written = body(request("shown", { stream, user: SECRET, metadata: { user_id: SECRET } }), client);
  const bytes = typeof written === "string" ? Buffer.from(written) : written;
  const pieces = bytes instanceof Uint8Array ? [bytes] : bytes;
  const length = bytes instanceof Uint8Array ? { "content-length": String(bytes.length) } : {};
  return rawRequest(ag.url, {
    ...(method !== undefined && { method }),
    path: `${path}${path.includes("?") ? "&" : "?"}key=${SECRET}`,
    headers: { ...PRIVATE_HEADERS, ...headers, ...(framing ?? length) },
    body: pieces,
  });
}

function pathOf({ path, streamPath = path }: Client, stream: boolean): string {
  return stream ? streamPath : path;
}

/** A clear error in the client's own shape that repeats nothing of the request. */
function expectRefusal({ checkError }: Client, { text, body }: Pick<RawReply, "text" | "body">): void {
  checkError(JSON.parse(body));
  expect(text).not.toContain(SECRET);
}

for (const client of CLIENTS) {
  describe(client.path, () => {
    for (const input of REFUSED.filter(({ needsModel }) => !(needsModel && client.address))) {
      test(`${input.name}: ${input.status}, in the protocol's shape`, async () => {
        for (const stream of [false, true]) {
          const reply = await send(client, stream, input);
          expect(reply.status).toBe(input.status);
          expectRefusal(client, reply);
          expect(reply.text).toMatch(/\r\nx-ag-request-id: req_/i);
        }
        expect(upstream.calls()).toEqual([]);
      });
    }

    for (const input of SERVED) {
      test(`${input.name}: served`, async () => {
        const reply = await send(client, false, input);
        expect(reply.status).toBe(200);
        expect(reply.body).toContain("pong: Hello");
        expect(upstream.refusals()).toEqual([]);
      });
    }

    test("HEAD in place of POST: 404 without a body", async () => {
      const reply = await send(client, false, {
        name: "",
        method: "HEAD",
        framing: { connection: "close" },
        body: () => [],
      });
      expect(reply).toMatchObject({ status: 404, body: "" });
    });

    test("an unknown model: 404 that names others and, of an endless name, the beginning", async () => {
      // An address may not be as long as a body.
      const name = `gemini-3-falsh${"x".repeat(client.address ? 5_000 : MIB)}`;
      const body = client.request("shown", client.address ? {} : { model: name });
      const asked = client.address ? { ...client, path: client.path.replace("gemini-3-flash", name) } : client;
      delete (asked as Partial<Client>).streamPath;
      const reply = await send(asked, false, { name: "", body: () => JSON.stringify(body) });
      expect(reply.status).toBe(404);
      expectRefusal(client, reply);
      expect(reply.body).toContain("gemini-3-flash");
      expect(reply.text.length).toBeLessThan(1_500);
    });

    test("a body that never comes to its end before the client goes: noted, and nothing else", async () => {
      const from = ag.written().length;
      const { protocol, path } = client;
      for (const framing of [{ "content-length": "1000" }, IN_CHUNKS]) {
        const reply = await rawRequest(ag.url, { path, headers: framing, body: [`5\r\n{"a":`], leaves: true });
        expect(reply.status).toBe(0);
      }
      const left = `"protocol":"${protocol.id}".*"outcome":"client-closed"`;
      await ag.hasWritten(new RegExp(`${left}[^]*${left}`), from);
      expect(upstream.calls()).toEqual([]);
    });

    test(`${RANDOM_BODIES} requests with wrong types anywhere: served or refused, never a failure of ours`, async () => {
      await sendSpoilt(client.rich(SECRET), (body, stream) => [pathOf(client, stream), { ...body, stream }], {
        checkError: client.checkError.bind(client),
        mayBeRefused: client === geminiClient,
        checkServed(text, stream) {
          if (stream) client.checkOrder(text, "complete");
          else expect(JSON.parse(text)).toHaveProperty(client.address ? "usageMetadata" : "usage");
        },
      });
    });
  });
}

describe.each([
  ["/v1/completions", richLegacy(SECRET)],
  ["/v1/images/generations", richPicture(SECRET)],
] as const)("%s", (path, rich) => {
  test(`${RANDOM_BODIES} requests with wrong types anywhere: served or refused, never a failure of ours`, async () => {
    await sendSpoilt(rich, (body, stream) => [path, path.endsWith("/completions") ? { ...body, stream } : body], {
      checkError: chatClient.checkError.bind(chatClient),
      ...(path === "/v1/images/generations" && { answer: turn(image("iVBORw0KGgo=")) }),
      checkServed(text, stream) {
        if (path.endsWith("/completions") && stream) expect(text).toEndWith("data: [DONE]\n\n");
        else expect(JSON.parse(text)).toHaveProperty("created");
      },
    });
  });
});

interface Checks {
  /** What the model answers; absent: the prompt. */
  answer?: Answer;
  /** The client writes some of upstream's own words, and upstream may refuse them. */
  mayBeRefused?: boolean;
  checkError(body: unknown): void;
  checkServed(text: string, stream: boolean): void;
}

async function sendSpoilt(
  rich: JsonObject,
  requestOf: (spoilt: JsonObject, stream: boolean) => readonly [path: string, body: JsonObject],
  { checkError, checkServed, answer, mayBeRefused = false }: Checks,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(spoilt(rich), fc.boolean(), async (spoiltBody, stream) => {
      upstream.reset();
      if (answer) upstream.always(answer);
      const [path, body] = requestOf(spoiltBody, stream);
      const reply = await fetch(ag.url + path, {
        method: "POST",
        headers: PRIVATE_HEADERS,
        body: JSON.stringify(body),
      });
      const text = await reply.text();
      if (reply.status === 200) checkServed(text, stream);
      else {
        expect(reply.status).toBe(400);
        checkError(JSON.parse(text));
        // Upstream's refusal quotes what it refuses, to the one who sent it.
        if (upstream.refusals().length === 0) expect(JSON.stringify([...reply.headers]) + text).not.toContain(SECRET);
      }
      // Whether data is base64 is left to upstream: finding out would cost every request with an image.
      const refusals = upstream.refusals().filter(({ rule }) => rule !== "not-base64");
      if (!(mayBeRefused && reply.status === 400)) expect(refusals).toEqual([]);
    }),
    { seed: 20_260_104, numRuns: RANDOM_BODIES },
  );
}

test("odd paths are answered, not failed on", async () => {
  for (const path of [
    "/v1/models/%E0%A4%A",
    "/v1/models/%00",
    `/v1/models/${"x".repeat(9_000)}`,
    "/v1/%ff?key=1",
    "//nothing//",
  ]) {
    const reply = await rawRequest(ag.url, { method: "GET", path });
    expect(reply.status).toBe(404);
    chatClient.checkError(JSON.parse(reply.body));
  }
});

test("what is no HTTP is not answered as if it were, and does no harm", async () => {
  for (const headers of [{ "content-length": "-1" }, { "content-length": "1e9" }, { "x-long": "x".repeat(100_000) }]) {
    const reply = await rawRequest(ag.url, { path: "/v1/messages", headers: { ...headers } });
    expect([400, 431]).toContain(reply.status);
  }
  for (const body of [["zz\r\n"], ["-5\r\n{}\r\n"], ["\u0000"]]) {
    const reply = await rawRequest(ag.url, { path: "/v1/messages", headers: IN_CHUNKS, body });
    expect(reply.status).toBe(400);
  }
});

describe("after all of it", () => {
  test("the same process serves every protocol", async () => {
    expect(ag.isAlive()).toBe(true);
    for (const client of CLIENTS) {
      const body = JSON.stringify(client.request("shown", { stream: true }));
      const reply = await fetch(ag.url + pathOf(client, true), { method: "POST", body });
      client.checkOrder(await reply.text(), "complete");
    }
  });

  test("its log holds nothing of any request, and no failure of its own", () => {
    expect(ag.written()).not.toContain(SECRET);
    expect(ag.written()).not.toMatch(/"level":"error"|internal/);
  });

  test("its accounts are as they were", async () => {
    expect(await storedAccounts(upstream, ag.home)).toEqual(accountsBefore);
  });
});

/** The request with one to three of its values, at any depth, replaced by something else or taken away. */
function spoilt(request: JsonObject): fc.Arbitrary<JsonObject> {
  // Only the model's name is repeated in an error, and has a test of its own.
  const places = pathsIn(request).filter(([first]) => first !== "model");
  const changes = fc.array(fc.tuple(fc.constantFrom(...places), something), { minLength: 1, maxLength: 3 });
  return changes.map((drawn) => {
    return drawn.reduce<JsonValue>((value, [path, other]) => changed(value, path, other), request) as JsonObject;
  });
}

type Path = readonly (string | number)[];

const ODD_VALUES = [undefined, null, true, false, 0, -1, 1, 0.5, 1e308, -1e308, Number.MAX_SAFE_INTEGER];
const ODD_TEXTS = ["", SECRET, "[undefined]", "true", "{}", "\u0000", "\ud800", "x".repeat(5_000)];
const ODD_SHAPES: JsonValue[] = [
  [],
  [[]],
  [null],
  [SECRET],
  {},
  { type: null },
  { type: SECRET },
  { type: "text" },
  { type: "image" },
  { type: "tool_use" },
  { type: "tool_result" },
  { type: "document", source: {} },
  { type: "object", properties: { a: { $ref: "#" } } },
  { $ref: "#" },
  { constructor: 1, toString: 2 },
  JSON.parse(`{"__proto__":{"text":"${SECRET}"}}`) as JsonObject,
];

const something = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((value) => value as JsonValue),
  fc.constantFrom<(JsonValue | undefined)[]>(...ODD_VALUES, ...ODD_TEXTS, ...ODD_SHAPES),
);

function pathsIn(value: JsonValue, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inside = Object.entries(value).flatMap(([key, member]) => {
    return pathsIn(member, [...path, Array.isArray(value) ? Number(key) : key]);
  });
  return path.length === 0 ? inside : [path, ...inside];
}

/** A copy with what is at `path` replaced; `undefined` takes it away. An earlier change may have removed the path. */
function changed(value: JsonValue, [key, ...rest]: Path, other: JsonValue | undefined): JsonValue {
  if (key === undefined) return other ?? null;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    if (rest.length === 0 && other === undefined) return value.filter((_, index) => index !== key);
    return value.map((element, index) => (index === key ? changed(element, rest, other) : element));
  }
  const { [key]: member, ...others } = value;
  if (member === undefined || (rest.length === 0 && other === undefined)) return others;
  return { ...others, [key]: changed(member, rest, other) };
}
