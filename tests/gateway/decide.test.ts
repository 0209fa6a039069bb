import { describe, expect, test } from "bun:test";
import { type FailureDetail, type FailureKind, GatewayError } from "../../src/core/errors.ts";
import {
  type Decision,
  decide,
  type Facts,
  isLimit,
  isUnexplained,
  likeness,
  MAX_ATTEMPTS,
  type PauseSource,
} from "../../src/gateway/decide.ts";

interface Row extends Partial<Omit<Facts, "error" | "repairs" | "renewed">> {
  name: string;
  /** Absent: the pool found the request limited. */
  kind?: FailureKind;
  detail?: FailureDetail;
  repairs?: readonly NonNullable<FailureDetail["repair"]>[];
  renewed?: readonly ("access-token" | "project")[];
  expected: Decision;
}

const stop: Decision = { type: "stop" };
const switchAccount: Decision = { type: "switch" };
const again = (afterMs: number, extra: object = {}): Decision => ({ type: "again", afterMs, ...extra });
const after = (afterMs: number, source: PauseSource) => again(afterMs, { source });
/** For the end of the account's own limit. */
const wait = (ms: number): Decision => ({ type: "wait", ms, source: "limit", whose: "own" });
const waitUnnamed = (ms: number): Decision => ({ type: "wait", ms, source: "unnamed-limit", whose: "own" });
const waitForOther = (ms: number): Decision => ({ type: "wait", ms, source: "limit", whose: "other" });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const alone = { free: 0 };
const oneFree = { free: 1 };
const soon = (soonestMs: number) => ({ free: 0, soonestMs });
const reason = { upstreamReason: "RATE_LIMIT_EXCEEDED" };

const requestRows: Row[] = [
  { name: "a bad request is not retried", kind: "invalid-request", expected: stop },
  {
    name: "a refusal with a known repair is tried once with it",
    kind: "invalid-request",
    detail: { repair: "drop-thinking" },
    expected: again(0, { repair: "drop-thinking" }),
  },
  {
    name: "the same repair is not tried twice",
    kind: "invalid-request",
    detail: { repair: "drop-thinking" },
    attempts: 2,
    repairs: ["drop-thinking"],
    expected: stop,
  },
  {
    name: "a second, different repair may follow",
    kind: "invalid-request",
    detail: { repair: "thinking-config-off" },
    attempts: 2,
    alike: 2,
    repairs: ["thinking-other-form"],
    expected: again(0, { repair: "thinking-config-off" }),
  },
  {
    name: "a repair is tried however little time is left",
    kind: "invalid-request",
    detail: { repair: "drop-thinking" },
    deadlineMs: 1000,
    expected: again(0, { repair: "drop-thinking" }),
  },
  { name: "too long a prompt is not retried", kind: "context-too-long", expected: stop },
  { name: "too large a body is not retried", kind: "payload-too-large", expected: stop },
  { name: "an unknown model is not retried", kind: "unknown-model", expected: stop },
  { name: "an unknown route is not retried", kind: "unknown-route", expected: stop },
  { name: "a missing key is not retried", kind: "unauthorized", expected: stop },
  { name: "a refusal of ours is not retried", kind: "forbidden", expected: stop },
  { name: "a blocked region is final", kind: "region-blocked", others: oneFree, expected: stop },
  { name: "a passed deadline is final", kind: "deadline", expected: stop },
  { name: "a limit of the client's own key is final", kind: "key-limited", others: oneFree, expected: stop },
  { name: "a gateway that is full is no reason to try again", kind: "busy", others: oneFree, expected: stop },
  {
    name: "nothing is begun that could not end in time",
    kind: "invalid-request",
    detail: { repair: "drop-thinking" },
    deadlineMs: 499,
    expected: stop,
  },
  { name: "a client that left is not retried for", kind: "cancelled", expected: stop },
  { name: "our own defect is not retried", kind: "internal", expected: stop },
  { name: "having no account is final", kind: "no-account", expected: stop },
  { name: "a refused client version is final", kind: "version-refused", expected: stop },
];

