import { describe, expect, test } from "bun:test";
import { untilAborted } from "../../src/core/abort.ts";
import { asGatewayError, type GatewayError } from "../../src/core/errors.ts";
import type { ParsedCall } from "../../src/core/protocol.ts";
import { newTrace } from "../../src/core/trace.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import { createBackOff } from "../../src/gateway/back-off.ts";
import { run, type RunDeps } from "../../src/gateway/run.ts";
import { createSignatureMemory } from "../../src/gateway/signatures.ts";
import { fakeClock, type FakeClock } from "../support/clock.ts";
import { claudeProfile, plainRequest } from "../support/requests.ts";
import { fault, limited, type ScriptedAccount, scriptedPool, scriptedUpstreams } from "./support.ts";

const batch: TurnEvent[] = [
  { type: "turn-start", usage: { input: 1, cachedInput: 0, output: 0, thinking: 0 } },
  { type: "block-start", index: 0, head: { kind: "text" } },
];
const delta: TurnEvent[] = [{ type: "block-delta", index: 0, text: "x" }];

/** Ends with the signal and not before. */
const stall = (signal: AbortSignal) => untilAborted(new Promise<never>(() => {}), signal);

type Stream = (signal: AbortSignal, clock: FakeClock, model: string) => AsyncIterable<readonly TurnEvent[]>;

const silent: Stream = async function* (signal) {
  yield await stall(signal);
};

interface Options {
  stream?: Stream;
  accounts?: ScriptedAccount[];
  whole?: boolean;
  over?: Partial<RunDeps>;
  patience?: Partial<RunDeps["patience"]>;
  /** How long the client takes to read each batch. */
  readMs?: number;
}

/** Runs a request to its end, a second at a time, and says how and when it ended. */
async function outcome({ stream = silent, accounts = [{ id: "a" }, { id: "b" }], ...options }: Options) {
  const clock = fakeClock();
  const abort = new AbortController();
  const trace = newTrace("req_1", clock.now());
  const log: string[] = [];
  const call: ParsedCall = {
    request: plainRequest(),
    stream: options.whole !== true,
    losses: [],
    fieldName: (name) => name,
    reply: { stream: () => ({ push: () => "", fail: () => "", keepAlive: () => "" }), whole: () => ({}) },
  };
  const deps: RunDeps = {
    pool: scriptedPool(accounts, log, clock),
    upstreams: scriptedUpstreams({
      async *stream({ model }, { accountId }, signal) {
        log.push(`ask ${accountId}`);
        yield* stream(signal, clock, model.id);
      },
    }),
    clock,
    backOff: createBackOff(clock),
    signatures: createSignatureMemory({
      store: { remember: () => {}, find: async () => new Map(), prune: async () => {} },
      clock,
      hash: (text) => text,
      indexEntries: 10,
      heldCharacters: 1_000,
    }),
    patience: { firstMs: 120_000, idleMs: 300_000, totalMs: 3_600_000, ...options.patience },
    hash: (text) => text,
    inlineMedia: async (request) => request,
    searchModels: async () => [],
    resolveModel: async () => ({
      profile: claudeProfile,
      rule: { kind: "listed", from: "m", to: "m", text: "test" },
    }),
    fallback: async () => [],
    maxWaitMs: () => 120_000,
    ...options.over,
  };
  const maySee = () => true;
  const startedAt = clock.now();
  const ended: { afterMs?: number; error?: GatewayError } = {};
  const drain = async () => {
    for await (const _ of run(call, { strict: false, maySee }, trace, abort, deps)) {
      if (options.readMs !== undefined) await clock.sleep(options.readMs);
    }
  };
  drain().then(
    () => (ended.afterMs = clock.now() - startedAt),
    (cause: unknown) => Object.assign(ended, { afterMs: clock.now() - startedAt, error: asGatewayError(cause) }),
  );
  for (let step = 0; ended.afterMs === undefined && step < 100_000; step++) await clock.advance(1_000);
  await clock.advance(0);
  expect(clock.sleeping()).toEqual([]);
  return { ...ended, trace, log };
}

const late = { kind: "deadline", message: "No answer began within 120 s (timeouts.firstEventMs)" };

describe("two minutes after its start a request without an answer ends, whatever it waits for (pains 9):", () => {
  const accounts = ["a", "b", "c", "d", "e"].map((id) => ({ id }));
  const rows: [string, Options][] = [
    ["a model that nobody can look up", { over: { resolveModel: (_name, signal) => stall(signal) } }],
    ["a file that does not come", { over: { inlineMedia: (_request, signal) => stall(signal) } }],
    ["upstream's first word, on whatever account", { accounts }],
    ["a whole answer's first word", { accounts, whole: true }],
    [
      "a slot",
      {
        over: {
          pool: {
            acquire: (query, signal) => {
              query.onChoice?.("wait", []);
              return stall(signal);
            },
            alternatives: () => ({ free: 0 }),
            pause: (_ms, signal) => stall(signal),
            views: () => [],
          },
        },
      },
    ],
    [
      "the last of many attempts",
      {
        accounts,
        async *stream(signal, clock) {
          await clock.sleep(35_000, signal).catch(() => {}); // the abort is thrown below
          if (signal.aborted) await stall(signal);
          throw fault("model-missing");
        },
      },
    ],
  ];
  test.each(rows)("%s", async (_what, options) => {
    const { afterMs, error } = await outcome(options);
    expect(error).toMatchObject(late);
    expect(afterMs).toBe(120_000);
  });
});

