import { describe, expect, test } from "bun:test";
import { type VerifyDeps, verifyAccount, type VerifyOptions } from "../../src/accounts/verify.ts";
import type { Account } from "../../src/core/accounts.ts";
import { type AccountProblem, GatewayError } from "../../src/core/errors.ts";
import type { QuotaReading } from "../../src/core/quota.ts";
import type { Credential } from "../../src/core/upstream.ts";
import { fakeClock, settle } from "../support/clock.ts";

const LINK = "https://accounts.google.com/verify?test=1";
const READING: QuotaReading = {
  readAt: 0,
  models: new Map([["model-a", { remainingFraction: 0.5 }]]),
  buckets: [],
};

interface World {
  account: Partial<Account>;
  get?: GatewayError;
  rediscover?: GatewayError | { projectId: string; tier?: string; isFallback?: true };
  read?: GatewayError | "hangs";
  credential?: Credential;
  /** Happens while the probe is under way, as if by another process. */
  meanwhile?: (stored: Account) => void;
}

function problem(type: AccountProblem, url?: string): { problem: NonNullable<Account["problem"]> } {
  return { problem: { type, message: `stored ${type}`, since: 1, ...(url !== undefined && { url }) } };
}

function unusable(accountProblem: AccountProblem, ownerUrl?: string): GatewayError {
  const link = ownerUrl === undefined ? {} : { ownerUrl };
  return new GatewayError("account-unusable", `found ${accountProblem}`, { accountProblem, ...link });
}

/** One account and what its upstream says; `calls` are those that went out. */
function worldOf({ account, get, rediscover, read, credential, meanwhile }: World) {
  const calls: string[] = [];
  const clock = fakeClock();
  const stored: Account = {
    id: "id-1",
    handle: "a1",
    kind: "antigravity",
    secret: "1//test-refresh-token",
    projectId: "project-1",
    tier: "free",
    enabled: true,
    addedAt: 0,
    ...account,
  };
  const deps: VerifyDeps = {
    accounts: {
      list: async () => [{ ...stored }],
      async update(id, change) {
        if (id !== stored.id) return;
        for (const [key, value] of Object.entries(change)) {
          if (value === undefined) Reflect.deleteProperty(stored, key);
          else Object.assign(stored, { [key]: value });
        }
      },
      async endTermsBlock(id) {
        if (id === stored.id && stored.problem?.type === "terms-block") delete stored.problem;
      },
    },
    credentials: {
      async get(accountId) {
        calls.push("token");
        if (get) throw get;
        return credential ?? { kind: "antigravity", accountId, accessToken: "ya29.test-1", projectId: "project-1" };
      },
      renew: (_, what) => void calls.push(`renew ${what}`),
    },
    async rediscoverProject() {
      calls.push("project");
      if (rediscover instanceof GatewayError) throw rediscover;
      return rediscover ?? { projectId: "project-1", tier: "free" };
    },
    async readAccount() {
      calls.push("reading");
      meanwhile?.(stored);
      if (read === "hangs") return new Promise(() => {});
      if (read) throw read;
      return { reading: READING };
    },
    clock,
  };
  const verify = (signal = new AbortController().signal, options?: VerifyOptions) =>
    verifyAccount({ ...stored }, deps, signal, options);
  return { calls, clock, stored, verify };
}

const ONE_PROBE = ["renew access-token", "token", "project", "reading"];

test("an account in order is asked once for token, project and reading, and is ready", async () => {
  const { calls, verify } = worldOf({ account: {} });
  const { result } = await verify();
  expect(result).toEqual({ type: "ready", reading: READING });
  expect(calls).toEqual(ONE_PROBE);
});

describe("a stored problem that one probe shows to be over is cleared", () => {
  for (const type of ["needs-login", "needs-verification", "no-project", "key-rejected"] as const) {
    test(type, async () => {
      const { calls, stored, verify } = worldOf({ account: problem(type, LINK) });
      const { account, result } = await verify();
      expect(result).toEqual({ type: "ready", reading: READING, ended: type });
      expect(account.problem).toBeUndefined();
      expect(stored.problem).toBeUndefined();
      expect(calls).toEqual(ONE_PROBE);
    });
  }
});