const brokenRows: Row[] = [
  {
    name: "lack of capacity backs off on the same account",
    kind: "overloaded",
    others: oneFree,
    expected: after(1000, "back-off"),
  },
  {
    name: "the back-off doubles",
    kind: "overloaded",
    attempts: 2,
    attemptsOnAccount: 2,
    alike: 2,
    expected: after(2000, "back-off"),
  },
  {
    name: "the back-off ends at four seconds",
    kind: "overloaded",
    attempts: 3,
    attemptsOnAccount: 3,
    alike: 3,
    expected: after(4000, "back-off"),
  },
  { name: "lack of capacity is reported in the end", kind: "overloaded", attempts: 4, alike: 4, expected: stop },
  {
    name: "lack of capacity is not waited for beyond the deadline",
    kind: "overloaded",
    attempts: 3,
    alike: 3,
    deadlineMs: 8000,
    expected: stop,
  },
  {
    name: "the back-off starts anew for what other failures went before",
    kind: "overloaded",
    attempts: 3,
    alike: 1,
    expected: after(1000, "back-off"),
  },
  { name: "a broken upstream is tried again after a moment", kind: "unavailable", expected: after(500, "retry-pause") },
  {
    name: "a second break moves to one other account",
    kind: "unavailable",
    attempts: 2,
    attemptsOnAccount: 2,
    alike: 2,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a second break does not make anybody wait for a limit",
    kind: "unavailable",
    attempts: 2,
    attemptsOnAccount: 2,
    alike: 2,
    others: soon(10_000),
    expected: stop,
  },
  {
    name: "three breaks are enough, wherever they were",
    kind: "unavailable",
    attempts: 3,
    attemptsOnAccount: 1,
    alike: 3,
    others: oneFree,
    expected: stop,
  },
  { name: "a malformed answer is asked for once more", kind: "malformed-answer", expected: again(0) },
  { name: "a second malformed answer is reported", kind: "malformed-answer", attempts: 2, alike: 2, expected: stop },
];

const accountRows: Row[] = [
  { name: "a model this account lacks is looked for on another", kind: "model-missing", expected: switchAccount },
  { name: "a denial without a reason is looked past", kind: "access-denied", expected: switchAccount },
  {
    name: "a rejected access token is renewed once",
    kind: "access-token-rejected",
    others: oneFree,
    expected: again(0, { renew: "access-token" }),
  },
  {
    name: "a renewed token that is rejected moves on",
    kind: "access-token-rejected",
    attempts: 2,
    renewed: ["access-token"],
    expected: switchAccount,
  },
  {
    name: "a rejected project is rediscovered once",
    kind: "project-rejected",
    expected: again(0, { renew: "project" }),
  },
  {
    name: "a renewed token does not stand for a rediscovered project",
    kind: "project-rejected",
    attempts: 2,
    renewed: ["access-token"],
    expected: again(0, { renew: "project" }),
  },
  {
    name: "a rediscovered project that is rejected moves on",
    kind: "project-rejected",
    attempts: 2,
    renewed: ["project"],
    expected: switchAccount,
  },
  ...(["needs-verification", "needs-login", "no-project", "key-rejected"] as const).map((accountProblem) => ({
    name: `an account with ${accountProblem} is passed over`,
    kind: "account-unusable" as const,
    detail: { accountProblem },
    expected: switchAccount,
  })),
  {
    name: "an account that was disabled or removed meanwhile is passed over",
    kind: "account-unusable",
    expected: switchAccount,
  },
  {
    name: "a terms block is not tried on the other sign-ins",
    kind: "account-unusable",
    detail: { accountProblem: "terms-block" },
    others: { free: 3 },
    expected: stop,
  },
];

