import { describe, expect, test } from "bun:test";
import type { RequestRecord } from "../../src/core/record.ts";
import { sentenceOf } from "../../src/explain/sentence.ts";
import { ALL_KINDS, ALL_PROBLEMS } from "./arbitrary-record.ts";
import { attempt, choice, failed, LIMITED, record, resting } from "./support.ts";

const own = choice(0, "take", [{ handle: "a1", reason: "own" }]);

/** Nothing but the model is known. */
function unasked(parts: Partial<RequestRecord>): RequestRecord {
  const { account: _account, ...rest } = failed({ attempts: [], choices: [], ...parts });
  return rest;
}

function says(rows: [what: string, record: RequestRecord, sentence: string][]): void {
  for (const [what, given, sentence] of rows) test(what, () => expect(sentenceOf(given)).toBe(sentence));
}

describe("a request that was answered", () => {
  says([
    ["says by which model, on which account and how fast", record(), "Answered by claude-sonnet-4-6 on a1 in 3.4 s."],
    [
      "says which account was limited before, and for how long",
      record({
        account: "a2",
        attempts: [attempt({ ...LIMITED, ms: 210, next: "switch" }), attempt({ accountHandle: "a2", atMs: 212 })],
      }),
      "Answered by claude-sonnet-4-6 on a2 in 3.4 s, after a1 was limited (429 RATE_LIMIT_EXCEEDED, free again in 34 s).",
    ],
    [
      "says together what was alike",
      record({
        account: "a3",
        attempts: [
          attempt(LIMITED),
          attempt({ ...LIMITED, accountHandle: "a2", retryAfterMs: 5_000 }),
          attempt({ accountHandle: "a3" }),
        ],
      }),
      "Answered by claude-sonnet-4-6 on a3 in 3.4 s, after a1 and a2 were limited (429 RATE_LIMIT_EXCEEDED, free again in 5 s).",
    ],
    [
      "counts failures of the same account, and those there is no room for",
      record({
        attempts: [
          attempt({ outcome: "unavailable" }),
          attempt({ outcome: "unavailable" }),
          attempt({ outcome: "access-token-rejected", upstreamStatus: 401 }),
          attempt({ outcome: "malformed-answer" }),
          attempt(),
        ],
      }),
      "Answered by claude-sonnet-4-6 on a1 in 3.4 s, after upstream failed on a1 (twice), the sign-in of a1 was refused (401) and 1 more failed attempt.",
    ],
    [
      "says for what it waited",
      record({
        totalMs: 15_700,
        waitedMs: 12_300,
        waits: [{ atMs: 0, ms: 12_300, source: "slot" }],
      }),
      "Answered by claude-sonnet-4-6 on a1 in 15.7 s, after 12.3 s of waiting for a free slot.",
    ],
    [
      "says whose limit it sat out",
      record({
        totalMs: 15_700,
        waitedMs: 12_300,
        waits: [{ atMs: 210, ms: 12_300, source: "limit", handle: "a1" }],
        attempts: [attempt({ ...LIMITED, retryAfterMs: 12_000, next: "wait" }), attempt({ atMs: 12_510 })],
      }),
      "Answered by claude-sonnet-4-6 on a1 in 15.7 s, after a1 was limited (429 RATE_LIMIT_EXCEEDED, free again in 12 s) and 12.3 s of waiting for the end of a1's limit.",
    ],
    [
      "has no word for a wait that nobody noticed",
      record({ waitedMs: 40, waits: [{ atMs: 0, ms: 40, source: "slot" }] }),
      "Answered by claude-sonnet-4-6 on a1 in 3.4 s.",
    ],
    [
      "says that a conversation has left its own account",
      record({
        account: "a2",
        choices: [
          choice(0, "limited", [resting("a1", 7_200_000), { handle: "a2", reason: "not-own" }]),
          choice(0, "take", [
            { handle: "a1", reason: "given-up" },
            { handle: "a2", reason: "best" },
          ]),
        ],
        attempts: [attempt({ accountHandle: "a2" })],
      }),
      "Answered by claude-sonnet-4-6 on a2 in 3.4 s, after a1, the conversation's own account, was found limited (429 RATE_LIMIT_EXCEEDED, RetryInfo, free again in 2 h).",
    ],
    [
      "names all accounts that gave answers",
      record({ account: "a1", attempts: [attempt(), attempt({ accountHandle: "a2" })] }),
      "Answered by claude-sonnet-4-6 on a1 and a2 in 3.4 s.",
    ],
    [
      "says that a fallback served, and why",
      record({
        fallback: true,
        model: "opus",
        served: "gemini-3-flash",
        attempts: [
          attempt({
            outcome: "overloaded",
            upstreamStatus: 503,
            model: "claude-opus-4-6-thinking",
            next: "fallback",
          }),
          attempt({ atMs: 300 }),
        ],
      }),
      "Answered, but by the fallback gemini-3-flash on a1 in 3.4 s, because for claude-opus-4-6-thinking the model had no capacity (503).",
    ],
    [
      "says why a fallback served when no account could be asked before",
      record({
        fallback: true,
        model: "opus",
        served: "gemini-3-flash",
        choices: [choice(0, "limited", [resting("a1", 60_000), { handle: "a2", reason: "disabled" }]), own],
        attempts: [attempt()],
      }),
      "Answered, but by the fallback gemini-3-flash on a1 in 3.4 s, because for opus a1, the only account that could serve it, was limited; it would be free 1 min later (429 RATE_LIMIT_EXCEEDED, RetryInfo).",
    ],
    [
      "says for which model, where no account was asked",
      unasked({ route: "POST /v1/messages/count_tokens", status: 200, outcome: "ok" }),
      "Answered POST /v1/messages/count_tokens for claude-sonnet-4-6 in 3.4 s.",
    ],
  ]);
});

