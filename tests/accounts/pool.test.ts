import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { FailureKind } from "../../src/core/errors.ts";
import { openStore } from "../../src/store/open-store.ts";
import { settle } from "../support/clock.ts";
import { removeTemporaryHomes, temporaryHome } from "../support/temporary.ts";
import { failure, limit, MINUTE, MODEL, NO_ABORT, poolOver, poolWorld, SECOND } from "./support.ts";

afterAll(removeTemporaryHomes);

describe("the pool", () => {
  test("takes accounts in turn for new conversations, also within one millisecond", async () => {
    const { requests } = await poolWorld(3);
    expect(await requests(5)).toBe("a1 a2 a3 a1 a2");
  });

  test("counts what is in flight, and a lease released twice counts once", async () => {
    const { leaseFor, viewOf } = await poolWorld(1);
    const first = await leaseFor("A");
    const second = await leaseFor("B");
    expect(viewOf("a1")?.inFlight).toBe(2);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(viewOf("a1")?.inFlight).toBe(1);
    second[Symbol.dispose]();
    expect(viewOf("a1")?.inFlight).toBe(0);
  });

  test("keeps a limited account off that model until the stated time, and on for others", async () => {
    const { request, requests, clock, viewOf } = await poolWorld(2);
    const now = clock.now();
    await request("A", { outcome: limit(10 * SECOND) });
    expect(await requests(2)).toBe("a2 a2");
    expect(await request("B", { model: "claude-y" })).toBe("a1");
    expect(viewOf("a1")?.cooldowns).toEqual(
      new Map([[MODEL, { kind: "rate-limited", until: now + 10 * SECOND, since: now, evidence: "429" }]]),
    );
    await clock.advance(10 * SECOND);
    expect(viewOf("a1")?.cooldowns.size).toBe(0);
    expect(await requests(2)).toBe("a2 a1");
  });

  test("punishes nobody for what no account is to blame for, nor on a refusal without evidence", async () => {
    const { request, requests, pool } = await poolWorld(2);
    const blameless: FailureKind[] = [
      "overloaded",
      "unavailable",
      "invalid-request",
      "cancelled",
      "internal",
      "deadline",
    ];
    for (const kind of blameless) await request("A", { outcome: failure(kind, { retryAfterMs: MINUTE }) });
    await request("A", { outcome: failure("rate-limited", { upstreamStatus: 429 }) });
    expect(pool.views().map(({ cooldowns }) => cooldowns.size)).toEqual([0, 0]);
    expect((await requests(2)).split(" ").toSorted()).toEqual(["a1", "a2"]);
  });

  test("an answer clears the failure memory of its account and model only", async () => {
    const { request, clock, viewOf } = await poolWorld(1);
    const outcome = failure("rate-limited", { upstreamReason: "RATE_LIMIT_EXCEEDED" });
    const restOf = (model: string) => (viewOf("a1")?.cooldowns.get(model)?.until ?? 0) - clock.now();
    await request("A", { outcome });
    await request("A", { outcome, model: "claude-y" });
    await clock.advance(30 * SECOND);
    await request("A");
    await request("A", { outcome });
    await request("A", { outcome, model: "claude-y" });
    expect([restOf(MODEL), restOf("claude-y")]).toEqual([30 * SECOND, MINUTE]);
  });

  test("takes an account out for good when it needs its owner, also over a restart", async () => {
    const { request, requests, accounts, clock, restart } = await poolWorld(2);
    const ownerUrl = "https://accounts.google.com/v";
    await request("A", { outcome: failure("account-unusable", { accountProblem: "needs-verification", ownerUrl }) });
    expect(await requests(2)).toBe("a2 a2");
    expect((await accounts.list())[0]?.problem).toEqual({
      type: "needs-verification",
      message: "m",
      url: ownerUrl,
      since: clock.now(),
    });
    expect(await (await restart()).requests(2)).toBe("a2 a2");
  });

  test("never takes an account that the request has given up", async () => {
    const { acquire, request } = await poolWorld(2);
    expect(await request("A", { exclude: ["a1"] })).toBe("a2");
    await expect(acquire("A", { exclude: ["a1", "a2"] })).rejects.toMatchObject({ kind: "no-account" });
  });

  test("a request that was given up before is given no account", async () => {
    const { acquire, viewOf } = await poolWorld(1);
    await expect(acquire("A", { signal: AbortSignal.abort() })).rejects.toMatchObject({ kind: "cancelled" });
    expect(viewOf("a1")?.inFlight ?? 0).toBe(0);
  });

  test("a lease renews with the credential it was given, so that a newer one is not thrown away", async () => {
    const { leaseFor, renewals, idOf } = await poolWorld(1);
    using lease = await leaseFor("A");
    const credential = await lease.credential(NO_ABORT);
    lease.renew("access-token");
    expect(renewals).toEqual([[idOf("a1"), "access-token", credential]]);
  });

  test("stores the last use at most once a minute", async () => {
    const { request, clock, accounts, pool } = await poolWorld(1);
    const start = clock.now();
    const stored = async () => {
      await pool.flush();
      return ((await accounts.list())[0]?.lastUsedAt ?? 0) - start;
    };
    await request("A");
    await clock.advance(MINUTE - 1);
    await request("A");
    expect(await stored()).toBe(0);
    await clock.advance(1);
    await request("A");
    expect(await stored()).toBe(MINUTE);
  });

  test("lists the accounts that can be asked at all, by lane", async () => {
    const { pool, accounts, idOf } = await poolWorld(0, {
      lanes: ["antigravity"],
      accounts: [
        { kind: "antigravity", secret: "1//test-1" },
        { kind: "gemini-api-key", secret: "AIza-test-2" },
      ],
    });
    expect((await pool.usableAccounts()).map(({ handle }) => handle)).toEqual(["a1"]);
    await accounts.update(idOf("a1"), { enabled: false });
    await expect(pool.usableAccounts()).rejects.toMatchObject({
      kind: "no-account",
      message:
        "No account is usable. a1 is disabled: ag accounts enable a1; a2 is not used: `lanes` does not name gemini-api-key",
    });
  });
});

