import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { RequestRecord } from "../../src/core/record.ts";
import { createApp } from "../../src/http/app.ts";
import { rawBytes } from "../support/raw-http.ts";
import { appDeps, keyed, KEYS } from "./support.ts";

const records: RequestRecord[] = [];
const { app } = createApp(
  appDeps({ ...keyed(), exchanges: { ...appDeps().exchanges, onFinished: (record) => void records.push(record) } }),
);
let url = "";

beforeAll(() => {
  app.listen({ hostname: "127.0.0.1", port: 0, development: false });
  url = String(app.server?.url);
});
afterAll(() => app.stop(true));
beforeEach(() => void (records.length = 0));

/** The statuses of all replies, and the text that came. */
async function send(line: string, ...headers: string[]) {
  const text = await rawBytes(url, [line, ...headers, "Connection: close", "", ""].join("\r\n"));
  return { statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status)), text };
}

const key = `Authorization: Bearer ${KEYS.inference}`;

describe("a request without a usable Host", () => {
  test("may be of HTTP/1.0, as load balancers ask, with all that a key opens", async () => {
    expect((await send("GET /healthz HTTP/1.0")).statuses).toEqual([200]);
    expect((await send("GET /v1//models HTTP/1.0", key)).statuses).toEqual([200]);
    expect((await send("GET /v1/models HTTP/1.0")).statuses).toEqual([401]);
    expect((await send("GET /healthz/metrics HTTP/1.0")).statuses).toEqual([404]);
    expect((await send(`GET /v1/models?key=${KEYS.inference} HTTP/1.0`)).statuses).toEqual([200]);
  });

  test("of HTTP/1.0 may have a body", async () => {
    const posted = (body: string) =>
      send("POST /v1/messages HTTP/1.0", key, `Content-Length: ${body.length}`, "", body);
    expect((await posted("{}")).statuses).toEqual([200]);
    expect((await posted('{"bad":true}')).text).toContain('{"from":"anthropic","kind":"invalid-request"}');
  });

  for (const host of [
    "",
    "[",
    "%",
    "a b",
    "evil@localhost",
    "localhost/metrics?",
    "localhost#",
    "[::1",
    "evil.example:x",
  ]) {
    test(`is refused as one to a foreign name: "${host}"`, async () => {
      for (const path of ["/healthz", "/v1/models", "/nothing"]) {
        const { statuses, text } = await send(`GET ${path} HTTP/1.1`, `Host: ${host}`, key);
        expect([path, statuses]).toEqual([path, [403]]);
        expect(text).toContain('"kind":"forbidden"');
      }
      expect(records.map(({ status, outcome }) => [status, outcome])).toEqual(Array(3).fill([403, "forbidden"]));
    });
  }

  test("whose port is none is one to this machine all the same", async () => {
    expect((await send("GET /v1/models HTTP/1.1", "Host: localhost:99999999", key)).statuses).toEqual([200]);
  });
});

describe("where two names are given", () => {
  test("a second Host is not overlooked, in whatever order", async () => {
    const hosts = ["Host: localhost", "Host: evil.example"];
    for (const both of [hosts, hosts.toReversed()]) {
      expect((await send("GET /v1/models HTTP/1.1", ...both, key)).statuses).toEqual([403]);
    }
  });

  test("the name in the address does not stand in for the Host", async () => {
    const host = "Host: evil.example";
    expect((await send("GET http://localhost/v1/models HTTP/1.1", host, key)).statuses).toEqual([403]);
  });
});

