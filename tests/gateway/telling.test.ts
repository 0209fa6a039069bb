import { describe, expect, test } from "bun:test";
import { asGatewayError, type FailureDetail, GatewayError } from "../../src/core/errors.ts";
import { type AttemptRecord, type Considered, newTrace, type WaitRecord } from "../../src/core/trace.ts";
import type { TurnEvent, Usage } from "../../src/core/turn.ts";
import { createBackOff } from "../../src/gateway/back-off.ts";
import type { GenerateCall } from "../../src/gateway/course.ts";
import { generate } from "../../src/gateway/generate.ts";
import { keepShort, tellChoice, tellWait } from "../../src/gateway/telling.ts";
import { eagerClock, settle } from "../support/clock.ts";
import { claudeProfile } from "../support/requests.ts";
import { fault, type ScriptedAccount, scriptedPool, scriptedUpstreams, plainCall } from "./support.ts";

const usage = (input: number, output = 0): Usage => ({ input, cachedInput: 0, output, thinking: 0 });

const start: TurnEvent[] = [
  { type: "turn-start", usage: usage(7) },
  { type: "block-start", index: 0, head: { kind: "text" } },
];
const end: TurnEvent[] = [
  { type: "block-end", index: 0 },
  { type: "turn-end", reason: "end", usage: usage(8, 5), meta: {} },
];

/** What happens during one attempt: time passes, events come, or it fails. */
type Step = number | { status: number } | readonly TurnEvent[] | GatewayError | "silence";

function setup(attempts: Step[][], accounts: (string | ScriptedAccount)[] = ["a1", "a2"]) {
  const clock = eagerClock();
  const trace = newTrace("req_1", clock.now());
  clock.sleep(10).catch(() => {}); // it never rejects without a signal: the request has been under way for 10 ms
  const started: AttemptRecord[] = [];
  const abort = new AbortController();
  const upstreams = scriptedUpstreams({
    async *stream(call, _credential, signal) {
      for (const step of attempts.shift() ?? []) {
        if (typeof step === "number") await clock.sleep(step);
        else if (step instanceof GatewayError) throw step;
        else if (typeof step === "object" && "status" in step) call.onAnswer?.(step.status);
        else if (step === "silence") await new Promise((_, reject) => signal.addEventListener("abort", reject));
        else yield step;
      }
    },
  });
  const pool = scriptedPool(
    accounts.map((account) => (typeof account === "string" ? { id: account } : account)),
    [],
    clock,
  );
  const call = plainCall(clock);
  const backOff = createBackOff(clock);
  const onAttempt = (_: unknown, record: AttemptRecord) => void started.push({ ...record });
  const deps = { pool, upstreams, clock, backOff, onAttempt };
  const begin = (over: Partial<GenerateCall> = {}) => generate({ ...call, ...over }, trace, abort.signal, deps);
  const drain = async (over: Partial<GenerateCall> = {}) => {
    try {
      for await (const _ of begin(over)); // what comes is another test's matter
      return "ok";
    } catch (cause) {
      return asGatewayError(cause).kind;
    }
  };
  return { clock, trace, abort, begin, drain, backOff, started };
}

const refused = (retryAfterMs?: number, detail: FailureDetail = {}) =>
  fault("rate-limited", {
    upstreamStatus: 429,
    upstreamReason: "RATE_LIMIT_EXCEEDED",
    ...(retryAfterMs !== undefined && { retryAfterMs, retryAfterSource: "RetryInfo" }),
    ...detail,
  });

