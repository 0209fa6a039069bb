import { describe, expect, test } from "bun:test";
import { type ChaosOptions, runChaos } from "./support/chaos.ts";

/** Another number plays another storm; AG_CHAOS_SEED=n replays one that was told of. */
const given = process.env["AG_CHAOS_SEED"];
const SEEDS = given === undefined ? [1, 2, 3] : [Number(given)];

const SCHEDULINGS: readonly NonNullable<ChaosOptions["scheduling"]>[] = [
  {},
  { strategy: "round-robin", maxQueued: 2 },
  { strategy: "least-used", maxWaitMs: 0 },
];

describe("accounts, upstream, clients and time at random, all at once", () => {
  for (const scheduling of SCHEDULINGS) {
    for (const seed of SEEDS) {
      test(`seed ${seed}, ${JSON.stringify(scheduling)}: every request has its one answer, and nothing is left over`, async () => {
        const { broken, asked, calls, statuses } = await runChaos({ seed, steps: 120, scheduling });
        expect(broken).toEqual([]);
        expect([asked > 30, calls > 20, (statuses["200"] ?? 0) > 5]).toEqual([true, true, true]);
      }, 60_000);
    }
  }
});
