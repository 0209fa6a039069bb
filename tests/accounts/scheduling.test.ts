import { describe, expect, test } from "bun:test";
import type { Lease, Offer } from "../../src/core/accounts.ts";
import { createPauses } from "../../src/accounts/pauses.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { exhausted, failure, HOUR, limit, MINUTE, MODEL, NO_ABORT, poolWorld, SECOND } from "./support.ts";

const DAY = 24 * HOUR;
const OTHER = "claude-y";

describe("a conversation", () => {
  test("stays on its account for ten turns while others are free, and two at once have one each", async () => {
    const { leaseFor } = await poolWorld(3);
    const handles = { A: new Set<string>(), B: new Set<string>() };
    for (let turn = 0; turn < 10; turn++) {
      const leases = [await leaseFor("A"), await leaseFor("B")] as const;
      handles.A.add(leases[0].handle);
      handles.B.add(leases[1].handle);
      expect(leases.map(({ bound }) => bound)).toEqual([turn > 0, turn > 0]);
      for (const lease of leases) {
        lease.succeed();
        lease[Symbol.dispose]();
      }
    }
    expect([handles.A, handles.B]).toEqual([new Set(["a1"]), new Set(["a2"])]);
  });

  test("has no account before one has answered, but its first requests run together", async () => {
    const { leaseFor } = await poolWorld(3);
    const first = await leaseFor("A");
    const second = await leaseFor("A");
    expect([first.handle, second.handle, second.bound]).toEqual(["a1", "a1", false]);
    first.fail(failure("unavailable"));
    for (const lease of [first, second]) lease[Symbol.dispose]();
    expect((await leaseFor("A")).handle).toBe("a2");
  });

  test("is served on another model by the account it has, and is bound there only by an answer", async () => {
    const { request, leaseFor } = await poolWorld(3);
    await request("A");
    using lease = await leaseFor("A", { model: OTHER });
    expect([lease.handle, lease.bound]).toEqual(["a1", false]);
  });

  test("that rests longer than the idle time is free to take another account", async () => {
    const { request, clock } = await poolWorld(2);
    await request("A");
    await request("B");
    await request("A");
    await clock.advance(HOUR - 1);
    expect(await request("A")).toBe("a1");
    await clock.advance(HOUR);
    expect(await request("A")).toBe("a2");
  });

  test("keeps its account over a restart, until it is idle", async () => {
    const { request, restart, clock, store } = await poolWorld(3);
    await request("A");
    await request("B");
    await clock.advance(HOUR / 2);
    const second = await restart();
    expect(await second.request("B")).toBe("a2");
    using lease = await second.leaseFor("A");
    expect([lease.handle, lease.bound]).toEqual(["a1", true]);
    expect((await store.sessions.load(0)).every(({ session }) => session.startsWith("#"))).toBe(true);
    await clock.advance(HOUR / 2);
    const third = await restart();
    expect((await third.leaseFor("A")).bound).toBe(false);
  });

  test("is told when its account rests, and is bound to the account that answers instead", async () => {
    const { request, acquire } = await poolWorld(2);
    await request("A");
    await request("A", { outcome: limit(10 * MINUTE) });
    expect(await acquire("A")).toMatchObject({
      type: "limited",
      bound: { restMs: 10 * MINUTE },
      others: { free: 1 },
      error: { kind: "rate-limited", detail: { retryAfterMs: 10 * MINUTE } },
    });
    expect(await request("A", { exclude: ["a1"] })).toBe("a2");
    expect(await request("A")).toBe("a2");
  });

  test("spills over when it fills its account, and is bound to it all the same", async () => {
    const { request, leaseFor } = await poolWorld(2);
    await request("A");
    const leases: Lease[] = [];
    for (let number = 0; number < 6; number++) leases.push(await leaseFor("A"));
    expect(leases.map(({ handle }) => handle).join(" ")).toBe("a1 a1 a1 a1 a2 a2");
    for (const lease of leases) {
      lease.succeed();
      lease[Symbol.dispose]();
    }
    expect(await request("A")).toBe("a1");
  });

  test("waits five seconds for its account when others fill it, then moves", async () => {
    const { request, leaseFor, clock } = await poolWorld(2);
    await request("A");
    for (let number = 0; number < 4; number++) await leaseFor("B", { exclude: ["a2"] });
    let moved: Lease | undefined;
    void leaseFor("A").then((lease) => (moved = lease));
    await clock.advance(5 * SECOND - 1);
    expect(moved).toBeUndefined();
    await clock.advance(1);
    expect([moved?.handle, moved?.bound]).toEqual(["a2", false]);
    moved?.succeed();
    moved?.[Symbol.dispose]();
    expect(await request("A")).toBe("a2");
  });

  test("takes the slot on its account that becomes free meanwhile", async () => {
    const { request, leaseFor } = await poolWorld(2);
    await request("A");
    const [blocker] = await Promise.all([1, 2, 3, 4].map(() => leaseFor("B", { exclude: ["a2"] })));
    const waiting = leaseFor("A");
    blocker?.[Symbol.dispose]();
    expect((await waiting).handle).toBe("a1");
  });
});