describe("an attempt", () => {
  test("is told with its times, from the arrival and from its own start", async () => {
    const { drain, trace } = setup([[300, start, 200, end]]);
    expect(await drain()).toBe("ok");
    expect(trace.attempts).toEqual([{ accountHandle: "a1", outcome: "ok", atMs: 10, ms: 500, firstEventMs: 300 }]);
    expect(trace.firstEventMs).toBe(310);
  });

  test("is told with upstream's status, also when its answer then breaks off", async () => {
    const { drain, trace } = setup([
      [{ status: 201 }, fault("malformed-answer")],
      [{ status: 200 }, start, end],
    ]);
    expect(await drain()).toBe("ok");
    expect(trace.attempts).toMatchObject([
      { outcome: "malformed-answer", upstreamStatus: 201 },
      { outcome: "ok", upstreamStatus: 200 },
    ]);
  });

  test("is announced when it starts, before anything is sent", async () => {
    const { drain, started } = setup([[fault("model-missing")], [start, end]]);
    await drain();
    expect(started).toEqual([
      { accountHandle: "a1", outcome: "ok", unsent: true, atMs: 10 },
      { accountHandle: "a2", outcome: "ok", unsent: true, atMs: 10 },
    ]);
  });

  test("that fails is told with what upstream said and what was done about it", async () => {
    const { drain, trace } = setup([
      [40, refused(90_000)],
      [start, end],
    ]);
    await drain();
    expect(trace.attempts[0]).toEqual({
      accountHandle: "a1",
      outcome: "rate-limited",
      atMs: 10,
      ms: 40,
      upstreamStatus: 429,
      upstreamReason: "RATE_LIMIT_EXCEEDED",
      retryAfterMs: 90_000,
      retryAfterSource: "RetryInfo",
      next: "switch",
    });
  });

  test("a time of ours is not told as one that upstream asked for", async () => {
    const { drain, trace } = setup(
      [[fault("access-denied", { upstreamStatus: 403, retryAfterMs: 1_800_000 })]],
      ["a1"],
    );
    await drain();
    expect(trace.attempts[0]).not.toContainAnyKeys(["retryAfterMs", "retryAfterSource"]);
  });

  test.each<[string, GatewayError, object]>([
    ["a repair", fault("invalid-request", { repair: "drop-thinking" }), { next: "again", repair: "drop-thinking" }],
    ["a new token", fault("access-token-rejected"), { next: "again", renewed: "access-token" }],
    ["a new project", fault("project-rejected"), { next: "again", renewed: "project" }],
    [
      "its owner's help",
      fault("account-unusable", { accountProblem: "needs-login" }),
      { next: "switch", accountProblem: "needs-login" },
    ],
  ])("that needs %s says so", async (_what, failure, expected) => {
    const { drain, trace } = setup([[failure], [start, end]]);
    expect(await drain()).toBe("ok");
    expect(trace.attempts[0]).toMatchObject(expected);
  });

  test("that was the end says nothing of what was done", async () => {
    const { drain, trace } = setup([[fault("region-blocked")]]);
    await drain();
    expect(trace.attempts[0]).not.toHaveProperty("then");
  });

  test("that broke off unseen has its own first event, and the request that of the next", async () => {
    const { drain, trace } = setup([
      [100, start, 50, fault("unavailable")],
      [200, start, end],
    ]);
    expect(await drain({ whole: true })).toBe("ok");
    expect(trace.attempts.map(({ firstEventMs, ms }) => [firstEventMs, ms])).toEqual([
      [100, 150],
      [200, 200],
    ]);
    expect(trace.firstEventMs).toBe(10 + 150 + 500 + 200);
  });

  test("that the consumer leaves in the middle is no success", async () => {
    const { begin, trace } = setup([[start, 30, end]]);
    for await (const _ of begin()) break;
    expect(trace.attempts).toMatchObject([{ outcome: "cancelled", ms: 0 }]);
  });

  test("that runs into a deadline while its reader sleeps is told by it", async () => {
    const { begin, abort, trace } = setup([[start, "silence"]]);
    const batches = begin();
    await batches.next();
    abort.abort(new GatewayError("deadline", "x"));
    await batches.return();
    expect(trace.attempts).toMatchObject([{ outcome: "deadline" }]);
  });
});

describe("tokens", () => {
  test("of an answer are those of its end", async () => {
    const { drain, trace } = setup([[start, end]]);
    await drain();
    expect(trace.usage).toEqual(usage(8, 5));
  });

  test("of an answer that breaks off are what was known by then", async () => {
    const { drain, trace } = setup([[start, fault("unavailable")]]);
    expect(await drain()).toBe("unavailable");
    expect(trace.usage).toEqual(usage(7));
  });

  test("of an answer whose client leaves are known while it is under way", async () => {
    const { begin, abort, trace } = setup([[start, "silence"]]);
    const batches = begin();
    await batches.next();
    expect(trace.usage).toEqual(usage(7));
    const pending = batches.next().catch(() => {}); // the abort, which other tests are about
    await settle();
    abort.abort();
    await pending;
    expect(trace.usage).toEqual(usage(7));
  });

  test("of what nobody was given are not counted", async () => {
    const { drain, trace } = setup([
      [start, fault("unavailable")],
      [start, end],
    ]);
    await drain({ whole: true });
    expect(trace.usage).toEqual(usage(8, 5));
  });
});