describe("a terms block whose appeal was granted, as its owner says,", () => {
  const granted = { isAppealGranted: true };

  test("is over when Google answers", async () => {
    const { calls, stored, verify } = worldOf({ account: problem("terms-block", LINK) });
    const { account, result } = await verify(undefined, granted);
    expect(result).toEqual({ type: "ready", reading: READING, ended: "terms-block" });
    expect(calls).toEqual(ONE_PROBE);
    expect([account.problem, stored.problem]).toEqual([undefined, undefined]);
  });

  for (const type of ["terms-block", "needs-login", "needs-verification"] as const) {
    test(`stands when Google says ${type}`, async () => {
      const { stored, verify } = worldOf({ account: problem("terms-block", LINK), read: unusable(type) });
      expect((await verify(undefined, granted)).result).toEqual({ type: "needs-owner" });
      expect(stored.problem).toEqual(problem("terms-block", LINK).problem);
    });
  }

  test("stands when Google cannot be reached", async () => {
    const read = new GatewayError("unavailable", "x");
    const { stored, verify } = worldOf({ account: problem("terms-block"), read });
    expect((await verify(undefined, granted)).result.type).toBe("failed");
    expect(stored.problem?.type).toBe("terms-block");
  });

  test("is there again when the server has met another one meanwhile", async () => {
    const { stored, verify } = worldOf({
      account: problem("terms-block"),
      meanwhile: (account) => Object.assign(account, { problem: { ...account.problem, since: Infinity } }),
    });
    expect((await verify(undefined, granted)).result).toEqual({ type: "needs-owner" });
    expect(stored.problem?.type).toBe("terms-block");
  });

  test("is not asked about while the account is disabled", async () => {
    const { calls, verify } = worldOf({ account: { ...problem("terms-block"), enabled: false } });
    expect((await verify(undefined, granted)).result).toEqual({ type: "not-asked", because: "disabled" });
    expect(calls).toEqual([]);
  });
});

test("a terms block is never asked about and never cleared", async () => {
  const { calls, stored, verify } = worldOf({ account: problem("terms-block", LINK) });
  expect((await verify()).result).toEqual({ type: "not-asked", because: "terms-block" });
  expect(calls).toEqual([]);
  expect(stored.problem?.type).toBe("terms-block");
});

test("a disabled account gets no call", async () => {
  const { calls, verify } = worldOf({ account: { enabled: false, ...problem("needs-login") } });
  expect((await verify()).result).toEqual({ type: "not-asked", because: "disabled" });
  expect(calls).toEqual([]);
});

describe("a problem is stored with its link at the first call that shows it, and no further call goes out", () => {
  const rows: [name: string, world: Omit<World, "account">, type: AccountProblem, calls: number][] = [
    ["a dead sign-in", { get: unusable("needs-login") }, "needs-login", 2],
    ["a verification", { rediscover: unusable("needs-verification", LINK) }, "needs-verification", 3],
    ["a verification at the reading", { read: unusable("needs-verification", LINK) }, "needs-verification", 4],
    ["a terms block", { read: unusable("terms-block", LINK) }, "terms-block", 4],
    ["no project", { rediscover: unusable("no-project") }, "no-project", 3],
  ];
  for (const [name, world, type, count] of rows) {
    test(name, async () => {
      const { calls, clock, stored, verify } = worldOf({ account: {}, ...world });
      const { account, result } = await verify();
      expect(result).toEqual({ type: "needs-owner" });
      const url = [world.get, world.rediscover, world.read].some((e) => e instanceof GatewayError && e.detail.ownerUrl);
      expect(account.problem).toEqual({
        type,
        message: `found ${type}`,
        since: clock.now(),
        ...(url && { url: LINK }),
      });
      expect(stored.problem).toEqual(account.problem);
      expect(calls).toEqual(ONE_PROBE.slice(0, count));
    });
  }
});

