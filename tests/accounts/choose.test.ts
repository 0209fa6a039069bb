import { describe, expect, test } from "bun:test";
import { alternatives, type Candidate, choose, PATIENCE_MS } from "../../src/accounts/choose.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { a, type Asked, full, key, NOW, parts, problem, reserve, rest } from "./candidates.ts";

function ask(candidates: Candidate[], asked: Asked): unknown {
  const { question, settings } = parts(asked);
  const choice = choose(candidates, question, settings, NOW);
  if (choice.type === "take") return choice.isSpill ? `${choice.accountId} beside` : choice.accountId;
  if (choice.type === "queue") return choice.recheckAt === undefined ? "queue" : `queue ${choice.recheckAt - NOW}`;
  const { bound, error } = choice;
  const { soonest, ...others } = choice.others;
  expect(soonest !== undefined).toBe(others.soonestMs !== undefined);
  const { kind, detail } = error;
  return { bound: bound && [bound.accountId, bound.restMs], others, error: [kind, detail.retryAfterMs] };
}

type Row = [what: string, candidates: Candidate[], asked: Asked, answer: unknown];
const table = (rows: Row[]) => {
  for (const [what, candidates, asked, answer] of rows) {
    test(what, () => expect(ask(candidates, asked)).toEqual(answer));
  }
};

describe("a new conversation takes", () => {
  table([
    ["the least recently used", [a(1, { lastUsedAt: 5 }), a(2, { lastUsedAt: 3 })], {}, "a2"],
    ["one that was never used", [a(1, { lastUsedAt: 5 }), a(2)], {}, "a2"],
    [
      "the earlier use within one millisecond",
      [a(1, { lastUsedAt: 5, useOrder: 2 }), a(2, { lastUsedAt: 5, useOrder: 1 })],
      {},
      "a2",
    ],
    ["the lower handle among equals, as a number", [a(10), a(9)], {}, "a9"],
    [
      "the one with fewest in flight before the least recently used",
      [a(1, { inFlight: 1 }), a(2, { lastUsedAt: 5 })],
      {},
      "a2",
    ],
    [
      "the one with clearly more quota left, busier or not",
      [a(1, { remaining: 0.4 }), a(2, { inFlight: 2 })],
      {},
      "a2",
    ],
    ["none for a little more quota", [a(1, { remaining: 0.99, inFlight: 1 }), a(2, { remaining: 0.8 })], {}, "a2"],
    ["the first lane, however busy", [a(1, { kind: key }), a(2, { inFlight: 3, remaining: 0.1 })], {}, "a2"],
    ["the lane that is configured first", [a(1), a(2, { kind: key })], { lanes: [key, "antigravity"] }, "a2"],
    ["the next lane when the first is full", [a(1, full), a(2, { kind: key })], {}, "a2"],
    ["the next lane when the first is limited", [a(1, { rest: rest(1) }), a(2, { kind: key })], {}, "a2"],
    [
      "none of a lane that is not named",
      [a(1, { kind: key }), a(2, { inFlight: 3 })],
      { lanes: ["antigravity"] },
      "a2",
    ],
    ["none that this request has given up", [a(1), a(2, { lastUsedAt: 5 })], { exclude: ["a1"] }, "a2"],
    ["none that is limited", [a(1, { rest: rest(1) }), a(2)], {}, "a2"],
    ["none that has refused the model", [a(1, { rest: rest(1, "access-denied") }), a(2)], {}, "a2"],
    ["none that is disabled", [a(1, { enabled: false }), a(2)], {}, "a2"],
    ["none that needs its owner", [a(1, { problem: problem("needs-login") }), a(2)], {}, "a2"],
    ["none that does not offer the model", [a(1, { lacksModel: true }), a(2)], {}, "a2"],
    ["none that is full", [a(1, full), a(2, { inFlight: 3 })], {}, "a2"],
    [
      "none whose owner keeps the rest",
      [a(1, { reserve: reserve(9), remaining: 0.1 }), a(2, { remaining: 0.05 })],
      {},
      "a2",
    ],
    [
      "the account that serves it on another model",
      [a(1), a(2, { inFlight: 2, remaining: 0.5 })],
      { elsewhere: ["a2"] },
      "a2",
    ],
    ["the last of those that serve it on other models", [a(1), a(2), a(3)], { elsewhere: ["a3", "a2"] }, "a3"],
    ["another when that one is full", [a(1), a(2, full)], { elsewhere: ["a2"] }, "a1"],
    ["no lower lane for that", [a(1), a(2, { kind: key })], { elsewhere: ["a2"] }, "a1"],
    ["the account on which its first request is running", [a(1), a(2, { inFlight: 1 })], { running: ["a2"] }, "a2"],
    ["another beside that one when it is full", [a(1), a(2, full)], { running: ["a2"] }, "a1 beside"],
    ["another for good when that one is limited", [a(1), a(2, { rest: rest(1) })], { running: ["a2"] }, "a1"],
    ["another for good when that one was given up", [a(1), a(2)], { running: ["a2"], exclude: ["a2"] }, "a1"],
  ]);
});

