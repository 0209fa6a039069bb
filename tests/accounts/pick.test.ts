import { describe, expect, test } from "bun:test";
import type { ModelCooldown } from "../../src/accounts/cooldown.ts";
import { type Candidate, pick } from "../../src/accounts/pick.ts";
import type { Account } from "../../src/core/accounts.ts";
import { type AccountProblem, GatewayError } from "../../src/core/errors.ts";

const NOW = 1_000_000;
const NOBODY: ReadonlySet<string> = new Set();

function candidate(
  handle: string,
  { cooldown, useOrder = 0, ...account }: Partial<Account> & Partial<Candidate> = {},
): Candidate {
  const base = { kind: "antigravity", refreshToken: `1//test-${handle}`, enabled: true, addedAt: 1 } as const;
  return { account: { ...base, id: handle, handle, ...account }, cooldown, useOrder };
}

const resting = (kind: ModelCooldown["kind"], ms: number): ModelCooldown => ({
  kind,
  until: NOW + ms,
  evidence: `429 ${kind}`,
});
const problem = (type: AccountProblem, url?: string): NonNullable<Account["problem"]> => ({
  type,
  message: "m",
  since: 1,
  ...(url !== undefined && { url }),
});

describe("pick chooses", () => {
  const rows: [what: string, candidates: Candidate[], exclude: string[], handle: string][] = [
    ["the least recently used", [candidate("a1", { lastUsedAt: 5 }), candidate("a2", { lastUsedAt: 3 })], [], "a2"],
    ["one that was never used", [candidate("a1", { lastUsedAt: 5 }), candidate("a2")], [], "a2"],
    [
      "the earlier use within one millisecond",
      [candidate("a1", { lastUsedAt: 5, useOrder: 2 }), candidate("a2", { lastUsedAt: 5, useOrder: 1 })],
      [],
      "a2",
    ],
    ["the lower handle among equals, as a number", [candidate("a10"), candidate("a9")], [], "a9"],
    ["none that was tried", [candidate("a1"), candidate("a2", { lastUsedAt: 5 })], ["a1"], "a2"],
    ["none that rests", [candidate("a1", { cooldown: resting("rate-limited", 1) }), candidate("a2")], [], "a2"],
    ["one whose rest is just over", [candidate("a1", { cooldown: resting("rate-limited", 0) })], [], "a1"],
    ["none that is disabled", [candidate("a1", { enabled: false }), candidate("a2")], [], "a2"],
    ["none that needs its owner", [candidate("a1", { problem: problem("needs-login") }), candidate("a2")], [], "a2"],
  ];
  for (const [what, candidates, exclude, handle] of rows) {
    test(what, () => expect(pick(candidates, "model-x", new Set(exclude), NOW).handle).toBe(handle));
  }
});

describe("pick refuses", () => {
  const rows: [what: string, candidates: Candidate[], exclude: string[], error: object][] = [
    [
      "with the soonest reset when all are limited",
      [
        candidate("a1", { cooldown: resting("quota-exhausted", 600_000) }),
        candidate("a2", { cooldown: resting("rate-limited", 59_200) }),
      ],
      [],
      {
        kind: "rate-limited",
        detail: { retryAfterMs: 59_200 },
        message: "Every usable account is limited on model-x; the first is free in 60 s (429 rate-limited)",
      },
    ],
    [
      "as quota when the soonest is a used-up window",
      [
        candidate("a1", { cooldown: resting("quota-exhausted", 5_000) }),
        candidate("a2", { problem: problem("no-project") }),
      ],
      [],
      { kind: "quota-exhausted", detail: { retryAfterMs: 5_000 } },
    ],
    [
      "with the limits of the accounts that were tried",
      [candidate("a1", { cooldown: resting("rate-limited", 30_000) })],
      ["a1"],
      { kind: "rate-limited", detail: { retryAfterMs: 30_000 } },
    ],
    [
      "with a limit rather than a missing model",
      [
        candidate("a1", { cooldown: resting("model-missing", 5_000) }),
        candidate("a2", { cooldown: resting("rate-limited", 30_000) }),
      ],
      [],
      { kind: "rate-limited", detail: { retryAfterMs: 30_000 } },
    ],
    [
      "as a missing model when nobody has it",
      [candidate("a1", { cooldown: resting("model-missing", 5_000) })],
      [],
      { kind: "model-missing", message: "No account offers model-x at present (429 model-missing)" },
    ],
    [
      "when upstream refuses every access token",
      [candidate("a1", { cooldown: resting("access-token-rejected", 5_000) })],
      [],
      { kind: "no-account", detail: { retryAfterMs: 5_000 } },
    ],
    [
      "when all were tried",
      [candidate("a1")],
      ["a1"],
      { kind: "no-account", message: "Every usable account was tried for this request" },
    ],
    [
      "with the way to a first account",
      [],
      [],
      {
        kind: "no-account",
        message: "No account is stored: add one with `ag accounts import`",
        detail: { missing: "account" },
      },
    ],
    [
      "with what to do about each account",
      [
        candidate("a1", { problem: problem("needs-login") }),
        candidate("a2", { problem: problem("needs-verification", "https://accounts.google.com/v") }),
        candidate("a3", { problem: problem("terms-block", "https://support.google.com/a") }),
        candidate("a4", { problem: problem("no-project") }),
        candidate("a5", { enabled: false }),
        candidate("a6", { enabled: false }),
      ],
      [],
      {
        kind: "no-account",
        detail: { accountProblem: "needs-login" },
        message:
          "No account is usable. a1 needs a new sign-in: ag accounts import -; " +
          "a2 needs verification by its owner: open https://accounts.google.com/v, then import it again; " +
          "a3 is stopped, Google reports a breach of its terms: appeal at https://support.google.com/a; " +
          "a4 has no Cloud Code project: finish the set-up in the app, then import it again; " +
          "a5 is disabled; 1 more: ag accounts list",
      },
    ],
    [
      "with the link the owner must open",
      [candidate("a1", { problem: problem("needs-verification", "https://accounts.google.com/v") })],
      [],
      {
        detail: { accountProblem: "needs-verification" },
        message: expect.stringContaining("https://accounts.google.com/v"),
      },
    ],
  ];
  for (const [what, candidates, exclude, error] of rows) {
    test(what, () => {
      try {
        pick(candidates, "model-x", new Set(exclude), NOW);
        expect.unreachable();
      } catch (cause) {
        expect(cause).toBeInstanceOf(GatewayError);
        expect(cause).toMatchObject(error);
      }
    });
  }

  test("without naming an e-mail", () => {
    const account = candidate("a1", { email: "owner@example.org", problem: problem("needs-login") });
    expect(() => pick([account], "model-x", NOBODY, NOW)).toThrow(/^(?!.*owner@)/);
  });
});
