import { describe, expect, test } from "bun:test";
import { type Candidate, type Choice, choose, PATIENCE_MS } from "../../src/accounts/choose.ts";
import { explain } from "../../src/accounts/explain.ts";
import { type Considered, type Reason, REASONS } from "../../src/core/trace.ts";
import { a, type Asked, CAP, full, key, NOW, parts, problem, reserve, rest } from "./candidates.ts";

/** What the same look at the accounts comes to, and how it is explained. */
function explained(candidates: Candidate[], asked: Asked): { choice: Choice | undefined; accounts: Considered[] } {
  const { question, settings } = parts(asked);
  let choice: Choice | undefined;
  try {
    choice = choose(candidates, question, settings, NOW);
  } catch {
    // nobody can ever serve: `choice` stays absent
  }
  return { choice, accounts: explain(candidates, question, settings, choice) };
}

type Row = [what: string, candidates: Candidate[], asked: Asked, result: string, reasons: Reason[]];

const rows: Row[] = [
  ["a new conversation takes the best", [a(1, { lastUsedAt: 5 }), a(2)], {}, "take", ["less-fit", "best"]],
  ["a conversation stays on its account", [a(1), a(2)], { bound: "a2" }, "take", ["not-own", "own"]],
  ["a bound account that is the only one is still its own", [a(1)], { bound: "a1" }, "take", ["own"]],
  ["its own may use what is kept from others", [a(1, { reserve: reserve(9) })], { bound: "a1" }, "take", ["own"]],
  [
    "a conversation that fills its account goes beside it",
    [a(1, full), a(2), a(3, { inFlight: 1 })],
    { bound: "a1", running: ["a1"] },
    "take",
    ["full", "spill", "less-fit"],
  ],
  [
    "so does one whose account has not answered yet",
    [a(1, full), a(2)],
    { running: ["a1", "a1"] },
    "take",
    ["full", "spill"],
  ],
  [
    "whose account others have filled does not spill: it has waited long enough",
    [a(1, full), a(2)],
    { bound: "a1", waitedMs: PATIENCE_MS },
    "take",
    ["full", "best"],
  ],
  [
    "beside an account that is not full nobody spills: the strategy goes round",
    [a(1, { lastUsedAt: 5 }), a(2)],
    { strategy: "round-robin", running: ["a1"] },
    "take",
    ["less-fit", "best"],
  ],
  [
    "a conversation whose account is on a lower lane comes back to the higher one",
    [a(1, { kind: key, ...full }), a(2)],
    { bound: "a1", running: ["a1"] },
    "take",
    ["full", "best"],
  ],
  [
    "a conversation whose account is on a lower lane and free comes back too",
    [a(1, { kind: key }), a(2)],
    { bound: "a1" },
    "take",
    ["lower-lane", "best"],
  ],
  [
    "a conversation waits in line for its own account",
    [a(1, full), a(2), a(3, full)],
    { bound: "a1" },
    "queue",
    ["full", "not-own", "full"],
  ],
  ["everybody is full", [a(1, full), a(2, full)], {}, "queue", ["full", "full"]],
  [
    "its account is limited and others are free",
    [a(1, { rest: rest(9) }), a(2), a(3, full), a(4, { kind: key })],
    { bound: "a1" },
    "limited",
    ["resting", "not-own", "full", "not-own"],
  ],
  [
    "everybody is limited",
    [a(1, { rest: rest(9) }), a(2, { reserve: reserve(9) }), a(3, { rest: rest(9, "access-denied") })],
    {},
    "limited",
    ["resting", "reserved", "resting"],
  ],
  [
    "a rest counts before what is kept",
    [a(1, { rest: rest(5), reserve: reserve(9) }), a(2)],
    {},
    "take",
    ["resting", "best"],
  ],
  ["a rest counts before being full", [a(1, { rest: rest(5), ...full }), a(2)], {}, "take", ["resting", "best"]],
  [
    "the first lane serves",
    [a(1, { kind: key }), a(2), a(3, { lastUsedAt: 7 })],
    {},
    "take",
    ["lower-lane", "best", "less-fit"],
  ],
  [
    "every account that cannot be asked says why",
    [
      a(1, { enabled: false }),
      a(2, { enabled: false, problem: problem("needs-login") }),
      a(3, { problem: problem("needs-login") }),
      a(4, { problem: problem("needs-verification") }),
      a(5, { problem: problem("terms-block") }),
      a(6, { problem: problem("no-project") }),
      a(7, { problem: problem("key-rejected"), kind: key }),
      a(8, { kind: key }),
      a(9),
      a(10, { lacksModel: true }),
      a(11),
    ],
    { lanes: ["antigravity"], exclude: ["a9"] },
    "take",
    [
      "disabled",
      "disabled",
      "needs-login",
      "needs-verification",
      "terms-block",
      "no-project",
      "key-rejected",
      "lane-unused",
      "given-up",
      "lacks-model",
      "best",
    ],
  ],
  [
    "what was given up may rest too",
    [a(1, { rest: rest(5) }), a(2)],
    { exclude: ["a1"] },
    "take",
    ["given-up", "best"],
  ],
  [
    "nobody is left",
    [a(1), a(2, { lacksModel: true }), a(3, { rest: rest(9, "model-missing") })],
    { exclude: ["a1"] },
    "refused",
    ["given-up", "lacks-model", "resting"],
  ],
  ["there is no account", [], {}, "refused", []],
];

