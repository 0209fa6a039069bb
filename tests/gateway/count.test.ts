import { describe, expect, test } from "bun:test";
import type { AccountKind } from "../../src/core/account-kind.ts";
import type { GatewayError } from "../../src/core/errors.ts";
import type { Caller } from "../../src/core/keys.ts";
import type { GenerateRequest } from "../../src/core/request.ts";
import { newTrace } from "../../src/core/trace.ts";
import type { Credential } from "../../src/core/upstream.ts";
import { type CounterDeps, createTokenCounter } from "../../src/gateway/count.ts";
import { estimateTokens } from "../../src/gateway/estimate-tokens.ts";
import { profileOf } from "../../src/models/profile.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { credentialOf, fault, scriptedUpstreams } from "./support.ts";

const MODEL = profileOf("gemini-3-flash");
const REQUEST: GenerateRequest = {
  model: "m",
  system: ["Answer tersely."],
  contents: [{ role: "user", parts: [{ text: "List three primes." }] }],
  tools: [],
  sampling: {},
};
const RULE = { kind: "listed", from: "m", to: "m", text: "test" } as const;
const ESTIMATE = { tokens: estimateTokens(REQUEST), estimated: true };
const never = new AbortController().signal;

type Answer = (credential: Credential, signal: AbortSignal) => Promise<number>;

function setup(
  answers: Record<string, Answer[]>,
  kinds: Record<string, AccountKind> = {},
  inlineMedia = async (request: GenerateRequest) => request,
  resolveModel: CounterDeps["resolveModel"] = async () => ({ profile: MODEL, rule: RULE }),
) {
  const clock = fakeClock();
  const asked: string[] = [];
  const renewed: string[] = [];
  const kindOf = (id: string) => kinds[id] ?? "antigravity";
  const counter = createTokenCounter({
    async usableAccounts() {
      if (Object.keys(answers).length === 0) throw fault("no-account");
      return Object.keys(answers).map((id) => ({ id, handle: id, kind: kindOf(id) }));
    },
    lanes: () => ["antigravity", "gemini-api-key"],
    credential: async (id) => credentialOf(kindOf(id), id),
    renewAccessToken: (id) => void renewed.push(id),
    upstreams: scriptedUpstreams({
      countTokens({ request, model }, credential, signal) {
        expect({ request, model }).toEqual({ request: REQUEST, model: MODEL });
        asked.push(credential.accountId);
        return (
          answers[credential.accountId]?.shift()?.(credential, signal) ?? Promise.reject(new Error("asked too often"))
        );
      },
    }),
    clock,
    inlineMedia,
    resolveModel,
  });
  const trace = newTrace("req_1", clock.now());
  const count = (signal = never, maySee: Caller["maySee"] = () => true) =>
    counter.count(REQUEST, maySee, trace, signal);
  return { clock, asked, renewed, trace, count };
}

const says =
  (tokens: number): Answer =>
  async () =>
    tokens;
const fails =
  (kind: GatewayError["kind"], detail: GatewayError["detail"] = {}): Answer =>
  () =>
    Promise.reject(fault(kind, detail));
const hangs: Answer = () => new Promise(() => {});

describe("upstream's own count", () => {
  test("comes from the first account of the first lane", async () => {
    const { count, asked } = setup({ key: [], own: [says(31)], other: [] }, { key: "gemini-api-key" });
    expect(await count()).toEqual({ tokens: 31, estimated: false });
    expect(asked).toEqual(["own"]);
  });

  test("comes from a second account when the first one fails", async () => {
    const { count, asked } = setup({ a: [fails("unavailable")], b: [says(31)], c: [] });
    expect(await count()).toEqual({ tokens: 31, estimated: false });
    expect(asked).toEqual(["a", "b"]);
  });

  test("is asked for once more with a new token where the old one is rejected", async () => {
    const { count, asked, renewed } = setup({ a: [fails("access-token-rejected"), says(31)] });
    expect(await count()).toEqual({ tokens: 31, estimated: false });
    expect({ asked, renewed }).toEqual({ asked: ["a", "a"], renewed: ["a"] });
  });

  test("leaves nothing asleep behind it", async () => {
    const { count, clock } = setup({ a: [says(31)] });
    await count();
    await settle();
    expect(clock.sleeping()).toEqual([]);
  });
});

describe("an estimate stands in", () => {
  test.each<[string, Record<string, Answer[]>]>([
    [
      "two accounts have failed; a third is not asked",
      { a: [fails("overloaded")], b: [fails("quota-exhausted")], c: [says(1)] },
    ],
    ["there is no account", {}],
    ["upstream refuses to count the request", { a: [fails("invalid-request", { upstreamStatus: 400 })] }],
    ["upstream finds the prompt too long", { a: [fails("context-too-long", { upstreamStatus: 400 })] }],
    ["something breaks that nobody thought of", { a: [() => Promise.reject(new TypeError("x"))] }],
  ])("when %s", async (_when, answers) => {
    expect(await setup(answers).count()).toEqual(ESTIMATE);
  });

  test("when there is no answer within 8 s, however many accounts are asked", async () => {
    const { count, clock, asked } = setup({ a: [hangs], b: [says(1)] });
    const counted = count();
    await clock.advance(7_999);
    expect(await Promise.race([counted, "waiting"])).toBe("waiting");
    await clock.advance(1);
    expect(await counted).toEqual(ESTIMATE);
    expect(asked).toEqual(["a"]);
  });
});

