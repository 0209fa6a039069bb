import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/lib/json.ts";
import { testClient } from "./client.ts";

const HOUR = 3_600_000;

describe("sign-in", () => {
  test("a refresh gives a bearer token for an hour and no new refresh token", async () => {
    const { demo } = testClient();
    const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: "1//demo-maple" });
    const response = await demo.fetch(new URL(demo.urls.token), { method: "POST", body: form });
    expect(await response.json()).toEqual({
      access_token: "ya29.demo-1-id-1",
      expires_in: 3599,
      scope: expect.stringContaining("cloud-platform"),
      token_type: "Bearer",
    });
  });

  test("an unknown refresh token is an invalid_grant", async () => {
    const { demo } = testClient();
    const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token: "1//other" });
    const response = await demo.fetch(demo.urls.token, { method: "POST", body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: "invalid_grant" });
  });

  test("userinfo names the account whose token was sent", async () => {
    const client = testClient();
    const emails: unknown[] = [];
    for (const index of client.demo.accounts.keys()) {
      const request = new Request(client.demo.urls.userinfo, {
        headers: { authorization: `Bearer ${await client.token(index)}` },
      });
      const { email } = (await (await client.demo.fetch(request)).json()) as { email: string };
      emails.push(email);
    }
    expect(emails).toEqual(client.demo.accounts.map(({ email }) => email));
    expect(emails).toEqual([
      expect.stringMatching(/@example\.com$/),
      expect.stringMatching(/@example\.com$/),
      expect.stringMatching(/@example\.com$/),
    ]);
  });

  test("an access token is refused once its hour is over", async () => {
    const client = testClient();
    const headers = { authorization: `Bearer ${await client.token()}` };
    const load = async () =>
      (
        await client.demo.fetch(`${client.demo.urls.cloudcode}/v1internal:loadCodeAssist`, {
          method: "POST",
          headers,
          body: "{}",
        })
      ).status;
    const fresh = await load();
    client.clock.advance(HOUR);
    expect([fresh, await load()]).toEqual([200, 401]);
  });
});

describe("projects", () => {
  test("the three accounts have a project as text, as an object, and none yet", async () => {
    const client = testClient();
    const shapes: string[] = [];
    for (const index of [0, 1, 2]) {
      const { body } = await client.call("loadCodeAssist", {}, index);
      shapes.push(typeof body["cloudaicompanionProject"]);
    }
    expect(shapes).toEqual(["string", "object", "undefined"]);
  });

  test("onboarding is done at once, so that nobody waits, and gives the account its project", async () => {
    const client = testClient();
    const first = await client.call("onboardUser", { tierId: "free-tier", metadata: {} }, 2);
    const loaded = await client.call("loadCodeAssist", {}, 2);
    const project = loaded.body["cloudaicompanionProject"] as string;
    expect(first.body).toMatchObject({ done: true, response: { cloudaicompanionProject: { id: project } } });
    expect(project).not.toBe("");
  });

  test("onboarding the free tier with a project is a failed precondition", async () => {
    const { status, body } = await testClient().call(
      "onboardUser",
      { tierId: "free-tier", cloudaicompanionProject: "x" },
      2,
    );
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { status: "FAILED_PRECONDITION" } });
  });
});