describe("a wait is told with who has set its end:", () => {
  const resting = (id: string, restsForMs: number, bound = false): ScriptedAccount => ({
    id,
    bound,
    restsUntil: Date.UTC(2026, 0, 1) + 10 + restsForMs,
  });

  test.each<[string, Step[][], (string | ScriptedAccount)[], WaitRecord[]]>([
    [
      "the limit that the last attempt met",
      [[refused(30_000)], [start, end]],
      ["a1"],
      [{ atMs: 10, ms: 30_000, source: "limit", handle: "a1", evidence: "429 RATE_LIMIT_EXCEEDED, RetryInfo" }],
    ],
    [
      "the bound account's limit, which was known before",
      [[start, end]],
      [resting("a1", 20_000, true), "a2"],
      [{ atMs: 10, ms: 20_000, source: "limit", handle: "a1", evidence: "rest of a1" }],
    ],
    [
      "the limit of another account, which ends first",
      [[refused(60_000)], [start, end]],
      ["a1", resting("a2", 5_000)],
      [{ atMs: 10, ms: 5_000, source: "limit", handle: "a2", evidence: "rest of a2" }],
    ],
    [
      "the first of all limits to end",
      [[start, end]],
      [resting("a1", 9_000), resting("a2", 5_000)],
      [{ atMs: 10, ms: 5_000, source: "limit", handle: "a2", evidence: "rest of a2" }],
    ],
    [
      "a burst",
      [[refused(900)], [start, end]],
      ["a1"],
      [{ atMs: 10, ms: 1_400, source: "burst", handle: "a1", evidence: "429 RATE_LIMIT_EXCEEDED, RetryInfo" }],
    ],
    [
      "nobody, so we did",
      [[refused()], [refused()], [refused()], [start, end]],
      ["a1"],
      [
        { atMs: 10, ms: 500, source: "unnamed-limit", handle: "a1", evidence: "429 RATE_LIMIT_EXCEEDED" },
        { atMs: 510, ms: 1_500, source: "unnamed-limit", handle: "a1", evidence: "429 RATE_LIMIT_EXCEEDED" },
        { atMs: 2_010, ms: 30_000, source: "unnamed-limit", handle: "a1", evidence: "429 RATE_LIMIT_EXCEEDED" },
      ],
    ],
    [
      "our own back-off, doubling",
      [[fault("overloaded", { upstreamStatus: 503 })], [fault("overloaded", { upstreamStatus: 503 })], [start, end]],
      ["a1"],
      [
        { atMs: 10, ms: 1_000, source: "back-off", evidence: "503" },
        { atMs: 1_010, ms: 2_000, source: "back-off", evidence: "503" },
      ],
    ],
    [
      "our own pause after trouble",
      [[fault("unavailable", { upstreamStatus: 500 })], [start, end]],
      ["a1"],
      [{ atMs: 10, ms: 500, source: "retry-pause", handle: "a1", evidence: "500" }],
    ],
    [
      "our own pause before a second opinion",
      [[fault("rate-limited", { upstreamStatus: 429 })], [start, end]],
      ["a1"],
      [{ atMs: 10, ms: 1_000, source: "second-opinion", handle: "a1", evidence: "429" }],
    ],
  ])("%s", async (_what, attempts, accounts, waits) => {
    const { drain, trace } = setup(attempts, accounts);
    expect(await drain()).toBe("ok");
    expect(trace.waits).toEqual(waits);
    expect(trace.waitedMs).toBe(trace.waits.reduce((sum, { ms }) => sum + ms, 0));
  });

  test("the back-off that another request has begun", async () => {
    const { drain, trace, backOff } = setup([[start, end]]);
    backOff.note(claudeProfile.id, 2_000);
    await drain();
    expect(trace.waits).toEqual([{ atMs: 10, ms: 2_000, source: "back-off", evidence: "found by another request" }]);
  });
});

describe("a trace stays small", () => {
  test("where the pool is large, a choice tells of some accounts for each reason, and of the one that was taken", () => {
    const trace = newTrace("req_1", 0);
    const resting = (handle: string, until: number): Considered => ({
      handle,
      reason: "resting",
      rest: { kind: "quota-exhausted", until, evidence: "429" },
    });
    const many = Array.from({ length: 40 }, (_, index) => resting(`a${index}`, 1000 - index));
    tellChoice(trace, "take", [...many, { handle: "a99", reason: "best" }, { handle: "a98", reason: "full" }], 5);
    expect(trace.choices[0]?.accounts.map(({ handle }) => handle)).toEqual(["a39", "a38", "a37", "a99", "a98"]);
    expect(trace.omitted).toEqual({ accounts: 37 });
    tellChoice(trace, "limited", many.slice(0, 20), 6);
    expect([trace.choices[1]?.accounts.length, trace.omitted]).toEqual([20, { accounts: 37 }]);
  });

  test("by leaving out what is in the middle of a list, and saying how much", () => {
    const trace = newTrace("req_1", 0);
    for (let at = 0; at < 1_000; at += 10) tellWait(trace, at, at + 5, { source: "slot" });
    expect(trace.waits).toHaveLength(50);
    expect([trace.waits[0], trace.waits[39], trace.waits[40], trace.waits[49]].map((wait) => wait?.atMs)).toEqual([
      0, 390, 900, 990,
    ]);
    expect(trace.omitted).toEqual({ waits: 50 });
    expect(trace.waitedMs).toBe(500);
  });

  test("and whole as long as it is short", () => {
    const trace = newTrace("req_1", 0);
    trace.choices.push({ atMs: 0, result: "take", accounts: [] });
    keepShort(trace, "choices");
    expect(trace).toEqual({ ...newTrace("req_1", 0), choices: trace.choices });
  });

  test("a moment is no wait", () => {
    const trace = newTrace("req_1", 0);
    tellWait(trace, 0, 4, { source: "slot" });
    expect([trace.waits, trace.waitedMs]).toEqual([[], 0]);
  });
});
