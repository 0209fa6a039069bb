import { describe, expect, test } from "bun:test";
import { asGatewayError, GatewayError } from "../../src/core/errors.ts";
import type { ModelProfile, ResolvedModel } from "../../src/core/models.ts";
import type { ParsedCall } from "../../src/core/protocol.ts";
import { newTrace } from "../../src/core/trace.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import type { UpstreamCall } from "../../src/core/upstream.ts";
import { createBackOff } from "../../src/gateway/back-off.ts";
import { allowedFallbacks, callsForFallback, type FallbackModel } from "../../src/gateway/fallback.ts";
import { run } from "../../src/gateway/run.ts";
import { createSignatureMemory } from "../../src/gateway/signatures.ts";
import { fakeClock } from "../support/clock.ts";
import { claudeProfile, plainRequest } from "../support/requests.ts";
import { fault, limited, type ScriptedAccount, scriptedPool, scriptedUpstreams } from "./support.ts";

const big: ModelProfile = { ...claudeProfile, id: "claude-big" };
const small: ModelProfile = { ...claudeProfile, id: "claude-small" };
const tiny: ModelProfile = { ...claudeProfile, id: "claude-tiny" };
const gemini: ModelProfile = { ...claudeProfile, id: "gemini-test", family: "gemini", generation: "gemini-3" };

const entry = (profile: ModelProfile, crossFamily = false): FallbackModel => ({ profile, crossFamily });

const batch: TurnEvent[] = [
  { type: "turn-start", usage: { input: 1, cachedInput: 0, output: 0, thinking: 0 } },
  { type: "block-start", index: 0, head: { kind: "text" } },
];

const HOUR = 3_600_000;

interface Options {
  chain?: FallbackModel[] | GatewayError;
  accounts?: ScriptedAccount[];
  request?: Partial<ParsedCall["request"]>;
  resolved?: Partial<ResolvedModel>;
  strict?: boolean;
  stream?: boolean;
  searchModels?: ModelProfile[];
  maySee?: (asked: string, served: string) => boolean;
}

/** What asking for each model comes to, one call after the other. "cut": a batch, then a failure. */
function setup(steps: Record<string, (GatewayError | "ok" | "cut")[]>, options: Options = {}) {
  const { chain = [entry(small)], accounts = [{ id: "a" }], strict = false, stream = true } = options;
  const clock = fakeClock();
  const log: string[] = [];
  const calls: UpstreamCall[] = [];
  const upstreams = scriptedUpstreams({
    async *stream(call) {
      calls.push(call);
      log.push(`ask ${call.model.id}`);
      const step = steps[call.model.id]?.shift() ?? fault("internal");
      call.onLoss({ field: `lost for ${call.model.id}`, why: "x" });
      if (step instanceof GatewayError) throw step;
      yield batch;
      if (step === "cut") throw fault("quota-exhausted", { retryAfterMs: HOUR });
    },
  });
  // One pool per model: limits are of an account on one model.
  const pools = new Map<string, ReturnType<typeof scriptedPool>>();
  const poolFor = (id: string) => {
    const pool =
      pools.get(id) ??
      scriptedPool(
        accounts.map((account) => ({ ...account })),
        log,
        clock,
      );
    pools.set(id, pool);
    return pool;
  };
  const trace = newTrace("req_1", clock.now());
  const abort = new AbortController();
  const asked: ParsedCall = {
    request: plainRequest(options.request),
    stream,
    losses: [],
    fieldName: (name) => name,
    reply: { stream: () => ({ push: () => "", fail: () => "", keepAlive: () => "" }), whole: () => ({}) },
  };
  const batches = run(asked, { strict, maySee: options.maySee ?? (() => true) }, trace, abort, {
    pool: {
      acquire: (query, signal) => poolFor(query.model.id).acquire(query, signal),
      alternatives: (query) => poolFor(query.model.id).alternatives(query),
      pause: (ms, signal) => poolFor("").pause(ms, signal),
      views: () => [],
    },
    upstreams,
    clock,
    backOff: createBackOff(clock),
    signatures: createSignatureMemory({
      store: { remember: () => {}, find: async () => new Map(), prune: async () => {} },
      clock,
      hash: (text) => text,
      indexEntries: 10,
      heldCharacters: 1000,
    }),
    patience: { firstMs: 120_000, idleMs: 300_000, totalMs: 3_600_000 },
    hash: (text) => text,
    inlineMedia: async (request) => request,
    searchModels: async () => options.searchModels ?? [],
    resolveModel: async () => ({
      profile: big,
      rule: { kind: "listed", from: big.id, to: big.id, text: "test" },
      ...options.resolved,
    }),
    fallback: async () => {
      if (chain instanceof GatewayError) throw chain;
      return chain;
    },
    maxWaitMs: () => 120_000,
  });
  const outcome = async () => {
    try {
      let count = 0;
      for await (const _ of batches) count++;
      return { batches: count };
    } catch (cause) {
      const { kind, detail } = asGatewayError(cause);
      return { error: kind, ...(detail.retryAfterMs !== undefined && { retryAfterMs: detail.retryAfterMs }) };
    }
  };
  const drain = async () => {
    const progress = { isOver: false };
    const ended = outcome().finally(() => (progress.isOver = true));
    while (!progress.isOver) await clock.advance(500);
    expect(clock.sleeping()).toEqual([]);
    return ended;
  };
  const asks = () => log.filter((line) => line.startsWith("ask"));
  return { drain, log, asks, calls, trace, abort };
}

