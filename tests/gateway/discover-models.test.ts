import { describe, expect, test } from "bun:test";
import type { AccountKind } from "../../src/core/account-kind.ts";
import { asGatewayError, GatewayError } from "../../src/core/errors.ts";
import type { DiscoveredModel, Discovery } from "../../src/core/models.ts";
import type { QuotaBucket, QuotaReading } from "../../src/core/quota.ts";
import { createModelDiscovery } from "../../src/gateway/discover-models.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { credentialOf, scriptedUpstreams } from "./support.ts";

const never = new AbortController().signal;
const list = (...ids: string[]): Discovery => ({
  models: ids.map((id) => ({ id })),
  replacedIds: Object.fromEntries(ids.map((id) => [`old-${id}`, id])),
});
const weekly = (remainingFraction: number): QuotaBucket => ({
  id: "gemini-weekly",
  window: "weekly",
  group: "Gemini",
  remainingFraction,
});

interface Scripted {
  kind?: AccountKind;
  /** What asking for its models comes to, one call after the other. */
  models: (() => Promise<Discovery>)[];
  buckets?: (() => Promise<QuotaBucket[]>)[];
}

function setup(accounts: Record<string, Scripted>, lanes: AccountKind[] = ["antigravity", "gemini-api-key"]) {
  const clock = fakeClock();
  const renewed: string[] = [];
  const readings: [string, QuotaReading][] = [];
  let lateAnswers = 0;
  const kindOf = (id: string) => accounts[id]?.kind ?? "antigravity";
  const discovery = createModelDiscovery({
    usableAccounts: async () => Object.keys(accounts).map((id) => ({ id, handle: id, kind: kindOf(id) })),
    lanes: () => lanes,
    credential: async (accountId) => credentialOf(kindOf(accountId), accountId),
    renewAccessToken: (accountId) => void renewed.push(accountId),
    upstreams: scriptedUpstreams({
      discoverModels: ({ accountId }) =>
        accounts[accountId]?.models.shift()?.() ?? Promise.reject(new Error("asked too often")),
      readBuckets: ({ accountId }) => accounts[accountId]?.buckets?.shift()?.() ?? Promise.resolve([]),
    }),
    onReading: (accountId, reading) => void readings.push([accountId, reading]),
    onLateAnswer: () => void lateAnswers++,
    clock,
  });
  return {
    clock,
    renewed,
    readings,
    lateAnswers: () => lateAnswers,
    close: discovery.close,
    run: () => discovery.discover(never),
    read: (id: string, signal = never) => discovery.readAccount(id, signal),
  };
}

const fault = (kind: GatewayError["kind"]) => () => Promise.reject(new GatewayError(kind, "x"));
const gives = (...ids: string[]) => ({ models: [async () => list(...ids)] });
const idsOf = ({ models }: Discovery) => models.map(({ id }) => id).sort();
const hangs = () => new Promise<never>(() => {});