describe("the reasons when", () => {
  test.each(rows)("%s", (_what, candidates, asked, result, reasons) => {
    const { choice, accounts } = explained(candidates, asked);
    expect(choice?.type ?? "refused").toBe(result);
    expect(accounts.map(({ reason }) => reason)).toEqual(reasons);
    expect(accounts.map(({ handle }) => handle)).toEqual(candidates.map(({ account }) => account.handle));
  });

  test("each code there is has a row", () => {
    expect(new Set(rows.flatMap(([, , , , reasons]) => reasons))).toEqual(new Set(REASONS));
  });
});

test("what keeps an account is told with its evidence and its end, and nothing else of the account", () => {
  const resting = a(1, { rest: rest(90), reserve: reserve(50), email: "owner@example.org" });
  const { accounts } = explained([resting, a(2, { reserve: reserve(50) }), a(3)], {});
  expect(accounts).toEqual([
    {
      handle: "a1",
      reason: "resting",
      rest: { kind: "rate-limited", until: NOW + 90, evidence: "evidence of rate-limited" },
    },
    {
      handle: "a2",
      reason: "reserved",
      rest: { kind: "quota-exhausted", until: NOW + 50, evidence: "reserve: weekly window at 10 %" },
    },
    { handle: "a3", reason: "best" },
  ]);
});

/** Numbers below `most`, the same in each run. */
function numbers(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * most);
  };
}

function anyCandidate(number: number, pick: (most: number) => number): Candidate {
  return a(number, {
    kind: pick(3) === 0 ? key : "antigravity",
    enabled: pick(12) > 0,
    inFlight: pick(3) === 0 ? CAP : pick(CAP),
    remaining: pick(5) / 4,
    lastUsedAt: pick(10),
    lacksModel: pick(12) === 0,
    ...(pick(12) === 0 && { problem: problem("needs-login") }),
    ...(pick(4) === 0 && { rest: rest(1 + pick(100), pick(4) === 0 ? "access-denied" : "rate-limited") }),
    ...(pick(5) === 0 && { reserve: reserve(1 + pick(100)) }),
  });
}

function anyQuestion(size: number, pick: (most: number) => number): Asked {
  const handle = () => `a${1 + pick(size)}`;
  return {
    strategy: pick(4) === 0 ? "round-robin" : "sticky",
    lanes: pick(4) === 0 ? ["antigravity"] : ["antigravity", key],
    exclude: pick(3) === 0 ? [handle()] : [],
    running: Array.from({ length: pick(3) }, handle),
    waitedMs: pick(2) * PATIENCE_MS,
    ...(pick(2) === 0 && { bound: handle() }),
  };
}

test("no reason is ever untrue of the account that it is given for", () => {
  const pick = numbers(7);
  for (let round = 0; round < 3_000; round++) {
    const size = 1 + pick(5);
    const candidates = Array.from({ length: size }, (_, index) => anyCandidate(index + 1, pick));
    const asked = anyQuestion(size, pick);
    // Only the sticky strategy knows where a conversation was answered.
    if (asked.strategy === "round-robin") delete asked.bound;
    const { choice, accounts } = explained(candidates, asked);
    const taken = accounts.filter(({ reason }) => ["own", "best", "spill"].includes(reason));
    expect(taken.map(({ handle }) => handle)).toEqual(choice?.type === "take" ? [choice.accountId] : []);
    for (const [index, { handle, reason, rest: keeper }] of accounts.entries()) {
      const { account, standing, inFlight } = candidates[index] ?? a(0);
      expect(reason === "own").toBe(taken.some((one) => one.handle === handle) && handle === asked.bound);
      if (reason === "full") expect(inFlight).toBe(CAP);
      if (reason === "disabled") expect(account.enabled).toBe(false);
      if (reason === "given-up") expect(asked.exclude).toContain(handle);
      if (reason === "reserved") expect([standing.rest, handle === asked.bound]).toEqual([undefined, false]);
      expect(keeper !== undefined).toBe(reason === "resting" || reason === "reserved");
      if (reason === "less-fit" || reason === "lower-lane" || reason === "not-own") {
        // Free, and able: without the others it would have been taken.
        expect(explained([candidates[index] ?? a(0)], asked).choice).toMatchObject({ type: "take", accountId: handle });
      }
      if (reason === "not-own") {
        const own = accounts.find((one) => one.handle === asked.bound)?.reason ?? "";
        expect(["own", "full", "resting"]).toContain(own);
      }
      if (reason === "spill") {
        const own =
          asked.bound ?? asked.running?.find((id) => accounts.find((one) => one.handle === id)?.reason === "full");
        expect(accounts.find((one) => one.handle === own)?.reason).toBe("full");
      }
    }
  }
});
