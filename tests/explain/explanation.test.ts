import { describe, expect, test } from "bun:test";
import type { RequestRecord } from "../../src/core/record.ts";
import type { AttemptRecord } from "../../src/core/trace.ts";
import { explanation } from "../../src/explain/explanation.ts";
import { stepsOf } from "../../src/explain/timeline.ts";
import { attempt, choice, failed, LIMITED, record, resting } from "./support.ts";

const story = (given: RequestRecord) => stepsOf(given).map(({ atMs, tone, text }) => `${atMs} ${tone}: ${text}`);
const factsOf = (given: RequestRecord) =>
  Object.fromEntries(explanation(given).facts.map(({ label, text }) => [label, text]));

test("the steps tell in order who was considered, what was waited for, who was asked, and how it ended", () => {
  const given = record({
    account: "a2",
    waitedMs: 2_500,
    totalMs: 6_000,
    choices: [
      choice(0, "take", [
        { handle: "a1", reason: "own" },
        { handle: "a2", reason: "less-fit" },
        { handle: "a3", reason: "disabled" },
        { handle: "a4", reason: "disabled" },
      ]),
      choice(210, "limited", [resting("a1", 34_000), { handle: "a2", reason: "not-own" }]),
      choice(210, "wait", [{ handle: "a2", reason: "full" }]),
      choice(2_710, "take", [resting("a1", 34_000), { handle: "a2", reason: "best" }]),
    ],
    waits: [{ atMs: 210, ms: 2_500, source: "slot" }],
    attempts: [
      attempt({ ...LIMITED, ms: 210, next: "switch" }),
      attempt({ accountHandle: "a2", atMs: 2_711, ms: 3_289, firstEventMs: 700, upstreamStatus: 200 }),
    ],
  });
  expect(story(given)).toEqual([
    "0 plain: took a1 (the conversation's own account); not a2 (free, but another one fits better), a3 and a4 (disabled)",
    "0 failure: a1 was limited (429 RATE_LIMIT_EXCEEDED, after 210 ms, free again in 34 s by its RetryInfo); went on to another account",
    "210 plain: limits were in the way: a1 (limited for 34 s more: 429 RATE_LIMIT_EXCEEDED, RetryInfo), a2 (the conversation stays on another)",
    "210 plain: no slot was free: a2 (busy: all its slots are taken)",
    "210 wait: waited 2.5 s for a free slot (no timer: the first slot to come free ended it)",
    "2710 plain: took a2 (the best of those that are free); not a1 (limited for 32 s more: 429 RATE_LIMIT_EXCEEDED, RetryInfo)",
    "2711 success: a2 answered (200, first event after 700 ms, all of it after 3.3 s)",
    "6000 success: the reply was complete (200)",
  ]);
});

test("that upstream had taken the request is told of the attempt, and explains no failure", () => {
  const given = failed({
    outcome: "malformed-answer",
    attempts: [attempt({ outcome: "malformed-answer", upstreamStatus: 200, ms: 40 })],
  });
  expect(story(given)[1]).toBe("0 failure: the answer from a1 could not be used (200, after 40 ms)");
  expect(explanation(given).sentence).not.toContain("200");
});

