import { describe, expect, test } from "bun:test";
import { asGatewayError, GatewayError } from "../../src/core/errors.ts";
import { newTrace } from "../../src/core/trace.ts";
import { type TurnEvent, turnCollector } from "../../src/core/turn.ts";
import { createBackOff } from "../../src/gateway/back-off.ts";
import type { GenerateCall } from "../../src/gateway/course.ts";
import { generate } from "../../src/gateway/generate.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { eagerClock, fakeClock, settle } from "../support/clock.ts";
import { claudeProfile, plainRequest } from "../support/requests.ts";
import { fault, limited, type ScriptedAccount, scriptedPool, scriptedUpstreams, plainCall } from "./support.ts";

type Step = GatewayError | "ok" | "cut" | "thinking alone" | "silence";

const batch: TurnEvent[] = [
  { type: "turn-start", usage: { input: 1, cachedInput: 0, output: 0, thinking: 0 } },
  { type: "block-start", index: 0, head: { kind: "text" } },
];

const thinkingAlone: TurnEvent[] = [
  { type: "turn-start", usage: { input: 1, cachedInput: 0, output: 0, thinking: 0 } },
  { type: "block-start", index: 0, head: { kind: "thinking" } },
  { type: "block-end", index: 0 },
  { type: "turn-end", reason: "end", usage: { input: 1, cachedInput: 0, output: 1, thinking: 1 }, meta: {} },
];

interface Options {
  accounts?: (string | ScriptedAccount)[];
  clock?: Clock;
}

/** An upstream that plays the steps, whoever asks, and a pool; both write what happens to one log. */
function setup(steps: Step[], { accounts = ["a", "b"], clock = eagerClock() }: Options = {}) {
  const log: string[] = [];
  const upstreams = scriptedUpstreams({
    async *stream(call, credential, signal) {
      const step = steps.shift();
      const repairs = [...call.repairs].join("+");
      const lane = credential.kind === "antigravity" ? "" : ` by ${credential.kind}`;
      log.push(`ask ${credential.accountId}${lane}${repairs && ` with ${repairs}`}`);
      call.onLoss({ field: "top_k", why: "dropped" });
      if (step instanceof GatewayError) throw step;
      if (step === "silence") await new Promise((_, reject) => signal.addEventListener("abort", reject));
      yield step === "thinking alone" ? thinkingAlone : batch;
      if (step === "cut") throw new GatewayError("unavailable", "cut");
    },
  });
  const pool = scriptedPool(
    accounts.map((account) => (typeof account === "string" ? { id: account } : account)),
    log,
    clock,
  );
  const trace = newTrace("req_1", clock.now());
  const abort = new AbortController();
  const call: GenerateCall = { ...plainCall(clock), onRepair: (repair) => void log.push(`repair ${repair}`) };
  const deps = { pool, upstreams, clock, backOff: createBackOff(clock) };
  const start = (over: Partial<GenerateCall> = {}) => generate({ ...call, ...over }, trace, abort.signal, deps);
  const drain = async (over: Partial<GenerateCall> = {}) => {
    let batches = 0;
    try {
      for await (const _ of start(over)) batches++;
      return { batches };
    } catch (cause) {
      const { kind, detail } = asGatewayError(cause);
      return { batches, error: kind, ...(detail.retryAfterMs !== undefined && { retryAfterMs: detail.retryAfterMs }) };
    }
  };
  return { log, trace, abort, start, drain, deps, clock };
}

