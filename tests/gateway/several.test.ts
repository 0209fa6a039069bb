import { expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import { newTrace, type Trace } from "../../src/core/trace.ts";
import { collectTurns, type TurnEvent } from "../../src/core/turn.ts";
import type { Batches } from "../../src/gateway/fallback.ts";
import { serveSeveral } from "../../src/gateway/several.ts";
import { plainRequest } from "../support/requests.ts";

const usage = { input: 1, cachedInput: 0, output: 1, thinking: 0 };

function saying(text: string): TurnEvent[] {
  return [
    { type: "turn-start", usage },
    { type: "block-start", index: 0, head: { kind: "text" } },
    { type: "block-delta", index: 0, text },
    { type: "block-end", index: 0 },
    { type: "turn-end", reason: "end", usage, meta: {} },
  ];
}

const requests = ["a", "b", "c"].map((model) => plainRequest({ model }));
const texts = async (batches: Batches) => (await collectTurns(batches)).map(({ blocks }) => blocks[0]?.text);

for (const order of ["together", "in-turn"] as const) {
  test(`${order}: every request is answered, in the order of the requests`, async () => {
    const batches = serveSeveral(
      { requests, order },
      async function* ({ model }) {
        yield saying(model);
      },
      newTrace("req_1", 0),
      false,
    );
    expect(await texts(batches)).toEqual(["a", "b", "c"]);
  });

  test(`${order}: the call's trace tells of all of them, and of each loss once`, async () => {
    const trace = newTrace("req_1", 0);
    trace.losses.push({ field: "user", why: "lost in parsing" });
    const batches = serveSeveral(
      { requests, order },
      async function* ({ model }, own) {
        own.attempts.push({ accountHandle: model, outcome: "ok" });
        own.accountHandle = model;
        own.servedModel = "served";
        own.losses.push({ field: "seed", why: "lost in lowering" });
        own.waitedMs += 10;
        yield saying(model);
      },
      trace,
      false,
    );
    await texts(batches);
    expect(trace.attempts.map(({ accountHandle }) => accountHandle)).toEqual(["a", "b", "c"]);
    expect(trace.losses.map(({ field }) => field)).toEqual(["user", "seed"]);
    expect(trace).toMatchObject({
      accountHandle: "a",
      servedModel: "served",
      waitedMs: order === "together" ? 10 : 30,
    });
  });
}

for (const order of ["together", "in-turn"] as const) {
  test(`${order}: choices, waits and attempts stand in the order of time; tokens are added up`, async () => {
    const trace = newTrace("req_1", 1_000);
    const batches = serveSeveral(
      { requests: requests.slice(0, 2), order },
      async function* ({ model }, own) {
        expect(own.startedAt).toBe(1_000);
        const atMs = model === "a" ? 20 : 10;
        own.choices.push({ atMs, result: "take", accounts: [{ handle: model, reason: "best" }] });
        own.waits.push({ atMs, ms: 5, source: "slot" });
        own.attempts.push({ accountHandle: model, outcome: "ok", atMs });
        own.omitted = { waits: 2 };
        own.firstEventMs = atMs + 1;
        own.usage = { input: 10, cachedInput: 4, output: 3, thinking: 1 };
        yield saying(model);
      },
      trace,
      false,
    );
    await texts(batches);
    expect(trace.choices.map(({ accounts }) => accounts[0]?.handle)).toEqual(["b", "a"]);
    expect(trace.waits.map(({ atMs }) => atMs)).toEqual([10, 20]);
    expect(trace.attempts.map(({ accountHandle }) => accountHandle)).toEqual(["b", "a"]);
    expect(trace).toMatchObject({
      firstEventMs: 11,
      omitted: { waits: 4 },
      usage: { input: 20, cachedInput: 8, output: 6, thinking: 2 },
    });
  });
}

test("in turn: what was done for the answer that fails is told too, and for one that nobody reads to its end", async () => {
  const serving = async function* ({ model }: { model: string }, own: Trace): Batches {
    own.attempts.push({ accountHandle: model, outcome: model === "b" ? "overloaded" : "ok" });
    if (model === "b") throw new GatewayError("overloaded", "no room");
    yield saying(model);
  };
  const failed = newTrace("req_1", 0);
  await texts(serveSeveral({ requests, order: "in-turn" }, serving, failed, false)).catch(() => {}); // see below
  expect(failed.attempts.map(({ accountHandle }) => accountHandle)).toEqual(["a", "b"]);
  const left = newTrace("req_1", 0);
  const only = { requests: requests.filter(({ model }) => model !== "b"), order: "in-turn" } as const;
  let turns = 0;
  for await (const _ of serveSeveral(only, serving, left, false)) if (++turns === 2) break;
  expect(left.attempts.map(({ accountHandle }) => accountHandle)).toEqual(["a", "c"]);
});

test("together: attempts on models other than the one that is named say so", async () => {
  const trace = newTrace("req_1", 0);
  const batches = serveSeveral(
    { requests, order: "together" },
    async function* ({ model }, own) {
      own.servedModel = model === "b" ? "fallback" : "asked";
      if (model === "b") own.fellBack = true;
      own.attempts.push({ accountHandle: model, outcome: "ok" });
      yield saying(model);
    },
    trace,
    false,
  );
  await texts(batches);
  expect(trace.servedModel).toBe("fallback");
  expect(trace.attempts.map(({ model }) => model)).toEqual(["asked", undefined, "asked"]);
});

const failingFor = (broken: readonly string[]) =>
  async function* ({ model }: { model: string }): Batches {
    if (broken.includes(model)) throw new GatewayError("overloaded", `no room for ${model}`);
    yield saying(model);
  };

test("together: what fails is left out and told as a loss", async () => {
  const trace = newTrace("req_1", 0);
  expect(await texts(serveSeveral({ requests, order: "together" }, failingFor(["a", "c"]), trace, false))).toEqual([
    "b",
  ]);
  expect(trace.losses).toEqual([{ field: "n", why: "2 of 3 failed: overloaded" }]);
});

test("together: when all fail, the first failure is the call's", () => {
  const batches = serveSeveral(
    { requests, order: "together" },
    failingFor(["a", "b", "c"]),
    newTrace("req_1", 0),
    false,
  );
  expect(texts(batches)).rejects.toThrow("no room for a");
});

test("together, where nothing may be lost: one that fails is the call's failure", () => {
  const batches = serveSeveral({ requests, order: "together" }, failingFor(["b"]), newTrace("req_1", 0), true);
  expect(texts(batches)).rejects.toThrow("no room for b");
});

test("together: a model that serves in place of another is named, whichever answer it gave", async () => {
  const trace = newTrace("req_1", 0);
  const batches = serveSeveral(
    { requests, order: "together" },
    async function* ({ model }, own) {
      own.servedModel = model === "b" ? "fallback" : "asked";
      if (model === "b") own.fellBack = true;
      yield saying(model);
    },
    trace,
    false,
  );
  await texts(batches);
  expect(trace).toMatchObject({ fellBack: true, servedModel: "fallback" });
});

test("in turn: the first failure ends the call", () => {
  const asked: string[] = [];
  const batches = serveSeveral(
    { requests, order: "in-turn" },
    async function* ({ model }) {
      asked.push(model);
      if (model === "b") throw new GatewayError("overloaded", "no room");
      yield saying(model);
    },
    newTrace("req_1", 0),
    false,
  );
  expect(texts(batches).finally(() => expect(asked).toEqual(["a", "b"]))).rejects.toThrow("no room");
});

test("turns are told apart wherever batches begin and end", async () => {
  const events = [...saying("one"), ...saying("two")];
  for (let size = 1; size <= events.length; size++) {
    const batches = (async function* (): Batches {
      for (let start = 0; start < events.length; start += size) yield events.slice(start, start + size);
    })();
    expect(await texts(batches)).toEqual(["one", "two"]);
  }
});