describe("catalogue", () => {
  const entryOf = (body: JsonObject, id: string) => (body["models"] as Record<string, JsonObject>)[id];
  const remaining = (body: JsonObject, id: string) =>
    (entryOf(body, id)?.["quotaInfo"] as { remainingFraction: number; resetTime: string } | undefined)
      ?.remainingFraction ?? 0;

  test("it lists every family, the internal ids, replaced ids and search models", async () => {
    const client = testClient();
    const { body } = await client.call("fetchAvailableModels", { project: await client.project() });
    const ids = Object.keys(body["models"] as JsonObject);
    expect(ids).toEqual(
      expect.arrayContaining([
        "claude-opus-4-6-thinking",
        "gemini-3-flash",
        "gemini-2.5-pro",
        "gpt-oss-120b-medium",
        "chat_20706",
      ]),
    );
    expect(entryOf(body, "gemini-3-flash")).toMatchObject({
      displayName: "Gemini 3 Flash",
      maxTokens: 1_048_576,
      maxOutputTokens: 65_536,
      supportsImages: true,
      supportsThinking: true,
      supportedMimeTypes: { "image/png": true, "application/pdf": true },
      quotaInfo: { remainingFraction: 0.86, resetTime: "2026-08-20T14:30:00.000Z" },
    });
    expect(body["deprecatedModelIds"]).toMatchObject({ "gemini-3-pro-high": { newModelId: "gemini-pro-agent" } });
    expect(body["webSearchModelIds"]).toEqual(["gemini-3.1-flash-lite"]);
  });

  test("an answer takes from the quota of its group on its account only, and the window refills it", async () => {
    const client = testClient();
    const read = async (account: number) =>
      (await client.call("fetchAvailableModels", { project: await client.project(account) }, account)).body;
    const before = [await read(0), await read(1)];
    await client.say("hello");
    const after = [await read(0), await read(1)];
    expect(remaining(after[0]!, "gemini-3-flash")).toBeLessThan(remaining(before[0]!, "gemini-3-flash"));
    expect(remaining(after[0]!, "claude-sonnet-4-6")).toBe(remaining(before[0]!, "claude-sonnet-4-6"));
    expect(after[1]).toEqual(before[1]!);
    client.clock.advance(5 * HOUR);
    expect(remaining(await read(0), "gemini-3-flash")).toBe(1);
  });

  test("no number of answers uses a quota up", async () => {
    const client = testClient();
    for (let count = 0; count < 400; count += 1) await client.say("hello");
    const { body } = await client.call("fetchAvailableModels", { project: await client.project() });
    expect(remaining(body, "gemini-3-flash")).toBeGreaterThan(0);
  });
});

describe("shared windows", () => {
  interface Summary {
    groups: { displayName: string; buckets: { bucketId: string; remainingFraction?: number; resetTime: string }[] }[];
  }
  const read = async (client: ReturnType<typeof testClient>, account = 0) => {
    const { body } = await client.call("retrieveUserQuotaSummary", { project: await client.project(account) }, account);
    return (body as unknown as Summary).groups.flatMap(({ buckets }) => buckets);
  };

  test("each account has a short and a long one for Gemini and for the others, as the service writes them", async () => {
    const buckets = await read(testClient());
    expect(buckets).toEqual([
      { bucketId: "gemini-5h", window: "5h", remainingFraction: 0.86, resetTime: "2026-08-20T14:30:00.000Z" },
      { bucketId: "gemini-weekly", window: "weekly", remainingFraction: 0.58, resetTime: "2026-08-25T22:30:00.000Z" },
      { bucketId: "3p-5h", window: "5h", remainingFraction: 0.64, resetTime: "2026-08-20T15:00:00.000Z" },
      { bucketId: "3p-weekly", window: "weekly", remainingFraction: 0.41, resetTime: "2026-08-26T16:30:00.000Z" },
    ] as unknown as typeof buckets);
  });

  test("an answer takes from both windows of its group, less from the long one", async () => {
    const client = testClient();
    await client.say("hello");
    const left = (await read(client)).map(({ remainingFraction }) => remainingFraction);
    expect(left).toEqual([0.8471, 0.5777, 0.64, 0.41]);
  });

  test("they refill when they are over", async () => {
    const client = testClient();
    client.clock.advance(7 * 24 * HOUR);
    expect((await read(client)).map(({ remainingFraction }) => remainingFraction)).toEqual([1, 1, 1, 1]);
    for (const { resetTime } of await read(client)) expect(Date.parse(resetTime)).toBeGreaterThan(client.clock.now());
  });

  test("scenario quota leaves nothing of the short ones, told as upstream tells it", async () => {
    const buckets = await read(testClient({ scenario: "quota" }));
    expect(buckets.map(({ remainingFraction }) => remainingFraction)).toEqual([undefined, 0.58, undefined, 0.41]);
  });

  test("another account's project is refused", async () => {
    const { status } = await testClient().call("retrieveUserQuotaSummary", { project: "demo-juniper-20b9d" }, 0);
    expect(status).toBe(404);
  });
});