test("each attempt that ran into the deadline is told as such, with its time", async () => {
  const { trace } = await outcome({});
  expect(trace.attempts).toEqual([{ accountHandle: "a", outcome: "deadline", atMs: 0, ms: 120_000 }]);
});

test("a model that thinks in silence for longer than a minute is not given up for another account", async () => {
  const { error, log } = await outcome({
    async *stream(signal, clock) {
      await clock.sleep(110_000, signal);
      yield batch;
    },
  });
  expect(error).toBeUndefined();
  expect(log.filter((line) => line.startsWith("ask"))).toEqual(["ask a"]);
});

test("limits are waited for within the deadline, and told when they do not fit any more", async () => {
  let asked = 0;
  const { error, afterMs, trace } = await outcome({
    accounts: [{ id: "a" }],
    async *stream() {
      asked++;
      yield* [];
      throw asked === 1 ? limited(110_000) : limited(20_000);
    },
  });
  expect(error).toMatchObject({ kind: "rate-limited" });
  expect(afterMs).toBe(110_000);
  expect(trace.attempts.map(({ outcome: end, ...rest }) => [end, rest.next])).toEqual([
    ["rate-limited", "wait"],
    ["rate-limited", undefined],
  ]);
});

test("an answer that goes silent ends five minutes after its last word", async () => {
  const { error, afterMs } = await outcome({
    async *stream(signal, clock) {
      await clock.sleep(60_000, signal);
      yield batch;
      await stall(signal);
    },
  });
  expect(error).toMatchObject({ kind: "deadline", message: "Upstream was silent for 300 s (timeouts.idleMs)" });
  expect(afterMs).toBe(360_000);
});

test("an answer that trickles for ever ends after an hour", async () => {
  const { error, afterMs } = await outcome({
    async *stream(signal, clock) {
      yield batch;
      for (;;) {
        await untilAborted(clock.sleep(100_000), signal);
        yield delta;
      }
    },
  });
  expect(error).toMatchObject({
    kind: "deadline",
    message: "The request was not done within 60 min (timeouts.totalMs)",
  });
  expect(afterMs).toBe(3_600_000);
});

test("a whole answer may take longer than two minutes as long as it comes", async () => {
  const { error, afterMs } = await outcome({
    whole: true,
    async *stream(signal, clock) {
      yield batch;
      for (let minute = 0; minute < 10; minute++) {
        await clock.sleep(60_000, signal);
        yield delta;
      }
    },
  });
  expect(error).toBeUndefined();
  expect(afterMs).toBe(600_000);
});

test("a whole answer that broke off unseen has two minutes to begin again", async () => {
  let asked = 0;
  const { error, afterMs } = await outcome({
    whole: true,
    async *stream(signal) {
      if (++asked > 1) await stall(signal);
      yield batch;
      throw fault("unavailable");
    },
  });
  expect(error?.message).toBe("An answer broke off, and no other began within 120 s (timeouts.firstEventMs)");
  expect(afterMs).toBe(120_000);
});

test("a client that reads slowly is not taken for an upstream that is silent", async () => {
  const { error, afterMs } = await outcome({
    readMs: 250_000,
    async *stream(signal, clock) {
      yield batch;
      await clock.sleep(100_000, signal);
      yield delta;
    },
  });
  expect(error).toBeUndefined();
  expect(afterMs).toBe(600_000);
});

test("a fallback has two minutes to begin, also after an answer that broke off unseen", async () => {
  const asked: string[] = [];
  const { error, afterMs } = await outcome({
    whole: true,
    accounts: [{ id: "a" }],
    async *stream(signal, _clock, model) {
      asked.push(model);
      if (model === "claude-small") await stall(signal);
      yield batch;
      throw fault("overloaded");
    },
    over: { fallback: async () => [{ profile: { ...claudeProfile, id: "claude-small" }, crossFamily: false }] },
  });
  expect(error?.kind).toBe("deadline");
  expect([asked.length, asked.at(-1)]).toEqual([5, "claude-small"]);
  expect(afterMs).toBe(7_000 + 120_000);
});

test("a fallback that could not answer in time is not asked", async () => {
  const { error, log } = await outcome({
    accounts: [{ id: "a" }],
    patience: { firstMs: 60_000 },
    async *stream(signal, clock) {
      yield* [];
      await clock.sleep(59_600, signal);
      throw fault("overloaded");
    },
    over: { fallback: async () => [{ profile: { ...claudeProfile, id: "claude-small" }, crossFamily: false }] },
  });
  expect(error).toMatchObject({ kind: "overloaded" });
  expect(log.filter((line) => line.startsWith("ask"))).toEqual(["ask a"]);
});
