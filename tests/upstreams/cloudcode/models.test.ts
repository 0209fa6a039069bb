import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/core/errors.ts";
import type { Discovery } from "../../../src/core/models.ts";
import { createCloudCode } from "../../../src/upstreams/cloudcode/index.ts";
import { eagerClock, PAUSE_LIMIT_MS } from "../../support/clock.ts";
import { errorBody, errorInfo } from "../../support/google-error.ts";
import { type Answer, scriptedServer } from "../../support/scripted-server.ts";

const CREDENTIAL = {
  kind: "antigravity",
  accountId: "account-1",
  accessToken: "ya29.test-token",
  projectId: "sample-project-a1b2c",
} as const;

async function discover(...answers: Answer[]) {
  await using server = scriptedServer(...answers);
  const cloudcode = createCloudCode({
    fetch: (url, options) => fetch(url, options),
    hosts: { generate: [server.url], load: ["http://127.0.0.1:1"] },
    userAgent: "antigravity/2.9.1 linux/amd64",
    clock: eagerClock(undefined, PAUSE_LIMIT_MS),
    log: () => {},
    newUuid: () => "uuid",
    newCallId: () => "call",
  });
  let discovery: Discovery | undefined;
  let error: GatewayError | undefined;
  try {
    discovery = await cloudcode.discoverModels(CREDENTIAL, new AbortController().signal);
  } catch (cause) {
    error = cause as GatewayError;
  }
  return {
    discovery,
    error,
    calls: server.calls.map(({ path, body }) => ({ path, body: JSON.parse(body) as unknown })),
  };
}

const denied = () =>
  new Response(errorBody(403, "PERMISSION_DENIED", "The caller does not have permission"), { status: 403 });

test("the catalogue is asked for with the project and read with its quota", async () => {
  const { discovery, calls } = await discover(
    Response.json({
      models: {
        "gemini-3-flash": {
          displayName: "Gemini 3 Flash",
          maxTokens: 1_048_576,
          maxOutputTokens: 65_536,
          supportsImages: true,
          supportsThinking: true,
          thinkingBudget: 10_000,
          supportedMimeTypes: { "image/png": true, "application/pdf": true, "video/mp4": false },
          quotaInfo: { remainingFraction: 0.82, resetTime: "2026-08-20T15:00:00Z" },
        },
        chat_20706: {},
      },
      webSearchModelIds: ["gemini-3.1-flash-lite", 7, "", "gemini-2.5-flash"],
      deprecatedModelIds: { "gemini-3-pro-high": { newModelId: "gemini-pro-agent" }, odd: {}, odder: null },
    }),
  );
  expect(calls).toEqual([{ path: "/v1internal:fetchAvailableModels", body: { project: "sample-project-a1b2c" } }]);
  expect(discovery).toEqual({
    models: [
      {
        id: "gemini-3-flash",
        displayName: "Gemini 3 Flash",
        contextTokens: 1_048_576,
        maxOutputTokens: 65_536,
        supportsThinking: true,
        thinkingBudget: 10_000,
        supportedMimeTypes: ["image/png", "application/pdf"],
        quota: { remainingFraction: 0.82, resetAt: Date.parse("2026-08-20T15:00:00Z") },
      },
      { id: "chat_20706" },
    ],
    replacedIds: { "gemini-3-pro-high": "gemini-pro-agent" },
    webSearchIds: ["gemini-3.1-flash-lite", "gemini-2.5-flash"],
  });
});

