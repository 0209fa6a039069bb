import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import type { TokenRefresh } from "../../src/http/account-limits.ts";
import { createApp } from "../../src/http/app.ts";
import { appDeps, keyed, KEYS, setup } from "./support.ts";

const limits = appDeps().limits;
const failure = new GatewayError("account-unusable", "Google wants a new sign-in", {
  accountProblem: "needs-login",
  ownerUrl: "https://accounts.google.com/signin",
});

describe("GET /account-limits", () => {
  test("answers the report as it was made, and says that it is of this moment only", async () => {
    for (const path of ["/account-limits", "/account-limits/", "/account-limits?format=json"]) {
      const response = await setup()(path);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await response.json()).toEqual({ at: "now", accounts: [] });
    }
  });

  test("?format=table is plain text that ends its last line", async () => {
    const response = await setup()("/account-limits?format=table");
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toBe("a table\n");
  });

  test("another format is refused with the field's name", async () => {
    const response = await setup()("/account-limits?format=xml");
    expect([response.status, await response.json()]).toEqual([400, { from: "openai-chat", kind: "invalid-request" }]);
  });

  test("a failure has the shape of the client that asked", async () => {
    const report = () => Promise.reject(new GatewayError("unavailable", "no"));
    const ask = setup({ limits: { ...limits, report } });
    const headers = { "anthropic-version": "2023-06-01" };
    expect(await (await ask("/account-limits", { headers })).json()).toEqual({
      from: "anthropic",
      kind: "unavailable",
    });
    expect(await (await ask("/account-limits")).json()).toEqual({ from: "openai-chat", kind: "unavailable" });
  });
});

describe("POST /refresh-token", () => {
  function refreshing(refreshes: readonly TokenRefresh[]) {
    const asked: (string | undefined)[] = [];
    const refreshTokens = async (handle: string | undefined) => {
      asked.push(handle);
      return refreshes;
    };
    return { asked, ask: setup({ limits: { ...limits, refreshTokens } }) };
  }

  const WAYS: [name: string, path: string, body: string | undefined, handle: string | undefined][] = [
    ["nothing", "/refresh-token", undefined, undefined],
    ["an empty object", "/refresh-token", "{}", undefined],
    ["null", "/refresh-token", '{"account":null}', undefined],
    ["something else", "/refresh-token", '{"force":true}', undefined],
    ["an account in the body", "/refresh-token", '{"account":"a2"}', "a2"],
    ["an account in the query", "/refresh-token?account=a2", undefined, "a2"],
    ["both", "/refresh-token?account=a2", '{"account":"a3"}', "a2"],
  ];
  for (const [name, path, body, handle] of WAYS) {
    test(`with ${name} it refreshes ${handle ?? "all"}`, async () => {
      const { asked, ask } = refreshing([{ handle: "a2" }]);
      const response = await ask(path, { method: "POST", ...(body !== undefined && { body }) });
      expect([response.status, asked]).toEqual([200, [handle]]);
    });
  }

  test("without a body, or with an empty one, it works over a real socket as well", async () => {
    const { app } = createApp(appDeps());
    app.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      for (const body of [undefined, ""]) {
        const response = await fetch(`${app.server?.url}refresh-token`, {
          method: "POST",
          ...(body === "" && { body }),
        });
        expect(await response.json()).toEqual({
          status: "ok",
          message: "1 of 1 access tokens refreshed",
          accounts: [{ account: "a1", status: "ok" }],
        });
      }
    } finally {
      await app.stop(true);
    }
  });

  test("says of each account how it went, with the link its owner must open", async () => {
    const { ask } = refreshing([{ handle: "a1" }, { handle: "a2", failure }]);
    const response = await ask("/refresh-token", { method: "POST" });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: "partial",
      message: "1 of 2 access tokens refreshed",
      accounts: [
        { account: "a1", status: "ok" },
        {
          account: "a2",
          status: "failed",
          reason: "Google wants a new sign-in",
          url: "https://accounts.google.com/signin",
        },
      ],
    });
  });

  test("when no account could be refreshed the status line says so too", async () => {
    const { ask } = refreshing([{ handle: "a1", failure }]);
    const response = await ask("/refresh-token", { method: "POST" });
    expect([response.status, await response.json()]).toMatchObject([502, { status: "error" }]);
  });

  test("a refresh that failed for all is recorded as the failure it was; one that did for some is none", async () => {
    const records: RequestRecord[] = [];
    const exchanges = { ...appDeps().exchanges, onFinished: (record: RequestRecord) => void records.push(record) };
    for (const refreshes of [[{ handle: "a1", failure }], [{ handle: "a1" }, { handle: "a2", failure }]]) {
      const limits = { ...appDeps().limits, refreshTokens: async () => refreshes };
      await setup({ limits, exchanges })("/refresh-token", { method: "POST" });
    }
    expect(records.map(({ status, outcome }) => [status, outcome])).toEqual([
      [502, failure.kind],
      [200, "ok"],
    ]);
  });

  const REFUSALS: [name: string, path: string, body: string | undefined, kind: string][] = [
    ["an unknown handle", "/refresh-token?account=a9", undefined, "invalid-request"],
    ["a handle that is no text", "/refresh-token", '{"account":7}', "invalid-request"],
    ["a body that is not JSON", "/refresh-token", "account=a1", "invalid-request"],
    ["no account at all", "/refresh-token", undefined, "no-account"],
  ];
  for (const [name, path, body, kind] of REFUSALS) {
    test(`${name} is refused`, async () => {
      const { ask } = refreshing([]);
      const response = await ask(path, { method: "POST", ...(body !== undefined && { body }) });
      expect(await response.json()).toEqual({ from: "openai-chat", kind });
    });
  }

  test("is not there for GET, which a link could send", async () => {
    const { asked, ask } = refreshing([{ handle: "a1" }]);
    expect(await (await ask("/refresh-token")).json()).toMatchObject({ kind: "unknown-route" });
    expect(asked).toEqual([]);
  });
});

test("neither answers to a foreign web page or under a rebound name", async () => {
  const ask = setup();
  for (const headers of [{ origin: "https://evil.example" }, { host: "evil.example" }]) {
    expect(await (await ask("/account-limits", { headers })).json()).toMatchObject({ kind: "forbidden" });
    expect(await (await ask("/refresh-token", { method: "POST", headers })).json()).toMatchObject({
      kind: "forbidden",
    });
  }
});

test("both take the key as the inference routes do", async () => {
  const ask = setup(keyed());
  for (const headers of [{ authorization: `Bearer ${KEYS.admin}` }, { "x-api-key": KEYS.admin }]) {
    expect((await ask("/account-limits", { headers })).status).toBe(200);
    expect((await ask("/refresh-token", { method: "POST", headers })).status).toBe(200);
  }
});
