import { describe, expect, test } from "bun:test";
import { limitsReport } from "../../src/limits/report.ts";
import { limitsText, type TextOptions } from "../../src/limits/text.ts";
import { bucket, context, HOUR, MINUTE, NOW, view, type ViewParts } from "./support.ts";

const RESET = NOW + 2 * HOUR + 20 * MINUTE + 50_000;
const WEEK = NOW + 4 * 24 * HOUR + 12 * HOUR + 21 * MINUTE;

function textOf(accounts: ViewParts[], options: TextOptions = {}, readFailures: Record<string, string> = {}): string {
  const failures = { readFailures: new Map(Object.entries(readFailures)) };
  const report = limitsReport(accounts.map(view), { ...context, ...failures });
  return limitsText(report, { timeZone: "Europe/Berlin", ...options });
}

const rich: ViewParts = {
  label: "work",
  tier: "g1-pro-tier",
  inFlight: 2,
  models: {
    "claude-opus-4-6-thinking": { remainingFraction: 1, resetAt: NOW + 5 * HOUR },
    "claude-sonnet-4-6": { remainingFraction: 0.05, resetAt: RESET },
    "gemini-3-flash": { remainingFraction: 0.82, resetAt: RESET },
    "gemini-3.1-pro-low": { remainingFraction: 0, resetAt: RESET },
    "gpt-oss-120b-medium": undefined,
  },
  buckets: [bucket("gemini-5h", 0.7, RESET), bucket("gemini-weekly", 0, WEEK), bucket("3p-weekly", 0.35, WEEK)],
  cooldowns: { "claude-opus-4-6-thinking": { until: NOW + 93 * MINUTE } },
};
const unverified: ViewParts = {
  handle: "a2",
  label: "家族のアカウント",
  problem: {
    type: "needs-verification",
    message: "Google wants the owner to verify this account before it may be used again",
    url: "https://accounts.google.com/signin/continue?continue=https%3A%2F%2Fwww.google.com%2Fverify&plt=AKgn",
    since: 0,
  },
};

test("the whole text", () => {
  const official = { handle: "a4", kind: "gemini-api-key" as const, models: { "gemini-2.5-pro": undefined } };
  expect(textOf([rich, unverified, { handle: "a3", enabled: false }, official, { handle: "a5" }])).toBe(
    `
Limits on Thu 20 Aug 2026, 13:39 (Europe/Berlin)

a1 · work · antigravity · g1-pro-tier · ready · 2 running · read 12 s ago

  QUOTA                     LEFT             RESETS     IN          NOW
  Gemini 5h                 ███████░░░  70%  16:00      2 h 21 min
  Gemini weekly             ░░░░░░░░░░   0%  Tue 02:00  4 d 13 h
  Other models weekly       ████░░░░░░  35%  Tue 02:00  4 d 13 h
  claude-opus-4-6-thinking  ██████████ 100%  18:39      5 h         limited
  claude-sonnet-4-6         █░░░░░░░░░   5%  16:00      2 h 21 min
  gemini-3-flash            ████████░░  82%  16:00      2 h 21 min  limited
  gemini-3.1-pro-low        ░░░░░░░░░░   0%  16:00      2 h 21 min  limited

  Limited until 15:12 (1 h 33 min): claude-opus-4-6-thinking. Why: 429
    QUOTA_EXHAUSTED
  Limited until Tue 02:00 (4 d 13 h): gemini-3-flash, gemini-3.1-pro-low. Why:
    Gemini weekly used up
  How much is left is unknown: gpt-oss-120b-medium

a2 · 家族のアカウント · antigravity · needs-verification
  Google wants the owner to verify this account before it may be used again
  Its owner must open https://accounts.google.com/signin/continue?continue=https%3A%2F%2Fwww.google.com%2Fverify&plt=AKgn

a3 · antigravity · disabled

a4 · gemini-api-key · ready · read 12 s ago

  How much is left is unknown: gemini-2.5-pro

a5 · antigravity · ready
  What is left has not been read yet.`.trimStart(),
  );
});

test("no account at all is said in words", () => expect(textOf([])).toBe("There are no accounts."));

describe("how much is left", () => {
  const rows: [fraction: number, text: string][] = [
    [1, "██████████ 100%"],
    [0.999, "█████████░  99%"],
    [0.7, "███████░░░  70%"],
    [0.29, "███░░░░░░░  29%"],
    [0.001, "█░░░░░░░░░   1%"],
    [0, "░░░░░░░░░░   0%"],
  ];
  for (const [remainingFraction, text] of rows) {
    test(`${remainingFraction} is ${text}`, () => {
      expect(textOf([{ models: { "gemini-3-flash": { remainingFraction } } }])).toContain(`gemini-3-flash  ${text}`);
    });
  }

  test("is unknown, and no bar, for a model of which only a limit is known", () => {
    const text = textOf([{ cooldowns: { "claude-opus-4-6": { until: NOW + 45_000, evidence: "429" } } }]);
    expect(text).toContain("claude-opus-4-6  unknown  limited");
    expect(text).toContain("Limited until 13:39 (45 s): claude-opus-4-6. Why: 429");
    expect(text).not.toContain("%");
  });
});

