import { expect, test } from "bun:test";
import type { AccountPool } from "../../src/core/accounts.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { newTrace } from "../../src/core/trace.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import type { Upstream } from "../../src/core/upstream.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { type GenerateCall, generate } from "../../src/gateway/generate.ts";
import { eagerClock, fakeClock, settle } from "../support/clock.ts";
import { claudeProfile, plainRequest } from "../support/requests.ts";

type Step = GatewayError | "ok" | "cut" | "thinking alone";

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

/** An upstream that plays the steps and a pool over the given accounts; both write what happens to one log. */
function setup(steps: Step[], options: { accounts?: string[]; clock?: Clock } = {}) {
  const { accounts = ["a", "b"] } = options;
  const log: string[] = [];
  const upstream: Upstream = {
    id: "scripted",
    async *stream(call, credential) {
      const step = steps.shift();
      const repairs = [...call.repairs].join("+");
      log.push(`ask ${credential.accountId}${repairs && ` with ${repairs}`}`);
      call.onLoss({ field: "top_k", why: "dropped" });
      if (step instanceof GatewayError) throw step;
      yield step === "thinking alone" ? thinkingAlone : batch;
      if (step === "cut") throw new GatewayError("unavailable", "cut");
    },
    discoverModels: () => Promise.reject(new Error("not asked for")),
  };
  const pool: AccountPool = {
    async acquire({ exclude }) {
      const id = accounts.find((account) => !exclude.has(account));
      if (id === undefined) throw new GatewayError("no-account", "none left");
      return {
        accountId: id,
        handle: id,
        credential: async () => ({ accountId: id, accessToken: "t", projectId: "p" }),
        renew: (what) => void log.push(`renew ${what}`),
        succeed: () => void log.push(`succeed ${id}`),
        fail: (error) => void log.push(`fail ${id} ${error.kind}`),
        [Symbol.dispose]: () => void log.push(`release ${id}`),
      };
    },
    views: () => [],
  };
  const trace = newTrace("req_1");
  const clock = options.clock ?? eagerClock();
  const abort = new AbortController();
  const call: GenerateCall = {
    request: plainRequest(),
    model: claudeProfile,
    conversationKey: "c",
    fieldName: (canonical) => canonical,
    strict: false,
    whole: false,
    onProgress: () => {},
    onRepair: (repair) => void log.push(`repair ${repair}`),
  };
  const start = (over: Partial<GenerateCall> = {}) =>
    generate({ ...call, ...over }, trace, abort.signal, { pool, upstream, clock });
  const drain = async (over: Partial<GenerateCall> = {}) => {
    let batches = 0;
    try {
      for await (const _ of start(over)) batches++;
      return { batches };
    } catch (error) {
      return { batches, error: (error as GatewayError).kind };
    }
  };
  return { log, trace, abort, start, drain };
}

const fault = (kind: GatewayError["kind"], detail = {}) => new GatewayError(kind, "x", detail);

test("a good answer succeeds on the first account and releases it", async () => {
  const { drain, log } = setup(["ok"]);
  expect(await drain()).toEqual({ batches: 1 });
  expect(log).toEqual(["ask a", "succeed a", "release a"]);
});

test("a used-up quota is reported to the pool and answered from another account", async () => {
  const { drain, log, trace } = setup([fault("quota-exhausted"), "ok"]);
  expect(await drain()).toEqual({ batches: 1 });
  expect(log).toEqual(["ask a", "fail a quota-exhausted", "release a", "ask b", "succeed b", "release b"]);
  expect(trace.attempts.map((attempt) => attempt.outcome)).toEqual(["quota-exhausted", "ok"]);
  expect(trace.accountHandle).toBe("b");
});

test("a repair is applied on the same account without blaming it", async () => {
  const { drain, log } = setup([fault("invalid-request", { repair: "drop-thinking" }), "ok"]);
  await drain();
  expect(log).toEqual(["ask a", "repair drop-thinking", "ask a with drop-thinking", "succeed a", "release a"]);
});

test("a rejected token is renewed and asked with again", async () => {
  const { drain, log } = setup([fault("access-token-rejected"), "ok"]);
  await drain();
  expect(log).toEqual(["ask a", "renew access-token", "ask a", "succeed a", "release a"]);
});

test("waits are counted in the trace", async () => {
  const clock = eagerClock();
  const { drain, trace } = setup([fault("overloaded"), fault("overloaded"), "ok"], { clock });
  await drain();
  expect(clock.slept).toEqual([1000, 2000]);
  expect(trace.waitedMs).toBe(3000);
});

test("a failure after the first batch is the client's, not a reason to retry", async () => {
  const { drain, log } = setup(["cut", "ok"]);
  expect(await drain()).toEqual({ batches: 1, error: "unavailable" });
  expect(log).toEqual(["ask a", "fail a unavailable", "release a"]);
});

test("an attempt counts from its first batch on, and a cut afterwards becomes its outcome", async () => {
  const { start, trace } = setup([fault("quota-exhausted"), "cut"]);
  const batches = start();
  await batches.next();
  expect(trace.attempts.map(({ outcome }) => outcome)).toEqual(["quota-exhausted", "ok"]);
  await batches.next().catch(() => {}); // the cut, which other tests are about
  expect(trace.attempts.map(({ outcome }) => outcome)).toEqual(["quota-exhausted", "unavailable"]);
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
  expect(log).toEqual(["ask a", "release a"]);
});

test("a client that leaves during a wait ends the request as cancelled and releases the account", async () => {
  const clock = fakeClock();
  const { drain, log, abort } = setup([fault("overloaded"), "ok"], { clock });
  const pending = drain();
  await settle();
  expect(clock.sleeping()).toEqual([1000]);
  abort.abort();
  expect(await pending).toEqual({ batches: 0, error: "cancelled" });
  expect(log).toEqual(["ask a", "fail a cancelled", "release a"]);
});

test("a whole reply that breaks off is asked for again: the client has seen nothing of it", async () => {
  const { drain, log } = setup(["cut", "ok"]);
  expect(await drain({ whole: true })).toEqual({ batches: 1 });
  expect(log).toEqual(["ask a", "ask a", "succeed a", "release a"]);
});

test("a whole reply of thinking alone is asked for once more, and then is what it is", async () => {
  const { drain, log, trace } = setup(["thinking alone", "thinking alone"]);
  expect(await drain({ whole: true })).toEqual({ batches: 1 });
  expect(log).toEqual(["ask a", "ask a", "succeed a", "release a"]);
  expect(trace.attempts.map(({ outcome }) => outcome)).toEqual(["unavailable", "ok"]);
});

test("upstream's signs of life are passed on while a whole reply is gathered", async () => {
  let signs = 0;
  await setup(["ok"]).drain({ whole: true, onProgress: () => void signs++ });
  expect(signs).toBeGreaterThan(1);
});

test("losses of a repeated attempt are reported once", async () => {
  const { drain, trace } = setup([fault("overloaded"), "ok"]);
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
  expect(log).toEqual(["ask a", "fail a invalid-request", "release a"]);
});