describe("a conversation that has an account", () => {
  const bound = "a2";
  table([
    ["stays on it", [a(1), a(2, { inFlight: 3, remaining: 0.1, lastUsedAt: 5 })], { bound }, "a2"],
    ["goes on into the reserve", [a(1), a(2, { reserve: reserve(9), remaining: 0.1 })], { bound }, "a2"],
    [
      "is told of its limit, and what the others have",
      [a(1), a(2, { rest: rest(50) }), a(3, { rest: rest(70) }), a(4, { reserve: reserve(60) }), a(5, full)],
      { bound },
      { bound: ["a2", 50], others: { free: 2, soonestMs: 60 }, error: ["rate-limited", 50] },
    ],
    [
      "is told of the soonest reset when the others are limited too",
      [a(1, { rest: rest(40, "quota-exhausted") }), a(2, { rest: rest(50) })],
      { bound },
      { bound: ["a2", 50], others: { free: 0, soonestMs: 40 }, error: ["quota-exhausted", 40] },
    ],
    ["waits for a slot on it, though another is free", [a(1), a(2, full)], { bound }, `queue ${PATIENCE_MS}`],
    [
      "has waited a part of that already",
      [a(1), a(2, full)],
      { bound, waitedMs: 2_000 },
      `queue ${PATIENCE_MS - 2_000}`,
    ],
    ["takes another for good when it has waited enough", [a(1), a(2, full)], { bound, waitedMs: PATIENCE_MS }, "a1"],
    ["waits on when all are full", [a(1, full), a(2, full)], { bound, waitedMs: PATIENCE_MS }, "queue"],
    ["spills over when it fills the account itself", [a(1), a(2, full)], { bound, running: ["a2"] }, "a1 beside"],
    [
      "spills over to where it has spilled before",
      [a(1), a(2, full), a(3, { inFlight: 2 })],
      { bound, running: ["a2", "a3"] },
      "a3 beside",
    ],
    ["spills over into no reserve", [a(1, { reserve: reserve(9) }), a(2, full)], { bound, running: ["a2"] }, "queue 9"],
    ["loses it when this request has given it up", [a(1), a(2)], { bound, exclude: ["a2"] }, "a1"],
    ["loses it when it is disabled", [a(1), a(2, { enabled: false })], { bound }, "a1"],
    ["loses it when it is gone", [a(1)], { bound }, "a1"],
    ["loses it when it no longer offers the model", [a(1), a(2, { lacksModel: true })], { bound }, "a1"],
    [
      "does not wait for one that refuses the model",
      [a(1), a(2, { rest: rest(50, "access-denied") })],
      { bound },
      "a1",
    ],
    ["leaves a lower lane as soon as a higher one is free", [a(1), a(2, { kind: key })], { bound }, "a1"],
    [
      "stays on a lower lane while the higher one is limited",
      [a(1, { rest: rest(9) }), a(2, { kind: key })],
      { bound },
      "a2",
    ],
    ["stays on a lower lane while the higher one is full", [a(1, full), a(2, { kind: key })], { bound }, "a2"],
    [
      "stays on a lower lane rather than use a reserve",
      [a(1, { reserve: reserve(9) }), a(2, { kind: key })],
      { bound },
      "a2",
    ],
  ]);
});

