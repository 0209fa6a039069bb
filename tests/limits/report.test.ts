import { describe, expect, test } from "bun:test";
import type { Account } from "../../src/core/accounts.ts";
import { limitsReport, type LimitReason } from "../../src/limits/report.ts";
import { parseLimitsReport } from "../../src/limits/schema.ts";
import { bucket, context, HOUR, MINUTE, NOW, view, type ViewParts } from "./support.ts";

const MODEL = "gemini-3-flash";
const at = (ms: number) => new Date(NOW + ms).toISOString();

function only(parts: ViewParts, over: Partial<typeof context> = {}) {
  const [account] = limitsReport([view(parts)], { ...context, ...over }).accounts;
  if (account === undefined) throw new Error("one account is wanted");
  return account;
}

function model(parts: ViewParts, id = MODEL) {
  const found = only(parts).models.find((each) => each.id === id);
  if (found === undefined) throw new Error(`${id} is not in the report`);
  return found;
}

test("everything about one account, in the document's own words", () => {
  const parts: ViewParts = {
    label: "work",
    tier: "g1-pro-tier",
    inFlight: 2,
    models: { [MODEL]: { remainingFraction: 0.82, resetAt: NOW + HOUR } },
    buckets: [bucket("gemini-5h", 0.7, NOW + HOUR)],
    cooldowns: { [MODEL]: { kind: "rate-limited", until: NOW + 30_500, evidence: "429 RATE_LIMIT_EXCEEDED" } },
  };
  expect(limitsReport([view(parts)], context)).toEqual({
    at: at(0),
    accounts: [
      {
        handle: "a1",
        kind: "antigravity",
        label: "work",
        tier: "g1-pro-tier",
        state: "ready",
        reason: null,
        url: null,
        inFlight: 2,
        readAt: at(-12_000),
        readFailure: null,
        buckets: [
          {
            id: "gemini-5h",
            group: "Gemini",
            window: "5h",
            remainingFraction: 0.7,
            resetAt: at(HOUR),
            resetInSeconds: 3600,
          },
        ],
        models: [
          {
            id: MODEL,
            remainingFraction: 0.82,
            resetAt: at(HOUR),
            resetInSeconds: 3600,
            limited: true,
            freeAt: at(30_500),
            freeInSeconds: 31,
            why: [{ by: "cooldown", text: "429 RATE_LIMIT_EXCEEDED", until: at(30_500) }],
            cooldown: {
              kind: "rate-limited",
              since: at(-MINUTE),
              until: at(30_500),
              inSeconds: 31,
              evidence: "429 RATE_LIMIT_EXCEEDED",
            },
          },
        ],
      },
    ],
  });
});

describe("what limits a model", () => {
  const reset = NOW + 5 * HOUR;
  const full = { remainingFraction: 1, resetAt: reset };
  const empty = { remainingFraction: 0, resetAt: reset };
  const rows: [name: string, parts: ViewParts, by: LimitReason["by"][], freeAt: string | null][] = [
    ["nothing: it has some left", { models: { [MODEL]: { remainingFraction: 0.01, resetAt: reset } } }, [], null],
    ["nothing: an untouched window names a reset too", { models: { [MODEL]: full } }, [], null],
    ["nothing: how much is left is not known", { models: { [MODEL]: undefined } }, [], null],
    ["its own quota", { models: { [MODEL]: empty } }, ["quota"], at(5 * HOUR)],
    ["its own quota, of unknown end", { models: { [MODEL]: { remainingFraction: 0 } } }, ["quota"], null],
    [
      "nothing: the empty window has started anew since",
      { models: { [MODEL]: { remainingFraction: 0, resetAt: NOW } } },
      [],
      null,
    ],
    [
      "the week, however full the five hours are",
      {
        models: { [MODEL]: full },
        buckets: [bucket("gemini-5h", 1, reset), bucket("gemini-weekly", 0, NOW + 99 * HOUR)],
      },
      ["bucket"],
      at(99 * HOUR),
    ],
    [
      "the five hours, however full the week is",
      { models: { [MODEL]: full }, buckets: [bucket("gemini-5h", 0, reset), bucket("gemini-weekly", 1)] },
      ["bucket"],
      at(5 * HOUR),
    ],
    [
      "both windows: it is free when the later one starts anew",
      {
        models: { [MODEL]: full },
        buckets: [bucket("gemini-5h", 0, reset), bucket("gemini-weekly", 0, NOW + 99 * HOUR)],
      },
      ["bucket", "bucket"],
      at(99 * HOUR),
    ],
    [
      "nothing: the other models' window",
      { models: { [MODEL]: full }, buckets: [bucket("3p-5h", 0, reset)] },
      [],
      null,
    ],
    [
      "nothing: a window of unknown reach",
      { models: { [MODEL]: full }, buckets: [bucket("x-5h", 0, reset)] },
      [],
      null,
    ],
    [
      "nothing: a shared window that is over",
      { models: { [MODEL]: full }, buckets: [bucket("gemini-5h", 0, NOW)] },
      [],
      null,
    ],
    [
      "a refusal, whatever the reading says",
      { models: { [MODEL]: full }, cooldowns: { [MODEL]: {} } },
      ["cooldown"],
      at(HOUR),
    ],
    [
      "a refusal and the reading: the later end counts",
      { models: { [MODEL]: empty }, cooldowns: { [MODEL]: {} } },
      ["cooldown", "quota"],
      at(5 * HOUR),
    ],
    [
      "a refusal and a window of unknown end",
      { models: { [MODEL]: full }, buckets: [bucket("gemini-5h", 0)], cooldowns: { [MODEL]: {} } },
      ["cooldown", "bucket"],
      null,
    ],
    [
      "nothing: the refusal's time is over",
      { models: { [MODEL]: full }, cooldowns: { [MODEL]: { until: NOW } } },
      [],
      null,
    ],
  ];
  for (const [name, parts, by, freeAt] of rows) {
    test(name, () => {
      const { limited, why, ...rest } = model(parts);
      expect({ limited, by: why.map((reason) => reason.by), freeAt: rest.freeAt }).toEqual({
        limited: by.length > 0,
        by,
        freeAt,
      });
    });
  }

  test("a window of the other models covers Claude and GPT-OSS", () => {
    const parts: ViewParts = {
      models: { "claude-sonnet-4-6": full, "gpt-oss-120b-medium": full, [MODEL]: full },
      buckets: [bucket("3p-weekly", 0, reset)],
    };
    const limited = only(parts).models.filter((each) => each.limited);
    expect(limited.map(({ id, why }) => [id, why[0]?.text])).toEqual([
      ["claude-sonnet-4-6", "Other models weekly used up"],
      ["gpt-oss-120b-medium", "Other models weekly used up"],
    ]);
  });
});