describe("the client is told", () => {
  test("of a request that cannot be served as it stands, and no second account is asked", async () => {
    const { count, asked } = setup({ a: [fails("invalid-request", { field: "messages" })], b: [says(1)] });
    expect(await count().catch((error: unknown) => error)).toMatchObject({
      kind: "invalid-request",
      detail: { field: "messages" },
    });
    expect(asked).toEqual(["a"]);
  });

  test("nothing when it has left", async () => {
    const abort = new AbortController();
    const { count } = setup({ a: [hangs] });
    const counted = count(abort.signal).catch((error: unknown) => error);
    await settle();
    abort.abort();
    expect(await counted).toMatchObject({ name: "GatewayError", kind: "cancelled" });
  });
});

test("files that are slow to fetch hold no count up: it is estimated", async () => {
  const { clock, asked, count } = setup({ a1: [] }, {}, () => new Promise(() => {}));
  const counted = count();
  await settle();
  await clock.advance(8_000);
  expect(await counted).toEqual(ESTIMATE);
  expect(asked).toEqual([]);
});

test("a file that cannot be had is the request's fault", () => {
  const { count } = setup({ a1: [] }, {}, () => Promise.reject(fault("invalid-request")));
  expect(count()).rejects.toMatchObject({ kind: "invalid-request" });
});

describe("the model", () => {
  test("is named in the trace, with the rule that led to it", async () => {
    const { count, trace } = setup({ a: [says(31)] });
    await count();
    expect(trace).toMatchObject({ servedModel: MODEL.id, rule: RULE });
  });

  test("that nobody knows is the client's to know of", async () => {
    const { count } = setup({ a: [] }, {}, undefined, () => Promise.reject(fault("unknown-model")));
    expect(await count().catch((error: unknown) => error)).toMatchObject({ kind: "unknown-model" });
  });

  test("that nobody can look up in time holds no count up: it is estimated", async () => {
    const { count, clock } = setup({ a: [] }, {}, undefined, () => new Promise(() => {}));
    const counted = count();
    await clock.advance(8_000);
    expect(await counted).toEqual(ESTIMATE);
  });

  test.each<[string, CounterDeps["resolveModel"] | undefined]>([
    ["known", undefined],
    ["not looked up in time", () => new Promise(() => {})],
  ])("that a key may not use is refused, %s", async (_when, resolveModel) => {
    const { count, clock, asked } = setup({ a: [says(31)] }, {}, undefined, resolveModel);
    const counted = count(never, () => false).catch((error: unknown) => error);
    await clock.advance(8_000);
    expect(await counted).toMatchObject({
      kind: "forbidden",
      message: 'This key may not use the model "m"',
      detail: { field: "model" },
    });
    expect(asked).toEqual([]);
  });
});

describe("the trace", () => {
  test("names the account that has counted", async () => {
    const { count, trace } = setup({ a: [says(31)] });
    await count();
    expect(trace.accountHandle).toBe("a");
    expect(trace.attempts).toEqual([{ accountHandle: "a", outcome: "ok", atMs: 0, ms: 0 }]);
  });

  test("tells every attempt, and what was done about it", async () => {
    const { count, trace } = setup({
      a: [fails("access-token-rejected", { upstreamStatus: 401 }), fails("overloaded", { upstreamStatus: 503 })],
      b: [says(31)],
    });
    await count();
    expect(trace.attempts).toEqual([
      {
        accountHandle: "a",
        outcome: "access-token-rejected",
        atMs: 0,
        ms: 0,
        upstreamStatus: 401,
        next: "again",
        renewed: "access-token",
      },
      { accountHandle: "a", outcome: "overloaded", atMs: 0, ms: 0, upstreamStatus: 503, next: "switch" },
      { accountHandle: "b", outcome: "ok", atMs: 0, ms: 0 },
    ]);
  });

  test("says that an attempt took too long when an estimate stands in", async () => {
    const { count, clock, trace } = setup({ a: [hangs] });
    const counted = count();
    await clock.advance(8_000);
    await counted;
    expect(trace.attempts).toEqual([{ accountHandle: "a", outcome: "deadline", atMs: 0, ms: 8_000 }]);
  });

  test("says that the client left during an attempt", async () => {
    const abort = new AbortController();
    const { count, trace } = setup({ a: [hangs] });
    const counted = count(abort.signal).catch(() => {}); // another test is about what it throws
    await settle();
    abort.abort();
    await counted;
    expect(trace.attempts).toMatchObject([{ outcome: "cancelled", ms: 0 }]);
  });
});