test("a problem that goes on keeps its beginning, and its link until there is a newer one", async () => {
  const old = problem("needs-verification", "https://accounts.google.com/old");
  const same = worldOf({ account: old, rediscover: unusable("needs-verification") });
  await same.verify();
  expect(same.stored.problem).toMatchObject({ since: 1, url: "https://accounts.google.com/old" });
  const newer = worldOf({ account: old, rediscover: unusable("needs-verification", LINK) });
  await newer.verify();
  expect(newer.stored.problem).toMatchObject({ since: 1, url: LINK });
});

describe("trouble that is not the account's changes nothing in the store", () => {
  const errors = [
    new GatewayError("unavailable", "The token endpoint cannot be reached"),
    new GatewayError("no-account", "No OAuth client is configured", { missing: "oauth-client" }),
    new GatewayError("account-unusable", "The account was removed"),
    new GatewayError("region-blocked", "Not in this country"),
  ];
  for (const error of errors) {
    test(error.message, async () => {
      const { stored, verify } = worldOf({ account: problem("needs-verification", LINK), get: error });
      expect((await verify()).result).toEqual({ type: "failed", error });
      expect(stored.problem).toEqual(problem("needs-verification", LINK).problem);
    });
  }
});

describe("what another process finds meanwhile stays", () => {
  test("a terms block, although the probe went well", async () => {
    const { stored, verify } = worldOf({
      account: problem("needs-verification"),
      meanwhile: (account) => Object.assign(account, problem("terms-block")),
    });
    expect((await verify()).result).toEqual({ type: "needs-owner" });
    expect(stored.problem?.type).toBe("terms-block");
  });

  test("a terms block, although the probe met something else", async () => {
    const { stored, verify } = worldOf({
      account: {},
      read: unusable("needs-verification"),
      meanwhile: (account) => Object.assign(account, problem("terms-block")),
    });
    await verify();
    expect(stored.problem?.type).toBe("terms-block");
  });

  test("a problem that began after the probe did", async () => {
    const { clock, stored, verify } = worldOf({
      account: {},
      meanwhile: (account) =>
        Object.assign(account, { problem: { type: "needs-login", message: "later", since: clock.now() + 1 } }),
    });
    expect((await verify()).result).toEqual({ type: "needs-owner" });
    expect(stored.problem?.type).toBe("needs-login");
  });
});

describe("the project", () => {
  test("that has changed is stored with the tier before it is used", async () => {
    const { calls, stored, verify } = worldOf({ account: {}, rediscover: { projectId: "project-2", tier: "pro" } });
    await verify();
    expect(stored).toMatchObject({ projectId: "project-2", tier: "pro" });
    expect(calls).toEqual(["renew access-token", "token", "project", "renew project", "reading"]);
  });

  test("that is only the configured fallback is not stored", async () => {
    const { calls, stored, verify } = worldOf({ account: {}, rediscover: { projectId: "mine", isFallback: true } });
    await verify();
    expect(stored).toMatchObject({ projectId: "project-1", tier: "free" });
    expect(calls).toEqual(ONE_PROBE);
  });

  test("of an account that had none is asked for only once", async () => {
    const { calls, stored, verify } = worldOf({ account: {} });
    delete stored.projectId;
    expect((await verify()).result.type).toBe("ready");
    expect(calls).toEqual(["renew access-token", "token", "reading"]);
  });

  test("is no matter of an API key", async () => {
    const credential: Credential = { kind: "gemini-api-key", accountId: "id-1", apiKey: "AIza-test" };
    const { calls, verify } = worldOf({ account: { kind: "gemini-api-key" }, credential });
    await verify();
    expect(calls).toEqual(["renew access-token", "token", "reading"]);
  });
});

test("an upstream that hangs ends the probe after a time", async () => {
  const { clock, verify } = worldOf({ account: {}, read: "hangs" });
  const pending = verify();
  await settle();
  await clock.advance(30_000);
  expect((await pending).result).toMatchObject({ type: "failed", error: { kind: "unavailable" } });
});

test("who gives up does not wait for a hanging upstream", async () => {
  const abort = new AbortController();
  const { stored, verify } = worldOf({ account: {}, read: "hangs" });
  const pending = verify(abort.signal).catch((error: unknown) => error);
  await settle();
  abort.abort();
  expect(await pending).toMatchObject({ kind: "cancelled" });
  expect(stored.problem).toBeUndefined();
});
