import { describe, expect, test } from "bun:test";
import { createTokenClient, type OAuthClient } from "../../src/auth/google.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { eagerClock } from "../support/clock.ts";
import { type Answer, scriptedServer } from "../support/scripted-server.ts";

const REFRESH_TOKEN = "1//test-refresh";
const CLIENT: OAuthClient = { id: "client-id.test", secret: "test-secret" };

async function withClient<T>(
  answers: Answer[],
  use: (tokens: ReturnType<typeof createTokenClient>, signal: AbortSignal) => Promise<T>,
  client: OAuthClient | undefined = CLIENT,
) {
  await using server = scriptedServer(...answers);
  const clock = eagerClock();
  const tokens = createTokenClient({
    fetch: (url, options) => fetch(url, options),
    tokenUrl: `${server.url}/token`,
    userinfoUrl: `${server.url}/userinfo`,
    client: () => client,
    clock,
  });
  let value: T | undefined;
  let error: GatewayError | undefined;
  try {
    value = await use(tokens, new AbortController().signal);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    error = cause;
  }
  return { value, error, calls: server.calls, now: clock.now() };
}

const refresh = (answer: Answer, client?: OAuthClient) =>
  withClient([answer], (tokens, signal) => tokens.refresh(REFRESH_TOKEN, signal), client);

const failed = (status: number, body: unknown) => Response.json(body, { status });

describe("refresh", () => {
  test("posts a form and counts the expiry from when it was sent", async () => {
    const { value, calls, now } = await refresh(Response.json({ access_token: "ya29.test-new", expires_in: 3599 }));
    expect(value).toEqual({ accessToken: "ya29.test-new", expiresAt: now + 3_599_000 });
    expect(calls[0]?.headers.get("content-type")).toBe("application/x-www-form-urlencoded");
    expect(Object.fromEntries(new URLSearchParams(calls[0]?.body))).toEqual({
      grant_type: "refresh_token",
      refresh_token: REFRESH_TOKEN,
      client_id: "client-id.test",
      client_secret: "test-secret",
    });
  });

  test("a slow answer does not lengthen the token's life", async () => {
    const clock = eagerClock();
    const sentAt = clock.now();
    const tokens = createTokenClient({
      async fetch() {
        await clock.sleep(20_000);
        return Response.json({ access_token: "ya29.test-new", expires_in: 3600 });
      },
      tokenUrl: "http://unused.test",
      userinfoUrl: "http://unused.test",
      client: () => CLIENT,
      clock,
    });
    const { expiresAt } = await tokens.refresh(REFRESH_TOKEN, new AbortController().signal);
    expect(expiresAt).toBe(sentAt + 3_600_000);
  });

  test("a replaced refresh token is handed on, an absent one is not invented", async () => {
    const replaced = { access_token: "a", expires_in: 1, refresh_token: "1//test-next" };
    expect((await refresh(Response.json(replaced))).value?.refreshToken).toBe("1//test-next");
    expect((await refresh(Response.json({ access_token: "a", expires_in: 1 }))).value).not.toHaveProperty(
      "refreshToken",
    );
  });

  test("a lifetime that is missing or no number is assumed short", async () => {
    for (const expires_in of [undefined, "soon", -5, null]) {
      const { value, now } = await refresh(Response.json({ access_token: "a", expires_in }));
      expect(value?.expiresAt).toBe(now + 1_800_000);
    }
    const { value, now } = await refresh(Response.json({ access_token: "a", expires_in: "3599" }));
    expect(value?.expiresAt).toBe(now + 3_599_000);
  });
});