describe("when it comes back", () => {
  const rows: [resetAt: number, zone: string, shown: string][] = [
    [RESET, "Europe/Berlin", "16:00   2 h 21 min"],
    [RESET, "Asia/Kolkata", "19:30   2 h 21 min"],
    [RESET, "Asia/Tokyo", "23:00   2 h 21 min"],
    [NOW + 30_000, "UTC", "11:39   30 s"],
    [NOW + 12 * HOUR, "Asia/Tokyo", "Fri 08:39  12 h"],
    [Date.UTC(2026, 7, 20, 22), "Europe/Berlin", "Fri 00:00  10 h 21 min"],
    [Date.UTC(2026, 7, 26, 11), "UTC", "Wed 11:00  6 d"],
    [Date.UTC(2026, 7, 27, 11), "UTC", "27 Aug 11:00  7 d"],
    [Date.UTC(2027, 7, 20, 11), "UTC", "20 Aug 11:00  365 d"],
  ];
  for (const [resetAt, timeZone, shown] of rows) {
    test(`${new Date(resetAt).toISOString()} in ${timeZone}: ${shown}`, () => {
      const text = textOf([{ models: { m: { remainingFraction: 0.5, resetAt } } }], { timeZone });
      expect(text).toContain(`50%  ${shown}`);
    });
  }

  test("a limit of unknown end says so", () => {
    const text = textOf([{ models: { m: { remainingFraction: 0 } } }]);
    expect(text).toContain("Limited for a time that is not known: m. Why: quota used up");
  });

  test("of several limits the one that ends last is named", () => {
    const text = textOf([
      { models: { m: { remainingFraction: 0, resetAt: RESET } }, cooldowns: { m: { until: NOW + MINUTE } } },
    ]);
    expect(text).toContain("Limited until 16:00 (2 h 21 min): m. Why: quota used up");
  });
});

describe("width", () => {
  test("columns that can be spared go when there is no room, and no line but a link is too long", () => {
    for (const width of [60, 70, 80, 120]) {
      const lines = textOf([rich, unverified], { width }).split("\n");
      const long = lines.filter((line) => Bun.stringWidth(line) > width && !line.includes("https://"));
      expect(long).toEqual([]);
    }
    const narrow = textOf([rich], { width: 60 });
    expect(narrow).not.toContain("RESETS");
    expect(narrow).toContain("gemini-3-flash            ████████░░  82%  2 h 21 min\n");
  });

  test("the columns of all accounts stand under each other", () => {
    const text = textOf([rich, { handle: "a9", models: { m: { remainingFraction: 0.5, resetAt: RESET } } }]);
    const columns = text.split("\n").flatMap((line) => (line.includes("LEFT") ? [line.indexOf("LEFT")] : []));
    expect(columns).toEqual([28, 28]);
  });
});

test("colours change nothing but the colour", () => {
  const paint = (open: number) => (text: string) => `\u001B[${open}m${text}\u001B[0m`;
  const painted = textOf([rich, unverified], {
    paint: { bold: paint(1), dim: paint(2), red: paint(31), yellow: paint(33) },
  });
  expect(painted).toContain("\u001B[31mlimited\u001B[0m");
  expect(Bun.stripANSI(painted)).toBe(textOf([rich, unverified]));
});

test("a limit that all models share names none of them", () => {
  const models = { "gemini-3-flash": { remainingFraction: 1 }, "gemini-3.1-pro-low": { remainingFraction: 1 } };
  const text = textOf([{ models, buckets: [bucket("gemini-5h", 0, RESET)] }]);
  expect(text).toContain("Limited until 16:00 (2 h 21 min): all models. Why: Gemini 5h used up");
});

test("a label cannot repaint the terminal", () => {
  expect(textOf([{ label: "\u001B[2Jx\ny" }])).toContain("a1 ·  [2Jx y · antigravity");
});

test("a reading that failed says why, and how old the one that is shown is", () => {
  const failure = { "id-canary": "Upstream does not answer" };
  expect(textOf([{}], {}, failure)).toContain("\n  What is left could not be read: Upstream does not answer");
  const old = { models: { m: { remainingFraction: 0.5 } }, readAt: NOW - 14 * MINUTE };
  expect(textOf([old], {}, failure)).toContain("could not be read; this is from 14 min ago: Upstream does not");
});
