import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/lib/json.ts";
import { type CloudCodeServer, startCloudCode } from "../support/cloudcode/index.ts";
import { BINARY, startGateway, type TestGateway } from "../support/gateway.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

interface Row {
  name: string;
  path: string;
  field: string;
  body(url: string): JsonObject;
}

const text = "What is this?";

/** One picture by address, as each protocol writes it. */
const ROWS: Row[] = [
  {
    name: "Messages",
    path: "/v1/messages",
    field: "messages[0].content[0].source.url",
    body: (url) => ({
      model: "claude-sonnet-4-6",
      max_tokens: 100,
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: { type: "url", url } },
            { type: "text", text },
          ],
        },
      ],
    }),
  },
  {
    name: "Chat Completions",
    path: "/v1/chat/completions",
    field: "messages[0].content[0].image_url.url",
    body: (url) => ({
      model: "gemini-3-flash",
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url } },
            { type: "text", text },
          ],
        },
      ],
    }),
  },
  {
    name: "Responses",
    path: "/v1/responses",
    field: "input[0].content[0].image_url",
    body: (url) => ({
      model: "gemini-3-flash",
      input: [
        {
          role: "user",
          content: [
            { type: "input_image", image_url: url },
            { type: "input_text", text },
          ],
        },
      ],
    }),
  },
  {
    name: "Gemini",
    path: "/v1beta/models/gemini-3-flash:generateContent",
    field: "contents[0].parts[0].fileData.fileUri",
    body: (url) => ({
      contents: [{ role: "user", parts: [{ fileData: { mimeType: "image/png", fileUri: url } }, { text }] }],
    }),
  },
];

let upstream: CloudCodeServer;
let gateway: TestGateway;
let files: ReturnType<typeof Bun.serve>;
let asked: string[] = [];

beforeAll(async () => {
  upstream = await startCloudCode();
  gateway = await startGateway(upstream, { mediaFromLoopback: true });
  files = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }) {
      const { pathname } = new URL(url);
      asked.push(pathname);
      if (pathname.startsWith("/inside")) return Response.redirect("http://10.0.0.1/secret.png", 302);
      if (pathname.startsWith("/gone")) return new Response("gone", { status: 404 });
      return new Response(Buffer.from(PNG, "base64"), { headers: { "content-type": "image/png" } });
    },
  });
});

afterAll(async () => {
  await files?.stop(true);
  await gateway?.stop();
  await upstream?.stop();
});

beforeEach(() => {
  upstream.reset();
  asked = [];
});

async function post(address: string, { path, body }: Row, url: string) {
  const reply = await fetch(address + path, { method: "POST", body: JSON.stringify(body(url)) });
  return { status: reply.status, text: await reply.text() };
}

for (const row of ROWS) {
  // A compiled gateway fetches from public addresses alone, of which there are none in a test.
  describe.skipIf(BINARY !== undefined)(`${row.name}: a picture that is given by its address`, () => {
    test("reaches the model as data, and is fetched once for the turns of a conversation", async () => {
      const url = `http://127.0.0.1:${files.port}/${row.name.length}.png`;
      for (const _turn of [1, 2]) {
        const { status, text: reply } = await post(gateway.url, row, url);
        expect([status, reply]).toEqual([200, expect.stringContaining("pong")]);
      }
      expect(asked).toEqual([`/${row.name.length}.png`]);
      for (const call of upstream.calls()) expect(JSON.stringify(call.body)).toContain(PNG);
      expect(upstream.refusals()).toEqual([]);
    });

    for (const [what, path] of [
      ["leads inside by a redirect", "/inside.png"],
      ["is gone", "/gone.png"],
    ] as const) {
      test(`that ${what} is a 400 that names its field`, async () => {
        const { status, text: reply } = await post(gateway.url, row, `http://127.0.0.1:${files.port}${path}`);
        expect([status, reply]).toEqual([400, expect.stringContaining(row.field)]);
        expect(upstream.calls()).toEqual([]);
      });
    }
  });
}

describe("the gateway as its owner starts it", () => {
  let closed: TestGateway;

  beforeAll(async () => {
    closed = await startGateway(upstream);
  });

  afterAll(() => closed?.stop());

  const INNER = (port: number | undefined) => [
    `http://127.0.0.1:${port}/a.png`,
    `http://localhost:${port}/a.png`,
    `http://[::1]:${port}/a.png`,
    `http://[::ffff:127.0.0.1]:${port}/a.png`,
    `http://2130706433:${port}/a.png`,
    `http://0x7f.1:${port}/a.png`,
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/a.png",
  ];

  for (const row of ROWS) {
    test(`${row.name}: asks no private, loopback or link-local address, however it is spelled`, async () => {
      for (const url of INNER(files.port)) {
        const { status, text: reply } = await post(closed.url, row, url);
        expect([status, reply]).toEqual([400, expect.stringContaining("not public")]);
      }
      expect(asked).toEqual([]);
      expect(upstream.calls()).toEqual([]);
    });
  }
});

test("with media.fetch off nothing is fetched, and the answer names the setting", async () => {
  const off = await startGateway(upstream, { config: { media: { fetch: false } } });
  try {
    const [row] = ROWS;
    if (!row) throw new Error("no row");
    const { status, text: reply } = await post(off.url, row, "https://example.com/a.png");
    expect([status, reply]).toEqual([400, expect.stringMatching(/media/)]);
  } finally {
    await off.stop();
  }
});
