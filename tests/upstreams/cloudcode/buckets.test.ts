import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { createCloudCode } from "../../../src/upstreams/cloudcode/index.ts";
import { eagerClock, PAUSE_LIMIT_MS } from "../../support/clock.ts";
import { startCloudCode } from "../../support/cloudcode/index.ts";
import { errorBody, errorInfo } from "../../support/google-error.ts";
import { type Answer, scriptedServer } from "../../support/scripted-server.ts";

function upstream(...hosts: string[]) {
  return createCloudCode({
    fetch: (url, options) => fetch(url, options),
    hosts: { generate: hosts, load: hosts },
    userAgent: "antigravity/2.9.1 linux/amd64",
    clock: eagerClock(undefined, PAUSE_LIMIT_MS),
    log: () => {},
    newUuid: () => "uuid",
    newCallId: () => "call",
  });
}

const credential = (accessToken = "ya29.test-token") =>
  ({ kind: "antigravity", accountId: "account-1", accessToken, projectId: "sample-project-a1b2c" }) as const;

async function read(answers: Answer[]) {
  await using server = scriptedServer(...answers);
  const buckets = await upstream(server.url).readBuckets(credential(), new AbortController().signal);
  return { buckets, calls: server.calls.map(({ path, body }) => ({ path, body: JSON.parse(body) as unknown })) };
}

async function failureOf(...answers: Answer[]): Promise<GatewayError> {
  try {
    await read(answers);
  } catch (cause) {
    if (cause instanceof GatewayError) return cause;
    throw cause;
  }
  throw new Error("it did not fail");
}

const one = (bucket: JsonObject, group: JsonObject = { displayName: "Gemini" }) =>
  Response.json({ groups: [{ ...group, buckets: [bucket] }] });

test("the windows are asked for with the project and read group by group", async () => {
  const answer = Response.json({
    groups: [
      {
        displayName: "Gemini",
        buckets: [
          {
            bucketId: "gemini-5h",
            window: "5h",
            remainingFraction: 0.7,
            resetTime: "2026-08-20T15:00:00Z",
            displayName: "5 hour",
          },
          {
            bucketId: "gemini-weekly",
            window: "weekly",
            remainingFraction: 0.35,
            resetTime: "2026-08-25T00:00:00Z",
          },
        ],
      },
      { displayName: "Other models", buckets: [{ bucketId: "3p-5h", window: "5h" }] },
    ],
  });
  const { buckets, calls } = await read([answer]);
  expect(calls).toEqual([{ path: "/v1internal:retrieveUserQuotaSummary", body: { project: "sample-project-a1b2c" } }]);
  expect(buckets).toEqual([
    {
      id: "gemini-5h",
      covers: "gemini",
      window: "5h",
      group: "Gemini",
      remainingFraction: 0.7,
      resetAt: Date.parse("2026-08-20T15:00:00Z"),
    },
    {
      id: "gemini-weekly",
      covers: "gemini",
      window: "weekly",
      group: "Gemini",
      remainingFraction: 0.35,
      resetAt: Date.parse("2026-08-25T00:00:00Z"),
    },
    { id: "3p-5h", covers: "others", window: "5h", group: "Other models", remainingFraction: 0 },
  ]);
});

