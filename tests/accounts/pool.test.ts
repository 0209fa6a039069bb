import { describe, expect, test } from "bun:test";
import type { Credentials } from "../../src/accounts/credentials.ts";
import { createPool } from "../../src/accounts/pool.ts";
import { type FailureDetail, type FailureKind, GatewayError } from "../../src/core/errors.ts";
import { openStore } from "../../src/store/open-store.ts";
import { fakeClock, settle } from "../support/clock.ts";

const MINUTE = 60_000;
const NO_ABORT = new AbortController().signal;
const failure = (kind: FailureKind, detail: FailureDetail = {}) => new GatewayError(kind, "m", detail);

/** A pool over a real store; credentials only keep a log. */
async function world(size: number) {
  const clock = fakeClock();
  const { accounts } = openStore(":memory:");
  const fresh = Array.from({ length: size }, (_, index) => ({ refreshToken: `1//test-${index + 1}` }));
  const { added } = await accounts.add(fresh, clock.now());
  const log: unknown[] = [];
  const credentials: Credentials = {
    get: async (accountId) => ({ accountId, accessToken: "ya29.test", projectId: "project" }),
    renew: (...renewal) => log.push(renewal),
  };
  const updates: string[][] = [];
  const watched = {
    ...accounts,
    update: (id: string, change: object) => {
      updates.push([id, ...Object.keys(change)]);
      return accounts.update(id, change);
    },
  };
  const pool = createPool({ accounts: watched, credentials, clock });
  const acquire = (model = "model-x", ...exclude: string[]) =>
    pool.acquire({ model, conversationKey: "c", exclude: new Set(exclude) }, NO_ABORT);
  /** One whole request; the handle it ran on. */
  const request = async (outcome?: GatewayError, model = "model-x") => {
    using lease = await acquire(model);
    if (outcome) lease.fail(outcome);
    else lease.succeed();
    return lease.handle;
  };
  const requests = async (count: number) => {
    const handles: string[] = [];
    for (let number = 0; number < count; number++) handles.push(await request());
    return handles.join(" ");
  };
  return { clock, accounts, added, pool, acquire, request, requests, log, updates };
}

