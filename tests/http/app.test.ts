import { expect, test } from "bun:test";
import type { Cooldown } from "../../src/core/accounts.ts";
import { type AppDeps, createApp } from "../../src/http/app.ts";
import { claudeProfile } from "../support/requests.ts";
import { account, appDeps, setup } from "./support.ts";

const post = { method: "POST", body: "{}" };

for (const path of ["/v1/messages", "/messages", "/v1/v1/messages", "/v1/messages/", "/v1/messages?beta=true"]) {
  test(`POST ${path} is the Anthropic route`, async () => {
    expect((await setup()(path, post)).status).toBe(200);
    expect(await (await setup()(path, { method: "POST", body: '{"bad":true}' })).json()).toMatchObject({
      from: "anthropic",
    });
  });
}

for (const path of ["/v1/chat/completions", "/chat/completions", "/v1/v1/chat/completions", "/v1/chat/completions/"]) {
  test(`POST ${path} is the OpenAI chat route`, async () => {
    expect(await (await setup()(path, { method: "POST", body: '{"bad":true}' })).json()).toMatchObject({
      from: "openai-chat",
    });
  });
}

test("an unknown path is a 404 in the shape of the client that asked", async () => {
  const ask = setup();
  expect(await (await ask("/v1/nothing", post)).json()).toEqual({ from: "openai-chat", kind: "unknown-route" });
  const anthropic = await ask("/v1/nothing", { ...post, headers: { "anthropic-version": "2023-06-01" } });
  expect([anthropic.status, await anthropic.json()]).toEqual([404, { from: "anthropic", kind: "unknown-route" }]);
});

for (const path of ["/v1/messages", "/v1/messages/count_tokens", "/messages/nothing"]) {
  test(`GET ${path} says that there is no such route as the Messages API does`, async () => {
    expect(await (await setup()(path)).json()).toEqual({ from: "anthropic", kind: "unknown-route" });
  });
}

test("no route answers under a rebound Host name", async () => {
  const ask = setup();
  for (const path of ["/", "/healthz", "/readyz", "/health", "/v1/models"]) {
    expect(await (await ask(path, { headers: { host: "evil.example" } })).json()).toMatchObject({ kind: "forbidden" });
  }
});

test("models are listed and found under their ids, slashes included", async () => {
  const ask = setup();
  expect(await (await ask("/v1/models")).json()).toMatchObject({ object: "list", data: [{ id: claudeProfile.id }] });
  expect(await (await ask(`/v1/models/${claudeProfile.id}`)).json()).toMatchObject({ id: claudeProfile.id });
  expect(await (await ask("/v1/models/no/such")).json()).toMatchObject({ kind: "unknown-model" });
});

const readiness: [name: string, over: Partial<AppDeps>, status: number][] = [
  ["a usable account makes it ready", {}, 200],
  ["no account is not ready", { accounts: async () => [] }, 503],
  ["a disabled account is not enough", { accounts: async () => [account({ enabled: false })] }, 503],
  [
    "an account that waits for its owner is not enough",
    { accounts: async () => [account({ problem: { type: "needs-login", message: "m", since: 0 } })] },
    503,
  ],
  ["a silent database is not ready", { checkStore: () => Promise.reject(new Error("locked")) }, 503],
];

for (const [name, over, status] of readiness) {
  test(`readyz: ${name}`, async () => {
    expect((await setup(over)("/readyz")).status).toBe(status);
  });
}

test("health counts accounts by state and shows nothing else of them", async () => {
  const cooldown: Cooldown = { kind: "rate-limited", until: 2000, since: 1000, evidence: "429" };
  const cooling = { ...account({}), cooldowns: new Map([["m", cooldown]]) };
  const rejected = account({ problem: { type: "key-rejected", message: "m", since: 0 } });
  const over = { accounts: async () => [account({}), cooling, account({ enabled: false }), rejected] };
  const text = await (await setup(over)("/health")).text();
  expect(JSON.parse(text)).toEqual({
    status: "ok",
    version: "0.0.0-test",
    accounts: {
      total: 4,
      usable: 2,
      cooling: 1,
      disabled: 1,
      needsLogin: 0,
      needsVerification: 0,
      termsBlock: 0,
      noProject: 0,
      keyRejected: 1,
    },
  });
  expect(text).not.toContain("example.com");
});

test("a probe that fails shows nothing of why, over a real socket as well", async () => {
  const { app } = createApp(appDeps({ accounts: () => Promise.reject(new Error("secret path of the database")) }));
  app.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const response = await fetch(`${app.server?.url}health`);
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ from: "openai-chat", kind: "internal" });
  } finally {
    await app.stop(true);
  }
});

test("once a page may read replies, each says that it depends on the page, so that no cache mixes them up", async () => {
  const guard = { hosts: [], allowedOrigins: ["https://chat.example.com"] };
  for (const path of ["/healthz", "/v1/models", "/nothing"]) {
    for (const headers of [{}, { origin: "https://chat.example.com" }]) {
      expect((await setup({ guard })(path, { headers })).headers.get("vary")).toBe("Origin");
    }
    expect((await setup()(path)).headers.has("vary")).toBe(false);
  }
});
