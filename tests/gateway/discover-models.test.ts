import { expect, test } from "bun:test";
import { asGatewayError, GatewayError } from "../../src/core/errors.ts";
import type { Discovery } from "../../src/core/models.ts";
import { discoverModels } from "../../src/gateway/discover-models.ts";
import { fakeClock, settle } from "../support/clock.ts";

const never = new AbortController().signal;
const list = (...ids: string[]): Discovery => ({
  models: ids.map((id) => ({ id })),
  replacedIds: Object.fromEntries(ids.map((id) => [`old-${id}`, id])),
});

/** Accounts by id, each with what asking for its models comes to, one call after the other. */
function setup(accounts: Record<string, (() => Promise<Discovery>)[]>) {
  const clock = fakeClock();
  const renewed: string[] = [];
  const deps = {
    usableAccounts: async () => Object.keys(accounts),
    credential: async (accountId: string) => ({ accountId, accessToken: "t", projectId: "p" }),
    renewAccessToken: (accountId: string) => void renewed.push(accountId),
    upstream: {
      discoverModels: ({ accountId }: { accountId: string }) =>
        accounts[accountId]?.shift()?.() ?? Promise.reject(new Error("asked too often")),
    },
    clock,
  };
  return { clock, renewed, run: () => discoverModels(deps, never) };
}

const fault = (kind: GatewayError["kind"]) => () => Promise.reject(new GatewayError(kind, "x"));
const idsOf = ({ models }: Discovery) => models.map(({ id }) => id).sort();

test("the list is the union over the accounts, each model once", async () => {
  const { run, clock } = setup({ a: [async () => list("m1", "m2")], b: [async () => list("m2", "m3")] });
  const found = await run();
  expect(idsOf(found)).toEqual(["m1", "m2", "m3"]);
  expect(found.replacedIds).toEqual({ "old-m1": "m1", "old-m2": "m2", "old-m3": "m3" });
  expect(clock.sleeping()).toEqual([]);
});

test("an account that fails takes nothing away from the others", async () => {
  const { run } = setup({ a: [fault("unavailable")], b: [async () => list("m1")] });
  expect(idsOf(await run())).toEqual(["m1"]);
});

test("an account that does not answer holds the list up for one second only", async () => {
  const { run, clock } = setup({ a: [() => new Promise(() => {})], b: [async () => list("m1")] });
  const running = run();
  await settle();
  expect(clock.sleeping()).toEqual([1000]);
  await clock.advance(1000);
  expect(idsOf(await running)).toEqual(["m1"]);
});

test("a rejected access token is renewed once", async () => {
  const { run, renewed } = setup({ a: [fault("access-token-rejected"), async () => list("m1")] });
  expect(idsOf(await run())).toEqual(["m1"]);
  expect(renewed).toEqual(["a"]);
});

test("when nobody answers, the first account's failure is told", async () => {
  const { run } = setup({ a: [fault("region-blocked")], b: [fault("unavailable")] });
  expect(await run().catch((error: unknown) => asGatewayError(error).kind)).toBe("region-blocked");
});