describe("a request for no model", () => {
  const plain = { choices: [], attempts: [], waits: [], losses: [], waitedMs: 0, totalMs: 3 };
  const models: RequestRecord = { ...plain, id: "req_1", at: 0, route: "GET /v1/models", status: 200, outcome: "ok" };
  says([
    ["says its route, status and time", models, "Answered GET /v1/models with 200 in 3 ms."],
    [
      "says when the client did not stay",
      { ...models, status: 0, outcome: "client-closed" },
      "The client left after 3 ms, before it had the whole reply to GET /v1/models.",
    ],
    [
      "says that there is no such path",
      { ...models, route: "GET /v2/models", status: 404, outcome: "unknown-route", reason: "Unknown path" },
      "Refused with 404: there is no GET /v2/models here.",
    ],
    [
      "says what its key lacked",
      { ...models, status: 403, outcome: "forbidden", reason: "This key does not have the scope admin" },
      "Refused with 403: this key does not have the scope admin.",
    ],
  ]);
});

describe("a client that left", () => {
  const left = (parts: Partial<RequestRecord>) =>
    failed({ outcome: "client-closed", status: 0, totalMs: 3_000, reason: "The client closed the request", ...parts });
  const { model: _, ...unread } = left({ attempts: [], choices: [] });
  says([
    [
      "while the answer was streaming",
      left({ status: 200, stream: true, attempts: [attempt({ outcome: "cancelled", firstEventMs: 900 })] }),
      "The client left after 3 s, while the answer from a1 was streaming.",
    ],
    [
      "while a whole answer was coming in",
      left({ attempts: [attempt({ outcome: "cancelled", firstEventMs: 900 })] }),
      "The client left after 3 s, while the answer from a1 was coming in.",
    ],
    [
      "before the answer, after an earlier failure",
      left({ attempts: [attempt(LIMITED), attempt({ accountHandle: "a2", outcome: "cancelled", atMs: 300 })] }),
      "The client left after 3 s, before a2 had begun to answer, after a1 was limited (429 RATE_LIMIT_EXCEEDED, free again in 34 s).",
    ],
    [
      "while keep-alives were all it had got",
      left({ status: 200, stream: true, attempts: [attempt({ outcome: "cancelled" })] }),
      "The client left after 3 s, before a1 had begun to answer.",
    ],
    [
      "before its account had a credential",
      left({ attempts: [attempt({ outcome: "cancelled", unsent: true })] }),
      "The client left after 3 s, before a1 could be asked.",
    ],
    [
      "in line",
      left({
        attempts: [],
        choices: [choice(0, "wait", [{ handle: "a1", reason: "full" }])],
        waits: [{ atMs: 0, ms: 3_000, source: "slot" }],
      }),
      "The client left after 3 s, while it waited for a free slot.",
    ],
    [
      "during the wait for a limit",
      left({
        attempts: [attempt({ ...LIMITED, ms: 210, next: "wait" })],
        waits: [{ atMs: 210, ms: 2_790, source: "limit", handle: "a1" }],
      }),
      "The client left after 3 s, while it waited for the end of a1's limit, after a1 was limited (429 RATE_LIMIT_EXCEEDED, free again in 34 s).",
    ],
    [
      "during the pause before another attempt, at the millisecond of the failure",
      left({
        attempts: [attempt({ outcome: "unavailable", atMs: 5, next: "again" })],
        waits: [{ atMs: 5, ms: 400, source: "retry-pause", handle: "a1" }],
      }),
      "The client left after 3 s, while it waited before trying again, after upstream failed on a1.",
    ],
    [
      "before anything was done",
      left({ attempts: [], choices: [] }),
      "The client left after 3 s, before any account was asked.",
    ],
    [
      "before it was known what it asks for: it may only have fallen silent",
      unread,
      "The client left, or stopped sending, after 3 s, before its request was all there.",
    ],
  ]);
});