describe("what is left", () => {
  test("is null when it is not known, and never 1", () => {
    expect(model({ models: { [MODEL]: undefined } })).toMatchObject({ remainingFraction: null, resetAt: null });
  });

  test("is not known any more once the window that was read is over", () => {
    const parts = {
      models: { [MODEL]: { remainingFraction: 0.3, resetAt: NOW - 1 } },
      buckets: [bucket("gemini-5h", 0.3, NOW)],
    };
    expect(model(parts)).toMatchObject({ remainingFraction: null, resetAt: null, resetInSeconds: null });
    expect(only(parts).buckets).toMatchObject([{ remainingFraction: null, resetAt: null }]);
  });
});

describe("which models there are", () => {
  test("those for people, by name; upstream's inner ones are left out", () => {
    const models = { "gemini-3-flash": undefined, chat_20706: undefined, "claude-opus-4-6": undefined };
    expect(only({ models }).models.map(({ id }) => id)).toEqual(["claude-opus-4-6", "gemini-3-flash"]);
  });

  test("one that rests is among them even when nothing was read", () => {
    const { models } = only({ cooldowns: { chat_20706: {}, "claude-opus-4-6": {} } });
    expect(models).toMatchObject([{ id: "claude-opus-4-6", limited: true, remainingFraction: null }]);
  });
});

describe("the state of an account", () => {
  const problem: NonNullable<Account["problem"]> = {
    type: "needs-verification",
    message: "Google wants to verify it",
    url: "https://accounts.google.com/verify",
    since: 0,
  };
  const rows: [parts: ViewParts, expected: object][] = [
    [{}, { state: "ready", reason: null, url: null }],
    [{ enabled: false }, { state: "disabled", reason: null, url: null }],
    [{ problem }, { state: "needs-verification", reason: problem.message, url: problem.url ?? null }],
    [
      { problem, enabled: false },
      { state: "disabled", reason: problem.message, url: problem.url ?? null },
    ],
  ];
  for (const [parts, expected] of rows) {
    test(JSON.stringify(expected), () => expect(only(parts)).toMatchObject(expected));
  }

  test("names why upstream could not be asked, of those that are asked at all", () => {
    const readFailures = new Map([["id-canary", "Upstream does not answer"]]);
    expect(only({}, { readFailures }).readFailure).toBe("Upstream does not answer");
    expect(only({ enabled: false }, { readFailures }).readFailure).toBe(null);
  });
});

test("nothing but the handle tells whose account it is", () => {
  const parts: ViewParts = { models: { [MODEL]: undefined }, cooldowns: { [MODEL]: {} }, inFlight: 1 };
  expect(JSON.stringify(limitsReport([view(parts)], context))).not.toContain("canary");
});

describe("a report from elsewhere", () => {
  const report = limitsReport(
    [
      view({
        models: { [MODEL]: { remainingFraction: 0 } },
        buckets: [bucket("3p-5h", 0)],
        cooldowns: { [MODEL]: {} },
      }),
    ],
    context,
  );

  test("is understood after its way through JSON", () => {
    expect(parseLimitsReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  test("keeps what a newer server says besides", () => {
    expect(parseLimitsReport({ ...report, credits: 7 })).toMatchObject({ credits: 7 });
  });

  for (const other of [undefined, [], {}, { accounts: [] }, { ...report, at: "today" }, { error: { message: "no" } }]) {
    test(`is not ${JSON.stringify(other)?.slice(0, 30)}`, () => expect(parseLimitsReport(other)).toBeUndefined());
  }
});
