import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import { routesOf } from "../../src/http/app.ts";
import { claudeProfile } from "../support/requests.ts";
import { appDeps, setup } from "./support.ts";

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
      async countTokens(_request, trace) {
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
      const ask = setup({ guard: { hosts: [], apiKey: "sk-ag-test" }, onFailure: (error) => failures.push(error) });
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

  for (const { method, path, access } of routes.filter(({ access }) => access !== "public")) {
    test(`${method} ${path} (${access}) is closed without its key and to other origins`, async () => {
      const address = path.replace("*", `${claudeProfile.id}:generateContent`);
      const body = method === "POST" ? { body: "{}" } : {};
      const closed = await setup({ guard: { hosts: [], apiKey: "sk-ag-test" } })(address, { method, ...body });
      expect(await closed.json()).toMatchObject({ kind: "unauthorized" });
      const foreign = await setup()(address, { method, ...body, headers: { origin: "https://evil.example" } });
      expect(await foreign.json()).toMatchObject({ kind: "forbidden" });
    });
  }
});

test("a key may come in the address, as Gemini clients send it", async () => {
  const ask = setup({ guard: { hosts: [], apiKey: "sk-ag-test" } });
  expect((await ask("/v1beta/models?key=sk-ag-test")).status).toBe(200);
  expect((await ask("/v1beta/models?key=sk-ag-wrong")).status).not.toBe(200);
});