describe("limits", () => {
  const limited = (parts: Partial<RequestRecord>) =>
    failed({ outcome: "quota-exhausted", status: 429, totalMs: 4, attempts: [], reason: "Every account", ...parts });
  says([
    [
      "everybody is limited: who is free first, seen from then",
      limited({
        choices: [
          choice(0, "limited", [
            resting("a1", 9_000_000),
            resting("a2", 7_200_000, "429 QUOTA_EXHAUSTED, quotaResetDelay"),
            { handle: "a3", reason: "disabled" },
          ]),
        ],
      }),
      "Refused with 429: every usable account was limited on claude-sonnet-4-6; the first, a2, would be free 2 h later (429 QUOTA_EXHAUSTED, quotaResetDelay).",
    ],
    [
      "the only account is limited",
      limited({ choices: [choice(0, "limited", [resting("a1", 34_000)])] }),
      "Refused with 429: a1, the only account that could serve it, was limited on claude-sonnet-4-6; it would be free 34 s later (429 RATE_LIMIT_EXCEEDED, RetryInfo).",
    ],
    [
      "what an attempt found wrong with another account is not left out",
      limited({
        choices: [choice(0, "limited", [resting("a1", 34_000), { handle: "a2", reason: "needs-verification" }])],
        attempts: [attempt({ accountHandle: "a2", outcome: "account-unusable", accountProblem: "needs-verification" })],
      }),
      "Refused with 429: a1, the only account that could serve it, was limited on claude-sonnet-4-6; it would be free 34 s later (429 RATE_LIMIT_EXCEEDED, RetryInfo), after a2 needed verification by its owner.",
    ],
    [
      "nothing is said of those that were given up for something else",
      limited({ choices: [choice(0, "limited", [resting("a1", 34_000), { handle: "a2", reason: "given-up" }])] }),
      "Refused with 429: a1 was limited on claude-sonnet-4-6; it would be free 34 s later (429 RATE_LIMIT_EXCEEDED, RetryInfo).",
    ],
    [
      "nothing is said of accounts that the record leaves out",
      limited({ choices: [choice(0, "limited", [resting("a1", 34_000)])], omitted: { accounts: 3 } }),
      "Refused with 429: a1 was limited on claude-sonnet-4-6; it would be free 34 s later (429 RATE_LIMIT_EXCEEDED, RetryInfo).",
    ],
    [
      "the attempt met the limit, and the others rested already",
      limited({
        choices: [choice(0, "take", [{ handle: "a1", reason: "best" }, resting("a2", 60_000)])],
        attempts: [attempt({ ...LIMITED, outcome: "quota-exhausted", upstreamReason: "QUOTA_EXHAUSTED" })],
      }),
      "Refused with 429: a1 was out of quota (429 QUOTA_EXHAUSTED, free again in 34 s) and a2 was limited already.",
    ],
    [
      "a wait did not help",
      limited({
        outcome: "rate-limited",
        totalMs: 34_500,
        waitedMs: 34_000,
        waits: [{ atMs: 200, ms: 34_000, source: "limit", handle: "a1" }],
        attempts: [attempt(LIMITED), attempt({ ...LIMITED, atMs: 34_300 })],
      }),
      "Refused with 429 after 34.5 s: a1 was limited (429 RATE_LIMIT_EXCEEDED, free again in 34 s, twice), after 34 s of waiting for the end of a1's limit.",
    ],
    [
      "the line is full: the message says so",
      limited({
        outcome: "rate-limited",
        choices: [choice(0, "limited", [resting("a1", 34_000), { handle: "a2", reason: "full" }])],
        reason: "Every usable account is busy and the queue is full (scheduling.maxQueued: 5): try again in a moment",
      }),
      "Refused with 429: every usable account is busy and the queue is full (scheduling.maxQueued: 5): try again in a moment.",
    ],
    [
      "a bare 429 is called what it is",
      limited({
        outcome: "rate-limited",
        choices: [own],
        attempts: [
          attempt({ outcome: "rate-limited", upstreamStatus: 429 }),
          attempt({ accountHandle: "a2", outcome: "rate-limited", upstreamStatus: 429 }),
        ],
      }),
      "Refused with 429: a1 and a2 refused without naming a reason or a time (429).",
    ],
  ]);
});

