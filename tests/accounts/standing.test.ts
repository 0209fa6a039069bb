import { describe, expect, test } from "bun:test";
import { showsRoom, standingOf } from "../../src/accounts/standing.ts";
import type { Cooldown } from "../../src/core/accounts.ts";
import type { Quota, QuotaBucket, QuotaReading } from "../../src/core/quota.ts";

const NOW = 1_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CLAUDE = "claude-x";

const reading = (own: Quota | undefined, ...buckets: QuotaBucket[]): QuotaReading => ({
  readAt: NOW - MINUTE,
  models: new Map([[CLAUDE, own]]),
  buckets,
});
const bucket = (
  covers: "gemini" | "others" | undefined,
  window: string,
  left: number,
  resetMs?: number,
): QuotaBucket => ({
  id: `${covers}-${window}`,
  window,
  group: "g",
  remainingFraction: left,
  ...(covers && { covers }),
  ...(resetMs !== undefined && { resetAt: NOW + resetMs }),
});
const used = (restMs: number, evidence: string) => ({
  kind: "quota-exhausted",
  until: NOW + restMs,
  since: NOW - MINUTE,
  evidence,
});
const stated: Cooldown = { kind: "rate-limited", until: NOW + HOUR, since: NOW, evidence: "429" };

describe("what an account has for a model", () => {
  const rows: [what: string, reading: QuotaReading | undefined, reserve: number, standing: object][] = [
    ["everything, as long as nothing is known", undefined, 0.5, { lacksModel: false, remaining: 1 }],
    ["everything, when the reading does not say", reading(undefined), 0.5, { lacksModel: false, remaining: 1 }],
    ["what is left of its own quota", reading({ remainingFraction: 0.4 }), 0, { lacksModel: false, remaining: 0.4 }],
    [
      "the least of all windows that cover it",
      reading({ remainingFraction: 0.9 }, bucket("others", "5h", 0.7), bucket("others", "weekly", 0.2)),
      0,
      { lacksModel: false, remaining: 0.2 },
    ],
    [
      "nothing to do with the windows of other models, and of unknown ones",
      reading({ remainingFraction: 0.9 }, bucket("gemini", "5h", 0), bucket(undefined, "5h", 0)),
      0,
      { lacksModel: false, remaining: 0.9 },
    ],
    [
      "a rest until the reset when its quota is used up",
      reading({ remainingFraction: 0, resetAt: NOW + HOUR }),
      0,
      { lacksModel: false, remaining: 0, rest: used(HOUR, "quota reading: the model's quota used up") },
    ],
    [
      "a rest when the week is used up, full as the 5 hours are",
      reading(undefined, bucket("others", "5h", 1, HOUR), bucket("others", "weekly", 0, 50 * HOUR)),
      0,
      { lacksModel: false, remaining: 0, rest: used(50 * HOUR, "quota reading: weekly window used up") },
    ],
    [
      "a rest until the last reset when both are used up",
      reading(undefined, bucket("others", "weekly", 0, 50 * HOUR), bucket("others", "5h", 0, HOUR)),
      0,
      { lacksModel: false, remaining: 0, rest: used(50 * HOUR, "quota reading: weekly window used up") },
    ],
    [
      "a rest of half an hour from the reading when nobody names the reset",
      reading({ remainingFraction: 0 }),
      0,
      { lacksModel: false, remaining: 0, rest: used(29 * MINUTE, "quota reading: the model's quota used up") },
    ],
    [
      "everything again once the reset has passed",
      reading({ remainingFraction: 0, resetAt: NOW }),
      0.5,
      { lacksModel: false, remaining: 1 },
    ],
    [
      "its owner's reserve left",
      reading({ remainingFraction: 0.2, resetAt: NOW + HOUR }),
      0.2,
      { lacksModel: false, remaining: 0.2, reserve: used(HOUR, "reserve: the model's quota at 20 %") },
    ],
    [
      "its owner's reserve left in one window of two",
      reading({ remainingFraction: 0.9 }, bucket("others", "5h", 0.9), bucket("others", "weekly", 0.1, 9 * HOUR)),
      0.2,
      { lacksModel: false, remaining: 0.1, reserve: used(9 * HOUR, "reserve: weekly window at 10 %") },
    ],
    [
      "more than its owner's reserve",
      reading({ remainingFraction: 0.21 }),
      0.2,
      { lacksModel: false, remaining: 0.21 },
    ],
  ];
  for (const [what, given, reserve, standing] of rows) {
    test(what, () => expect<object>(standingOf(CLAUDE, undefined, given, reserve, NOW)).toEqual(standing));
  }

  test("a model that its list does not name is not there; an empty list says nothing", () => {
    expect(standingOf("claude-y", undefined, reading(undefined), 0, NOW).lacksModel).toBe(true);
    const empty = { ...reading(undefined), models: new Map() };
    expect(standingOf("claude-y", undefined, empty, 0, NOW).lacksModel).toBe(false);
  });

  test("a cooldown that runs counts, one that is over does not, and the later end wins over a reading", () => {
    const exhausted = reading({ remainingFraction: 0, resetAt: NOW + 2 * HOUR });
    expect(standingOf(CLAUDE, stated, undefined, 0, NOW).rest).toBe(stated);
    expect(standingOf(CLAUDE, stated, undefined, 0, stated.until).rest).toBeUndefined();
    expect(standingOf(CLAUDE, stated, exhausted, 0, NOW).rest?.until).toBe(NOW + 2 * HOUR);
    const longer = { ...stated, until: NOW + 3 * HOUR };
    expect(standingOf(CLAUDE, longer, exhausted, 0, NOW).rest).toBe(longer);
  });

  test("Gemini models are limited by the windows of Gemini", () => {
    const given = { ...reading(undefined, bucket("gemini", "5h", 0, HOUR)), models: new Map() };
    expect(standingOf("gemini-x", undefined, given, 0, NOW).rest?.until).toBe(NOW + HOUR);
    expect(standingOf("gpt-oss-x", undefined, given, 0, NOW).rest).toBeUndefined();
  });
});

describe("a reading shows room", () => {
  const rows: [what: string, reading: QuotaReading, answer: boolean][] = [
    ["when the model's own quota has some", reading({ remainingFraction: 0.1 }), true],
    ["when the windows that cover it have some", reading(undefined, bucket("others", "5h", 0.1)), true],
    ["not when one of them has none", reading({ remainingFraction: 1 }, bucket("others", "weekly", 0, HOUR)), false],
    ["not when it says nothing about the model", reading(undefined, bucket("gemini", "5h", 1)), false],
  ];
  for (const [what, given, answer] of rows) test(what, () => expect(showsRoom(CLAUDE, given, NOW)).toBe(answer));
});