describe("the list", () => {
  test("is the union over the accounts, each model once", async () => {
    const { run, clock } = setup({ a: gives("m1", "m2"), b: gives("m2", "m3") });
    const found = await run();
    expect(found.models.map(({ id }) => id)).toEqual(["m1", "m2", "m3"]);
    expect(found.replacedIds).toEqual({ "old-m1": "m1", "old-m2": "m2", "old-m3": "m3" });
    await settle();
    expect(clock.sleeping()).toEqual([]);
  });

  test("names the models that search for any of the accounts, in the order of the accounts, each once", async () => {
    const searching = (...webSearchIds: string[]) => ({ models: [async () => ({ ...list("m1"), webSearchIds })] });
    const { run } = setup({ a: searching("s1", "s2"), b: gives("m1"), c: searching("s3", "s1") });
    expect((await run()).webSearchIds).toEqual(["s1", "s2", "s3"]);
    expect("webSearchIds" in (await setup({ a: gives("m1") }).run())).toBe(false);
  });

  test("takes what the first lane says of a model, whoever answers first", async () => {
    const model = (contextTokens: number): DiscoveredModel => ({ id: "m", contextTokens });
    const says = (contextTokens: number, by: string) => async (): Promise<Discovery> => ({
      models: [model(contextTokens)],
      replacedIds: { old: by },
    });
    const accounts: Record<string, Scripted> = {
      key: { kind: "gemini-api-key", models: [says(1, "by-key")] },
      signIn: { kind: "antigravity", models: [says(2, "by-sign-in")] },
    };
    expect(await setup({ ...accounts }).run()).toEqual({ models: [model(2)], replacedIds: { old: "by-sign-in" } });
    accounts["key"]?.models.push(says(1, "by-key"));
    accounts["signIn"]?.models.push(says(2, "by-sign-in"));
    const reversed = setup(accounts, ["gemini-api-key", "antigravity"]);
    expect(await reversed.run()).toEqual({ models: [model(1)], replacedIds: { old: "by-key" } });
  });

  test("leaves out accounts whose lane is not used", async () => {
    const { run, readings } = setup({ a: gives("m1"), k: { kind: "gemini-api-key", ...gives("m2") } }, ["antigravity"]);
    expect(idsOf(await run())).toEqual(["m1"]);
    expect(readings.map(([id]) => id)).toEqual(["a"]);
  });

  test("loses nothing to an account that fails, which is not asked again for it", async () => {
    const failing = { models: [fault("unavailable"), async () => list("m2")] };
    const { run, lateAnswers } = setup({ a: failing, b: gives("m1") });
    expect(idsOf(await run())).toEqual(["m1"]);
    await settle();
    expect(failing.models).toHaveLength(1);
    expect(lateAnswers()).toBe(0);
  });

  test("is held up for one second only by an account that does not answer", async () => {
    const { run, clock } = setup({ a: { models: [hangs] }, b: gives("m1") });
    const running = run();
    await settle();
    expect(clock.sleeping()).toContain(1000);
    await clock.advance(1000);
    expect(idsOf(await running)).toEqual(["m1"]);
  });

  test("that an account was too late for is said to be worth asking for again, and then has its models", async () => {
    const late = Promise.withResolvers<Discovery>();
    const accounts = {
      slow: { models: [() => late.promise, hangs] },
      b: { models: [async () => list("m1"), async () => list("m1")] },
    };
    const { run, clock, readings, lateAnswers } = setup(accounts);
    const first = run();
    await clock.advance(1000);
    expect(idsOf(await first)).toEqual(["m1"]);
    expect(lateAnswers()).toBe(0);
    late.resolve(list("exclusive"));
    await settle();
    expect(lateAnswers()).toBe(1);
    expect(readings.map(([id]) => id)).toEqual(["b", "slow"]);
    const second = run();
    await clock.advance(1000);
    expect(idsOf(await second)).toEqual(["exclusive", "m1"]);
    expect(lateAnswers()).toBe(1);
  });

  test("keeps the models of an account that answered before and fails now", async () => {
    const twice = { models: [async () => list("m1"), async () => list("m1")] };
    const { run } = setup({ a: { models: [async () => list("exclusive"), fault("unavailable")] }, b: twice });
    await run();
    await settle();
    expect(idsOf(await run())).toEqual(["exclusive", "m1"]);
  });

  test("ends with the first account's failure when nobody answers", async () => {
    const { run } = setup({ a: { models: [fault("region-blocked")] }, b: { models: [fault("unavailable")] } });
    expect(await run().catch((error: unknown) => asGatewayError(error).kind)).toBe("region-blocked");
  });

  test("ends when nobody answers at all", async () => {
    const { run, clock } = setup({ a: { models: [hangs] } });
    const ended = run().catch((error: unknown) => asGatewayError(error).kind);
    await clock.advance(30_000);
    expect(await ended).toBe("unavailable");
    expect(clock.sleeping()).toEqual([]);
  });

  test("renews a rejected access token once", async () => {
    const { run, renewed } = setup({ a: { models: [fault("access-token-rejected"), async () => list("m1")] } });
    expect(idsOf(await run())).toEqual(["m1"]);
    expect(renewed).toEqual(["a"]);
  });
});