const resting = (id: string, restMs: number, clock: Clock, bound = false): ScriptedAccount => ({
  id,
  bound,
  restsUntil: clock.now() + restMs,
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe("an answer whose form is asked for", () => {
  const format = { type: "json-schema", schema: { type: "object" } } as const;

  function answering(texts: string[], isUnenforced = true) {
    const { deps, start, log } = setup([]);
    deps.upstreams = scriptedUpstreams({
      async *stream(call) {
        if (isUnenforced) call.onUnenforcedFormat?.();
        yield [...batch, { type: "block-delta", index: 0, text: texts.shift() ?? "" }];
        yield [
          { type: "block-end", index: 0 },
          { type: "turn-end", reason: "end", usage: { input: 1, cachedInput: 0, output: 1, thinking: 0 }, meta: {} },
        ];
      },
    });
    const ask = async (over: Partial<GenerateCall> = {}) => {
      const request = plainRequest({ outputFormat: format });
      const collector = turnCollector();
      for await (const events of start({ request, ...over })) collector.push(events);
      return collector.turn().blocks.map(({ text }) => text);
    };
    return { ask, log };
  }

  test.each([{ whole: true }, { whole: false }])(
    "is asked for again, unseen, when it has not that form (%p)",
    async (over) => {
      const { ask, log } = answering(["Sorry?", "```json\n{}\n```"]);
      expect(await ask(over)).toEqual(["{}"]);
      expect(log).toEqual(["acquire", "succeed a", "release a"]);
    },
  );

  test("fails when it has not that form twice, and blames the account for nothing", async () => {
    const { ask } = answering(["Sorry?", "Sorry!", "{}"]);
    expect(await ask().catch(asGatewayError)).toHaveProperty("kind", "malformed-answer");
  });

  test("is held to its form where upstream enforces it too, when it is given as a whole", async () => {
    expect(await answering(["Sorry?", "{}"], false).ask({ whole: true })).toEqual(["{}"]);
  });

  test("is given out as it comes where upstream enforces it, or none was asked for", async () => {
    expect(await answering(["Sorry?"], false).ask()).toEqual(["Sorry?"]);
    expect(await answering(["Sorry?"]).ask({ request: plainRequest() })).toEqual(["Sorry?"]);
  });
});

describe("attempts", () => {
  test("a good answer succeeds on the first account and releases it", async () => {
    const { drain, log } = setup(["ok"]);
    expect(await drain()).toEqual({ batches: 1 });
    expect(log).toEqual(["acquire", "ask a", "succeed a", "release a"]);
  });

  test("a used-up quota is reported to the pool and answered from another account", async () => {
    const { drain, log, trace } = setup([fault("quota-exhausted", { retryAfterMs: HOUR }), "ok"]);
    expect(await drain()).toEqual({ batches: 1 });
    const first = ["acquire", "ask a", "fail a quota-exhausted", "release a"];
    expect(log).toEqual([...first, "acquire without a", "ask b", "succeed b", "release b"]);
    expect(trace.attempts.map((attempt) => attempt.outcome)).toEqual(["quota-exhausted", "ok"]);
    expect(trace.accountHandle).toBe("b");
  });

  test("each account is asked through the upstream of its own kind", async () => {
    const accounts: ScriptedAccount[] = [{ id: "a" }, { id: "k", kind: "gemini-api-key" }];
    const { drain, log } = setup([fault("model-missing"), "ok"], { accounts });
    await drain();
    expect(log.filter((line) => line.startsWith("ask"))).toEqual(["ask a", "ask k by gemini-api-key"]);
  });

  test("a repair is applied on the same account without blaming it", async () => {
    const { drain, log } = setup([fault("invalid-request", { repair: "drop-thinking" }), "ok"]);
    await drain();
    const repaired = ["repair drop-thinking", "ask a with drop-thinking", "succeed a", "release a"];
    expect(log).toEqual(["acquire", "ask a", ...repaired]);
  });

  test("a rejected token is renewed and asked with again", async () => {
    const { drain, log } = setup([fault("access-token-rejected"), "ok"]);
    await drain();
    expect(log).toEqual(["acquire", "ask a", "renew access-token", "ask a", "succeed a", "release a"]);
  });

  test("a token that is rejected after its renewal moves the request, and the account is blamed", async () => {
    const { drain, log } = setup([fault("access-token-rejected"), fault("access-token-rejected"), "ok"]);
    expect(await drain()).toEqual({ batches: 1 });
    expect(log).toContain("fail a access-token-rejected");
    expect(log.at(-2)).toBe("succeed b");
  });

  test("an account that was removed meanwhile is passed over before anything is sent on it", async () => {
    const accounts = [{ id: "a", unusable: fault("account-unusable") }, "b"];
    const { drain, log, trace } = setup(["ok"], { accounts });
    expect(await drain()).toEqual({ batches: 1 });
    expect(log.filter((line) => line.startsWith("ask"))).toEqual(["ask b"]);
    expect(trace.attempts.map(({ outcome, unsent }) => [outcome, unsent])).toEqual([
      ["account-unusable", true],
      ["ok", undefined],
    ]);
  });

  test("a terms block ends the request: it is not tried on the owner's other sign-ins", async () => {
    const { drain, log } = setup([fault("account-unusable", { accountProblem: "terms-block" }), "ok"]);
    expect(await drain()).toEqual({ batches: 0, error: "account-unusable" });
    expect(log).toEqual(["acquire", "ask a", "fail a account-unusable", "release a"]);
  });

  test("an account whose owner must verify is passed over", async () => {
    const { drain, log } = setup([fault("account-unusable", { accountProblem: "needs-verification" }), "ok"]);
    expect(await drain()).toEqual({ batches: 1 });
    expect(log).toContain("fail a account-unusable");
  });

  test("a failure after the first batch is the client's, not a reason to retry", async () => {
    const { drain, log } = setup(["cut", "ok"]);
    expect(await drain()).toEqual({ batches: 1, error: "unavailable" });
    expect(log).toEqual(["acquire", "ask a", "fail a unavailable", "release a"]);
  });

  test("an attempt counts from its first batch on, and a cut afterwards becomes its outcome", async () => {
    const { start, trace } = setup([fault("model-missing"), "cut"]);
    const batches = start();
    await batches.next();
    expect(trace.attempts.map(({ outcome }) => outcome)).toEqual(["model-missing", "ok"]);
    await batches.next().catch(() => {}); // the cut, which other tests are about
    expect(trace.attempts.map(({ outcome }) => outcome)).toEqual(["model-missing", "unavailable"]);
  });

  test("a deterministic 500 is asked for three times on two accounts and cools nobody", async () => {
    const broken = () => fault("unavailable", { upstreamStatus: 500 });
    const { drain, log } = setup([broken(), broken(), broken(), "ok"], { accounts: ["a", "b", "c"] });
    expect(await drain()).toEqual({ batches: 0, error: "unavailable" });
    expect(log.filter((line) => line.startsWith("ask"))).toEqual(["ask a", "ask a", "ask b"]);
  });

  test("when every account was tried, the client learns the last account's failure rather than 'no account'", async () => {
    const { drain } = setup([fault("model-missing"), fault("account-unusable", { accountProblem: "needs-login" })]);
    expect(await drain()).toEqual({ batches: 0, error: "account-unusable" });
  });

  test("without any account the pool's own explanation comes through", async () => {
    expect(await setup([], { accounts: [] }).drain()).toEqual({ batches: 0, error: "no-account" });
  });

  test("ending the iteration early releases the account", async () => {
    const { start, log } = setup(["ok"]);
    for await (const _ of start()) break;
    expect(log).toEqual(["acquire", "ask a", "release a"]);
  });
});

describe("whole replies", () => {
  test("one that breaks off is asked for again: the client has seen nothing of it", async () => {
    const { drain, log } = setup(["cut", "ok"]);
    expect(await drain({ whole: true })).toEqual({ batches: 1 });
    expect(log).toEqual(["acquire", "ask a", "ask a", "succeed a", "release a"]);
  });

  test("one of thinking alone is asked for once more, and then is what it is", async () => {
    const { drain, log, trace } = setup(["thinking alone", "thinking alone"]);
    expect(await drain({ whole: true })).toEqual({ batches: 1 });
    expect(log).toEqual(["acquire", "ask a", "ask a", "succeed a", "release a"]);
    expect(trace.attempts.map(({ outcome }) => outcome)).toEqual(["unavailable", "ok"]);
  });

  test("upstream's signs of life are passed on while one is gathered", async () => {
    let signs = 0;
    await setup(["ok"]).drain({ whole: true, onProgress: () => void signs++ });
    expect(signs).toBeGreaterThan(1);
  });
});

describe("losses", () => {
  test("those of a repeated attempt are reported once", async () => {
    const { drain, trace } = setup([fault("overloaded"), fault("model-missing"), "ok"]);
    trace.losses.push({ field: "logit_bias", why: "dropped" });
    await drain();
    expect(trace.losses.map((loss) => loss.field)).toEqual(["logit_bias", "top_k"]);
  });

  test("what lowering loses is told under the client's own names", async () => {
    const { drain, trace } = setup(["ok"]);
    await drain({ fieldName: (canonical) => `their_${canonical}` });
    expect(trace.losses.map((loss) => loss.field)).toEqual(["their_top_k"]);
  });

  test("strict mode refuses, naming the field, what lowering would lose", async () => {
    const { drain, log } = setup(["ok"]);
    expect(await drain({ strict: true })).toEqual({ batches: 0, error: "invalid-request" });
    expect(log).toEqual(["acquire", "ask a", "fail a invalid-request", "release a"]);
  });
});

describe("a limit", () => {
  test("of a single account is waited for once, without its slot, and then there is one further call (pains 3)", async () => {
    const { drain, log, trace } = setup([limited(30_000), "ok"], { accounts: ["a"] });
    expect(await drain()).toEqual({ batches: 1 });
    const before = ["acquire", "ask a", "fail a rate-limited", "release a", "pause 30000"];
    expect(log).toEqual([...before, "acquire", "ask a", "succeed a", "release a"]);
    expect(trace.waitedMs).toBe(30_000);
  });

  test("that comes again after the wait is told at once (pains 3)", async () => {
    const { drain, log } = setup([limited(30_000), limited(30_000), "ok"], { accounts: ["a"] });
    expect(await drain()).toEqual({ batches: 0, error: "rate-limited", retryAfterMs: 30_000 });
    expect(log.filter((line) => line.startsWith("pause"))).toEqual(["pause 30000"]);
    expect(log.filter((line) => line === "ask a")).toHaveLength(2);
  });

  test("that ends a wait cut short by news is waited for like the first", async () => {
    const clock = eagerClock();
    const other = resting("b", HOUR, clock);
    const { drain, log, deps } = setup([limited(MINUTE), limited(30_000), "ok"], { accounts: ["a", other], clock });
    const pause = deps.pool.pause;
    deps.pool.pause = async () => {
      deps.pool.pause = pause;
      await clock.sleep(1_000);
      other.restsUntil = 0;
    };
    expect(await drain()).toEqual({ batches: 1 });
    expect(log.filter((line) => /^(ask|pause)/.test(line))).toEqual(["ask a", "ask b", "pause 30000", "ask b"]);
  });

  test("of the bound account is waited for although another is free", async () => {
    const { drain, log } = setup([limited(30_000), "ok"], { accounts: [{ id: "a", bound: true }, "b"] });
    await drain();
    expect(log.filter((line) => line.startsWith("ask"))).toEqual(["ask a", "ask a"]);
  });

  test("of the bound account that is long moves the conversation (pains 4)", async () => {
    const { drain, log, trace } = setup([limited(4 * MINUTE), "ok"], { accounts: [{ id: "a", bound: true }, "b"] });
    expect(await drain()).toEqual({ batches: 1 });
    expect(log).toEqual(
      ["acquire", "ask a", "fail a rate-limited", "release a"].concat([
        "acquire without a",
        "ask b",
        "succeed b",
        "release b",
      ]),
    );
    expect(trace.attempts).toMatchObject([
      { accountHandle: "a", outcome: "rate-limited", next: "switch" },
      { accountHandle: "b", outcome: "ok" },
    ]);
  });

  test("that was known before is waited for without an upstream call", async () => {
    const clock = eagerClock();
    const { drain, log } = setup(["ok"], { clock, accounts: [resting("a", 30_000, clock, true), "b"] });
    await drain();
    expect(log).toEqual(["limited", "pause 30000", "acquire", "ask a", "succeed a", "release a"]);
  });

  test("that was known before and is long passes the bound account over", async () => {
    const clock = eagerClock();
    const { drain, log } = setup(["ok"], { clock, accounts: [resting("a", HOUR, clock, true), "b"] });
    await drain();
    expect(log).toEqual(["limited", "acquire without a", "ask b", "succeed b", "release b"]);
  });

  test("of all accounts for long sends nothing and tells the soonest reset (pains 5)", async () => {
    const clock = eagerClock();
    const rests = [resting("a", 20 * MINUTE, clock), resting("b", 10 * MINUTE, clock), resting("c", HOUR, clock)];
    const { drain, log } = setup(["ok"], { clock, accounts: rests });
    expect(await drain()).toEqual({ batches: 0, error: "rate-limited", retryAfterMs: 10 * MINUTE });
    expect(log).toEqual(["limited"]);
  });

  test("of the last account tells the client the soonest reset of all (pains 6)", async () => {
    const clock = eagerClock();
    const accounts = ["a", resting("b", 10 * MINUTE, clock)];
    const { drain } = setup([fault("quota-exhausted", { retryAfterMs: 108 * HOUR })], { clock, accounts });
    expect(await drain()).toEqual({ batches: 0, error: "quota-exhausted", retryAfterMs: 10 * MINUTE });
  });

  test("on every account, found one after the other, waits for the one that ends first", async () => {
    const { drain, log } = setup([limited(60_000), limited(90_000), "ok"]);
    expect(await drain()).toEqual({ batches: 1 });
    expect(log.filter((line) => /^(ask|pause)/.test(line))).toEqual(["ask a", "ask b", "pause 60000", "ask a"]);
  });

  test("is waited for when the accounts that were free turn out to be unusable", async () => {
    const { drain, log } = setup([limited(60_000), fault("account-unusable", { accountProblem: "needs-login" }), "ok"]);
    expect(await drain()).toEqual({ batches: 1 });
    expect(log.filter((line) => /^(ask|pause)/.test(line))).toEqual(["ask a", "ask b", "pause 60000", "ask a"]);
  });

  test("is what the client learns when the accounts that were free turn out to be unusable", async () => {
    const { drain } = setup([limited(HOUR), fault("account-unusable", { accountProblem: "needs-login" })]);
    expect(await drain()).toEqual({ batches: 0, error: "rate-limited", retryAfterMs: HOUR });
  });

  test("of a burst is sat out in place, holding the slot", async () => {
    const clock = eagerClock();
    const { drain, log, trace } = setup([limited(900), "ok"], { clock });
    await drain();
    expect(log).toEqual(["acquire", "ask a", "ask a", "succeed a", "release a"]);
    expect(clock.slept).toEqual([1400]);
    expect(trace.waitedMs).toBe(1400);
  });

  test("without a stated time is asked about three times and then is one of half a minute", async () => {
    const squeeze = () => fault("rate-limited", { upstreamReason: "RATE_LIMIT_EXCEEDED" });
    const { drain, log } = setup([squeeze(), squeeze(), squeeze(), "ok"], { accounts: ["a"] });
    await drain();
    expect(log.filter((line) => /^(ask|pause|fail)/.test(line))).toEqual(
      ["ask a", "ask a", "ask a"].concat(["fail a rate-limited", "pause 30000", "ask a"]),
    );
  });

  test("is not waited for by who may not wait", async () => {
    const { drain, log } = setup([limited(10_000), "ok"], { accounts: ["a"] });
    expect(await drain({ maxWaitMs: 0 })).toEqual({ batches: 0, error: "rate-limited", retryAfterMs: 10_000 });
    expect(log).not.toContain("pause 10000");
  });

  test("that would outlast the deadline is told at once, not after it", async () => {
    const { drain, clock } = setup([limited(30_000), "ok"], { accounts: ["a"] });
    const before = clock.now();
    expect(await drain({ deadlineMs: () => 20_000 })).toMatchObject({ error: "rate-limited" });
    expect(clock.now() - before).toBe(0);
  });

  test("ends the request after five attempts, and tells a client to come back soon when an account is free", async () => {
    const steps = Array.from({ length: 6 }, () => fault("quota-exhausted", { retryAfterMs: HOUR }));
    const { drain, log } = setup(steps, { accounts: ["a", "b", "c", "d", "e", "f"] });
    expect(await drain()).toEqual({ batches: 0, error: "quota-exhausted", retryAfterMs: 1000 });
    expect(log.filter((line) => line.startsWith("ask"))).toHaveLength(5);
  });
});

describe("a bare 429 (pains 1)", () => {
  const bare = () => fault("rate-limited", { upstreamStatus: 429 });

  test("is asked about twice in all, on two accounts, and ends as a plain error", async () => {
    const { drain, log } = setup([bare(), bare(), "ok"], { accounts: ["a", "b", "c"] });
    expect(await drain()).toEqual({ batches: 0, error: "rate-limited" });
    expect(log.filter((line) => line.startsWith("ask"))).toEqual(["ask a", "ask b"]);
  });

  test("is asked about a second time on the same account when it is alone", async () => {
    const clock = eagerClock();
    const { drain, log } = setup([bare(), bare(), "ok"], { clock, accounts: ["a"] });
    expect(await drain()).toEqual({ batches: 0, error: "rate-limited" });
    expect(log.filter((line) => line.startsWith("ask"))).toEqual(["ask a", "ask a"]);
    expect(clock.slept).toEqual([1000]);
  });

  test("that the second opinion does not share is answered", async () => {
    const { drain } = setup([bare(), "ok"]);
    expect(await drain()).toEqual({ batches: 1 });
  });
});

describe("lack of capacity", () => {
  test("backs off longer each time, and the waits are counted", async () => {
    const clock = eagerClock();
    const { drain, trace } = setup([fault("overloaded"), fault("overloaded"), fault("overloaded"), "ok"], { clock });
    await drain();
    expect(clock.slept).toEqual([1000, 2000, 4000]);
    expect(trace.waitedMs).toBe(7000);
  });

  test("that one request has met keeps the others off the model for that time", async () => {
    const clock = eagerClock();
    const { drain, deps, trace } = setup(["ok"], { clock });
    deps.backOff.note(claudeProfile.id, 2000);
    deps.backOff.note("another-model", 4000);
    await drain();
    expect(trace.waitedMs).toBe(2000);
  });

  test("is not sat out by a request that has no time for it", async () => {
    const { drain, deps, trace } = setup(["ok"]);
    deps.backOff.note(claudeProfile.id, 4000);
    expect(await drain({ deadlineMs: () => 3000 })).toEqual({ batches: 1 });
    expect(trace.waitedMs).toBe(0);
  });
});

describe("a client that leaves", () => {
  test("during a back-off ends the request as cancelled and releases the account", async () => {
    const clock = fakeClock();
    const { drain, log, abort } = setup([fault("overloaded"), "ok"], { clock });
    const pending = drain();
    await settle();
    expect(clock.sleeping()).toEqual([1000]);
    abort.abort();
    expect(await pending).toEqual({ batches: 0, error: "cancelled" });
    expect(log).toEqual(["acquire", "ask a", "release a"]);
    expect(clock.sleeping()).toEqual([]);
  });

  test("while a limit is waited for ends the request at once; no slot was held", async () => {
    const clock = fakeClock();
    const { drain, log, abort, trace } = setup([limited(30_000), "ok"], { clock, accounts: ["a"] });
    const pending = drain();
    await clock.advance(10_000);
    expect(log.slice(-2)).toEqual(["release a", "pause 30000"]);
    abort.abort();
    expect(await pending).toEqual({ batches: 0, error: "cancelled" });
    expect(clock.sleeping()).toEqual([]);
    expect(trace.waitedMs).toBe(10_000);
  });

  test("while it is queued ends the request at once", async () => {
    const clock = fakeClock();
    const { start, deps, abort, trace } = setup(["ok"], { clock });
    deps.pool.acquire = (query, signal) => {
      query.onChoice?.("wait", []);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const pending = start().next();
    await clock.advance(7000);
    abort.abort();
    expect(await pending.catch((cause: unknown) => asGatewayError(cause).kind)).toBe("cancelled");
    expect(trace.waitedMs).toBe(7000);
  });

  test("while upstream is silent blames nobody", async () => {
    const { drain, log, abort } = setup(["silence"]);
    const pending = drain();
    await settle();
    abort.abort();
    expect(await pending).toEqual({ batches: 0, error: "cancelled" });
    expect(log).toEqual(["acquire", "ask a", "fail a cancelled", "release a"]);
  });
});

test("time spent in the queue is counted, and shortens what is left for limits", async () => {
  const clock = eagerClock();
  const { drain, deps, trace } = setup([limited(30_000), "ok"], { clock, accounts: ["a"] });
  const { acquire } = deps.pool;
  deps.pool.acquire = async (query, signal) => {
    query.onChoice?.("wait", []);
    await clock.sleep(100_000, signal);
    return acquire(query, signal);
  };
  expect(await drain({ deadlineMs: () => 120_000 })).toEqual({
    batches: 0,
    error: "rate-limited",
    retryAfterMs: 30_000,
  });
  expect(trace.waitedMs).toBe(100_000);
});