test("what began within one millisecond stands in the order in which one thing led to the other", () => {
  const given = record({
    account: "a2",
    totalMs: 506,
    choices: [
      choice(0, "take", [{ handle: "a1", reason: "own" }]),
      choice(0, "take", [
        { handle: "a1", reason: "given-up" },
        { handle: "a2", reason: "best" },
      ]),
    ],
    waits: [{ atMs: 0, ms: 500, source: "retry-pause", handle: "a2", evidence: "unavailable" }],
    attempts: [
      attempt({ ...LIMITED, ms: 0, next: "switch" }),
      attempt({ accountHandle: "a2", outcome: "unavailable", ms: 0, next: "again" }),
      attempt({ accountHandle: "a2", atMs: 500, ms: 6 }),
    ],
  });
  expect(story(given).map((line) => line.replace(/ \(.*| *;.*/, ""))).toEqual([
    "0 plain: took a1",
    "0 failure: a1 was limited",
    "0 plain: took a2",
    "0 failure: upstream failed on a2",
    "0 wait: waited 500 ms before trying again",
    "500 success: a2 answered",
    "506 success: the reply was complete",
  ]);
});

test("a wait in line stands behind the look that found no slot free", () => {
  const given = record({
    choices: [
      choice(2, "wait", [{ handle: "a1", reason: "full" }]),
      choice(2_201, "take", [{ handle: "a1", reason: "best" }]),
    ],
    waits: [{ atMs: 1, ms: 2_200, source: "slot" }],
    attempts: [attempt({ atMs: 2_201 })],
  });
  expect(story(given).map((line) => line.replace(/(?<=slot) .*|[:(;].*/, ""))).toEqual([
    "2 plain",
    "2 wait",
    "2201 plain",
    "2201 success",
    "3400 success",
  ]);
});

test("a full line is not told as a limit", () => {
  const accounts = [{ handle: "a1", reason: "full" }] as const;
  const given = failed({
    status: 429,
    outcome: "rate-limited",
    choices: [choice(0, "limited", [...accounts])],
    attempts: [],
  });
  expect(stepsOf(given)[0]?.text).toBe("no slot was free, and no room in the line: a1 (busy: all its slots are taken)");
  expect(explanation(given).advice).toContain("scheduling.maxQueued");
});

describe("an attempt says", () => {
  const rows: [what: string, attempt: Partial<AttemptRecord>, text: string][] = [
    [
      "what was changed before it was made again",
      { outcome: "invalid-request", upstreamStatus: 400, next: "again", repair: "drop-thinking" },
      "upstream refused the request on a1 (400); tried again without the earlier thinking",
    ],
    [
      "what was renewed",
      { outcome: "access-token-rejected", upstreamStatus: 401, next: "again", renewed: "access-token" },
      "the sign-in of a1 was refused (401); tried again with a fresh access token",
    ],
    [
      "that nothing was sent",
      { outcome: "account-unusable", accountProblem: "needs-login", unsent: true, next: "switch" },
      "a1 needed a new sign-in (nothing was sent); went on to another account",
    ],
    [
      "which model it was for, where another one served",
      { outcome: "overloaded", upstreamStatus: 503, model: "gemini-test-pro", next: "fallback" },
      "gemini-test-pro: the model had no capacity (503); went on to the fallback",
    ],
    [
      "that upstream asked for patience, and where",
      { outcome: "unavailable", retryAfterMs: 5_000, retryAfterSource: "retry-after header", next: "wait" },
      "upstream failed on a1 (to be asked again in 5 s by its retry-after header); waited for a limit to end",
    ],
    [
      "that its time ran out before it began to answer",
      { outcome: "deadline", ms: 3_000 },
      "a1 did not begin to answer in time (after 3 s)",
    ],
    [
      "that its time ran out while it answered",
      { outcome: "deadline", firstEventMs: 20, ms: 2_000 },
      "a1 did not finish its answer in time (after 2 s, first event after 20 ms)",
    ],
    [
      "that ag was stopped",
      { outcome: "busy", firstEventMs: 20, ms: 800 },
      "ag was stopped before the answer from a1 was complete (after 800 ms, first event after 20 ms)",
    ],
    [
      "that it began to answer and broke off",
      { outcome: "unavailable", firstEventMs: 20, ms: 800 },
      "upstream failed on a1 (after 800 ms, first event after 20 ms)",
    ],
  ];
  for (const [what, parts, text] of rows) {
    test(what, () => expect(stepsOf(failed({ choices: [], attempts: [attempt(parts)] }))[0]?.text).toBe(text));
  }
});

test("the end of a failed request is what the client was told", () => {
  const end = (parts: Partial<RequestRecord>) => stepsOf(failed(parts)).at(-1)?.text;
  expect(end({ status: 502 })).toBe("the client was told 502 (unavailable)");
  expect(end({ status: 200 })).toBe("the reply, begun with 200, ended with an error (unavailable)");
  expect(end({ status: 0 })).toBe("nobody was left to be told (unavailable)");
  expect(end({ status: 0, outcome: "busy" })).toBe("the connection was cut (busy)");
  expect(end({ status: 0, outcome: "client-closed" })).toBe("the client left");
  expect(end({ status: 200, outcome: "client-closed" })).toBe("the client left before the reply was complete (200)");
});

describe("the facts", () => {
  test("are what is known of a request, and the cached share of its tokens", () => {
    expect(
      factsOf(record({ stream: true, key: "k3", waitedMs: 1_200, losses: ["top_k: this model takes none"] })),
    ).toEqual({
      id: "req_0123456789abcdefABCDEF01",
      request: "POST /v1/messages, streamed",
      key: "k3",
      model: "sonnet → claude-sonnet-4-6",
      rule: 'shipped alias "sonnet" → "claude-sonnet-*"',
      time: "3.4 s in all, first event after 900 ms, 1.2 s of it waiting",
      tokens: "12,000 in (9,000 of them cached, 75 %), 340 out (120 of them thinking)",
      lost: "top_k: this model takes none",
    });
  });

  test("have no tokens where an answer broke off before any were told", () => {
    const usage = { input: 0, cachedInput: 0, output: 0, thinking: 0 };
    const labels = explanation(failed({ usage })).facts.map(({ label }) => label);
    expect(labels).not.toContain("tokens");
  });

  test("leave out what there is not", () => {
    const { model: _model, served: _served, rule: _rule, ...rest } = failed({ status: 401, outcome: "unauthorized" });
    expect(Object.keys(factsOf(rest))).toEqual(["id", "request", "time"]);
  });

  test("say who asks without a handle of its own, that a fallback served, and what the record leaves out", () => {
    const {
      key,
      model,
      "left out": left,
    } = factsOf(record({ key: "env", fallback: true, omitted: { choices: 1, attempts: 2 } }));
    expect([key, model, left]).toEqual([
      "AG_API_KEY",
      "sonnet → claude-sonnet-4-6, a configured fallback",
      "1 look at the accounts, 2 attempts, to keep the record small",
    ]);
  });
});

describe("the advice", () => {
  const adviceOn = (parts: Partial<RequestRecord>) => explanation(failed(parts)).advice;

  test("is a command where there is one", () => {
    expect(adviceOn({ outcome: "quota-exhausted" })).toContain("ag limits");
    expect(adviceOn({ outcome: "unknown-model" })).toContain("ag models list");
    const attempts = [attempt({ outcome: "account-unusable", accountProblem: "needs-verification" })];
    expect(adviceOn({ outcome: "account-unusable", attempts })).toBe(
      "ag accounts verify a1 shows the link that its owner must open.",
    );
  });

  test("is a setting where one stands in the way, but not when the gateway was only stopped", () => {
    expect(adviceOn({ outcome: "busy", choices: [], attempts: [] })).toContain("server.maxConcurrent");
    expect(adviceOn({ outcome: "busy" })).toBeUndefined();
    expect(adviceOn({ outcome: "busy", attempts: [], choices: [choice(0, "wait", [])] })).toBeUndefined();
  });

  test("is for the account's owner also where another account has answered", () => {
    const attempts = [attempt({ outcome: "account-unusable", accountProblem: "needs-login" }), attempt()];
    expect(explanation(record({ attempts })).advice).toBe("ag accounts add signs a1 in again.");
  });

  test("is not given where nothing went wrong", () => {
    expect(explanation(record()).advice).toBeUndefined();
    expect(adviceOn({ outcome: "client-closed" })).toBeUndefined();
  });
});
