import { createHash } from "node:crypto";
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import {
  httpAnswer,
  startCloudCode,
  type CloudCodeOptions,
  type CloudCodeServer,
  type ServedAccount,
} from "./index.ts";
import { jsonOf, refresh, signIn } from "./client.ts";
import { asking, GEMINI_3 } from "./samples.ts";

const open: CloudCodeServer[] = [];
async function start(options: CloudCodeOptions = {}): Promise<CloudCodeServer> {
  const server = await startCloudCode(options);
  open.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.stop()));
});

const TOKEN = "1//test-refresh-token";
const OWNER = { email: "owner@example.test", refreshToken: TOKEN, project: "sample-project-a1b2c" };
const ANTIGRAVITY = { metadata: { ideType: "ANTIGRAVITY" } };
const rules = (server: CloudCodeServer): string[] => server.refusals().map(({ rule }) => rule);

describe("token endpoint", () => {
  test("refreshes, counts, and leaves the refresh token out", async () => {
    const server = await start();
    const answered = await jsonOf(await refresh(server, TOKEN));
    expect(answered).toMatchObject({ access_token: "ya29.test-1", expires_in: 3599, token_type: "Bearer" });
    expect(answered).not.toHaveProperty("refresh_token");
    await refresh(server, TOKEN);
    expect(server.world.refreshes.get("owner@example.test")).toBe(2);
    expect(rules(server)).toEqual([]);
  });

  test("rotates the refresh token where the account says so", async () => {
    const server = await start({ accounts: [{ ...OWNER, rotatesRefreshToken: true }] });
    const answered = await jsonOf(await refresh(server, TOKEN));
    expect(answered).toMatchObject({ refresh_token: `${TOKEN}-r1` });
    expect((await refresh(server, TOKEN)).status).toBe(400);
    expect((await refresh(server, `${TOKEN}-r1`)).status).toBe(200);
  });

  test("answers invalid_grant for dead and unknown tokens, which is no broken rule", async () => {
    const server = await start({ accounts: [{ ...OWNER, revoked: true }] });
    for (const token of [TOKEN, "1//other"]) {
      const response = await refresh(server, token);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: "invalid_grant" });
    }
    expect(rules(server)).toEqual([]);
  });

  test("refuses another client, another encoding, another grant, no token", async () => {
    const server = await start();
    expect((await refresh(server, TOKEN, { client_secret: "wrong" })).status).toBe(401);
    await fetch(server.tokenUrl, { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
    await refresh(server, TOKEN, { grant_type: "password" });
    await refresh(server, "");
    expect(rules(server)).toEqual(["oauth-client", "token-not-form", "grant-type", "refresh-token-missing"]);
  });

  test("can be scripted to fail", async () => {
    const server = await start();
    server.next(httpAnswer(503, ""), { method: "token" });
    expect((await refresh(server, TOKEN)).status).toBe(503);
    expect((await refresh(server, TOKEN)).status).toBe(200);
  });

  test("tokens expire by the world's clock, or when told to", async () => {
    let now = 1_000_000;
    const server = await start({ accessTokenSeconds: 60, now: () => now });
    const client = await signIn(server);
    expect((await client.ask(asking(GEMINI_3))).status).toBe(200);
    now += 60_000;
    expect((await client.ask(asking(GEMINI_3))).status).toBe(401);
    const renewed = await signIn(server);
    server.world.expireAccessTokens("owner@example.test");
    expect((await renewed.post("loadCodeAssist", ANTIGRAVITY)).status).toBe(401);
    expect(rules(server)).toEqual(["token-expired", "token-expired"]);
  });
});