const usedUp = () => fault("quota-exhausted", { retryAfterMs: HOUR });

describe("the chain", () => {
  test("serves in place of a model that is used up, and the trace names the model that serves", async () => {
    const { drain, asks, trace } = setup({ "claude-big": [usedUp()], "claude-small": ["ok"] });
    expect(await drain()).toEqual({ batches: 1 });
    expect(asks()).toEqual(["ask claude-big", "ask claude-small"]);
    expect(trace).toMatchObject({
      model: "claude-test",
      servedModel: "claude-small",
      fellBack: true,
      accountHandle: "a",
    });
    expect(trace.attempts.map(({ outcome }) => outcome)).toEqual(["quota-exhausted", "ok"]);
    expect(trace.losses.map(({ field }) => field)).toEqual(["lost for claude-small"]);
  });

  test("is not looked at while the model asked for can serve", async () => {
    const { drain, trace } = setup({ "claude-big": ["ok"] }, { chain: fault("internal") });
    expect(await drain()).toEqual({ batches: 1 });
    expect(trace.servedModel).toBe("claude-big");
    expect(trace.fellBack).toBeUndefined();
  });

  test("is empty unless configured: the failure is told", async () => {
    const { drain, asks } = setup({ "claude-big": [usedUp()] }, { chain: [] });
    expect(await drain()).toEqual({ error: "quota-exhausted", retryAfterMs: HOUR });
    expect(asks()).toEqual(["ask claude-big"]);
  });

  test("is tried in order", async () => {
    const steps = { "claude-big": [usedUp()], "claude-small": [usedUp()], "claude-tiny": ["ok" as const] };
    const { drain, trace } = setup(steps, { chain: [entry(small), entry(tiny)] });
    await drain();
    expect(trace.servedModel).toBe("claude-tiny");
  });

  test("that ends in failures tells the failure of the model asked for, and names it again", async () => {
    const longer = fault("quota-exhausted", { retryAfterMs: 9 * HOUR });
    const { drain, trace } = setup({ "claude-big": [usedUp()], "claude-small": [longer] });
    expect(await drain()).toEqual({ error: "quota-exhausted", retryAfterMs: HOUR });
    expect(trace.servedModel).toBe("claude-big");
    expect(trace.fellBack).toBeUndefined();
  });

  test("that cannot be read does not hide why it was asked for", async () => {
    const { drain } = setup({ "claude-big": [usedUp()] }, { chain: fault("unknown-model") });
    expect(await drain()).toMatchObject({ error: "quota-exhausted" });
  });

  test("is not entered after something was given out", async () => {
    const { drain, asks } = setup({ "claude-big": ["cut"], "claude-small": ["ok"] });
    expect(await drain()).toMatchObject({ error: "quota-exhausted" });
    expect(asks()).toEqual(["ask claude-big"]);
  });

  test("is entered when a whole reply breaks off: nothing of it was given out", async () => {
    const { drain, trace } = setup({ "claude-big": ["cut"], "claude-small": ["ok"] }, { stream: false });
    expect(await drain()).toEqual({ batches: 1 });
    expect(trace.servedModel).toBe("claude-small");
  });

  test("goes on beyond a model that cannot take the request as it stands", async () => {
    const steps = {
      "claude-big": [usedUp()],
      "claude-small": [fault("context-too-long")],
      "claude-tiny": ["ok" as const],
    };
    const { drain, trace } = setup(steps, { chain: [entry(small), entry(tiny)] });
    expect(await drain()).toEqual({ batches: 1 });
    expect(trace.servedModel).toBe("claude-tiny");
  });

  test("ends where an account is blocked for its terms: the request is not carried on", async () => {
    const blocked = fault("account-unusable", { accountProblem: "terms-block" });
    const steps = { "claude-big": [usedUp()], "claude-small": [blocked], "claude-tiny": ["ok" as const] };
    const { drain, asks } = setup(steps, { chain: [entry(small), entry(tiny)] });
    expect(await drain()).toMatchObject({ error: "quota-exhausted" });
    expect(asks()).not.toContain("ask claude-tiny");
  });
});

