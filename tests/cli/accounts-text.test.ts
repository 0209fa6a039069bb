import { describe, expect, test } from "bun:test";
import type { Verification } from "../../src/accounts/verify.ts";
import { chooseAccount } from "../../src/cli/accounts/choose.ts";
import { verificationText, verificationView } from "../../src/cli/accounts/verification.ts";
import { publicView, restsOf } from "../../src/cli/accounts/view.ts";
import { accountTable } from "../../src/cli/commands/accounts-list.ts";
import { UserError } from "../../src/cli/failure.ts";
import type { Account } from "../../src/core/accounts.ts";
import { type AccountProblem, GatewayError } from "../../src/core/errors.ts";
import type { QuotaReading } from "../../src/core/quota.ts";
import type { LimitRecord } from "../../src/core/store.ts";

const HOUR_MS = 3_600_000;
/** Noon of this machine's clock, so that an hour later is the same day. */
const NOW = new Date(2026, 0, 2, 12).getTime();

const ready: Account = {
  id: "id-1",
  handle: "a1",
  kind: "antigravity",
  email: "one@example.com",
  secret: "1//test-refresh-token",
  projectId: "project-1",
  tier: "pro",
  enabled: true,
  addedAt: NOW - 24 * HOUR_MS,
  lastUsedAt: NOW - 2 * HOUR_MS,
};
const unverified: Account = {
  ...ready,
  id: "id-2",
  handle: "a2",
  email: "two\u001B[2J@example.com",
  problem: {
    type: "needs-verification",
    message: "Google asks the account's owner to verify the account",
    url: "https://accounts.google.com/x",
    since: NOW - HOUR_MS,
  },
};
const disabled: Account = {
  ...ready,
  id: "id-3",
  handle: "a3",
  label: "team",
  email: "three@example.com",
  enabled: false,
};
const key: Account = {
  id: "id-4",
  handle: "a4",
  kind: "gemini-api-key",
  label: "team",
  secret: "AIza-test-key",
  enabled: true,
  addedAt: NOW,
};
const all = [ready, unverified, disabled, key];

function limit(accountId: string, model: string, until: number, evidence = "429 QUOTA_EXHAUSTED"): LimitRecord {
  const cooldown = { kind: "quota-exhausted", until, since: NOW, evidence } as const;
  return { accountId, model, cooldown, unnamedFailures: 0, liftedByReading: false };
}

const limits: LimitRecord[] = [
  limit("id-1", "model-b", NOW + 2 * HOUR_MS),
  limit("id-1", "model-a", NOW + 2 * HOUR_MS),
  limit("id-1", "model-c", NOW + HOUR_MS, "429 RATE_LIMIT_EXCEEDED"),
  limit("id-1", "model-over", NOW),
  limit("id-9", "model-a", NOW + HOUR_MS),
  { accountId: "id-4", model: "model-a", unnamedFailures: 2, liftedByReading: false },
];