const burstRows: Row[] = [
  {
    name: "a burst limit is sat out in place with a margin",
    kind: "rate-limited",
    detail: { ...reason, retryAfterMs: 900 },
    others: oneFree,
    expected: after(1400, "burst"),
  },
  {
    name: "a burst limit needs no reason beside its time",
    kind: "rate-limited",
    detail: { retryAfterMs: 2999 },
    expected: after(3499, "burst"),
  },
  {
    name: "a burst limit is sat out a second time",
    kind: "rate-limited",
    detail: { ...reason, retryAfterMs: 900 },
    attempts: 2,
    attemptsOnAccount: 2,
    alike: 2,
    expected: after(1400, "burst"),
  },
  {
    name: "a burst that does not end moves on, even from the conversation's own account",
    kind: "rate-limited",
    detail: { ...reason, retryAfterMs: 900 },
    attempts: 3,
    attemptsOnAccount: 3,
    bound: true,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a burst that does not end is waited for when there is nobody else",
    kind: "rate-limited",
    detail: { ...reason, retryAfterMs: 900 },
    attempts: 3,
    attemptsOnAccount: 3,
    bound: true,
    expected: wait(900),
  },
  {
    name: "a burst limit after a wait is not sat out again",
    kind: "rate-limited",
    detail: { ...reason, retryAfterMs: 900 },
    attempts: 2,
    refusedAfterWait: true,
    expected: stop,
  },
  {
    name: "a burst limit is not sat out by who may not wait",
    kind: "rate-limited",
    detail: { ...reason, retryAfterMs: 900 },
    maxWaitMs: 0,
    expected: stop,
  },
  {
    name: "a squeeze is not sat out by who may not wait",
    kind: "rate-limited",
    detail: reason,
    maxWaitMs: 0,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a burst limit is sat out where less time is enough for an answer",
    kind: "rate-limited",
    detail: { ...reason, retryAfterMs: 2000 },
    deadlineMs: 7000,
    answerMs: 1000,
    expected: after(2500, "burst"),
  },
  {
    name: "a burst limit is not sat out beyond the deadline",
    kind: "rate-limited",
    detail: { ...reason, retryAfterMs: 2000 },
    deadlineMs: 7000,
    expected: stop,
  },
  {
    name: "a limit with a reason and without a time may be a passing squeeze",
    kind: "rate-limited",
    detail: reason,
    others: oneFree,
    expected: after(500, "unnamed-limit"),
  },
  {
    name: "the second wait for a squeeze is longer",
    kind: "rate-limited",
    detail: reason,
    attempts: 2,
    attemptsOnAccount: 2,
    others: oneFree,
    expected: after(1500, "unnamed-limit"),
  },
  {
    name: "after two waits a squeeze is a limit of half a minute: the bound account is waited for",
    kind: "rate-limited",
    detail: reason,
    attempts: 3,
    attemptsOnAccount: 3,
    bound: true,
    others: oneFree,
    expected: waitUnnamed(30_000),
  },
  {
    name: "after two waits a squeeze moves an unbound request",
    kind: "rate-limited",
    detail: reason,
    attempts: 3,
    attemptsOnAccount: 3,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a squeeze is a limit of half a minute for those who may not wait that long",
    kind: "rate-limited",
    detail: reason,
    attempts: 3,
    attemptsOnAccount: 3,
    maxWaitMs: 29_999,
    expected: stop,
  },
];

const unexplainedRows: Row[] = [
  {
    name: "a bare 429 has a second opinion from another account",
    kind: "rate-limited",
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a bare 429 has a second opinion from the same account when it is alone",
    kind: "rate-limited",
    expected: after(1000, "second-opinion"),
  },
  {
    name: "a bare 429 does not wait for somebody else's limit",
    kind: "rate-limited",
    others: soon(5000),
    expected: after(1000, "second-opinion"),
  },
  {
    name: "a second bare 429 is the end, however many accounts are free",
    kind: "rate-limited",
    attempts: 2,
    alike: 2,
    others: { free: 5 },
    expected: stop,
  },
  {
    name: "a bare 429 after failures of other kinds still has its second opinion",
    kind: "rate-limited",
    attempts: 3,
    alike: 1,
    others: oneFree,
    expected: switchAccount,
  },
];