describe("what is told of the attempts", () => {
  const told = ({ attempts }: ReturnType<typeof newTrace>) =>
    attempts.map(({ outcome, model, ...rest }) => [outcome, model, rest.next]);

  test("is which were on models that do not serve, and after which of them another was asked", async () => {
    const steps = { "claude-big": [usedUp()], "claude-small": [usedUp()], "claude-tiny": ["ok" as const] };
    const { drain, trace } = setup(steps, { chain: [entry(small), entry(tiny)] });
    await drain();
    expect(told(trace)).toEqual([
      ["quota-exhausted", "claude-big", "fallback"],
      ["quota-exhausted", "claude-small", "fallback"],
      ["ok", undefined, undefined],
    ]);
  });

  test("is the same when none could serve, for the model asked for is the one that is named then", async () => {
    const { drain, trace } = setup({ "claude-big": [usedUp()], "claude-small": [usedUp()] });
    await drain();
    expect(told(trace)).toEqual([
      ["quota-exhausted", undefined, "fallback"],
      ["quota-exhausted", "claude-small", undefined],
    ]);
  });

  test("is nothing of another model where there was no attempt to come after", async () => {
    const accounts = [{ id: "a", restsUntil: Date.UTC(2027, 0, 1) }];
    const { drain, trace } = setup({}, { accounts });
    expect(await drain()).toMatchObject({ error: "rate-limited" });
    expect(trace.attempts).toEqual([]);
  });
});

describe("a key that may not use every model", () => {
  const only =
    (...ids: string[]) =>
    (_asked: string, served: string) =>
      ids.includes(served);

  test("is refused one that it may not use, before anybody is asked", async () => {
    const { drain, asks, trace } = setup({ "claude-big": ["ok"] }, { maySee: only("claude-small") });
    expect(await drain()).toEqual({ error: "forbidden" });
    expect(asks()).toEqual([]);
    expect(trace.rule).toMatchObject({ to: big.id });
  });

  test("is asked about by its name, by the model that serves, and by the rule between them", async () => {
    const told: unknown[] = [];
    const maySee = (...names: unknown[]) => (told.push(names), true);
    const rule = { kind: "shipped", from: "claude-*", to: big.id, text: "test" } as const;
    await setup({ "claude-big": ["ok"] }, { maySee, resolved: { rule } }).drain();
    expect(told).toEqual([["claude-test", big.id, "claude-*"]]);
  });

  test("is not served by a fallback that it may not use", async () => {
    const steps = { "claude-big": [usedUp()], "claude-small": ["ok" as const], "claude-tiny": ["ok" as const] };
    const { drain, asks } = setup(steps, {
      chain: [entry(small), entry(tiny)],
      maySee: only("claude-big", "claude-tiny"),
    });
    expect(await drain()).toEqual({ batches: 1 });
    expect(asks()).toEqual(["ask claude-big", "ask claude-tiny"]);
  });

  test("may use what it may ask for under another name, but no fallback by that name", async () => {
    const steps = { "claude-big": [usedUp()], "claude-small": ["ok" as const] };
    const { drain, asks } = setup(steps, { maySee: (asked) => asked === "claude-test" });
    expect(await drain()).toMatchObject({ error: "quota-exhausted" });
    expect(asks()).toEqual(["ask claude-big"]);
  });

  test("is not served by a model that searches the web and that it may not use", async () => {
    const request = { webSearch: { forced: false } } as const;
    const { drain, asks } = setup({}, { request, maySee: only("claude-big"), searchModels: [gemini] });
    expect(await drain()).toEqual({ error: "invalid-request" });
    expect(asks()).toEqual([]);
  });
});