describe("other failures", () => {
  says([
    [
      "nobody can serve: each account with what is wrong with it",
      failed({
        outcome: "no-account",
        status: 503,
        totalMs: 2,
        attempts: [],
        choices: [
          choice(0, "refused", [
            { handle: "a1", reason: "needs-verification" },
            { handle: "a2", reason: "disabled" },
            { handle: "a3", reason: "disabled" },
          ]),
        ],
        reason: "No account is usable. a1 needs verification by its owner",
      }),
      "Refused with 503: no account could serve it: a1 (needs verification by its owner), a2 and a3 (disabled).",
    ],
    [
      "there is no account: what to do, in one sentence",
      failed({
        outcome: "no-account",
        status: 503,
        totalMs: 2,
        attempts: [],
        choices: [choice(0, "refused", [])],
        reason: "No account is stored: add one with `ag accounts add`.",
      }),
      "Refused with 503: no account is stored: add one with `ag accounts add`.",
    ],
    [
      "upstream is broken: what was tried",
      failed({
        reason: "Upstream cannot be reached",
        totalMs: 1_600,
        attempts: [
          attempt({ outcome: "unavailable" }),
          attempt({ outcome: "unavailable", atMs: 520 }),
          attempt({ accountHandle: "a2", outcome: "unavailable", atMs: 600, upstreamStatus: 503 }),
        ],
      }),
      "Failed with 502 after 1.6 s: upstream cannot be reached, after 3 attempts on a1 and a2 (503).",
    ],
    [
      "a stream breaks off",
      failed({
        reason: "Upstream closed the stream before the answer was complete",
        status: 200,
        stream: true,
        firstEventMs: 900,
        attempts: [attempt({ outcome: "unavailable", firstEventMs: 900 })],
      }),
      "The answer broke off after 3.4 s: upstream closed the stream before the answer was complete, on a1.",
    ],
    [
      "a reply that had only been kept alive fails",
      failed({ outcome: "deadline", status: 200, totalMs: 120_000, reason: "Upstream did not send an answer in time" }),
      "Failed after 2 min, in a reply that had begun with 200: upstream did not send an answer in time, on a1.",
    ],
    [
      "nobody was left to be told",
      failed({ outcome: "deadline", status: 0, totalMs: 120_000, attempts: [], reason: "Google's clock" }),
      "Failed after 2 min, when the client had left: Google's clock.",
    ],
    [
      "upstream's own refusal, which may quote the prompt, is not repeated",
      failed({
        outcome: "invalid-request",
        status: 400,
        totalMs: 300,
        attempts: [attempt({ outcome: "invalid-request", upstreamStatus: 400, upstreamReason: "INVALID_ARGUMENT" })],
        reason: "upstream answered 400",
      }),
      "Refused with 400: upstream found the request invalid (400 INVALID_ARGUMENT on a1).",
    ],
    [
      "our refusal names the field",
      failed({
        outcome: "invalid-request",
        status: 400,
        totalMs: 1,
        attempts: [],
        reason: "messages[2].content: must be text",
      }),
      "Refused with 400: messages[2].content: must be text.",
    ],
    [
      "the account's problem is named",
      failed({
        outcome: "account-unusable",
        status: 503,
        totalMs: 300,
        attempts: [attempt({ outcome: "account-unusable", accountProblem: "terms-block", upstreamStatus: 403 })],
      }),
      "Failed with 503: a1 was stopped for good: Google reports a breach of its terms (403).",
    ],
    [
      "the gateway is full",
      failed({
        outcome: "busy",
        status: 503,
        totalMs: 0,
        choices: [],
        attempts: [],
        reason:
          "The gateway is answering as many requests as it may (server.maxConcurrent: 2000): try again in a moment",
      }),
      "Refused with 503: the gateway is answering as many requests as it may (server.maxConcurrent: 2000): try again in a moment.",
    ],
  ]);
});