describe("the strategies", () => {
  test("round-robin takes turns, least-used the quietest, whatever a conversation had", async () => {
    const robin = await poolWorld(3, { strategy: "round-robin" });
    const handles: string[] = [];
    for (let turn = 0; turn < 4; turn++) handles.push(await robin.request("A"));
    expect(handles.join(" ")).toBe("a1 a2 a3 a1");

    const least = await poolWorld(2, { strategy: "least-used" });
    using _first = await least.leaseFor("A");
    expect([await least.request("A"), await least.request("A")]).toEqual(["a2", "a2"]);
  });

  test("without sticky ones no conversation has an account of its own, whose limits it would wait for", async () => {
    for (const strategy of ["round-robin", "least-used"] as const) {
      const { request, leaseFor, acquire } = await poolWorld(1, { strategy });
      await request("A");
      using lease = await leaseFor("A");
      lease.fail(limit(MINUTE));
      expect([lease.bound, "bound" in (await acquire("A"))]).toEqual([false, false]);
    }
  });
});

describe("slots", () => {
  test("forty requests at once: never more than the cap in flight, nobody refused, all served in turn", async () => {
    const { leaseFor, pool } = await poolWorld(2);
    const mostInFlight = new Map<string, number>();
    const servedAt = new Map<string, number[]>();
    const open: Lease[] = [];
    let round = 0;
    const names = Array.from({ length: 40 }, (_, index) => (index < 31 ? "greedy" : `modest-${index}`));
    const all = names.map(async (name) => {
      const lease = await leaseFor(name);
      servedAt.set(name, [...(servedAt.get(name) ?? []), round]);
      for (const { account, inFlight } of pool.views()) {
        mostInFlight.set(account.handle, Math.max(mostInFlight.get(account.handle) ?? 0, inFlight));
      }
      open.push(lease);
    });
    for (let served = 0; served < names.length; round++) {
      await settle();
      for (const lease of open.splice(0)) {
        served++;
        lease.succeed();
        lease[Symbol.dispose]();
      }
    }
    await Promise.all(all);
    expect([...mostInFlight]).toEqual([
      ["a1", 4],
      ["a2", 4],
    ]);
    const lastRounds = [...servedAt.values()].map((rounds) => rounds[0] ?? Infinity).toSorted((a, b) => a - b);
    const median = lastRounds[5] ?? 0;
    expect(Math.max(...lastRounds)).toBeLessThanOrEqual(2 * Math.max(median, 1));
    expect(servedAt.get("greedy")).toHaveLength(31);
    expect(pool.views().map(({ inFlight, cooldowns }) => [inFlight, cooldowns.size])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test("a full queue refuses at once and cools nobody", async () => {
    const { leaseFor, acquire, pool } = await poolWorld(1, { maxConcurrentPerAccount: 1, maxQueued: 1 });
    using _running = await leaseFor("A");
    void acquire("B");
    await settle();
    await expect(acquire("C")).rejects.toMatchObject({ kind: "rate-limited", detail: { retryAfterMs: 2 * SECOND } });
    expect(pool.views()[0]?.cooldowns.size).toBe(0);
  });

  test("a conversation takes another account at once when the queue has no room to wait for its own", async () => {
    const { request, leaseFor, acquire } = await poolWorld(2, { maxConcurrentPerAccount: 1, maxQueued: 0 });
    await request("A");
    using _running = await leaseFor("B", { exclude: ["a2"] });
    using lease = await leaseFor("A");
    expect([lease.handle, lease.bound]).toEqual(["a2", false]);
    await expect(acquire("C")).rejects.toMatchObject({ kind: "rate-limited" });
  });

  test("who hangs up while waiting takes nothing along, not even in the moment of being served", async () => {
    const { leaseFor, acquire, viewOf, clock } = await poolWorld(1, { maxConcurrentPerAccount: 1 });
    const running = await leaseFor("A");
    const early = new AbortController();
    const late = new AbortController();
    const outcomes = [early, late].map(({ signal }) => acquire("B", { signal }).catch((error: unknown) => error));
    await settle();
    early.abort();
    running[Symbol.dispose]();
    late.abort();
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatchObject({ kind: "cancelled" });
    expect([viewOf("a1")?.inFlight, clock.sleeping()]).toEqual([0, []]);
  });

  test("who waits gets the account that another process adds, and leaves the one that it removes", async () => {
    const { leaseFor, accounts, idOf, clock } = await poolWorld(1, { maxConcurrentPerAccount: 1 });
    const running = await leaseFor("A");
    const waiting = [leaseFor("B"), leaseFor("C")];
    await accounts.add([{ kind: "antigravity", secret: "1//test-new" }], clock.now(), { again: false });
    await clock.advance(10 * SECOND);
    expect((await waiting[0])?.handle).toBe("a2");
    await accounts.remove(idOf("a1"), clock.now());
    running[Symbol.dispose]();
    (await waiting[0])?.[Symbol.dispose]();
    expect((await waiting[1])?.handle).toBe("a2");
  });

  test("who waits is told when nobody is left, and when everybody has become limited", async () => {
    const { leaseFor, acquire, accounts, idOf } = await poolWorld(1, { maxConcurrentPerAccount: 1 });
    const running = await leaseFor("A");
    const limited = acquire("B");
    await settle();
    running.fail(limit(10 * MINUTE));
    running[Symbol.dispose]();
    expect(await limited).toMatchObject({ type: "limited", error: { detail: { retryAfterMs: 10 * MINUTE } } });
    const other = await leaseFor("A", { model: OTHER });
    const refused = acquire("B", { model: OTHER }).catch((error: unknown) => error);
    await settle();
    await accounts.update(idOf("a1"), { enabled: false });
    other[Symbol.dispose]();
    expect(await refused).toMatchObject({ kind: "no-account" });
  });

  test("who waits gets an account whose limit ends, before a slot becomes free", async () => {
    const { leaseFor, request, clock } = await poolWorld(2, { maxConcurrentPerAccount: 1 });
    await request("A", { outcome: limit(3 * SECOND) });
    using _running = await leaseFor("B");
    let served: string | undefined;
    void leaseFor("C").then(({ handle }) => (served = handle));
    await clock.advance(3 * SECOND - 1);
    expect(served).toBeUndefined();
    await clock.advance(1);
    expect(served).toBe("a1");
  });
});

describe("limits", () => {
  test("are kept to the stated end, per model and over a restart, and end early when a reading shows room", async () => {
    const first = await poolWorld(2);
    await first.request("A", { outcome: exhausted(108 * HOUR) });
    const { clock } = first;
    let world = first;
    for (const passed of [MINUTE, 30 * SECOND, 6 * HOUR]) {
      await clock.advance(passed);
      world = await world.restart();
      expect(await world.requests(2)).toBe("a2 a2");
      expect(await world.request(`other-${passed}`, { model: OTHER, exclude: ["a2"] })).toBe("a1");
    }
    expect(world.viewOf("a1")?.cooldowns.get(MODEL)?.evidence).toBe("429 QUOTA_EXHAUSTED");
    world.observe("a1", 1);
    expect((await world.requests(2)).split(" ").toSorted()).toEqual(["a1", "a2"]);
    const next = await world.restart();
    expect((await next.requests(2)).split(" ").toSorted()).toEqual(["a1", "a2"]);
  });

  test("a reading is believed once: a refusal that follows stands until an answer has come", async () => {
    const { request, observe, viewOf, clock } = await poolWorld(1);
    const isResting = () => viewOf("a1")?.cooldowns.has(MODEL);
    const seen: unknown[] = [];
    for (let round = 0; round < 2; round++) {
      await request(`A${round}`, { outcome: exhausted(HOUR) });
      await clock.advance(MINUTE);
      observe("a1", 1);
      seen.push(isResting());
    }
    await clock.advance(HOUR);
    await request("B");
    await request("B", { outcome: exhausted(HOUR) });
    await clock.advance(MINUTE);
    observe("a1", 1);
    expect([...seen, isResting()]).toEqual([false, true, false]);
  });

  test("a reading says nothing about short limits, nor an older one about anything", async () => {
    const { request, observe, viewOf, clock, pool, idOf } = await poolWorld(1);
    await request("A", { outcome: limit(HOUR) });
    await clock.advance(MINUTE);
    observe("a1", 1);
    expect(viewOf("a1")?.cooldowns.get(MODEL)?.kind).toBe("rate-limited");
    pool.observe(idOf("a1"), { readAt: clock.now() - 1, models: new Map(), buckets: [] });
    expect(viewOf("a1")?.quota?.models.size).toBe(1);
  });

  test("a used-up window in a reading is a limit with its evidence", async () => {
    const { acquire, observe, viewOf, clock } = await poolWorld(1);
    await acquire("A");
    observe("a1", 1, {
      id: "3p-weekly",
      covers: "others",
      window: "weekly",
      group: "Others",
      remainingFraction: 0,
      resetAt: clock.now() + 3 * DAY,
    });
    expect(viewOf("a1")?.cooldowns.get(MODEL)).toMatchObject({ evidence: "quota reading: weekly window used up" });
    expect(await acquire("A")).toMatchObject({
      type: "limited",
      error: { kind: "quota-exhausted", detail: { retryAfterMs: 3 * DAY } },
    });
    await clock.advance(3 * DAY);
    expect((await acquire("A")).type).toBe("lease");
  });

  test("an account that does not list the model is never asked for it", async () => {
    const { observe, requests, request, acquire, pool, idOf, clock } = await poolWorld(2);
    await pool.sync();
    pool.observe(idOf("a1"), { readAt: clock.now(), models: new Map([[OTHER, undefined]]), buckets: [] });
    expect(await requests(2)).toBe("a2 a2");
    observe("a2", 0.5);
    expect(await request("A", { model: OTHER })).toBe("a1");
    await expect(acquire("A", { model: "claude-z" })).rejects.toMatchObject({ kind: "model-missing" });
  });

  test("what an owner reserves is left alone by new conversations, and used up by those under way", async () => {
    const { request, requests, observe, acquire, clock } = await poolWorld(2, {
      reserveOf: ({ handle }) => (handle === "a1" ? 0.2 : 0),
    });
    expect(await request("A")).toBe("a1");
    const resetAt = clock.now() + HOUR;
    observe("a1", { remainingFraction: 0.2, resetAt });
    observe("a2", 0.01);
    expect(await requests(2)).toBe("a2 a2");
    expect(await request("A")).toBe("a1");
    expect(await acquire("B", { exclude: ["a2"] })).toMatchObject({
      type: "limited",
      error: { kind: "quota-exhausted", message: expect.stringContaining("reserve: the model's quota at 20 %") },
    });
    observe("a1", { remainingFraction: 0, resetAt });
    expect(await acquire("A")).toMatchObject({ type: "limited", bound: { restMs: HOUR } });
  });

  test("of everybody: fifty requests are told the soonest reset, nothing is forgotten", async () => {
    const { request, acquire, pool, clock } = await poolWorld(3);
    for (const minutes of [10, 11, 12]) await request(`A${minutes}`, { outcome: exhausted(minutes * MINUTE) });
    await clock.advance(MINUTE);
    const offers = await Promise.all(Array.from({ length: 50 }, (_, index) => acquire(`new-${index}`)));
    const isExpected = (offer: Offer) => offer.type === "limited" && offer.error.detail.retryAfterMs === 9 * MINUTE;
    expect(offers.every(isExpected)).toBe(true);
    expect(pool.views().map(({ cooldowns, inFlight }) => [cooldowns.size, inFlight])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
  });
});

describe("a pause", () => {
  test("lasts a little longer than asked, and ends when its request does", async () => {
    const { pool, clock } = await poolWorld(1);
    const start = clock.now();
    let endedAfter: number | undefined;
    void pool.pause(30 * SECOND, NO_ABORT).then(() => (endedAfter = clock.now() - start));
    await clock.advance(MINUTE);
    expect(endedAfter).toBe(30_750);

    const leaving = new AbortController();
    const gone = pool.pause(MINUTE, leaving.signal).catch((error: unknown) => error);
    leaving.abort();
    expect(await gone).toMatchObject({ kind: "cancelled" });
    expect(clock.sleeping()).toEqual([]);
  });

  test("costs the same however many there are: one timer, and one look a second for what others have changed", async () => {
    const clock = fakeClock();
    let looks = 0;
    const look = async () => void looks++;
    const pauses = createPauses({ clock, random: () => 0.5, look });
    const ends: number[] = [];
    const start = clock.now();
    const all = Array.from({ length: 1_000 }, async (_, index) => {
      await pauses.pause(index < 500 ? 10 * SECOND : 20 * SECOND, NO_ABORT);
      ends.push(clock.now() - start);
    });
    await settle();
    expect(clock.sleeping()).toHaveLength(1);
    await clock.advance(MINUTE);
    await Promise.all(all);
    expect([...new Set(ends)]).toEqual([10_750, 20_750]);
    expect(looks).toBeLessThan(25);
    expect(clock.sleeping()).toEqual([]);
  });

  test("that is shorter than those under way ends in time", async () => {
    const { pool, clock } = await poolWorld(1);
    const ended: string[] = [];
    void pool.pause(HOUR, NO_ABORT).then(() => ended.push("long"));
    await clock.advance(SECOND / 2);
    void pool.pause(0, NO_ABORT).then(() => ended.push("short"));
    await clock.advance(750);
    expect(ended).toEqual(["short"]);
    await clock.advance(2 * HOUR);
    expect(ended).toEqual(["short", "long"]);
  });

  test("ends early when an account goes that may have been waited for", async () => {
    const { pool, clock, leaseFor, accounts, idOf } = await poolWorld(3);
    const pause = () => {
      const state = { isOver: false };
      void pool.pause(HOUR, NO_ABORT).then(() => (state.isOver = true));
      return state;
    };
    using running = await leaseFor("A");
    const disabled = pause();
    await accounts.update(idOf("a3"), { enabled: false });
    await clock.advance(SECOND);
    expect(disabled.isOver).toBe(true);

    const removed = pause();
    await accounts.remove(idOf("a2"), clock.now());
    await clock.advance(SECOND);
    expect(removed.isOver).toBe(true);

    const blocked = pause();
    running.fail(failure("account-unusable", { accountProblem: "needs-verification" }));
    await clock.advance(0);
    expect(blocked.isOver).toBe(true);
  });

  test("ends early when a limit is lifted, an account is added or enabled, and not for other news", async () => {
    const { pool, clock, request, observe, accounts, idOf } = await poolWorld(2);
    const pause = () => {
      const state = { isOver: false };
      void pool.pause(HOUR, NO_ABORT).then(() => (state.isOver = true));
      return state;
    };
    await request("A", { outcome: exhausted(HOUR) });
    const lifted = pause();
    await accounts.update(idOf("a2"), { label: "news" });
    observe("a2", 0.5);
    await clock.advance(SECOND);
    expect(lifted.isOver).toBe(false);
    observe("a1", 1);
    await clock.advance(0);
    expect(lifted.isOver).toBe(true);

    const added = pause();
    await accounts.add([{ kind: "antigravity", secret: "1//test-new" }], clock.now(), { again: false });
    await clock.advance(SECOND);
    expect(added.isOver).toBe(true);

    await accounts.update(idOf("a1"), { enabled: false });
    await pool.sync();
    const enabled = pause();
    await clock.advance(SECOND);
    expect(enabled.isOver).toBe(false);
    await accounts.update(idOf("a1"), { enabled: true });
    await clock.advance(SECOND);
    expect(enabled.isOver).toBe(true);
  });
});

describe("an account that is gone", () => {
  test("does not come back by what its last requests have learned", async () => {
    const { leaseFor, accounts, idOf, clock, pool, restart, store } = await poolWorld(2);
    const lease = await leaseFor("A");
    await accounts.remove(idOf("a1"), clock.now());
    await pool.sync();
    lease.fail(failure("account-unusable", { accountProblem: "needs-login" }));
    lease.fail(exhausted(HOUR));
    lease.succeed();
    lease[Symbol.dispose]();
    const next = await restart();
    await next.pool.sync();
    expect(next.pool.views().map(({ account }) => account.handle)).toEqual(["a2"]);
    expect([await store.limits.load(), await store.sessions.load(0)]).toEqual([[], []]);
    expect(await next.request("A")).toBe("a2");
  });

  test("is not used by anybody when it was disabled under load", async () => {
    const { leaseFor, accounts, idOf, pool } = await poolWorld(2, { maxConcurrentPerAccount: 2 });
    const running = await Promise.all(["A", "B", "C", "D"].map((name) => leaseFor(name)));
    const waiting = ["A", "B", "C", "D"].map((name) => leaseFor(name));
    await settle();
    await accounts.update(idOf("a1"), { enabled: false });
    const served: string[] = [];
    for (const lease of running) lease[Symbol.dispose]();
    for (const one of waiting) {
      const lease = await one;
      await lease.credential(NO_ABORT);
      served.push(lease.handle);
      lease[Symbol.dispose]();
    }
    expect(served).toEqual(["a2", "a2", "a2", "a2"]);
    expect(pool.views().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });
});

test("alternatives tell what others have for a request", async () => {
  const { pool, request, queryOf } = await poolWorld(3);
  await request("A", { outcome: limit(10 * SECOND) });
  expect(pool.alternatives(queryOf("B", MODEL, ["a2"]))).toEqual({
    free: 1,
    soonestMs: 10 * SECOND,
    soonest: { handle: "a1", evidence: "429" },
  });
});
