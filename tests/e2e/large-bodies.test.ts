import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chatClient } from "../support/clients.ts";
import { type CloudCodeServer, startCloudCode } from "../support/cloudcode/index.ts";
import { EVERY_PATH } from "../support/every-client.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { rawRequest } from "../support/raw-http.ts";

const MIB = 1024 ** 2;
const LIMIT_BYTES = MIB;

let upstream: CloudCodeServer;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startCloudCode();
  gateway = await startGateway(upstream, { config: { server: { maxBodyBytes: LIMIT_BYTES, maxConcurrent: 1 } } });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

describe.each(EVERY_PATH)("%s", (_, client) => {
  test("a body whose announced length is too large is refused before any of it is sent", async () => {
    const reply = await rawRequest(gateway.url, {
      path: client.path,
      headers: { "content-length": String(200 * MIB) },
    });
    expect(reply.status).toBe(413);
    client.checkError(JSON.parse(reply.body));
  });

  test("a body in chunks is refused once it exceeds the limit, although it has no end", async () => {
    let sent = 0;
    function* withoutEnd() {
      const piece = `10000\r\n${" ".repeat(0x10000)}\r\n`;
      for (;;) {
        sent += piece.length;
        yield piece;
      }
    }
    const headers = { "transfer-encoding": "chunked" };
    const reply = await rawRequest(gateway.url, { path: client.path, headers, body: withoutEnd() });
    expect(reply.status).toBe(413);
    client.checkError(JSON.parse(reply.body));
    expect(sent).toBeGreaterThan(LIMIT_BYTES);
  });
});

test("none of them holds a place: the only one is free, and no model was asked", async () => {
  const body = JSON.stringify(chatClient.request("hidden", {}));
  const reply = await fetch(gateway.url + chatClient.path, { method: "POST", body });
  expect([reply.status, upstream.calls().length]).toEqual([200, 1]);
});