describe("failures", () => {
  const ROWS: [string, number, unknown, GatewayError["kind"], GatewayError["detail"]["accountProblem"]][] = [
    [
      "invalid_grant",
      400,
      { error: "invalid_grant", error_description: "Bad Request" },
      "account-unusable",
      "needs-login",
    ],
    [
      "invalid_grant as an object",
      400,
      { error: { code: 400, status: "INVALID_ARGUMENT", message: "invalid_grant: revoked" } },
      "account-unusable",
      "needs-login",
    ],
    [
      "a re-authentication policy",
      400,
      { error: "invalid_request", error_subtype: "invalid_rapt" },
      "account-unusable",
      "needs-login",
    ],
    ["a wrong client", 401, { error: "invalid_client" }, "no-account", undefined],
    ["a client that did not issue the token", 400, { error: "unauthorized_client" }, "no-account", undefined],
    ["a request we wrote wrongly", 400, { error: "invalid_request" }, "internal", undefined],
    ["an unknown code", 400, { error: "temporarily_unavailable" }, "unavailable", undefined],
    ["403 without a code", 403, "<html>proxy login</html>", "unavailable", undefined],
    ["429", 429, {}, "unavailable", undefined],
    ["500, even if it speaks of invalid_grant", 500, { error: "invalid_grant" }, "unavailable", undefined],
    ["200 without a token", 200, {}, "unavailable", undefined],
    ["a redirect", 302, "", "unavailable", undefined],
  ];
  for (const [what, status, body, kind, accountProblem] of ROWS) {
    test(`${what}: ${kind}`, async () => {
      const { error } = await refresh(failed(status, body));
      expect(error?.kind).toBe(kind);
      expect(error?.detail.accountProblem).toBe(accountProblem as "needs-login");
    });
  }

  test("an unreachable service says nothing about the account", async () => {
    const tokens = createTokenClient({
      fetch: (url, options) => fetch(url, options),
      tokenUrl: "http://127.0.0.1:1/token",
      userinfoUrl: "http://127.0.0.1:1/userinfo",
      client: () => CLIENT,
      clock: eagerClock(),
    });
    const signal = new AbortController().signal;
    await expect(tokens.refresh(REFRESH_TOKEN, signal)).rejects.toMatchObject({ kind: "unavailable", detail: {} });
    await expect(tokens.refresh(REFRESH_TOKEN, AbortSignal.abort())).rejects.toMatchObject({ kind: "cancelled" });
  });

  test("a missing client is a matter of configuration, told with its remedy, and nothing is sent", async () => {
    const tokens = createTokenClient({
      fetch: () => Promise.reject(new Error("must not be called")),
      tokenUrl: "http://unused.test",
      userinfoUrl: "http://unused.test",
      client: () => undefined,
      clock: eagerClock(),
    });
    await expect(tokens.refresh(REFRESH_TOKEN, new AbortController().signal)).rejects.toMatchObject({
      kind: "no-account",
      message:
        "No OAuth client is configured: set AG_OAUTH_CLIENT_ID and AG_OAUTH_CLIENT_SECRET to the client that the accounts signed in with",
      detail: { missing: "oauth-client" },
    });
  });

  test("no message, detail or cause repeats a secret", async () => {
    for (const [, status] of ROWS) {
      const echo = { error: "invalid_grant", error_description: `${REFRESH_TOKEN} ${CLIENT.secret}` };
      const { error } = await refresh(failed(status, echo));
      if (!error) continue;
      const told = `${error.message} ${JSON.stringify(error.detail)} ${String(error.cause)}`;
      expect(told).not.toContain("test-refresh");
      expect(told).not.toContain("test-secret");
    }
  });
});

describe("userinfo", () => {
  const userinfo = (answer: Answer) => withClient([answer], (tokens, signal) => tokens.userinfo("ya29.test-a", signal));

  test("reads the e-mail address with the access token", async () => {
    const { value, calls } = await userinfo(Response.json({ id: "1", email: "owner@example.com" }));
    expect(value).toEqual({ email: "owner@example.com" });
    expect(calls[0]?.headers.get("authorization")).toBe("Bearer ya29.test-a");
  });

  test("an account that hides its address has none", async () => {
    expect((await userinfo(Response.json({ id: "1" }))).value).toEqual({});
  });

  test("a rejected token and a broken service are told apart", async () => {
    expect((await userinfo(failed(401, {}))).error?.kind).toBe("access-token-rejected");
    expect((await userinfo(failed(500, {}))).error?.kind).toBe("unavailable");
    expect((await userinfo(new Response("<html>"))).error?.kind).toBe("unavailable");
  });
});