describe("quota", () => {
  const ROWS: [string, unknown, unknown][] = [
    [
      "an absent fraction beside a reset time is 0: used up",
      { resetTime: "2026-08-20T15:00:00Z" },
      { remainingFraction: 0, resetAt: Date.parse("2026-08-20T15:00:00Z") },
    ],
    ["an absent fraction alone is 0 too", {}, { remainingFraction: 0 }],
    ["a fraction that is null is 0 as well", { remainingFraction: null }, { remainingFraction: 0 }],
    ["a fraction below 0 is 0", { remainingFraction: -0.1 }, { remainingFraction: 0 }],
    ["a fraction above 1 is 1", { remainingFraction: 1.5 }, { remainingFraction: 1 }],
    [
      "a reset time that is no time is left out",
      { remainingFraction: 0.5, resetTime: "soon" },
      { remainingFraction: 0.5 },
    ],
    ["no quota information is unknown, not 0", undefined, undefined],
  ];
  for (const [what, quotaInfo, expected] of ROWS) {
    test(what, async () => {
      const { discovery } = await discover(Response.json({ models: { m: { quotaInfo } } }));
      expect(discovery?.models[0]?.quota as unknown).toEqual(expected);
    });
  }
});

test("members of the wrong type cost themselves only, not the catalogue", async () => {
  const { discovery } = await discover(
    Response.json({
      models: {
        a: { displayName: 7, maxTokens: "many", quotaInfo: { remainingFraction: "full" }, supportedMimeTypes: "all" },
        b: null,
        c: {},
      },
    }),
  );
  expect(discovery?.models).toEqual([{ id: "a" }, { id: "c" }]);
});

test("a denial with the project is followed by one question without it", async () => {
  const { discovery, calls } = await discover(denied(), Response.json({ models: { m: {} } }));
  expect(discovery?.models).toEqual([{ id: "m" }]);
  expect(calls.map(({ body }) => body)).toEqual([{ project: "sample-project-a1b2c" }, {}]);
});

test("a denial of both is an error", async () => {
  expect((await discover(denied(), denied())).error?.detail.upstreamStatus).toBe(403);
});

test("an account that must be verified is not asked about twice", async () => {
  const body = errorBody(403, "PERMISSION_DENIED", "x", errorInfo("VALIDATION_REQUIRED"));
  const { error, calls } = await discover(new Response(body, { status: 403 }));
  expect(error?.detail.accountProblem).toBe("needs-verification");
  expect(calls).toHaveLength(1);
});

for (const [what, answer] of [
  ["without models", () => Response.json({})],
  ["that is not JSON", () => new Response("<html>")],
  ["that is empty", () => new Response("")],
] as const) {
  test(`an answer ${what} is a failure, never an empty catalogue`, async () => {
    const { discovery, error } = await discover(answer());
    expect(discovery).toBeUndefined();
    expect(error?.kind).toBe("unavailable");
  });
}

test("a catalogue in an array is read as the catalogue", async () => {
  expect((await discover(Response.json([{ models: { m: {} } }]))).discovery?.models).toEqual([{ id: "m" }]);
});

describe("an answer that breaks off", () => {
  /** One answer whose body ends as `fail` says. */
  async function discoverBroken(fail: (body: ReadableStreamDefaultController) => void, signal: AbortSignal) {
    const cloudcode = createCloudCode({
      fetch: async () => new Response(new ReadableStream({ pull: fail })),
      hosts: { generate: ["http://upstream.test"], load: [] },
      userAgent: "antigravity/2.9.1 linux/amd64",
      clock: eagerClock(undefined, PAUSE_LIMIT_MS),
      log: () => {},
      newUuid: () => "uuid",
      newCallId: () => "call",
    });
    return cloudcode.discoverModels(CREDENTIAL, signal);
  }

  test("is upstream's failure", async () => {
    const broken = discoverBroken((body) => body.error(new Error("broken")), new AbortController().signal);
    await expect(broken).rejects.toMatchObject({ kind: "unavailable", message: "Upstream broke off its answer" });
  });

  test("is the client's own doing when the client has gone", async () => {
    const controller = new AbortController();
    const aborted = discoverBroken((body) => {
      controller.abort();
      body.error(controller.signal.reason);
    }, controller.signal);
    await expect(aborted).rejects.toMatchObject({ kind: "cancelled" });
  });
});