const limit = (retryAfterMs: number) => ({ kind: "rate-limited" as const, detail: { ...reason, retryAfterMs } });
const quota = (retryAfterMs: number) => ({
  kind: "quota-exhausted" as const,
  detail: { upstreamReason: "QUOTA_EXHAUSTED", retryAfterMs },
});

const limitRows: Row[] = [
  {
    name: "three seconds are a limit: an unbound request moves on",
    ...limit(3000),
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a short limit of the bound account is waited for",
    ...limit(30_000),
    bound: true,
    others: oneFree,
    expected: wait(30_000),
  },
  {
    name: "a used-up window of the bound account that soon resets is waited for",
    ...quota(MINUTE),
    bound: true,
    others: oneFree,
    expected: wait(MINUTE),
  },
  {
    name: "a long limit of the bound account moves the conversation",
    ...limit(4 * MINUTE),
    bound: true,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a used-up window moves the conversation",
    ...quota(108 * HOUR),
    bound: true,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "an unbound request takes a free account at once",
    ...limit(30_000),
    others: oneFree,
    expected: switchAccount,
  },
  { name: "a single account's short limit is waited for", ...limit(30_000), others: alone, expected: wait(30_000) },
  { name: "a single account's long limit is told", ...limit(10 * MINUTE), others: alone, expected: stop },
  {
    name: "the limit that ends first is waited for",
    ...limit(50_000),
    others: soon(20_000),
    expected: waitForOther(20_000),
  },
  {
    name: "its own limit is waited for when it ends first",
    ...limit(20_000),
    others: soon(50_000),
    expected: wait(20_000),
  },
  {
    name: "a bound request waits for its own account although another is free earlier",
    ...limit(50_000),
    bound: true,
    others: soon(20_000),
    expected: wait(50_000),
  },
  {
    name: "a bound request whose limit is too long waits for the one that ends first",
    ...limit(10 * MINUTE),
    bound: true,
    others: soon(20_000),
    expected: waitForOther(20_000),
  },
  { name: "all limited beyond the patience is told", ...quota(HOUR), others: soon(10 * MINUTE), expected: stop },
  {
    name: "a limit as long as the patience is waited for",
    ...limit(60_000),
    maxWaitMs: 60_000,
    expected: wait(60_000),
  },
  { name: "a limit a little longer than the patience is not", ...limit(60_001), maxWaitMs: 60_000, expected: stop },
  {
    name: "time already spent in the queue shortens the patience",
    ...limit(30_000),
    bound: true,
    waitedMs: 100_000,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a wait must leave five seconds for the answer",
    ...limit(30_000),
    deadlineMs: 35_000,
    expected: wait(30_000),
  },
  { name: "a wait that leaves less is not begun", ...limit(30_000), deadlineMs: 34_999, expected: stop },
  {
    name: "a wait that does not fit moves the bound conversation",
    ...limit(30_000),
    bound: true,
    deadlineMs: 34_999,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "who may not wait switches",
    ...limit(30_000),
    bound: true,
    maxWaitMs: 0,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "who may not wait and has nobody is told",
    ...limit(30_000),
    maxWaitMs: 0,
    others: soon(3000),
    expected: stop,
  },
  {
    name: "who has waited and is refused again is told",
    ...limit(30_000),
    bound: true,
    attempts: 2,
    refusedAfterWait: true,
    expected: stop,
  },
  {
    name: "who has waited and is refused again takes a free account",
    ...limit(30_000),
    bound: true,
    attempts: 2,
    refusedAfterWait: true,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "a used-up quota without a stated end moves on",
    kind: "quota-exhausted",
    bound: true,
    others: oneFree,
    expected: switchAccount,
  },
  { name: "a used-up quota without a stated end is not waited for", kind: "quota-exhausted", expected: stop },
  {
    name: "a used-up quota without a stated end waits for somebody else's",
    kind: "quota-exhausted",
    bound: true,
    others: soon(9000),
    expected: waitForOther(9000),
  },
  {
    name: "the attempts are bounded for limits",
    ...quota(HOUR),
    attempts: MAX_ATTEMPTS,
    others: oneFree,
    expected: stop,
  },
  { name: "the attempts are bounded for waits", ...limit(30_000), bound: true, attempts: MAX_ATTEMPTS, expected: stop },
  {
    name: "the attempts are bounded for repairs",
    kind: "invalid-request",
    detail: { repair: "drop-thinking" },
    attempts: MAX_ATTEMPTS,
    expected: stop,
  },
];