describe("what other processes change", () => {
  test("is seen by the next request", async () => {
    const { requests, accounts, idOf, clock, pool } = await poolWorld(2);
    await requests(2);
    await accounts.update(idOf("a1"), { enabled: false });
    await accounts.add([{ kind: "antigravity", secret: "1//test-new" }], clock.now(), { again: false });
    expect(await requests(3)).toBe("a3 a2 a3");
    expect(pool.views().map(({ account }) => account.handle)).toEqual(["a1", "a2", "a3"]);
  });

  test("leaves limits, readings and what is in flight as they are", async () => {
    const { leaseFor, request, observe, accounts, idOf, pool, viewOf } = await poolWorld(1);
    await request("A", { outcome: limit(MINUTE), model: "claude-y" });
    observe("a1", 0.5);
    using _lease = await leaseFor("A");
    await accounts.update(idOf("a1"), { label: "renamed" });
    await pool.sync();
    const view = viewOf("a1");
    expect([view?.account.label, view?.inFlight, view?.cooldowns.has("claude-y"), view?.quota !== undefined]).toEqual([
      "renamed",
      1,
      true,
      true,
    ]);
  });

  test("brings an account back that was signed in again", async () => {
    const { request, requests, accounts, idOf, pool } = await poolWorld(1);
    await request("A", { outcome: failure("account-unusable", { accountProblem: "needs-login" }) });
    await pool.flush();
    await accounts.update(idOf("a1"), { secret: "1//test-later", problem: undefined });
    expect(await requests(1)).toBe("a1");
  });

  test("a problem that could not be written counts all the same, and is written once that can be", async () => {
    const { isDown, lease, store, pool, first } = await brokenStore();
    lease.fail(failure("account-unusable", { accountProblem: "terms-block" }));
    lease[Symbol.dispose]();
    await pool.flush();
    await store.accounts.update(lease.accountId, { label: "elsewhere" });
    await pool.sync();
    expect([first()?.label, first()?.problem?.type]).toEqual(["elsewhere", "terms-block"]);
    isDown(false);
    await store.accounts.update(lease.accountId, { label: "again" });
    await pool.sync();
    await pool.flush();
    expect((await store.accounts.list())[0]?.problem?.type).toBe("terms-block");
  });

  test("a problem that could not be written is void after a new sign-in", async () => {
    const { lease, store, pool, first } = await brokenStore();
    lease.fail(failure("account-unusable", { accountProblem: "needs-login" }));
    await pool.flush();
    await store.accounts.update(lease.accountId, { secret: "1//test-later" });
    await pool.sync();
    expect(first()?.problem).toBeUndefined();
  });

  test("a problem on its way to the store is not lost to a rotated refresh token", async () => {
    const { leaseFor, accounts, pool, viewOf } = await poolWorld(1);
    using lease = await leaseFor("A");
    await accounts.update(lease.accountId, { secret: "1//test-rotated" });
    lease.fail(failure("account-unusable", { accountProblem: "terms-block" }));
    await pool.sync();
    expect(viewOf("a1")?.account.problem?.type).toBe("terms-block");
    await pool.flush();
    expect((await accounts.list())[0]?.problem?.type).toBe("terms-block");
  });

  test("serves on from memory while the store is out of reach", async () => {
    const { store, clock, queryOf } = await poolWorld(1);
    const stored = await store.accounts.list();
    let isDown = false;
    const guard = <T>(value: T): Promise<T> => (isDown ? Promise.reject(new Error("disk")) : Promise.resolve(value));
    const pool = poolOver({
      accounts: {
        list: () => guard(stored),
        update: () => guard(undefined),
        version() {
          if (isDown) throw new Error("disk");
          return 1;
        },
      },
      limits: { load: () => guard([]), save: () => guard(undefined) },
      sessions: { load: () => guard([]), remember: () => {}, prune: () => guard(undefined) },
      clock,
      credentials: {
        get: async (accountId) => ({ kind: "gemini-api-key", accountId, apiKey: "AIza-test" }),
        renew: () => {},
      },
    });
    isDown = true;
    await expect(pool.sync()).rejects.toThrow("disk"); // nothing was ever read
    isDown = false;
    await pool.sync();
    isDown = true;
    const offer = await pool.acquire(queryOf("A", MODEL, []), NO_ABORT);
    if (offer.type !== "lease") throw new Error("limited");
    expect(await offer.lease.credential(NO_ABORT)).toMatchObject({ apiKey: "AIza-test" });
    offer.lease.fail(failure("account-unusable", { accountProblem: "needs-login" }));
    await settle();
    expect(pool.views()[0]?.account.problem?.type).toBe("needs-login");
  });
});