describe("refusals", () => {
  const contents = [{ role: "user", parts: [{ text: "hi" }] }];
  const cases: { name: string; envelope: JsonObject; code: number; status: string; message: RegExp }[] = [
    {
      name: "an empty project",
      envelope: { project: "" },
      code: 400,
      status: "INVALID_ARGUMENT",
      message: /^Invalid project resource name projects\/$/,
    },
    {
      name: "a project nobody has",
      envelope: { project: "invented" },
      code: 404,
      status: "NOT_FOUND",
      message: /^Resource projects\/invented not found$/,
    },
    { name: "a model nobody has", envelope: { model: "gpt-4o" }, code: 404, status: "NOT_FOUND", message: /not found/ },
    {
      name: "an unknown top-level name",
      envelope: { max_tokens: 5 },
      code: 400,
      status: "INVALID_ARGUMENT",
      message: /Unknown name "max_tokens": Cannot find field/,
    },
    {
      name: "an unknown name in the request",
      envelope: { request: { contents, stream: true } },
      code: 400,
      status: "INVALID_ARGUMENT",
      message: /Unknown name "stream" at 'request'/,
    },
    {
      name: "a request without contents",
      envelope: { request: { contents: [] } },
      code: 400,
      status: "INVALID_ARGUMENT",
      message: /contents/,
    },
    {
      name: "a text that is not a text",
      envelope: { request: { contents: [{ role: "user", parts: [{ text: 5 }] }] } },
      code: 400,
      status: "INVALID_ARGUMENT",
      message: /request\.contents\.0\.parts\.0\.text/,
    },
  ];
  test.each(cases)("$name is refused with $code in Google's shape", async ({ envelope, code, status, message }) => {
    const response = await testClient().generate({ contents }, { envelope });
    expect(response.status).toBe(code);
    expect(await response.json()).toEqual({ error: { code, status, message: expect.stringMatching(message) } });
  });

  test("a request without a known bearer token is unauthenticated", async () => {
    const { demo } = testClient();
    const url = `${demo.urls.cloudcode}/v1internal:fetchAvailableModels`;
    const without = await demo.fetch(url, { method: "POST", body: "{}" });
    const wrong = await demo.fetch(url, {
      method: "POST",
      body: "{}",
      headers: { authorization: "Bearer ya29.test-wrong" },
    });
    expect([without.status, wrong.status]).toEqual([401, 401]);
    expect(await wrong.json()).toMatchObject({ error: { status: "UNAUTHENTICATED" } });
  });

  test("a body that is not JSON is an invalid argument", async () => {
    const client = testClient();
    const response = await client.demo.fetch(`${client.demo.urls.cloudcode}/v1internal:countTokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${await client.token()}` },
      body: "{oops",
    });
    expect(response.status).toBe(400);
  });

  test("countTokens answers a number and accepts nothing beside the request", async () => {
    const client = testClient();
    const counted = await client.call("countTokens", { request: { contents } });
    const refused = await client.call("countTokens", { request: { contents }, model: "gemini-3-flash" });
    expect(counted).toEqual({ status: 200, body: { totalTokens: 1 } });
    expect(refused.status).toBe(400);
  });

  test("any other address fails like a connection, without a network", async () => {
    const { demo } = testClient();
    const failures = [
      "https://oauth2.googleapis.com/token",
      `${demo.urls.cloudcode}/v1/messages`,
      "http://127.0.0.1:1/",
    ];
    for (const url of failures) await expect(demo.fetch(url, { method: "POST" })).rejects.toBeInstanceOf(TypeError);
  });

  test("an aborted call is not answered", async () => {
    const { demo } = testClient();
    const reason = new Error("gone");
    await expect(demo.fetch(demo.urls.userinfo, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