const offeredRows: Row[] = [
  {
    name: "the bound account's short rest is waited for",
    restMs: 30_000,
    bound: true,
    others: oneFree,
    expected: wait(30_000),
  },
  {
    name: "the bound account's long rest moves the conversation",
    restMs: HOUR,
    bound: true,
    others: oneFree,
    expected: switchAccount,
  },
  {
    name: "with all resting, the first to be free is waited for",
    restMs: HOUR,
    bound: true,
    others: soon(45_000),
    expected: waitForOther(45_000),
  },
  { name: "an unbound request waits for the first to be free", others: soon(45_000), expected: waitForOther(45_000) },
  {
    name: "with all resting for long, nothing is sent",
    restMs: 10 * MINUTE,
    bound: true,
    others: soon(10 * MINUTE),
    expected: stop,
  },
  { name: "an unbound request is told about long rests", others: soon(10 * MINUTE), expected: stop },
  {
    name: "waits add up: the patience is used up by earlier ones",
    others: soon(30_000),
    waitedMs: 100_000,
    expected: stop,
  },
  {
    name: "after a wait in vain nothing further is waited for",
    others: soon(3000),
    refusedAfterWait: true,
    expected: stop,
  },
  { name: "a negative patience is none", others: soon(1), waitedMs: 130_000, expected: stop },
];

const groups = { requestRows, brokenRows, accountRows, burstRows, unexplainedRows, limitRows, offeredRows };

for (const [group, rows] of Object.entries(groups)) {
  describe(group, () => {
    test.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
      const { name: _name, kind, detail, repairs, renewed, expected, ...facts } = row;
      const restMs = facts.restMs ?? detail?.retryAfterMs;
      const decision = decide({
        ...(kind && { error: new GatewayError(kind, "text that no rule reads: 500 429 signature", detail) }),
        bound: false,
        others: alone,
        attempts: kind ? 1 : 0,
        attemptsOnAccount: kind ? 1 : 0,
        alike: kind ? 1 : 0,
        waitedMs: 0,
        refusedAfterWait: false,
        maxWaitMs: 120_000,
        deadlineMs: 120_000,
        answerMs: 5_000,
        ...facts,
        ...(restMs !== undefined && { restMs }),
        repairs: new Set(repairs),
        renewed: new Set(renewed),
      });
      expect(decision).toEqual(expected);
    });
  });
}

describe("what a refusal proves", () => {
  const bare = new GatewayError("rate-limited", "x", { upstreamStatus: 429 });
  const timed = new GatewayError("rate-limited", "x", { retryAfterMs: 1000 });
  const named = new GatewayError("rate-limited", "x", reason);
  const used = new GatewayError("quota-exhausted", "x");

  test("a bare 429 proves no limit", () => {
    expect([bare, timed, named, used].map(isUnexplained)).toEqual([true, false, false, false]);
    expect([bare, timed, named, used].map(isLimit)).toEqual([false, true, true, true]);
  });

  test("a bare 429 does not count as one of those with a reason", () => {
    expect([bare, timed, named].map(likeness)).toEqual(["unexplained", "rate-limited", "rate-limited"]);
  });
});