describe("the pool", () => {
  test("takes accounts in turn, also within one millisecond", async () => {
    const { requests } = await world(3);
    expect(await requests(5)).toBe("a1 a2 a3 a1 a2");
  });

  test("counts what is in flight, and a lease released twice counts once", async () => {
    const { acquire, pool } = await world(1);
    const first = await acquire();
    const second = await acquire();
    expect(pool.views().map(({ inFlight }) => inFlight)).toEqual([2]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(pool.views().map(({ inFlight }) => inFlight)).toEqual([1]);
    second[Symbol.dispose]();
    expect(pool.views().map(({ inFlight }) => inFlight)).toEqual([0]);
  });

  test("keeps a limited account off that model until the stated time, and on for others", async () => {
    const { request, requests, clock, pool, added } = await world(2);
    await request(failure("rate-limited", { retryAfterMs: 10_000, upstreamStatus: 429 }));
    expect(await requests(2)).toBe("a2 a2");
    expect(await request(undefined, "model-y")).toBe("a1");
    expect(pool.views().find(({ account }) => account.id === added[0]!.id)?.cooldowns).toEqual(
      new Map([["model-x", { kind: "rate-limited", until: clock.now() + 10_000, evidence: "429" }]]),
    );
    await clock.advance(10_000);
    expect(await requests(2)).toBe("a2 a1");
  });

  test("refuses with the soonest reset when all are limited, and calls nobody", async () => {
    const { request, acquire, clock } = await world(2);
    await request(failure("quota-exhausted", { retryAfterMs: 10 * MINUTE }));
    await request(failure("quota-exhausted", { retryAfterMs: 20 * MINUTE }));
    await clock.advance(MINUTE);
    await expect(acquire()).rejects.toMatchObject({ kind: "quota-exhausted", detail: { retryAfterMs: 9 * MINUTE } });
  });

  test("punishes nobody for what no account is to blame for", async () => {
    const { request, requests, updates } = await world(2);
    const blameless: FailureKind[] = [
      "overloaded",
      "unavailable",
      "invalid-request",
      "cancelled",
      "internal",
      "deadline",
    ];
    for (const kind of blameless) await request(failure(kind, { retryAfterMs: 60_000 }));
    expect(await requests(2)).toBe("a1 a2");
    expect(updates.flatMap(([, ...fields]) => fields)).toEqual(["lastUsedAt", "lastUsedAt"]);
  });

  test("a success clears the failure memory of its account and model only", async () => {
    const { request, clock, pool } = await world(1);
    const limited = failure("rate-limited");
    const restOf = (model: string) => (pool.views()[0]?.cooldowns.get(model)?.until ?? 0) - clock.now();
    await request(limited);
    await request(limited, "model-y");
    await clock.advance(30_000);
    await request();
    await request(limited);
    await request(limited, "model-y");
    expect([restOf("model-x"), restOf("model-y")]).toEqual([30_000, 60_000]);
  });

  test("takes an account out for good when it needs its owner, also over a restart", async () => {
    const { request, requests, accounts, clock } = await world(2);
    const ownerUrl = "https://accounts.google.com/v";
    await request(failure("account-unusable", { accountProblem: "needs-verification", ownerUrl }));
    expect(await requests(2)).toBe("a2 a2");
    expect((await accounts.list())[0]?.problem).toEqual({
      type: "needs-verification",
      message: "m",
      url: ownerUrl,
      since: clock.now(),
    });
    const restarted = createPool({ accounts, clock, credentials: { get: () => Promise.reject(), renew: () => {} } });
    using lease = await restarted.acquire({ model: "model-x", conversationKey: "c", exclude: new Set() }, NO_ABORT);
    expect(lease.handle).toBe("a2");
  });

  test("names what the owner must do when no account is left", async () => {
    const { request, acquire } = await world(1);
    const ownerUrl = "https://accounts.google.com/v";
    await request(failure("account-unusable", { accountProblem: "needs-verification", ownerUrl }));
    await expect(acquire()).rejects.toMatchObject({
      kind: "no-account",
      message: `No account is usable. a1 needs verification by its owner: open ${ownerUrl}, then import it again`,
    });
  });

  test("never takes an account that was tried for this request", async () => {
    const { acquire, added } = await world(2);
    const [first, second] = added.map(({ id }) => id);
    using lease = await acquire("model-x", first!);
    expect(lease.handle).toBe("a2");
    await expect(acquire("model-x", first!, second!)).rejects.toMatchObject({ kind: "no-account" });
  });

  test("sees within a second what another process changed, and not by asking for each request", async () => {
    const { requests, accounts, added, clock, pool, acquire } = await world(2);
    await requests(2);
    await accounts.update(added[0]!.id, { enabled: false });
    await accounts.add([{ refreshToken: "1//test-new" }], clock.now());
    expect(await requests(2)).toBe("a1 a2");
    await clock.advance(1_000);
    expect(await requests(4)).toBe("a3 a2 a3 a2");
    expect(pool.views().map(({ account }) => account.handle)).toEqual(["a1", "a2", "a3"]);
    await accounts.update(added[1]!.id, { enabled: false });
    await clock.advance(1_000);
    await pool.sync();
    using lease = await acquire();
    expect(lease.handle).toBe("a3");
  });

  test("an account keeps its limits and its requests in flight when the store is read again", async () => {
    const { acquire, request, accounts, added, clock, pool } = await world(1);
    await request(failure("rate-limited", { retryAfterMs: MINUTE }), "model-y");
    using _lease = await acquire();
    await accounts.update(added[0]!.id, { label: "renamed" });
    await clock.advance(1_000);
    await pool.sync();
    const [view] = pool.views();
    expect([view?.account.label, view?.inFlight, view?.cooldowns.has("model-y")]).toEqual(["renamed", 1, true]);
  });

  test("an account that was signed in again is back", async () => {
    const { request, requests, accounts, added, clock } = await world(1);
    await request(failure("account-unusable", { accountProblem: "needs-login" }));
    await accounts.update(added[0]!.id, { problem: undefined });
    await clock.advance(1_000);
    expect(await requests(1)).toBe("a1");
  });

  test("stores the last use at most once a minute", async () => {
    const { requests, clock, updates, accounts } = await world(1);
    const start = clock.now();
    for (let round = 0; round < 12; round++) {
      await requests(3);
      await clock.advance(10_000);
    }
    expect(updates).toHaveLength(2);
    expect((await accounts.list())[0]?.lastUsedAt).toBe(start + MINUTE);
  });

  test("serves on from memory while the store is out of reach", async () => {
    const { added, clock } = await world(1);
    let isDown = false;
    const serve = <T>(value: T) => (isDown ? Promise.reject(new Error("disk")) : Promise.resolve(value));
    const credentials = { get: () => Promise.reject(), renew: () => {} };
    const accounts = { list: () => serve(added), version: () => serve(1), update: () => serve(undefined) };
    const pool = createPool({ accounts, credentials, clock });
    await pool.sync();
    isDown = true;
    await clock.advance(MINUTE);
    using lease = await pool.acquire({ model: "m", conversationKey: "c", exclude: new Set() }, NO_ABORT);
    lease.fail(failure("account-unusable", { accountProblem: "needs-login" }));
    await settle();
    expect(pool.views()[0]?.account.problem?.type).toBe("needs-login");
  });

  test("a request that was given up before is given no account", async () => {
    const { pool } = await world(1);
    const query = { model: "m", conversationKey: "c", exclude: new Set<string>() };
    await expect(pool.acquire(query, AbortSignal.abort())).rejects.toMatchObject({ kind: "cancelled" });
  });

  test("a lease renews with the credential it was given, so that a newer one is not thrown away", async () => {
    const { acquire, log, added } = await world(1);
    using lease = await acquire();
    const credential = await lease.credential(NO_ABORT);
    lease.renew("access-token");
    expect(log).toEqual([[added[0]!.id, "access-token", credential]]);
  });
});
