import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import { SCOPES } from "../../src/core/keys.ts";
import { routesOf } from "../../src/http/app.ts";
import { claudeProfile } from "../support/requests.ts";
import type { Route } from "../../src/http/route.ts";
import { appDeps, keyed, KEYS, setup } from "./support.ts";

const bad = { method: "POST", body: '{"bad":true}' };

const PATHS: [path: string, protocol: string][] = [
  ["/v1/messages", "anthropic"],
  ["/v1/chat/completions", "openai-chat"],
  ["/v1/responses", "openai-responses"],
  ["/responses", "openai-responses"],
  ["/v1/v1/responses", "openai-responses"],
  ["/v1/responses/", "openai-responses"],
  ["/v1//responses", "openai-responses"],
  ["/v1//messages", "anthropic"],
  ["/v1//chat/completions", "openai-chat"],
  ["/v1beta//models/m:generateContent", "gemini"],
  ["/v1/completions", "openai-completions"],
  ["/completions", "openai-completions"],
  ["/v1/images/generations", "openai-images"],
  ["/v1/images/edits", "openai-images"],
  ["/v1beta/models/m:generateContent", "gemini"],
  ["/v1beta/models/m:streamGenerateContent?alt=sse", "gemini"],
  ["/v1/models/m:generateContent", "gemini"],
  ["/models/m:generateContent", "gemini"],
  ["/v1/v1beta/models/m:generateContent", "gemini"],
  ["/v1beta/models/models/m:generateContent", "gemini"],
  ["/v1beta/models/m%3AgenerateContent", "gemini"],
];

for (const [path, protocol] of PATHS) {
  test(`POST ${path} is read and refused by ${protocol}`, async () => {
    const reply = await setup()(path, bad);
    expect([reply.status, await reply.json()]).toEqual([400, { from: protocol, kind: "invalid-request" }]);
  });
}

const UNKNOWN: [path: string, protocol: string][] = [
  ["/v1beta/models/m:embedContent", "gemini"],
  ["/v1/models/m:predict", "gemini"],
  ["/v1beta/files", "gemini"],
  ["/v1/embeddings", "openai-chat"],
];

for (const [path, protocol] of UNKNOWN) {
  test(`POST ${path} is unknown, in the words of ${protocol}`, async () => {
    const reply = await setup()(path, { method: "POST", body: "{}" });
    expect([reply.status, await reply.json()]).toEqual([404, { from: protocol, kind: "unknown-route" }]);
  });
}

describe("token counts", () => {
  const COUNTING = [
    "/v1/messages/count_tokens?beta=true",
    "/messages/count_tokens",
    "/v1/responses/input_tokens",
    "/v1beta/models/m:countTokens",
    "/v1beta/models/m/countTokens",
    "/v1/models/m:countTokens",
  ];
  for (const path of COUNTING) {
    test(`POST ${path} is counted`, async () => {
      const reply = await setup()(path, { method: "POST", body: "{}" });
      expect([reply.status, await reply.json(), reply.headers.get("x-ag-estimated")]).toEqual([
        200,
        { tokens: 7 },
        null,
      ]);
    });
  }

  test("an estimate says so in a header", async () => {
    const ask = setup({ countTokens: async () => ({ tokens: 9, estimated: true }) });
    const reply = await ask("/v1/messages/count_tokens", { method: "POST", body: "{}" });
    expect([await reply.json(), reply.headers.get("x-ag-estimated")]).toEqual([{ tokens: 9 }, "true"]);
  });

  test("the model that is counted for stands in the header", async () => {
    const ask = setup({
      async countTokens(_request, _maySee, trace) {
        trace.servedModel = "served";
        return { tokens: 1, estimated: false };
      },
    });
    const reply = await ask("/v1/messages/count_tokens", { method: "POST", body: "{}" });
    expect(reply.headers.get("x-ag-model")).toBe("served");
  });

  test("a count that cannot be is an error of the protocol", async () => {
    const ask = setup({ countTokens: () => Promise.reject(new GatewayError("unknown-model", "none")) });
    const reply = await ask("/v1beta/models/m:countTokens", { method: "POST", body: "{}" });
    expect(await reply.json()).toEqual({ from: "gemini", kind: "unknown-model" });
  });
});