/** In each of these a request can fail with each kind. */
const SITUATIONS: [what: string, parts: Partial<RequestRecord>, opening: RegExp][] = [
  [
    "before any account was looked at",
    { attempts: [], choices: [] },
    /^(?:Refused|Failed) with 499 after 3\.4 s: [^ ]/,
  ],
  ["without a word of why", { attempts: [], choices: [], totalMs: 2 }, /^(?:Refused|Failed) with 499: [^ ]/],
  ["after its stream had begun", { status: 200, firstEventMs: 5 }, /^The answer broke off after 3\.4 s: [^ ]/],
  ["after a sign of life", { status: 200 }, /^Failed after 3\.4 s, in a reply that had begun with 200: [^ ]/],
  [
    "with nobody left",
    { status: 0 },
    /^(?:Refused|Failed) after 3\.4 s, (?:when the client had left|without a reply): [^ ]/,
  ],
];

describe("every kind of failure is explained", () => {
  for (const outcome of ALL_KINDS.filter((kind) => kind !== "cancelled")) {
    for (const [what, parts, opening] of SITUATIONS) {
      test(`${outcome}, ${what}`, () => {
        const attempts = [
          attempt({ outcome }),
          attempt({ outcome, accountHandle: "a2", accountProblem: "needs-login" }),
        ];
        const { reason: _reason, ...without } = failed({ outcome, status: 499, attempts, ...parts });
        for (const given of [without, { ...without, reason: "Something stands in the way." }]) {
          const sentence = sentenceOf(given);
          expect(sentence).toMatch(opening);
          expect(sentence).toMatch(/[^.]\.$/);
          expect(sentence).not.toMatch(/undefined|unknown|null/);
        }
      });
    }
  }

  for (const accountProblem of ALL_PROBLEMS) {
    test(`an account with ${accountProblem} is named with it`, () => {
      const attempts = [attempt({ outcome: "account-unusable", accountProblem })];
      expect(sentenceOf(failed({ outcome: "account-unusable", status: 503, attempts }))).toMatch(
        /: a1 (?:needed|had|was) /,
      );
    });
  }
});

