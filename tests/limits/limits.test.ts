import { describe, expect, test } from "bun:test";
import type { AccountView } from "../../src/core/accounts.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { createLimits } from "../../src/limits/limits.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { context, NOW, view, type ViewParts } from "./support.ts";

const never = () => new AbortController().signal;

/** A pool of accounts that are read when they are asked for, unless `blocked` or `failing`. */
function setup(accounts: ViewParts[]) {
  const clock = fakeClock(NOW);
  const world = {
    clock,
    views: accounts.map(view) as AccountView[],
    asked: 0,
    blocked: undefined as Promise<void> | undefined,
    failing: new Map<string, GatewayError>(),
    outage: undefined as GatewayError | undefined,
  };
  const limits = createLimits({
    views: async () => world.views,
    async freshen() {
      world.asked++;
      await world.blocked;
      if (world.outage) throw world.outage;
      world.views = world.views.map((each) =>
        world.failing.has(each.account.id)
          ? each
          : {
              ...each,
              quota: { readAt: clock.now(), models: new Map([["m", { remainingFraction: 0.5 }]]), buckets: [] },
            },
      );
      return world.failing;
    },
    models: context,
    clock,
    patienceMs: 5_000,
  });
  const report = async () => (await limits.report(never())).accounts;
  return { world, limits, report };
}

describe("a reading", () => {
  test("is made when there is none, serves for a minute, and is made anew then", async () => {
    const { world, report } = setup([{}]);
    expect(await report()).toMatchObject([{ models: [{ id: "m", remainingFraction: 0.5 }] }]);
    await world.clock.advance(59_999);
    await report();
    expect(world.asked).toBe(1);
    await world.clock.advance(1);
    await report();
    expect(world.asked).toBe(2);
  });

  test("that the pool has had already is not made again", async () => {
    const { world, report } = setup([{ models: {}, readAt: NOW - 59_999 }]);
    await report();
    expect(world.asked).toBe(0);
  });

  test("is not made for accounts that cannot be used", async () => {
    const { world, report } = setup([{ enabled: false }]);
    await report();
    expect(world.asked).toBe(0);
  });

  test("is made once for all who ask at the same time", async () => {
    const { world, report } = setup([{}]);
    const reports = await Promise.all(Array.from({ length: 20 }, () => report()));
    expect([world.asked, new Set(reports.map((each) => JSON.stringify(each))).size]).toEqual([1, 1]);
  });

  test("of an account that was just added does not wait for the others' minute", async () => {
    const { world, report } = setup([{ id: "1" }]);
    await report();
    world.views = [...world.views, view({ id: "2", handle: "a2" })];
    await report();
    expect(world.asked).toBe(2);
  });
});

describe("when upstream is slow or down", () => {
  test("the old reading is served after five seconds, and the new one once it has come", async () => {
    const { world, report } = setup([{ models: { m: { remainingFraction: 1 } }, readAt: NOW - 600_000 }]);
    const held = Promise.withResolvers<void>();
    world.blocked = held.promise;
    const early = report();
    await world.clock.advance(5_000);
    expect(await early).toMatchObject([{ readFailure: null, models: [{ remainingFraction: 1 }] }]);
    held.resolve();
    await settle();
    expect(await report()).toMatchObject([{ models: [{ remainingFraction: 0.5 }] }]);
    expect(world.asked).toBe(1);
  });

  test("an account that fails says why, keeps its last reading, and is asked again only after a minute", async () => {
    const { world, report } = setup([
      { id: "1" },
      { id: "2", models: { m: { remainingFraction: 1 } }, readAt: NOW - 600_000 },
    ]);
    world.failing = new Map([["2", new GatewayError("unavailable", "Upstream answered 500")]]);
    const failed = { readFailure: "Upstream answered 500", models: [{ remainingFraction: 1 }] };
    expect(await report()).toMatchObject([{ readFailure: null }, failed]);
    expect(await report()).toMatchObject([{ readFailure: null }, failed]);
    expect(world.asked).toBe(1);
    world.failing = new Map();
    await world.clock.advance(60_000);
    expect(await report()).toMatchObject([
      { readFailure: null },
      { readFailure: null, models: [{ remainingFraction: 0.5 }] },
    ]);
  });

  test("an outage is every account's failure, and no failure of the report", async () => {
    const { world, report } = setup([{ id: "1" }, { id: "2" }]);
    world.outage = new GatewayError("no-account", "No OAuth client is set");
    expect(await report()).toMatchObject([
      { readFailure: "No OAuth client is set" },
      { readFailure: "No OAuth client is set" },
    ]);
  });

  test("upstream that never answers is let go of after half a minute", async () => {
    const { world, report } = setup([{}]);
    world.blocked = new Promise(() => {});
    const first = report();
    await world.clock.advance(30_000);
    await first;
    expect(await report()).toMatchObject([{ readFailure: "Reading the quota took longer than 30 s" }]);
  });

  test("a caller that leaves does not take the reading with it", async () => {
    const { world, limits, report } = setup([{}]);
    const held = Promise.withResolvers<void>();
    world.blocked = held.promise;
    const leaving = new AbortController();
    const left = limits.report(leaving.signal);
    const staying = report();
    await settle();
    leaving.abort();
    await expect(left).rejects.toMatchObject({ kind: "cancelled" });
    held.resolve();
    expect(await staying).toMatchObject([{ models: [{ remainingFraction: 0.5 }] }]);
    expect(world.asked).toBe(1);
  });
});