describe("sign-in", () => {
  const redirect = "http://localhost:51121/oauth-callback";
  const challenge = createHash("sha256").update("verifier-1").digest("base64url");
  const exchange = (server: CloudCodeServer, change: Record<string, string>): Promise<Response> =>
    refresh(server, "", { grant_type: "authorization_code", redirect_uri: redirect, ...change });

  function authorizeUrl(server: CloudCodeServer, change: Record<string, string | undefined> = {}): string {
    const scope = ["cloud-platform", "userinfo.email", "userinfo.profile", "cclog", "experimentsandconfigs"]
      .map((name) => `https://www.googleapis.com/auth/${name}`)
      .join(" ");
    const parameters: Record<string, string | undefined> = {
      client_id: server.world.client.id,
      response_type: "code",
      redirect_uri: redirect,
      scope,
      state: "abcdefghijklmnopqrstuv",
      access_type: "offline",
      prompt: "consent",
      code_challenge: challenge,
      code_challenge_method: "S256",
      ...change,
    };
    const present = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return `${server.authorizeUrl}?${new URLSearchParams(present)}`;
  }

  test("goes from authorize over the code to tokens and the e-mail", async () => {
    const server = await start();
    const sent = await fetch(authorizeUrl(server), { redirect: "manual" });
    const back = new URL(sent.headers.get("location") ?? "");
    expect(back.searchParams.get("state")).toBe("abcdefghijklmnopqrstuv");
    const code = back.searchParams.get("code") ?? "";
    const tokens = await jsonOf(await exchange(server, { code, code_verifier: "verifier-1" }));
    expect(tokens).toMatchObject({ refresh_token: TOKEN });
    const headers = { authorization: `Bearer ${String(tokens["access_token"])}` };
    expect(await jsonOf(await fetch(server.userinfoUrl, { headers }))).toMatchObject({ email: OWNER.email });
    expect(rules(server)).toEqual([]);
    expect((await exchange(server, { code, code_verifier: "verifier-1" })).status).toBe(400);
  });

  test.each([
    ["authorize-prompt", { prompt: undefined }],
    ["authorize-access_type", { access_type: "online" }],
    ["authorize-state", { state: "short" }],
    ["authorize-scope", { scope: "email" }],
    ["authorize-client_id", { client_id: "other" }],
    ["authorize-code_challenge", { code_challenge_method: "plain" }],
    ["authorize-redirect_uri", { redirect_uri: "https://localhost:51121/oauth-callback" }],
    ["authorize-redirect_uri", { redirect_uri: "http://localhost:51121/callback" }],
    ["authorize-redirect_uri", { redirect_uri: "http://gateway.example.test/oauth-callback" }],
  ])("%s is checked", async (rule, change) => {
    const server = await start();
    expect((await fetch(authorizeUrl(server, change), { redirect: "manual" })).status).toBe(400);
    expect(rules(server)).toEqual([rule]);
  });

  test("another redirect URI or verifier is refused", async () => {
    const server = await start();
    const code = (): string => server.issueCode(OWNER.email, redirect, challenge);
    await exchange(server, { code: code(), code_verifier: "verifier-1", redirect_uri: `${redirect}2` });
    await exchange(server, { code: code(), code_verifier: "verifier-2" });
    expect(rules(server)).toEqual(["redirect-uri", "code-verifier"]);
  });
});

describe("sign-in of an owner who", () => {
  const redirect = "http://localhost:51121/oauth-callback";
  const exchanged = async (account: Partial<ServedAccount>): Promise<JsonObject> => {
    const server = await start({ accounts: [{ ...OWNER, ...account }] });
    const code = server.issueCode(OWNER.email, redirect);
    return jsonOf(await refresh(server, "", { grant_type: "authorization_code", redirect_uri: redirect, code }));
  };

  test("has given access before may get no refresh token", async () => {
    expect(await exchanged({ withholdsRefreshToken: true })).not.toHaveProperty("refresh_token");
  });

  test("had taken the access back gets a new refresh token", async () => {
    expect(await exchanged({ revoked: true })).toMatchObject({ refresh_token: `${TOKEN}-again` });
  });
});

describe("loadCodeAssist", () => {
  const load = async (options: CloudCodeOptions, body: unknown = ANTIGRAVITY): Promise<JsonObject> => {
    const server = await start(options);
    return jsonOf(await (await signIn(server)).post("loadCodeAssist", body));
  };

  test("gives project and tiers", async () => {
    const account = { ...OWNER, tier: "standard-tier", paidTier: "g1-pro-tier", credits: 1200 };
    expect(await load({ accounts: [account] })).toMatchObject({
      cloudaicompanionProject: OWNER.project,
      currentTier: { id: "standard-tier" },
      paidTier: { id: "g1-pro-tier", availableCredits: [{ creditAmount: "1200" }] },
    });
    expect(await load({ accounts: [{ ...OWNER, projectAsObject: true }] })).toMatchObject({
      cloudaicompanionProject: { id: OWNER.project },
    });
  });

  test("tells that the owner must verify", async () => {
    const validationUrl = "https://accounts.google.com/verify";
    const answered = await load({ accounts: [{ email: "e@example.test", refreshToken: TOKEN, validationUrl }] });
    expect(answered).toMatchObject({ ineligibleTiers: [{ reasonCode: "VALIDATION_REQUIRED", validationUrl }] });
    expect(answered).not.toHaveProperty("currentTier");
  });

  test.each([
    ["unknown-name", { ...ANTIGRAVITY, project: "x" }],
    ["unknown-enum-value", { metadata: { ideType: "ANTIGRAVITY", platform: "MACOS" } }],
    ["metadata-missing", {}],
  ])("%s is refused", async (rule, body) => {
    const server = await start();
    expect((await (await signIn(server)).post("loadCodeAssist", body)).status).toBe(400);
    expect(rules(server)).toEqual([rule]);
  });
});