describe("a fallback that did not help", () => {
  const refusedOnFallback = attempt({ outcome: "invalid-request", upstreamStatus: 400, model: "gemini-test-pro" });
  says([
    [
      "comes after why the model asked for did not serve",
      failed({
        status: 429,
        totalMs: 300,
        outcome: "quota-exhausted",
        served: "claude-test",
        choices: [choice(0, "limited", [resting("a1", 60_000)]), choice(0, "take", [{ handle: "a1", reason: "own" }])],
        attempts: [refusedOnFallback],
        reason: "Every usable account is limited on claude-test; the first is free in 1 min (429 QUOTA_EXHAUSTED)",
      }),
      "Refused with 429: every usable account is limited on claude-test; the first is free in 1 min (429 QUOTA_EXHAUSTED); the fallback gemini-test-pro failed too: upstream refused the request on a1 (400).",
    ],
    [
      "is told apart from what was tried with the model asked for",
      failed({
        status: 529,
        totalMs: 300,
        outcome: "overloaded",
        served: "claude-test",
        attempts: [
          attempt({ outcome: "overloaded", upstreamStatus: 503, next: "fallback" }),
          attempt({ outcome: "overloaded", upstreamStatus: 503, accountHandle: "a2", model: "gemini-test-pro" }),
        ],
        reason: "Upstream has no capacity for this model",
      }),
      "Failed with 529: upstream has no capacity for this model, on a1 (503); the fallback gemini-test-pro failed too: the model had no capacity (503).",
    ],
    [
      "leaves what is known of the limits of the model asked for",
      failed({
        status: 429,
        totalMs: 300,
        outcome: "rate-limited",
        served: "claude-test",
        choices: [
          choice(0, "take", [{ handle: "a1", reason: "own" }, resting("a2", 60_000)]),
          choice(9, "limited", [resting("a1", 9_000)]),
        ],
        attempts: [attempt({ ...LIMITED, next: "fallback" })],
        reason: "Upstream limits the account's rate",
      }),
      "Refused with 429: a1 was limited (429 RATE_LIMIT_EXCEEDED, free again in 34 s) and a2 was limited already.",
    ],
    [
      "has limits of its own, which are not those of the model asked for",
      failed({
        status: 429,
        totalMs: 300,
        outcome: "quota-exhausted",
        served: "claude-test",
        choices: [choice(0, "limited", [resting("a1", 60_000)]), choice(1, "limited", [resting("a1", 9_000)])],
        attempts: [],
        reason: "Every usable account is limited on claude-test; the first is free in 1 min",
      }),
      "Refused with 429: every usable account is limited on claude-test; the first is free in 1 min.",
    ],
  ]);
});

describe("a gateway that was stopped", () => {
  const stopped = { outcome: "busy", reason: "The gateway is being stopped" } as const;
  says([
    [
      "is told of as such, with whose answer it cut off",
      failed({ ...stopped, status: 200, totalMs: 3_400, firstEventMs: 20, attempts: [attempt({ outcome: "busy" })] }),
      "The answer broke off after 3.4 s: ag was stopped before the answer from a1 was complete.",
    ],
    [
      "is told of as such where its connection was cut before anything was sent",
      failed({ ...stopped, status: 0, totalMs: 52_000, attempts: [attempt()] }),
      "Failed after 52 s, without a reply: ag was stopped.",
    ],
    [
      "is told of as such where the request waited",
      failed({ ...stopped, status: 503, totalMs: 300, attempts: [attempt({ ...LIMITED, next: "wait" })] }),
      "Failed with 503: ag was stopped, after a1 was limited (429 RATE_LIMIT_EXCEEDED, free again in 34 s).",
    ],
  ]);
});
