import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CloudCodeServer, startCloudCode } from "../support/cloudcode/index.ts";
import { EVERY_PATH, pathOf } from "../support/every-client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { openRequest } from "../support/raw-http.ts";
import { until } from "./support/scene.ts";

/** More than the kernel holds between three programs on one machine, and far less than a stream without brakes gives. */
const MOST_BYTES = 64 * 1024 ** 2;
const SETTLED_TURNS = 300;

const chunk = { candidates: [{ index: 0, content: { role: "model", parts: [{ text: "x".repeat(60_000) }] } }] };
const event = new TextEncoder().encode(`data: ${JSON.stringify({ response: chunk })}\r\n\r\n`);

let upstream: CloudCodeServer;
let gateway: TestGateway;
let endless: Bun.Server<undefined>;
/** Bytes of the endless answer that were taken, and whether it was given up. */
let taken = 0;
let isGivenUp = false;

beforeAll(async () => {
  upstream = await startCloudCode();
  // Answers without end, as fast as they are taken; what is no question to a model goes to the strict server.
  endless = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      if (!pathname.endsWith(":streamGenerateContent")) {
        const { method, headers } = request;
        return fetch(upstream.url + pathname + search, { method, headers, body: await request.text() });
      }
      taken = 0;
      isGivenUp = false;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          taken += event.length;
          controller.enqueue(event);
        },
        cancel: () => void (isGivenUp = true),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
  const config = { scheduling: { maxConcurrentPerAccount: 1 } };
  gateway = await startGateway(upstream, { config, env: { AG_CLOUDCODE_URLS: `http://127.0.0.1:${endless.port}` } });
});
afterAll(async () => {
  await gateway?.stop();
  await endless?.stop(true);
  await upstream?.stop();
});

/** Nothing more is taken. */
async function standstill(): Promise<void> {
  let before = -1;
  await until(() => {
    const isStill = taken === before;
    before = taken;
    return isStill;
  }, SETTLED_TURNS);
}

describe.each(EVERY_PATH)("%s", (_, client) => {
  test("a client that does not read stops an endless answer, one that reads on sets it going again, and one that leaves ends it", async () => {
    const body = JSON.stringify(client.request("hidden", { stream: true }));
    const { socket, text } = openRequest(gateway.url, pathOf(client, true), body);
    await until(() => text().includes("xxx"));
    socket.pause();
    await standstill();
    expect(taken).toBeLessThan(MOST_BYTES);

    const before = taken;
    socket.resume();
    await until(() => taken > before + MOST_BYTES / 8);

    socket.pause();
    await standstill();
    socket.destroy();
    await until(() => isGivenUp);
  });
});