describe("onboardUser", () => {
  const fresh = { email: "new@example.test", refreshToken: TOKEN, onboardingPolls: 2 };

  test("is a long-running operation that ends with a project", async () => {
    const server = await start({ accounts: [fresh] });
    const client = await signIn(server);
    const body = { tierId: "free-tier", ...ANTIGRAVITY };
    expect(await jsonOf(await client.post("loadCodeAssist", ANTIGRAVITY))).not.toHaveProperty(
      "cloudaicompanionProject",
    );
    const first = await jsonOf(await client.post("onboardUser", body));
    expect(first).toMatchObject({ done: false });
    const headers = { authorization: `Bearer ${client.token}` };
    expect(await jsonOf(await fetch(`${server.url}/v1internal/${String(first["name"])}`, { headers }))).toMatchObject({
      done: false,
    });
    const done = await (
      await client.post("onboardUser", { tier_id: "free-tier", metadata: { ide_type: "ANTIGRAVITY" } })
    ).json();
    expect(done).toMatchObject({ done: true, response: { cloudaicompanionProject: { id: "onboarded-project-1" } } });
    expect(await jsonOf(await client.post("loadCodeAssist", ANTIGRAVITY))).toMatchObject({
      cloudaicompanionProject: "onboarded-project-1",
    });
    expect(rules(server)).toEqual([]);
  });

  test.each([
    ["onboard-project", { tierId: "free-tier", cloudaicompanionProject: "p", ...ANTIGRAVITY }],
    ["onboard-tier", { tierId: "g1-pro-tier", ...ANTIGRAVITY }],
    ["onboard-tier", { tierId: "FREE", ...ANTIGRAVITY }],
    ["metadata-missing", { tierId: "free-tier" }],
  ])("%s is refused", async (rule, body) => {
    const server = await start({ accounts: [fresh] });
    expect((await (await signIn(server)).post("onboardUser", body)).status).toBe(400);
    expect(rules(server)).toEqual([rule]);
  });

  test("takes a project for the tier that asks for one", async () => {
    const server = await start({ accounts: [fresh] });
    const body = { tierId: "standard-tier", cloudaicompanionProject: "p", ...ANTIGRAVITY };
    expect((await (await signIn(server)).post("onboardUser", body)).status).toBe(200);
  });
});

describe("catalogue and quota", () => {
  test("shows the account's models, and true quotas only with the project", async () => {
    const quota = { [GEMINI_3]: { resetTime: "2026-08-20T15:00:00Z" } };
    const server = await start({ accounts: [{ ...OWNER, models: [GEMINI_3], quota }] });
    const client = await signIn(server);
    const withProject = await jsonOf(await client.post("fetchAvailableModels", { project: OWNER.project }));
    expect(Object.keys(Object(withProject["models"]))).toEqual([GEMINI_3, "chat_20706", "tab_flash_lite_preview"]);
    expect(withProject).toMatchObject({
      models: { [GEMINI_3]: { maxOutputTokens: 65_536, supportsThinking: true, quotaInfo: quota[GEMINI_3] } },
    });
    expect(withProject).not.toHaveProperty(["models", GEMINI_3, "quotaInfo", "remainingFraction"]);
    const without = await jsonOf(await client.post("fetchAvailableModels", {}));
    expect(without).toHaveProperty(["models", GEMINI_3, "quotaInfo", "remainingFraction"], 1);
    expect(rules(server)).toEqual([]);
  });

  test("refuses a wrong project and unknown fields", async () => {
    const server = await start();
    const client = await signIn(server);
    expect((await client.post("fetchAvailableModels", { project: "nobody" })).status).toBe(404);
    expect((await client.post("fetchAvailableModels", { metadata: {} })).status).toBe(400);
    expect((await client.post("retrieveUserQuotaSummary", { project: "" })).status).toBe(400);
    expect(rules(server)).toEqual(["project-unknown", "unknown-name", "project-missing"]);
  });

  test("sums up the windows", async () => {
    const server = await start();
    const client = await signIn(server);
    const answered = await jsonOf(await client.post("retrieveUserQuotaSummary", { project: OWNER.project }));
    expect(answered).toMatchObject({
      groups: [{ buckets: [{ window: "5h" }, { window: "weekly" }] }, { buckets: [{}, {}] }],
    });
  });

  test("fails as scripted", async () => {
    const server = await start();
    const client = await signIn(server);
    server.next(httpAnswer(500, {}), { method: "fetchAvailableModels" });
    expect((await client.post("fetchAvailableModels", {})).status).toBe(500);
    expect((await client.post("fetchAvailableModels", {})).status).toBe(200);
  });
});