describe("accounts list", () => {
  test("shows each account's state, then reasons, what their owner does, and limits", () => {
    expect(accountTable(all, limits, NOW, 200)).toBe(
      `
ACCOUNT   KIND             LABEL   E-MAIL              TIER   STATE                LAST USED
a1        antigravity              one@example.com     pro    resting              2 h ago
a2        antigravity              two@example.com     pro    needs-verification   2 h ago
a3        antigravity      team    three@example.com   pro    disabled             2 h ago
a4        gemini-api-key   team                               ready                never

a1   model-c rests for 1 h, until 13:00: 429 RATE_LIMIT_EXCEEDED
     model-b, model-a rest for 2 h, until 14:00: 429 QUOTA_EXHAUSTED
a2   needs-verification (1 h ago): Google asks the account's owner to verify the account
     Open https://accounts.google.com/x
     Then run: ag accounts verify a2`.trimStart(),
    );
  });

  test("fits 80 columns by leaving out the columns that tell the least, never handle and state", () => {
    const long = { ...unverified, email: `${"long".repeat(8)}@example.com`, label: "a label of some length" };
    const text = accountTable([ready, long, key], limits, NOW, 80);
    const tooLong = text.split("\n").filter((line) => line.length > 80);
    expect(tooLong).toEqual([]);
    expect(text).toContain("longlong");
    expect(text).toContain("needs-verification");
    const narrow = accountTable([ready, long, key], [], NOW, 40).split("\n")[0];
    expect(narrow).toBe("ACCOUNT   STATE");
  });

  test("keeps the kind where the accounts are of several, since it tells them apart", () => {
    const titles = (accounts: Account[]) => accountTable(accounts, [], NOW, 64).split("\n")[0];
    expect(titles([ready, key])).toContain("KIND");
    expect(titles([ready, ready])).not.toContain("KIND");
  });

  test("does not let a name or a reason from outside repaint the terminal", () => {
    const evil = "\u001B[2J\u0007";
    const account: Account = {
      ...unverified,
      label: `x${evil}`,
      problem: { type: "no-project", message: `why${evil}`, since: NOW, url: `https://x.google.com/${evil}` },
    };
    const text = accountTable([account], [limit("id-2", `m${evil}`, NOW + 1, evil)], NOW, 80);
    expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  test("as JSON names every field it gives out, so that no token can", () => {
    const view = publicView(unverified, restsOf(unverified, limits, NOW), NOW);
    expect(Object.keys(view)).toEqual(
      "handle kind label email tier projectId enabled usable state problem reason url problemSince cooldowns addedAt lastUsedAt".split(
        " ",
      ),
    );
    expect(JSON.stringify(all.map((account) => publicView(account)))).not.toMatch(/1\/\/|AIza|secret/);
  });

  test("as JSON says which model rests until when and why", () => {
    const { state, usable, cooldowns } = publicView(ready, restsOf(ready, limits, NOW), NOW);
    expect({ state, usable }).toEqual({ state: "resting", usable: true });
    expect(cooldowns[0]).toEqual({
      model: "model-c",
      kind: "quota-exhausted",
      until: new Date(NOW + HOUR_MS).toISOString(),
      remainingMs: HOUR_MS,
      why: "429 RATE_LIMIT_EXCEEDED",
      since: new Date(NOW).toISOString(),
    });
    expect(cooldowns.map(({ model }) => model)).toEqual(["model-c", "model-b", "model-a"]);
  });
});

describe("each problem says what its owner does", () => {
  const rows: [type: AccountProblem, remedy: string][] = [
    ["needs-login", "Sign in with it again: ag accounts add"],
    ["needs-verification", "Open the Antigravity app with it"],
    ["terms-block", "Only Google can lift this"],
    ["no-project", "Then run: ag accounts verify a1"],
    ["key-rejected", "ag accounts add --gemini-key"],
  ];
  for (const [type, remedy] of rows) {
    test(type, () => {
      const account = { ...ready, problem: { type, message: "why", since: NOW } };
      expect(accountTable([account], [], NOW, 200)).toContain(remedy);
    });
  }

  test("a terms block names the appeal, and the command for when that was granted", () => {
    const problem = {
      type: "terms-block",
      message: "why",
      since: NOW,
      url: "https://support.google.com/appeal",
    } as const;
    const text = accountTable([{ ...ready, problem }], [], NOW, 200);
    expect(text).toContain("Appeal to Google: https://support.google.com/appeal");
    expect(text).toContain("Once Google has granted it: ag accounts verify a1 --appeal-granted");
  });
});

describe("an account is meant by", () => {
  const rows: [text: string, handle: string][] = [
    ["a1", "a1"],
    ["A1", "a1"],
    [" a1 ", "a1"],
    ["ONE@Example.com", "a1"],
    ["three@example.com", "a3"],
  ];
  for (const [text, handle] of rows) test(text, () => expect(chooseAccount(text, all).handle).toBe(handle));

  test("its label, where it has it alone", () => {
    expect(chooseAccount("Team", [ready, disabled]).handle).toBe("a3");
  });

  test("its handle, even where another account has that for a label", () => {
    expect(chooseAccount("a1", [{ ...disabled, label: "a1" }, ready]).handle).toBe("a1");
  });
});

describe("who is meant by none or several is told whom there is", () => {
  const rows: [text: string, accounts: Account[], message: string, hint: RegExp][] = [
    ["team", all, '"team" names 2 accounts', /^Name one by its handle: a3 three@example\.com team, a4 team$/],
    ["a9", all, 'There is no account "a9"', /^There are: a1 one@example\.com, a2 /],
    ["one@exmaple.com", all, 'There is no account "one@exmaple.com"', /^Did you mean one@example\.com\?$/],
    ["", all, 'There is no account ""', /^There are: a1 /],
    ["x", [], 'There is no account "x"', /^No account is stored\. Sign in: ag accounts add/],
    ["zzzzzzzzzz", Array(7).fill(ready), 'There is no account "zzzzzzzzzz"', /, 2 more \(ag accounts list\)$/],
    ["1//test-secret", all, "There is no account of that name", /^There are: /],
    ["AIza-test-secret", all, "There is no account of that name", /^There are: /],
  ];
  for (const [text, accounts, message, hint] of rows) {
    test(JSON.stringify(text), () => {
      const choose = () => chooseAccount(text, accounts);
      expect(choose).toThrow(UserError);
      const error = thrownBy(choose) as UserError;
      expect({ message: error.message, exitCode: error.exitCode }).toEqual({ message, exitCode: 1 });
      expect(error.hint).toMatch(hint);
    });
  }
});

describe("accounts verify says", () => {
  const reading: QuotaReading = {
    readAt: NOW,
    models: new Map([
      ["model-a", { remainingFraction: 0.829, resetAt: NOW + HOUR_MS }],
      ["model-b", { remainingFraction: 1, resetAt: NOW + HOUR_MS }],
      ["model-c", undefined],
    ]),
    buckets: [],
  };
  const buckets = [
    { id: "gemini-5h", window: "5h", group: "Gemini", remainingFraction: 1, resetAt: NOW + HOUR_MS },
    { id: "gemini-weekly", window: "weekly", group: "Gemini", remainingFraction: 0, resetAt: NOW + 2 * HOUR_MS },
  ];
  const rows: [name: string, verification: Verification, expected: string][] = [
    [
      "what a ready account has left",
      { account: ready, result: { type: "ready", reading } },
      `
a1  one@example.com: ready
    tier pro, project project-1, 3 models
    model-a: 82 % left (resets in 1 h, 13:00)`,
    ],
    [
      "which problem is over, and the shared windows where there are some",
      { account: ready, result: { type: "ready", reading: { ...reading, buckets }, ended: "needs-verification" } },
      `
a1  one@example.com: ready again, needs-verification is over
    tier pro, project project-1, 3 models
    Gemini: 5h 100 % left, weekly 0 % left (resets in 2 h, 14:00)`,
    ],
    [
      "what a key offers",
      { account: key, result: { type: "ready", reading: { ...reading, models: new Map([["m", undefined]]) } } },
      "\na4  team: ready\n    official API key, 1 model",
    ],
    [
      "which link the owner must open",
      { account: unverified, result: { type: "needs-owner" } },
      `
a2  two@example.com: needs verification by its owner
    Google asks the account's owner to verify the account
    Open https://accounts.google.com/x
    Then run: ag accounts verify a2`,
    ],
    [
      "that a terms block is for good",
      {
        account: {
          ...ready,
          problem: { type: "terms-block", message: "why", since: NOW, url: "https://x.google.com/" },
        },
        result: { type: "not-asked", because: "terms-block" },
      },
      `
a1  one@example.com: is stopped for good: Google reports a breach of its terms,
    so it was not asked
    Appeal to Google: https://x.google.com/
    Once Google has granted it: ag accounts verify a1 --appeal-granted`,
    ],
    [
      "that a disabled account was not asked",
      { account: disabled, result: { type: "not-asked", because: "disabled" } },
      "\na3  three@example.com  team: disabled, so it was not asked\n    To use it: ag accounts enable a3",
    ],
    [
      "what kept it from finding out",
      {
        account: ready,
        result: { type: "failed", error: new GatewayError("unavailable", "Google cannot be reached") },
      },
      "\na1  one@example.com: could not be verified\n    Google cannot be reached",
    ],
  ];
  for (const [name, verification, expected] of rows) {
    test(name, () => expect(`\n${verificationText(verification, NOW, 80)}`).toBe(expected));
  }

  test("the same as JSON, with windows and models", () => {
    const view = verificationView({ account: ready, result: { type: "ready", reading: { ...reading, buckets } } });
    expect(view).toMatchObject({
      handle: "a1",
      verification: "ready",
      models: [
        { id: "model-a", remainingFraction: 0.829, resetAt: new Date(NOW + HOUR_MS).toISOString() },
        { id: "model-b", remainingFraction: 1 },
        { id: "model-c", remainingFraction: null, resetAt: null },
      ],
      windows: [
        { id: "gemini-5h", group: "Gemini", window: "5h", remainingFraction: 1 },
        { id: "gemini-weekly", remainingFraction: 0 },
      ],
    });
    expect(JSON.stringify(view)).not.toContain("1//");
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}