describe("quota", () => {
  test("of each account is handed on with the windows it shares", async () => {
    const models = [{ id: "m1", quota: { remainingFraction: 0.25 } }, { id: "m2" }];
    const { run, readings, clock } = setup({
      a: { models: [async () => ({ models, replacedIds: {} })], buckets: [async () => [weekly(0)]] },
    });
    await run();
    await settle();
    const quotas = new Map([
      ["m1", { remainingFraction: 0.25 }],
      ["m2", undefined],
    ]);
    expect(readings).toEqual([["a", { readAt: clock.now(), models: quotas, buckets: [weekly(0)] }]]);
  });

  test("comes without windows when these cannot be read, and the list does not notice", async () => {
    const { run, readings } = setup({ a: { ...gives("m1"), buckets: [fault("unavailable")] } });
    expect(idsOf(await run())).toEqual(["m1"]);
    await settle();
    expect(readings.map(([, { buckets }]) => buckets)).toEqual([[]]);
  });

  test("waits ten seconds for slow windows, the list one", async () => {
    const { run, readings, clock } = setup({ a: { ...gives("m1"), buckets: [hangs] } });
    const listed = run();
    await clock.advance(1_000);
    expect(idsOf(await listed)).toEqual(["m1"]);
    expect(readings).toEqual([]);
    await clock.advance(9_000);
    expect(readings.map(([id]) => id)).toEqual(["a"]);
  });

  test("keeps the windows last read when they cannot be read again: a used-up week must not look like room", async () => {
    const { run, readings } = setup({
      a: {
        models: [async () => list("m1"), async () => list("m1")],
        buckets: [async () => [weekly(0)], fault("unavailable")],
      },
    });
    await run();
    await settle();
    await run();
    await settle();
    expect(readings.map(([, { buckets }]) => buckets)).toEqual([[weekly(0)], [weekly(0)]]);
  });
});

describe("one account", () => {
  test("is read whether or not it is in the list, and its quota handed on", async () => {
    const { read, readings } = setup({ k: { kind: "gemini-api-key", ...gives("m1") } }, ["antigravity"]);
    const { discovery, reading } = await read("k");
    expect(idsOf(discovery)).toEqual(["m1"]);
    expect([...reading.models.keys()]).toEqual(["m1"]);
    expect(readings).toEqual([["k", reading]]);
  });

  test("has a rejected access token renewed once, and fails when that does not help", async () => {
    const rejected = fault("access-token-rejected");
    const { read, renewed } = setup({ a: { models: [rejected, rejected] } });
    expect(await read("a").catch((error: unknown) => asGatewayError(error).kind)).toBe("access-token-rejected");
    expect(renewed).toEqual(["a"]);
  });

  test("that is being asked is not asked twice", async () => {
    const answer = Promise.withResolvers<Discovery>();
    const { run, read } = setup({ a: { models: [() => answer.promise] } });
    const both = Promise.all([run(), read("a")]);
    await settle();
    answer.resolve(list("m1"));
    const [found, { discovery }] = await both;
    expect([idsOf(found), idsOf(discovery)]).toEqual([["m1"], ["m1"]]);
  });

  test("is let go of by a caller that leaves, and its answer still counts", async () => {
    const answer = Promise.withResolvers<Discovery>();
    const { read, readings } = setup({ a: { models: [() => answer.promise] } });
    const leaving = new AbortController();
    const left = read("a", leaving.signal).catch((error: unknown) => asGatewayError(error).kind);
    leaving.abort();
    expect(await left).toBe("cancelled");
    answer.resolve(list("m1"));
    await settle();
    expect(readings.map(([id]) => id)).toEqual(["a"]);
  });
});

test("closing ends what is under way, and nothing is handed on afterwards", async () => {
  const answer = Promise.withResolvers<Discovery>();
  const { run, read, close, clock, readings } = setup({
    a: { models: [() => answer.promise] },
    b: { ...gives("m1"), buckets: [hangs] },
  });
  const listed = run();
  const reading = read("b");
  await settle();
  close();
  await clock.advance(1000);
  expect(idsOf(await listed)).toEqual(["m1"]);
  await reading;
  answer.resolve(list("m2"));
  await settle();
  expect(readings).toEqual([]);
  expect(clock.sleeping()).toEqual([]);
});