describe("a request waits for a slot", () => {
  table([
    ["when all are full", [a(1, full), a(2, full)], {}, "queue"],
    ["until a limit of the others ends, if that is sooner", [a(1, full), a(2, { rest: rest(70) })], {}, "queue 70"],
    ["until a reserve may be free again", [a(1, full), a(2, { reserve: reserve(80), rest: rest(70) })], {}, "queue 80"],
  ]);
});

describe("a request is limited", () => {
  table([
    [
      "when everybody is: with the soonest reset",
      [a(1, { rest: rest(600_000, "quota-exhausted") }), a(2, { rest: rest(59_200) })],
      {},
      { bound: undefined, others: { free: 0, soonestMs: 59_200 }, error: ["rate-limited", 59_200] },
    ],
    [
      "by reserves as by used-up windows",
      [a(1, { rest: rest(600_000) }), a(2, { reserve: reserve(5_000) })],
      {},
      { bound: undefined, others: { free: 0, soonestMs: 5_000 }, error: ["quota-exhausted", 5_000] },
    ],
    [
      "when those that are not refused are",
      [a(1, { rest: rest(5, "model-missing") }), a(2, { rest: rest(30) })],
      {},
      { bound: undefined, others: { free: 0, soonestMs: 30 }, error: ["rate-limited", 30] },
    ],
    [
      "until the first is free, given up or not",
      [a(1, { rest: rest(5) }), a(2, { rest: rest(30) })],
      { exclude: ["a1"] },
      { bound: undefined, others: { free: 0, soonestMs: 30 }, error: ["rate-limited", 5] },
    ],
  ]);
});

describe("the other strategies", () => {
  const robin = { strategy: "round-robin", bound: "a2", elsewhere: ["a2"], running: ["a2"] } as const;
  const least = { ...robin, strategy: "least-used" } as const;
  table([
    [
      "round-robin takes turns, whatever the conversation had",
      [a(1, { inFlight: 3, remaining: 0.1 }), a(2, { lastUsedAt: 5 })],
      robin,
      "a1 beside",
    ],
    ["round-robin keeps to the lanes", [a(1, { kind: key }), a(2, { lastUsedAt: 5 })], robin, "a2"],
    [
      "round-robin passes over the full and the limited",
      [a(1, full), a(2, { lastUsedAt: 5 }), a(3, { rest: rest(1) })],
      robin,
      "a2",
    ],
    ["round-robin has no account to wait for", [a(1), a(2, { rest: rest(9) })], robin, "a1"],
    ["least-used takes the one with fewest in flight", [a(1, { inFlight: 1 }), a(2, { lastUsedAt: 5 })], least, "a2"],
    ["least-used takes turns among equals", [a(1, { lastUsedAt: 6 }), a(2, { lastUsedAt: 5 })], least, "a2"],
    ["least-used keeps to the lanes", [a(1, { kind: key }), a(2, { inFlight: 3 })], least, "a2"],
  ]);
});