describe("exchange", () => {
  const GRANT = {
    code: "4/0Test-code",
    redirectUri: "http://localhost:51124/oauth-callback",
    codeVerifier: "verifier",
  };
  const TOKENS = { access_token: "ya29.test-new", expires_in: 3599, refresh_token: "1//test-new" };
  const exchange = (answer: Answer, client?: OAuthClient) =>
    withClient([answer], (tokens, signal) => tokens.exchange(GRANT, signal), client);

  test("posts the code with its redirect URI and verifier, and counts the expiry from when it was sent", async () => {
    const { value, calls, now } = await exchange(Response.json(TOKENS));
    expect(value).toEqual({
      accessToken: "ya29.test-new",
      refreshToken: "1//test-new",
      expiresAt: now + 3_599_000,
    });
    expect(Object.fromEntries(new URLSearchParams(calls[0]?.body))).toEqual({
      grant_type: "authorization_code",
      code: "4/0Test-code",
      redirect_uri: "http://localhost:51124/oauth-callback",
      code_verifier: "verifier",
      client_id: "client-id.test",
      client_secret: "test-secret",
    });
  });

  test("without a refresh token there is no sign-in", async () => {
    const { error } = await exchange(Response.json({ access_token: "ya29.test-new", expires_in: 3599 }));
    expect(error?.kind).toBe("account-unusable");
    expect(error?.message).toContain("no refresh token");
    expect(error?.detail.remedy).toContain("https://myaccount.google.com/connections");
  });

  const ROWS: [string, number, unknown, GatewayError["kind"], string][] = [
    [
      "a used or expired code",
      400,
      { error: "invalid_grant", error_description: "Bad Request" },
      "account-unusable",
      "invalid_grant",
    ],
    ["another way back", 400, { error: "redirect_uri_mismatch" }, "no-account", "redirect_uri_mismatch"],
    ["a wrong client", 401, { error: "invalid_client" }, "no-account", "invalid_client"],
    ["a client of another kind", 400, { error: "unauthorized_client" }, "no-account", "unauthorized_client"],
    [
      "the rule of an organization",
      400,
      { error: "access_denied", error_subtype: "admin_policy_enforced" },
      "account-unusable",
      "admin_policy_enforced",
    ],
    [
      "a re-authentication policy",
      400,
      { error: "invalid_grant", error_subtype: "invalid_rapt" },
      "account-unusable",
      "invalid_rapt",
    ],
    ["its twin", 400, { error: "invalid_grant", error_subtype: "rapt_required" }, "account-unusable", "rapt_required"],
    [
      "an object around the code",
      400,
      { error: { code: 400, status: "INVALID_ARGUMENT", message: "invalid_grant: used" } },
      "account-unusable",
      "invalid_grant",
    ],
    [
      "an object with a status alone",
      403,
      { error: { code: 403, status: "PERMISSION_DENIED", message: "No." } },
      "account-unusable",
      "permission_denied",
    ],
    ["a request we wrote wrongly", 400, { error: "invalid_request" }, "invalid-request", "invalid_request"],
    ["a code nobody knows", 400, { error: "brand_new_error" }, "account-unusable", "brand_new_error"],
    ["a text that is no code", 400, { error: "<b>4/0Test-code</b>" }, "unavailable", ""],
    ["a page of a proxy", 403, "<html>proxy login</html>", "unavailable", ""],
    ["500", 500, { error: "invalid_grant" }, "unavailable", ""],
    ["a redirect", 302, "", "unavailable", ""],
  ];
  test.each(ROWS)("%s (%d)", async (_, status, body, kind, reason) => {
    const { error } = await exchange(failed(status, body));
    expect(error?.kind).toBe(kind);
    expect(error?.detail.upstreamReason ?? "").toBe(reason);
    expect(error?.detail.remedy).toBeString();
    expect(error?.message).not.toContain("4/0Test");
  });

  test("each code has a sentence and a next step of its own", async () => {
    const told = new Set<string>();
    const codes = [
      "invalid_grant",
      "redirect_uri_mismatch",
      "invalid_client",
      "access_denied",
      "admin_policy_enforced",
      "invalid_rapt",
      "org_internal",
      "invalid_scope",
    ];
    for (const code of codes) {
      const { error } = await exchange(failed(400, { error: code }));
      told.add(`${error?.message.replace(/ \(\w+\)$/, "")} ${error?.detail.remedy}`);
    }
    expect(told.size).toBe(codes.length);
  });

  test("a missing client is told, and nothing is sent", async () => {
    const tokens = createTokenClient({
      fetch: () => Promise.reject(new Error("must not be called")),
      tokenUrl: "http://unused.test",
      userinfoUrl: "http://unused.test",
      client: () => undefined,
      clock: eagerClock(),
    });
    await expect(tokens.exchange(GRANT, new AbortController().signal)).rejects.toMatchObject({
      detail: { missing: "oauth-client" },
    });
  });
});