describe("no path leads around the scope of its route", () => {
  const PATHS = [
    "/metrics",
    "//metrics",
    "/metrics/",
    "/./metrics",
    "/x/../metrics",
    "/v1/api/event_logging/../../../metrics",
    "/api/event_logging/%2e%2e/%2e%2e/metrics",
    "/metrics?/healthz",
    "/metrics#/healthz",
    "http://localhost/metrics",
  ];
  for (const path of PATHS) {
    for (const method of ["GET", "HEAD"]) {
      test(`${method} ${path}`, async () => {
        expect((await send(`${method} ${path} HTTP/1.1`, "Host: localhost")).statuses).toEqual([401]);
        expect((await send(`${method} ${path} HTTP/1.1`, "Host: localhost", key)).statuses).toEqual([403]);
        const admin = `Authorization: Bearer ${KEYS.metrics}`;
        expect((await send(`${method} ${path} HTTP/1.1`, "Host: localhost", admin)).statuses).toEqual([200]);
      });
    }
  }

  for (const path of [
    "/v1/metrics",
    "/%6detrics",
    "/METRICS",
    "/metrics;x",
    "/metrics%2f",
    "//localhost/metrics",
    "/metrics%00",
  ]) {
    test(`${path} leads nowhere`, async () => {
      expect((await send(`GET ${path} HTTP/1.1`, "Host: localhost", key)).statuses).toEqual([404]);
    });
  }

  test("nor does a header that names another method", async () => {
    const override = "X-HTTP-Method-Override: GET";
    expect((await send("POST /metrics HTTP/1.1", "Host: localhost", override, "Content-Length: 0")).statuses).toEqual([
      404,
    ]);
  });
});

describe("every request is recorded once, with its status", () => {
  const rows: [line: string, headers: string[], status: number][] = [
    ["GET /v1/models HTTP/1.1", [], 401],
    ["GET /v1/models HTTP/1.1", [`x-api-key: ${KEYS.admin}`], 403],
    ["GET /v1/models HTTP/1.1", [key, "Origin: null"], 403],
    ["OPTIONS /v1/models HTTP/1.1", ["Origin: https://evil.example", "Access-Control-Request-Method: GET"], 403],
    ["GET /nothing HTTP/1.1", [], 404],
    ["TRACE / HTTP/1.1", [], 404],
    ["GET /v1/responses/%zz%ff HTTP/1.1", [key], 200],
    ["GET /v1/responses HTTP/1.1", [key, "Upgrade: websocket"], 426],
    ["POST /v1/messages HTTP/1.1", [key, "Content-Length: 99999"], 413],
    ["GET /metrics HTTP/1.1", [`x-api-key: ${KEYS.metrics}`], 200],
    ["HEAD /v1/models HTTP/1.1", [key], 200],
    ["DELETE /v1/responses/resp_1 HTTP/1.1", [key], 200],
  ];
  for (const [line, headers, status] of rows) {
    test(`${line} ${headers.length === 0 ? "" : `with ${headers.join(", ")} `}is ${status}`, async () => {
      expect((await send(line, "Host: localhost", ...headers)).statuses).toEqual([status]);
      expect(records.map((record) => record.status)).toEqual([status]);
    });
  }

  test("those of one connection each for itself", async () => {
    const one = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const { statuses } = await send(`${one("/v1/models")}${one("/nothing")}GET /metrics HTTP/1.1`, "Host: localhost");
    expect(statuses).toEqual([401, 404, 401]);
    expect(records.map(({ status }) => status)).toEqual([401, 404, 401]);
  });
});

test("what looks like a key or an e-mail address is not recorded, wherever a client puts it", async () => {
  const secrets = ["sk-ag-test-misplaced-key-of-somebody", "owner@example.com"];
  for (const secret of secrets) {
    for (const path of ["/", "/v1/models/", "/v1/responses/", "/v1/responses/x/", "/v1beta/models/m:"]) {
      await send(`GET ${path}${secret}?key=${secret} HTTP/1.1`, "Host: localhost", key);
      await send(`GET /${secret}${path} HTTP/1.1`, "Host: localhost", key);
      const body = JSON.stringify({ model: secret });
      await send(`POST /v1/messages HTTP/1.1`, "Host: localhost", key, `Content-Length: ${body.length}`, "", body);
    }
  }
  expect(records).toHaveLength(secrets.length * 15);
  for (const record of records) for (const secret of secrets) expect(JSON.stringify(record)).not.toContain(secret);
});