describe("waiting", () => {
  test("for a short limit goes before falling back", async () => {
    const { drain, log } = setup({ "claude-big": [limited(30_000), "ok"], "claude-small": ["ok"] });
    expect(await drain()).toEqual({ batches: 1 });
    expect(log.filter((line) => /^(ask|pause)/.test(line))).toEqual([
      "ask claude-big",
      "pause 30000",
      "ask claude-big",
    ]);
  });

  test("for the limit of a fallback does not happen", async () => {
    const { drain, log } = setup({ "claude-big": [usedUp()], "claude-small": [limited(10_000), "ok"] });
    expect(await drain()).toMatchObject({ error: "quota-exhausted" });
    expect(log.some((line) => line.startsWith("pause"))).toBe(false);
  });
});

describe("another family", () => {
  const steps = () => ({ "claude-big": [usedUp()], "gemini-test": ["ok" as const] });

  test("serves only when its entry says so", async () => {
    expect(await setup(steps(), { chain: [entry(gemini)] }).drain()).toMatchObject({ error: "quota-exhausted" });
    expect(await setup(steps(), { chain: [entry(gemini, true)] }).drain()).toEqual({ batches: 1 });
  });

  test("is given the request with its own signatures and a conversation of its own", async () => {
    const contents: ParsedCall["request"]["contents"] = [
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [{ text: "hm", thought: true, thoughtSignature: "foreign" }] },
      { role: "user", parts: [{ text: "more" }] },
    ];
    const { drain, calls } = setup(steps(), { chain: [entry(gemini, true)], request: { contents } });
    await drain();
    expect(calls.map(({ conversationKey }) => conversationKey)).toEqual([
      "derived:claude\u0000\u0000hi",
      "derived:gemini\u0000\u0000hi",
    ]);
    expect(calls[1]?.request.contents[1]?.parts).toEqual([{ text: "hm", thought: true }]);
  });
});

test("thinking that was asked for in the model's name is asked of the fallback too", async () => {
  const resolved = { thinking: { type: "budget" as const, tokens: 2048 } };
  const { drain, calls } = setup({ "claude-big": [usedUp()], "claude-small": ["ok"] }, { resolved });
  await drain();
  expect(calls.map(({ request }) => request.thinking)).toEqual([resolved.thinking, resolved.thinking]);
});

test("an entry's own suffix says how its model thinks when the client did not", async () => {
  const thinking = { type: "effort" as const, effort: "low" as const };
  const chain = [{ ...entry(small), thinking }];
  const { drain, calls } = setup({ "claude-big": [usedUp()], "claude-small": ["ok"] }, { chain });
  await drain();
  expect(calls.map(({ request }) => request.thinking)).toEqual([undefined, thinking]);
});

test("a client that leaves during the first model is not served by the second", async () => {
  const { drain, asks, abort, log } = setup({ "claude-big": [limited(60_000)], "claude-small": ["ok"] });
  const ended = drain();
  while (!log.includes("pause 60000")) await Promise.resolve();
  abort.abort();
  expect(await ended).toEqual({ error: "cancelled" });
  expect(asks()).toEqual(["ask claude-big"]);
});

const failures: [string, GatewayError, boolean][] = [
  ["a limit", limited(HOUR), true],
  ["a used-up quota", usedUp(), true],
  ["lack of capacity", fault("overloaded"), true],
  ["a model that no account has", fault("model-missing"), true],
  ["no account for the model", fault("no-account"), true],
  ["a bare 429, which may be about the request", fault("rate-limited", { upstreamStatus: 429 }), false],
  ["a terms block", fault("account-unusable", { accountProblem: "terms-block" }), false],
  ["a bad request", fault("invalid-request"), false],
  ["too long a prompt", fault("context-too-long"), false],
  ["a broken upstream", fault("unavailable"), false],
  ["a passed deadline", fault("deadline"), false],
  ["a client that left", fault("cancelled"), false],
];

for (const [name, error, expected] of failures) {
  test(`${name} ${expected ? "calls" : "does not call"} for a fallback`, () => {
    expect(callsForFallback(error)).toBe(expected);
  });
}

test("the model itself, doubles and models of other families are no fallbacks", () => {
  const chain = [entry(big), entry(small), entry(gemini), entry(tiny), entry(small, true), entry(gemini, true)];
  expect(allowedFallbacks(big, chain)).toEqual([entry(small), entry(tiny), entry(gemini, true)]);
});