describe("answers kept by id", () => {
  test("an upgrade to a WebSocket is declined at once, before anything else is done", async () => {
    const reply = await setup()("/v1/responses", { headers: { upgrade: "websocket", connection: "Upgrade" } });
    expect(reply.status).toBe(426);
    expect(reply.headers.get("upgrade")).not.toBe("websocket");
  });

  test("they are found, listed and removed", async () => {
    const ask = setup();
    expect(await (await ask("/v1/responses/resp_1")).json()).toEqual({ id: "resp_1", object: "response" });
    expect(await (await ask("/v1/responses/resp_1/input_items")).json()).toMatchObject({
      object: "list",
      data: [{ id: "msg_1" }],
      first_id: "msg_1",
      last_id: "msg_1",
    });
    const removed = await ask("/v1/responses/resp_1", { method: "DELETE" });
    expect(await removed.json()).toEqual({ id: "resp_1", object: "response", deleted: true });
  });

  test("what one answered is listed page by page, the newest first", async () => {
    const { responses } = appDeps();
    const inputItems = async () => ["a", "b", "c"].map((id) => ({ type: "message", id }));
    const ask = setup({ responses: { ...responses, inputItems } });
    const page = async (query: string) => (await ask(`/v1/responses/resp_1/input_items${query}`)).json();
    expect(await page("?limit=2")).toMatchObject({ data: [{ id: "c" }, { id: "b" }], has_more: true, last_id: "b" });
    expect(await page("?limit=2&after=b")).toMatchObject({ data: [{ id: "a" }], has_more: false });
    expect(await page("?order=asc")).toMatchObject({ first_id: "a", last_id: "c", has_more: false });
    expect((await ask("/v1/responses/resp_1/input_items?limit=none")).status).toBe(400);
  });

  test("one has nothing below it but what it answered, and may be asked for with a slash at the end", async () => {
    const ask = setup();
    expect((await ask("/v1/responses/resp_1/output")).status).toBe(404);
    expect((await ask("/v1/responses/resp_1/")).status).toBe(200);
    expect(await (await ask("/v1/responses/resp_1/", { method: "DELETE" })).json()).toMatchObject({ id: "resp_1" });
  });

  test("one is not given as a stream", async () => {
    expect((await setup()("/v1/responses/resp_1?stream=true")).status).toBe(400);
    expect((await setup()("/v1/responses/resp_1?stream=false")).status).toBe(200);
  });

  test("one that is not there is a 404 of the protocol", async () => {
    const { responses } = appDeps();
    const find = () => Promise.reject(new GatewayError("not-found", "gone"));
    const reply = await setup({ responses: { ...responses, find } })("/v1/responses/resp_2");
    expect([reply.status, await reply.json()]).toEqual([404, { from: "openai-responses", kind: "not-found" }]);
  });
});

describe("side calls", () => {
  const CALLS: [method: string, path: string][] = [
    ["HEAD", "/"],
    ["GET", "/"],
    ["HEAD", "/api/hello"],
    ["POST", "/api/event_logging/batch"],
    ["POST", "/api/event_logging/v2/batch"],
    ["GET", "/v1/me"],
  ];
  for (const [method, path] of CALLS) {
    test(`${method} ${path} is answered quietly, without a key`, async () => {
      const failures: unknown[] = [];
      const ask = setup({ ...keyed(), onFailure: (error) => failures.push(error) });
      const reply = await ask(path, { method, ...(method === "POST" && { body: "not JSON" }) });
      expect([reply.status, failures]).toEqual([200, []]);
    });
  }
});

describe("every route", () => {
  const routes = routesOf(appDeps());

  test("is there once", () => {
    const names = routes.map(({ method, path }) => `${method} ${path}`);
    expect(names.length).toBe(new Set(names).size);
  });

  const callOf = ({ method, path }: Route) => ({
    address: path.replace("*", `${claudeProfile.id}:generateContent`),
    init: { method, ...(method === "POST" && { body: "{}" }) },
  });
  const name = ({ method, path, access }: Route) => `${method} ${path} (${access})`;

  for (const route of routes) {
    test(`${name(route)} is closed to other origins and to other host names`, async () => {
      const { address, init } = callOf(route);
      for (const headers of [{ origin: "https://evil.example" }, { host: "evil.example" }]) {
        const reply = await setup()(address, { ...init, headers });
        expect([reply.status, await reply.json()]).toEqual([403, expect.objectContaining({ kind: "forbidden" })]);
      }
    });
  }

  for (const route of routes.filter(({ access }) => access !== "public")) {
    test(`${name(route)} opens by a key of its scope and by nothing else`, async () => {
      const { address, init } = callOf(route);
      const ask = setup(keyed());
      const refusal = async (key: keyof typeof KEYS | undefined) => {
        const headers = key === undefined ? {} : { authorization: `Bearer ${KEYS[key]}` };
        const reply = await ask(address, { ...init, headers });
        const text = await reply.text();
        return /unauthorized|forbidden/.test(text) ? [reply.status, JSON.parse(text).kind] : undefined;
      };
      expect(await refusal(undefined)).toEqual([401, "unauthorized"]);
      expect(await refusal("wrong")).toEqual([401, "unauthorized"]);
      for (const scope of SCOPES) {
        expect(await refusal(scope)).toEqual(scope === route.access ? undefined : [403, "forbidden"]);
      }
    });
  }

  test("that asks a model is known as such", () => {
    const asking = routes.filter(({ asks }) => asks !== undefined);
    expect(asking.every(({ method, access }) => method === "POST" && access === "inference")).toBe(true);
    expect(asking.length).toBe(
      routes.filter(({ method, access }) => method === "POST" && access === "inference").length,
    );
  });
});

test("a key that is refused for its scope stands in the record: its owner must find out whose client it is", async () => {
  const finished: RequestRecord[] = [];
  const exchanges = {
    newRequestId: () => "req_id",
    maxConcurrent: 10,
    onFinished: (record: RequestRecord) => void finished.push(record),
  };
  const ask = setup({ ...keyed(), exchanges });
  await ask("/v1/messages", { method: "POST", body: "{}", headers: { "x-api-key": KEYS.admin } });
  await ask("/v1/messages", { method: "POST", body: "{}", headers: { "x-api-key": KEYS.wrong } });
  expect(finished.map(({ key, status }) => [key, status])).toEqual([
    ["k2", 403],
    [undefined, 401],
  ]);
});

test("a key may come in the address, as Gemini clients send it", async () => {
  const ask = setup(keyed());
  expect((await ask(`/v1beta/models?key=${KEYS.inference}`)).status).toBe(200);
  expect((await ask(`/v1beta/models?key=${KEYS.wrong}`)).status).toBe(401);
});
