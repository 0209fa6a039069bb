import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/core/errors.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { discoverProject } from "../../../src/upstreams/cloudcode/index.ts";
import type { DiscoveredProject } from "../../../src/upstreams/cloudcode/project.ts";
import { eagerClock, PAUSE_LIMIT_MS } from "../../support/clock.ts";
import { errorBody, errorInfo } from "../../support/google-error.ts";
import { type Answer, scriptedServer } from "../../support/scripted-server.ts";

async function discover(answers: Answer[], { fallbackProject }: { fallbackProject?: string } = {}) {
  await using server = scriptedServer(...answers);
  const clock = eagerClock(undefined, PAUSE_LIMIT_MS);
  let project: DiscoveredProject | undefined;
  let error: GatewayError | undefined;
  try {
    project = await discoverProject(
      {
        fetch: (url, options) => fetch(url, options),
        hosts: { generate: [server.url], load: [server.url] },
        userAgent: "antigravity/2.9.1 linux/amd64",
        clock,
        log: () => {},
        ...(fallbackProject !== undefined && { fallbackProject }),
      },
      "ya29.test-token",
      new AbortController().signal,
    );
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    error = cause;
  }
  const calls = server.calls.map(({ path, body }) => [path.replace("/v1internal:", ""), JSON.parse(body)] as const);
  return { project, error, calls, slept: clock.slept };
}

const FREE: JsonObject = { id: "free-tier", name: "Antigravity" };
const METADATA = { ideType: "ANTIGRAVITY" };
const json = (value: JsonValue) => Response.json(value);
const done = (response: JsonObject) => json({ name: "operations/1", done: true, response });

describe("the project of an account that has one", () => {
  for (const [what, cloudaicompanionProject] of [
    ["a text", "sample-project-a1b2c"],
    ["an object", { id: "sample-project-a1b2c", name: "Sample", projectNumber: "12345" }],
  ] as const) {
    test(`is read from ${what}, with one minimal call`, async () => {
      const { project, calls } = await discover([json({ cloudaicompanionProject, currentTier: FREE })]);
      expect(project).toEqual({ projectId: "sample-project-a1b2c", tier: "free" });
      expect(calls).toEqual([["loadCodeAssist", { metadata: METADATA }]]);
    });
  }

  const TIERS: [string, JsonObject, string | undefined][] = [
    ["paid before current", { paidTier: { id: "g1-pro-tier", name: "Google AI Pro" }, currentTier: FREE }, "pro"],
    ["ultra", { paidTier: { id: "g1-ultra-tier" } }, "ultra"],
    ["standard counts as pro", { currentTier: { id: "standard-tier", name: "Code Assist" } }, "pro"],
    [
      "the default of the allowed ones",
      { allowedTiers: [{ id: "standard-tier" }, { ...FREE, isDefault: true }] },
      "free",
    ],
    ["an unknown one by its id", { currentTier: { id: "legacy-tier" } }, "legacy-tier"],
    ["none", {}, undefined],
  ];
  for (const [what, members, tier] of TIERS) {
    test(`tier: ${what}`, async () => {
      const { project } = await discover([json({ cloudaicompanionProject: "p", ...members })]);
      expect(project).toEqual(tier === undefined ? { projectId: "p" } : { projectId: "p", tier });
    });
  }
});

describe("setting up a project", () => {
  const fresh: JsonObject = {
    cloudaicompanionProject: "",
    allowedTiers: [{ id: "standard-tier" }, { ...FREE, isDefault: true }],
  };

  test("uses the default tier, names no project on the free one, and polls until it is done", async () => {
    const { project, calls, slept } = await discover([
      json(fresh),
      json({ name: "operations/1", done: false }),
      json({ name: "operations/1" }),
      done({ cloudaicompanionProject: { id: "made-for-you" } }),
    ]);
    expect(project).toEqual({ projectId: "made-for-you", tier: "free" });
    expect(calls.slice(1)).toEqual(Array(3).fill(["onboardUser", { tierId: "free-tier", metadata: METADATA }]));
    expect(slept).toEqual([3_000, 3_000]);
  });

  const TIERS: [string, JsonObject, string][] = [
    [
      "the current tier without a default",
      { currentTier: { id: "standard-tier" }, allowedTiers: [FREE] },
      "standard-tier",
    ],
    [
      "the first allowed one, never the paid one",
      { paidTier: { id: "g1-pro-tier" }, allowedTiers: [{ id: "legacy-tier" }] },
      "legacy-tier",
    ],
    ["the free one when upstream names none", {}, "free-tier"],
  ];
  for (const [what, loaded, tierId] of TIERS) {
    test(`tier: ${what}`, async () => {
      const { calls } = await discover([json(loaded), done({ cloudaicompanionProject: "p" })]);
      expect(calls[1]?.[1]).toEqual({ tierId, metadata: METADATA });
    });
  }

  test("names the user's project only on a tier that wants one", async () => {
    const tier = { id: "standard-tier", isDefault: true, userDefinedCloudaicompanionProject: true };
    const { calls } = await discover([json({ allowedTiers: [tier] }), done({ cloudaicompanionProject: "mine" })], {
      fallbackProject: "mine",
    });
    expect(calls[1]?.[1]).toEqual({ tierId: "standard-tier", metadata: METADATA, cloudaicompanionProject: "mine" });
  });

  test("gives up after ten questions, as trouble that may pass", async () => {
    const { error, calls, slept } = await discover([
      json(fresh),
      ...Array.from({ length: 10 }, () => json({ done: false })),
    ]);
    expect(error?.kind).toBe("unavailable");
    expect(calls).toHaveLength(11);
    expect(slept).toHaveLength(9);
  });

  test("a failed operation is the account's trouble, not the client's request", async () => {
    const { error } = await discover([
      json(fresh),
      json({ done: true, error: { code: 9, message: "Precondition check failed." } }),
    ]);
    expect(error?.kind).toBe("account-unusable");
    expect(error?.detail.accountProblem).toBe("no-project");
    expect(error?.message).toContain("Precondition check failed.");
  });
});

