import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Store, USAGE_GROUPS, type UsageGroup } from "../../src/core/store.ts";
import { usageOf } from "../support/usage-of.ts";
import { openStore } from "../../src/store/open-store.ts";
import { record, temporaryPath } from "./support.ts";

const NOON = Date.UTC(2026, 0, 31, 12);
const DAY_MS = 86_400_000;
const used = (input: number, output: number) => ({ input, cachedInput: 1, output, thinking: 2 });
const groups = async (store: Store, by: UsageGroup, since?: string) =>
  (await store.usage.totals(by, since)).map(({ group, requests }) => [group, requests]);

const names = fc.constantFrom("one", "two", "three");
const tokens = fc.nat(100_000);
const records = fc.array(
  fc.record(
    {
      id: fc.nat(40).map((number) => `req_${number}`),
      at: fc.nat(3 * DAY_MS).map((ms) => NOON + ms),
      protocol: fc.constantFrom("anthropic" as const, undefined),
      served: names,
      account: names,
      key: names,
      outcome: fc.constantFrom("ok", "client-closed", "overloaded"),
      usage: fc.record({ input: tokens, cachedInput: tokens, output: tokens, thinking: tokens }),
    },
    { requiredKeys: ["id", "at", "protocol", "outcome"] },
  ),
  { maxLength: 60 },
);

describe("usage", () => {
  test("is counted per day, model, account and key; what has none of them counts as none", async () => {
    const store = openStore(":memory:");
    const whole = { served: "m1", account: "a1", key: "k1", usage: used(10, 5) };
    store.records.append(record("req_1", { ...whole, at: NOON }));
    store.records.append(record("req_2", { ...whole, at: NOON, account: "a2", key: "k2", usage: used(100, 50) }));
    store.records.append(record("req_3", { at: NOON + DAY_MS, outcome: "no-account", status: 503 }));
    expect(await store.usage.totals("account")).toEqual([
      { group: "a2", requests: 1, failed: 0, input: 100, cachedInput: 1, output: 50, thinking: 2 },
      { group: "a1", requests: 1, failed: 0, input: 10, cachedInput: 1, output: 5, thinking: 2 },
      { group: "", requests: 1, failed: 1, input: 0, cachedInput: 0, output: 0, thinking: 0 },
    ]);
    expect(await groups(store, "key")).toEqual([
      ["k2", 1],
      ["k1", 1],
      ["", 1],
    ]);
    expect(await groups(store, "model")).toEqual([
      ["m1", 2],
      ["", 1],
    ]);
    expect(await groups(store, "day")).toEqual([
      ["2026-01-31", 2],
      ["2026-02-01", 1],
    ]);
    await store.close();
  });

  test("is of requests for models alone; a client that left is no failure", async () => {
    const store = openStore(":memory:");
    const { protocol: _, ...other } = record("req_1", { route: "GET /healthz" });
    store.records.append(other);
    store.records.append(record("req_2", { outcome: "client-closed", status: 0, usage: used(3, 1) }));
    expect(await store.usage.totals("day")).toMatchObject([{ requests: 1, failed: 0, input: 3 }]);
    await store.close();
  });

  test("belongs to the day, in UTC, on which a request arrived, and is asked for from a day on", async () => {
    const store = openStore(":memory:");
    const midnight = Date.UTC(2026, 1, 1);
    store.records.append(record("req_1", { at: midnight - 1 }));
    store.records.append(record("req_2", { at: midnight }));
    store.records.append(record("req_3", { at: midnight + 40 * DAY_MS, served: "m" }));
    expect(await groups(store, "day")).toEqual([
      ["2026-01-31", 1],
      ["2026-02-01", 1],
      ["2026-03-13", 1],
    ]);
    expect(await groups(store, "day", "2026-02-01")).toEqual([
      ["2026-02-01", 1],
      ["2026-03-13", 1],
    ]);
    expect(await groups(store, "model", "2026-03-01")).toEqual([["m", 1]]);
    expect(await groups(store, "model", "2027-01-01")).toEqual([]);
    await store.close();
  });

  test("is the sum over all records, ids that come twice counted once, and the same after pruning and a restart", async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.nat(60), async (drawn, split) => {
        using place = temporaryPath();
        const first = openStore(place.path);
        const all = drawn.map(({ protocol, ...rest }) => {
          const { protocol: _, ...whole } = record(rest.id, rest);
          return protocol === undefined ? whole : { ...whole, protocol };
        });
        for (const one of all.slice(0, split)) first.records.append(one);
        await first.records.list({ limit: 1 });
        for (const one of all.slice(split)) first.records.append(one);
        const latest = [...new Map(all.map((one) => [one.id, one])).values()];
        for (const by of USAGE_GROUPS) {
          const totals = await first.usage.totals(by);
          expect(new Map(totals.map((total) => [total.group, total]))).toEqual(usageOf(latest, by));
        }
        const before = await first.usage.totals("model");
        await first.records.prune(NOON + 10 * DAY_MS, 0);
        await first.close();
        const second = openStore(place.path);
        expect(await second.records.list({ limit: 1 })).toEqual([]);
        expect(await second.usage.totals("model")).toEqual(before);
        await second.close();
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });

  test("stays exact beyond what four bytes hold", async () => {
    const store = openStore(":memory:");
    for (const number of [1, 2, 3]) {
      const usage = { input: 2 ** 32, cachedInput: 0, output: 2 ** 31, thinking: 0 };
      store.records.append(record(`req_${number}`, { usage }));
    }
    expect(await store.usage.totals("day")).toMatchObject([{ input: 3 * 2 ** 32, output: 3 * 2 ** 31 }]);
    await store.close();
  });
});
