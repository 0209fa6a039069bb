import { describe, expect, test } from "bun:test";
import type { UsageGroup } from "../../src/core/store.ts";
import { usageOf } from "../support/usage-of.ts";
import { faultsOf, hasRepeatedChoice } from "./support/record-checks.ts";
import { runStorm } from "./support/storm.ts";

/** Another number plays another storm; AG_STORM_SEED=n replays one that was told of. */
const SEED = Number(process.env["AG_STORM_SEED"] ?? 1);
const REQUESTS = 1_000;

const tally = (values: readonly unknown[]) => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
};

describe(`${REQUESTS} requests of every kind, clients that leave, and an upstream at random (seed ${SEED})`, async () => {
  const storm = runStorm({ seed: SEED, requests: REQUESTS });

  test("each request that reached the listener has one record", async () => {
    const { sent, records } = await storm;
    expect(records.length).toBe(REQUESTS);
    expect(new Set(records.map(({ id }) => id)).size).toBe(REQUESTS);
    const byId = new Map(records.map((record) => [record.id, record]));
    const told = sent.filter(({ requestId }) => requestId !== undefined);
    expect(told.length).toBeGreaterThan(REQUESTS * 0.8);
    for (const { number, what, status, requestId = "" } of told) {
      expect({ number, what, status: byId.get(requestId)?.status }).toEqual({ number, what, status });
    }
    // The others are told apart by their statuses; one that left may have been sent one, and not have read it.
    const known = new Set(told.map(({ requestId }) => requestId));
    const rest = records.filter(({ id }) => !known.has(id));
    expect(tally(rest.map(({ outcome, status }) => (outcome === "client-closed" ? "left" : status)))).toEqual(
      tally(
        sent.filter(({ requestId }) => requestId === undefined).map(({ hungUp, status }) => (hungUp ? "left" : status)),
      ),
    );
  }, 120_000);

  test("each record explains its final status, in one sentence, and names nothing that is not on the lists", async () => {
    const { records } = await storm;
    expect(records.flatMap(faultsOf).slice(0, 5)).toEqual([]);
  }, 120_000);

  test("what a look at the accounts has found is told when it is news", async () => {
    const { records } = await storm;
    expect(
      records.filter(hasRepeatedChoice).map(({ choices }) => choices.map(({ result }) => result).join(" ")),
    ).toEqual([]);
  }, 120_000);

  test("a client that left is told apart from everything else", async () => {
    const { sent, records } = await storm;
    const left = sent.filter(({ hungUp }) => hungUp);
    expect(left.length).toBeGreaterThan(REQUESTS * 0.03);
    expect(records.filter(({ outcome }) => outcome === "client-closed")).toHaveLength(left.length);
  }, 120_000);

  test("the storm was one: there is hardly an outcome, a reason or a wait that it does not have", async () => {
    const { records } = await storm;
    expect(Object.keys(tally(records.map(({ outcome }) => outcome))).length).toBeGreaterThan(18);
    const reasons = records.flatMap(({ choices }) =>
      choices.flatMap(({ accounts }) => accounts.map((one) => one.reason)),
    );
    expect(Object.keys(tally(reasons)).length).toBeGreaterThan(8);
    const waits = records.flatMap((record) => record.waits.map(({ source }) => source));
    expect(Object.keys(tally(waits))).toEqual(expect.arrayContaining(["slot", "back-off", "retry-pause"]));
  }, 120_000);

  test("the usage is the sum over the records, and what upstream says it has served", async () => {
    const { sent, records, usage } = await storm;
    for (const [by, totals] of Object.entries(usage)) {
      expect(new Map(totals.map((total) => [total.group, total]))).toEqual(usageOf(records, by as UsageGroup));
    }
    const byId = new Map(records.map((record) => [record.id, record]));
    const served = sent.filter((one) => one.served !== undefined && !one.hungUp);
    expect(served.length).toBeGreaterThan(REQUESTS * 0.3);
    for (const { number, served: tokens, requestId = "" } of served) {
      expect({ number, usage: byId.get(requestId)?.usage }).toEqual({ number, usage: tokens });
    }
  }, 120_000);
});