describe("without a project", () => {
  const empty = () => [json({ allowedTiers: [{ ...FREE, isDefault: true }] }), done({})];

  test("the error says what the owner can do", async () => {
    const { error } = await discover(empty());
    expect(error?.kind).toBe("account-unusable");
    expect(error?.detail).toEqual({ accountProblem: "no-project" });
    expect(error?.message).toBe(
      "The account has no Cloud Code project: finish the set-up in the Antigravity app or set cloudcode.fallbackProject",
    );
  });

  test("Google's own reason is repeated", async () => {
    const ineligibleTiers = [{ reasonCode: "RESTRICTED_AGE", reasonMessage: "You must be 18 or older." }];
    const { error } = await discover([json({ ineligibleTiers }), done({})]);
    expect(error?.message).toEndWith("(Google says: You must be 18 or older.)");
  });

  test("a configured fallback is used and marked, so that nobody stores it", async () => {
    const { project } = await discover(empty(), { fallbackProject: "my-own-project" });
    expect(project).toEqual({ projectId: "my-own-project", tier: "free", isFallback: true });
  });
});

describe("accounts that need their owner", () => {
  const blocked = (validationUrl?: string): JsonObject => ({
    ineligibleTiers: [
      {
        reasonCode: "VALIDATION_REQUIRED",
        tierId: "standard-tier",
        ...(validationUrl !== undefined && { validationUrl }),
      },
    ],
  });

  test("an ineligible tier that asks for verification is not onboarded in a loop", async () => {
    const { error, calls } = await discover([json(blocked("https://accounts.google.com/verify?a=1"))]);
    expect(error?.kind).toBe("account-unusable");
    expect(error?.detail).toMatchObject({
      accountProblem: "needs-verification",
      ownerUrl: "https://accounts.google.com/verify?a=1",
    });
    expect(calls).toHaveLength(1);
  });

  test("a link to anywhere else is not shown", async () => {
    const { error } = await discover([json(blocked("https://accounts.example.com/verify"))]);
    expect(error?.detail.accountProblem).toBe("needs-verification");
    expect(error?.detail.ownerUrl).toBeUndefined();
  });

  test("an account with a tier is not stopped by what it is not eligible for", async () => {
    const { project } = await discover([json({ ...blocked(), currentTier: FREE, cloudaicompanionProject: "p" })]);
    expect(project?.projectId).toBe("p");
  });

  test("403 VALIDATION_REQUIRED means the same", async () => {
    const body = errorBody(403, "PERMISSION_DENIED", "x", errorInfo("VALIDATION_REQUIRED"));
    expect((await discover([new Response(body, { status: 403 })])).error?.detail.accountProblem).toBe(
      "needs-verification",
    );
  });
});

describe("failures of the lookup", () => {
  const ROWS: [string, number, string, string][] = [
    ["a refused request", 400, errorBody(400, "INVALID_ARGUMENT", "x"), "account-unusable"],
    ["a plain denial", 403, errorBody(403, "PERMISSION_DENIED", "x"), "unavailable"],
    ["a missing method", 404, errorBody(404, "NOT_FOUND", "x"), "unavailable"],
    ["a rejected token", 401, errorBody(401, "UNAUTHENTICATED", "x"), "access-token-rejected"],
    ["a server error", 500, "", "unavailable"],
  ];
  for (const [what, status, body, kind] of ROWS) {
    test(`${what} never looks like a fault of the client's request`, async () => {
      expect((await discover([new Response(body, { status })])).error?.kind as string).toBe(kind);
    });
  }

  test("a security perimeter leaves the user's own project usable", async () => {
    const body = errorBody(403, "PERMISSION_DENIED", "x", errorInfo("SECURITY_POLICY_VIOLATED"));
    const { project } = await discover([new Response(body, { status: 403 })], { fallbackProject: "mine" });
    expect(project).toEqual({ projectId: "mine", isFallback: true });
    expect((await discover([new Response(body, { status: 403 })])).error?.kind).toBe("region-blocked");
  });
});