describe("a request is refused", () => {
  const rows: [what: string, candidates: Candidate[], asked: Asked, error: object][] = [
    [
      "with the way to a first account",
      [],
      {},
      {
        kind: "no-account",
        message: "No account is stored: add one with `ag accounts add`",
        detail: { missing: "account" },
      },
    ],
    [
      "with what to do about each account",
      [
        a(1, { problem: problem("needs-login") }),
        a(2, { problem: problem("needs-verification", "https://accounts.google.com/v") }),
        a(3, { problem: problem("terms-block", "https://support.google.com/a") }),
        a(4, { problem: problem("no-project") }),
        a(5, { enabled: false }),
        a(6, { enabled: false }),
      ],
      {},
      {
        kind: "no-account",
        detail: { accountProblem: "needs-login" },
        message:
          "No account is usable. a1 needs a new sign-in: ag accounts add; " +
          "a2 needs verification by its owner: open https://accounts.google.com/v, then ag accounts verify a2; " +
          "a3 is stopped, Google reports a breach of its terms: appeal at https://support.google.com/a; " +
          "a4 has no Cloud Code project: finish the set-up in the app, then ag accounts verify a4; " +
          "a5 is disabled: ag accounts enable a5; 1 more: ag accounts list",
      },
    ],
    [
      "with what to do about keys, and about lanes that leave an account out",
      [a(1, { kind: key, problem: problem("key-rejected") }), a(2)],
      { lanes: [key] },
      {
        message:
          "No account is usable. the API key of a1 is refused: ag accounts add --gemini-key; " +
          "a2 is not used: `lanes` does not name antigravity",
      },
    ],
    [
      "as a missing model when nobody's list has it",
      [a(1, { lacksModel: true }), a(2, { lacksModel: true, rest: rest(5) })],
      {},
      { kind: "model-missing", message: "No account offers model-x" },
    ],
    [
      "as a missing model when everybody says so",
      [a(1, { rest: rest(5_000, "model-missing") }), a(2, { rest: rest(9_000, "access-denied") })],
      {},
      {
        kind: "model-missing",
        message: "No account offers model-x at present (evidence of model-missing)",
        detail: { retryAfterMs: 5_000 },
      },
    ],
    [
      "when upstream refuses every account",
      [a(1, { rest: rest(5_000, "access-token-rejected") })],
      {},
      { kind: "no-account", detail: { retryAfterMs: 5_000 } },
    ],
    [
      "when all were tried, limited or not",
      [a(1), a(2, { rest: rest(5) })],
      { exclude: ["a1", "a2"] },
      { kind: "no-account", message: "Every usable account was tried for this request" },
    ],
  ];
  const caught = (candidates: Candidate[], asked: Asked): unknown => {
    try {
      return ask(candidates, asked);
    } catch (cause) {
      return cause;
    }
  };
  for (const [what, candidates, asked, error] of rows) {
    test(what, () => {
      const cause = caught(candidates, asked);
      expect(cause).toBeInstanceOf(GatewayError);
      expect(cause).toMatchObject(error);
    });
  }

  test("without naming an e-mail", () => {
    const account = a(1, { email: "owner@example.org", problem: problem("needs-login") });
    expect(() => ask([account], {})).toThrow(/^(?!.*owner@)/);
  });
});

describe("what the client is told of a limit", () => {
  const rows: [restMs: number, wait: string][] = [
    [59_200, "60 s"],
    [119_001, "2 min"],
    [90 * 60_000, "1 h 30 min"],
    [108 * 3_600_000, "108 h"],
  ];
  for (const [restMs, wait] of rows) {
    test(`${restMs} ms are ${wait}`, () => {
      const { question, settings } = parts({});
      expect(choose([a(1, { rest: rest(restMs) })], question, settings, NOW)).toMatchObject({
        error: {
          message: `Every usable account is limited on model-x; the first is free in ${wait} (evidence of rate-limited)`,
        },
      });
    });
  }

  test("names the account that the conversation is on when others are free", () => {
    const { question, settings } = parts({ bound: "a1" });
    expect(choose([a(1, { rest: rest(5_000) }), a(2)], question, settings, NOW)).toMatchObject({
      error: {
        message:
          "Account a1, which serves this conversation, is limited on model-x; it is free in 5 s (evidence of rate-limited)",
      },
    });
  });
});

test("whose limit it is, and what it rests on, is told of the bound account and of the soonest of the others", () => {
  const { question, settings } = parts({ bound: "a1" });
  const candidates = [a(1, { rest: rest(50) }), a(2, { rest: rest(80) }), a(3, { reserve: reserve(60) })];
  expect(choose(candidates, question, settings, NOW)).toMatchObject({
    bound: { accountId: "a1", handle: "a1", restMs: 50, evidence: "evidence of rate-limited" },
    others: { free: 0, soonestMs: 60, soonest: { handle: "a3", evidence: "reserve: weekly window at 10 %" } },
  });
});

describe("alternatives", () => {
  test("counts those that could serve now, the full ones too, and names the soonest of the others", () => {
    const { question, settings } = parts({ exclude: ["a1"] });
    const candidates = [a(1), a(2, full), a(3), a(4, { rest: rest(9) }), a(5, { rest: rest(3, "access-denied") })];
    expect(alternatives(candidates, question, settings, NOW)).toEqual({
      free: 2,
      soonestMs: 9,
      soonest: { handle: "a4", evidence: "evidence of rate-limited" },
    });
  });

  test("are none when nobody is left", () => {
    const { question, settings } = parts({ exclude: ["a1"] });
    expect(alternatives([a(1)], question, settings, NOW)).toEqual({ free: 0 });
  });
});