test("two processes over one file: what one changes, the other one's next request sees", async () => {
  const path = join(temporaryHome(), "ag.db");
  const [server, commandLine] = [openStore(path), openStore(path)];
  try {
    const { request, leaseFor, idOf, pool, clock } = await poolWorld(2, { store: server });
    expect(await request("A")).toBe("a1");
    using lease = await leaseFor("A");
    await commandLine.accounts.update(idOf("a1"), { enabled: false });
    await expect(lease.credential(NO_ABORT)).rejects.toMatchObject({ kind: "account-unusable" });
    await expect(pool.credential(idOf("a1"), NO_ABORT)).rejects.toMatchObject({ kind: "account-unusable" });
    expect(await request("A")).toBe("a2");
    await commandLine.accounts.remove(idOf("a2"), clock.now());
    await expect(leaseFor("A")).rejects.toMatchObject({
      kind: "no-account",
      message: "No account is usable. a1 is disabled: ag accounts enable a1",
    });
    await pool.flush();
    expect((await commandLine.accounts.list()).map(({ handle }) => handle)).toEqual(["a1"]);
  } finally {
    await Promise.all([server.close(), commandLine.close()]);
  }
});

describe("a lease's credential", () => {
  test("is refused from the moment on that another process has disabled or removed the account", async () => {
    for (const change of ["disable", "remove"] as const) {
      const { leaseFor, accounts, idOf, clock } = await poolWorld(2);
      using lease = await leaseFor("A");
      await lease.credential(NO_ABORT);
      if (change === "disable") await accounts.update(lease.accountId, { enabled: false });
      else await accounts.remove(idOf(lease.handle), clock.now());
      const refusal = await lease.credential(NO_ABORT).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ kind: "account-unusable", detail: {} });
    }
  });

  test("is refused when that happens while the access token is being refreshed", async () => {
    const { pool, accounts, idOf, store, clock, queryOf } = await poolWorld(1);
    await pool.sync();
    const { promise: refreshed, resolve } = Promise.withResolvers<void>();
    const slow = poolOver({
      accounts,
      limits: store.limits,
      sessions: store.sessions,
      clock,
      credentials: {
        get: async (accountId) => {
          await refreshed;
          return { kind: "antigravity", accountId, accessToken: "ya29.test", projectId: "p" };
        },
        renew: () => {},
      },
    });
    const offer = await slow.acquire(queryOf("A", MODEL, []), NO_ABORT);
    if (offer.type !== "lease") throw new Error("limited");
    const outcome = offer.lease.credential(NO_ABORT).catch((error: unknown) => error);
    await settle();
    await accounts.update(idOf("a1"), { enabled: false });
    resolve();
    expect(await outcome).toMatchObject({ kind: "account-unusable", message: "a1 is disabled: ag accounts enable a1" });
  });

  test("that was refused so is held against no account", async () => {
    const { leaseFor, accounts, viewOf, pool } = await poolWorld(1);
    const lease = await leaseFor("A");
    await accounts.update(lease.accountId, { enabled: false });
    const refusal = await lease.credential(NO_ABORT).catch((error: unknown) => error);
    lease.fail(refusal as ReturnType<typeof failure>);
    lease[Symbol.dispose]();
    await pool.flush();
    expect([viewOf("a1")?.account.problem, viewOf("a1")?.cooldowns.size]).toEqual([undefined, 0]);
  });
});

/** A pool whose store takes no changes, with one lease. */
async function brokenStore() {
  const { store, clock, queryOf } = await poolWorld(2);
  let isDown = true;
  const { list, version, update } = store.accounts;
  const pool = poolOver({
    accounts: {
      list,
      version,
      update: (...change) => (isDown ? Promise.reject(new Error("disk full")) : update(...change)),
    },
    limits: store.limits,
    sessions: store.sessions,
    clock,
    credentials: { get: () => Promise.reject(new Error("not asked")), renew: () => {} },
  });
  const offer = await pool.acquire(queryOf("A", MODEL, []), NO_ABORT);
  if (offer.type !== "lease") throw new Error("limited");
  return {
    store,
    pool,
    lease: offer.lease,
    isDown: (value: boolean) => (isDown = value),
    first: () => pool.views()[0]?.account,
  };
}