describe("a bucket", () => {
  const ROWS: [what: string, answer: () => Response, expected: unknown][] = [
    [
      "of an unknown kind covers nobody knows what",
      () => one({ bucketId: "video-5h", remainingFraction: 1 }),
      [{ id: "video-5h", window: "5h", group: "Gemini", remainingFraction: 1 }],
    ],
    [
      "named like a member of every object covers nothing",
      () => one({ bucketId: "constructor-5h", window: "5h", remainingFraction: 1 }),
      [{ id: "constructor-5h", window: "5h", group: "Gemini", remainingFraction: 1 }],
    ],
    [
      "beyond full is full, below empty is empty",
      () =>
        Response.json({
          groups: [
            {
              buckets: [
                { bucketId: "gemini-5h", window: "5h", remainingFraction: 1.2 },
                { bucketId: "gemini-weekly", window: "weekly", remainingFraction: -1 },
              ],
            },
          ],
        }),
      [
        { id: "gemini-5h", covers: "gemini", window: "5h", group: "gemini", remainingFraction: 1 },
        { id: "gemini-weekly", covers: "gemini", window: "weekly", group: "gemini", remainingFraction: 0 },
      ],
    ],
    [
      "without a window is named by upstream's own words, else by its id",
      () =>
        Response.json({
          groups: [
            {
              buckets: [
                { bucketId: "gemini-5h", displayName: "5 hour" },
                { bucketId: "3p-two-days" },
                { bucketId: "gemini" },
              ],
            },
          ],
        }),
      [
        { id: "gemini-5h", covers: "gemini", window: "5 hour", group: "gemini", remainingFraction: 0 },
        { id: "3p-two-days", covers: "others", window: "two-days", group: "3p", remainingFraction: 0 },
        { id: "gemini", covers: "gemini", window: "gemini", group: "gemini", remainingFraction: 0 },
      ],
    ],
    [
      "with a reset time that is no time has none",
      () => one({ bucketId: "gemini-5h", window: "5h", remainingFraction: 0.5, resetTime: "soon" }),
      [{ id: "gemini-5h", covers: "gemini", window: "5h", group: "Gemini", remainingFraction: 0.5 }],
    ],
    [
      "that cannot be read is left out alone",
      () =>
        Response.json({
          groups: [
            null,
            { buckets: "many" },
            { buckets: [{ bucketId: "gemini-5h", remainingFraction: "full" }, { remainingFraction: 1 }, 7] },
            { buckets: [{ bucketId: "3p-5h", window: "5h", remainingFraction: 1 }] },
          ],
        }),
      [{ id: "3p-5h", covers: "others", window: "5h", group: "3p", remainingFraction: 1 }],
    ],
    ["is not needed", () => Response.json({}), []],
  ];
  for (const [what, answer, expected] of ROWS) {
    test(what, async () => {
      expect((await read([answer()])).buckets as unknown).toEqual(expected);
    });
  }
});

describe("a host without the method", () => {
  const ROWS: [number, string][] = [
    [404, errorBody(404, "NOT_FOUND", "Requested entity was not found.")],
    [404, "<html>Not Found</html>"],
    [405, errorBody(405, "UNIMPLEMENTED", "Request method is not supported.")],
    [501, errorBody(501, "UNIMPLEMENTED", "Operation is not implemented.")],
  ];
  for (const [status, body] of ROWS) {
    test(`has no windows: ${status} ${body.slice(0, 20)}`, async () => {
      expect((await read([new Response(body, { status })])).buckets).toEqual([]);
    });
  }

  test("is passed over for one that has it", async () => {
    await using without = scriptedServer(new Response("", { status: 404 }));
    await using having = scriptedServer(one({ bucketId: "gemini-5h", remainingFraction: 1 }));
    const buckets = await upstream(without.url, having.url).readBuckets(credential(), new AbortController().signal);
    expect(buckets.map(({ id }) => id)).toEqual(["gemini-5h"]);
  });
});

describe("a failure is told, never an empty summary", () => {
  const ROWS: [string, number, string, string][] = [
    ["a sign-in that expired", 401, errorBody(401, "UNAUTHENTICATED", "x"), "access-token-rejected"],
    ["a project that is gone", 404, errorBody(404, "NOT_FOUND", "Resource projects/x not found."), "project-rejected"],
    ["a client too old", 404, "This version of Antigravity is no longer supported.", "version-refused"],
    ["a terms block", 403, errorBody(403, "PERMISSION_DENIED", "x", errorInfo("ACCOUNT_DISABLED")), "account-unusable"],
    ["a limit", 429, errorBody(429, "RESOURCE_EXHAUSTED", "x"), "rate-limited"],
    ["trouble", 500, "", "unavailable"],
  ];
  for (const [what, status, body, kind] of ROWS) {
    test(what, async () => {
      expect((await failureOf(new Response(body, { status }))).kind as string).toBe(kind);
    });
  }

  test("an answer that is no JSON", async () => {
    expect((await failureOf(new Response("<html>"))).kind).toBe("unavailable");
  });
});

test("the strict server takes the call and its windows are read", async () => {
  const server = await startCloudCode();
  try {
    const [account] = server.world.accounts;
    if (!account) throw new Error("the world has an account");
    const { token } = server.world.issueAccessToken(account);
    const buckets = await upstream(server.url).readBuckets(credential(token), new AbortController().signal);
    expect(buckets.map(({ id }) => id)).toEqual(["gemini-5h", "gemini-weekly", "3p-5h", "3p-weekly"]);
    expect(server.refusals()).toEqual([]);
  } finally {
    await server.stop();
  }
});
