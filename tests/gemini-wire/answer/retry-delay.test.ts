import { describe, expect, test } from "bun:test";
import { readGoogleError } from "../../../src/gemini-wire/google-error.ts";
import { retryDelay, type StatedDelay } from "../../../src/gemini-wire/retry-delay.ts";
import type { JsonObject, JsonValue } from "../../../src/lib/json.ts";
import { detail, errorBody, errorInfo } from "../../support/google-error.ts";

const NOW = Date.parse("2026-08-20T13:00:00Z");

interface Answer {
  message?: string;
  retryDelay?: JsonValue;
  metadata?: JsonObject;
  headers?: Record<string, string>;
}

function statedBy({ message = "", retryDelay: stated, metadata, headers = {} }: Answer, now = NOW) {
  const details = [
    ...(metadata ? [errorInfo("QUOTA_EXHAUSTED", metadata)] : []),
    ...(stated !== undefined ? [detail("RetryInfo", { retryDelay: stated })] : []),
  ];
  const body = errorBody(429, "RESOURCE_EXHAUSTED", message, ...details);
  return retryDelay(readGoogleError(body), new Headers(headers), now);
}

const delayOf = (answer: Answer, now = NOW) => statedBy(answer, now)?.ms;

describe("sources", () => {
  const ROWS: [string, Answer, StatedDelay | undefined][] = [
    ["RetryInfo as text", { retryDelay: "8485.831s" }, { ms: 8_485_831, source: "RetryInfo" }],
    [
      "RetryInfo as an object",
      { retryDelay: { seconds: "9", nanos: 500_000_000 } },
      { ms: 9_500, source: "RetryInfo" },
    ],
    [
      "quotaResetDelay with hours",
      { metadata: { quotaResetDelay: "2h21m25.8s" } },
      { ms: 8_485_800, source: "quotaResetDelay" },
    ],
    [
      "quotaResetDelay of 108 hours",
      { metadata: { quotaResetDelay: "108h0m0s" } },
      { ms: 388_800_000, source: "quotaResetDelay" },
    ],
    [
      "quotaResetTimeStamp",
      { metadata: { quotaResetTimeStamp: "2026-08-20T13:00:49Z" } },
      { ms: 49_000, source: "quotaResetTimeStamp" },
    ],
    ["Retry-After in seconds", { headers: { "retry-after": "60" } }, { ms: 60_000, source: "retry-after header" }],
    [
      "Retry-After as a date",
      { headers: { "retry-after": "Thu, 20 Aug 2026 13:02:00 GMT" } },
      { ms: 120_000, source: "retry-after header" },
    ],
    ["retry-after-ms", { headers: { "retry-after-ms": "2500" } }, { ms: 2_500, source: "retry-after-ms header" }],
    [
      "x-ratelimit-reset in Unix seconds",
      { headers: { "x-ratelimit-reset": String(NOW / 1000 + 30) } },
      { ms: 30_000, source: "x-ratelimit-reset header" },
    ],
    [
      "x-ratelimit-reset-after",
      { headers: { "x-ratelimit-reset-after": "45" } },
      { ms: 45_000, source: "x-ratelimit-reset-after header" },
    ],
    ["text: reset after", { message: "Your quota will reset after 2h21m25s." }, { ms: 8_485_000, source: "message" }],
    ["text: try again in", { message: "Please try again in 2m 30s." }, { ms: 150_000, source: "message" }],
    ["text: retry in", { message: "Please retry in 44.09s." }, { ms: 44_090, source: "message" }],
    ["text: retry in milliseconds", { message: "Please retry in 1900.2ms." }, { ms: 1_901, source: "message" }],
    [
      "text: retry after in words",
      { message: "Retry after 60 seconds or ask for more" },
      { ms: 60_000, source: "message" },
    ],
    [
      "text: an ISO time after reset",
      { message: "Quota resets at 2026-08-20T13:00:49Z" },
      { ms: 49_000, source: "message" },
    ],
    ["no source", { message: "Resource has been exhausted (e.g. check quota)." }, undefined],
    ["text: numbers that nothing announces", { message: "Image generation took 15s, limit 20" }, undefined],
  ];
  for (const [what, answer, expected] of ROWS) {
    test(what, () => expect(statedBy(answer)).toEqual(expected));
  }
});

describe("rules", () => {
  test("the order is RetryInfo, quotaResetDelay, quotaResetTimeStamp, headers, text", () => {
    const everything: Required<Answer> = {
      retryDelay: "10s",
      metadata: { quotaResetDelay: "20s", quotaResetTimeStamp: "2026-08-20T13:00:30Z" },
      headers: { "retry-after": "40" },
      message: "reset after 50s",
    };
    expect(delayOf(everything)).toBe(10_000);
    const { retryDelay: _, ...withoutRetryInfo } = everything;
    expect(delayOf(withoutRetryInfo)).toBe(20_000);
    const onlyTime = { ...withoutRetryInfo, metadata: { quotaResetTimeStamp: "2026-08-20T13:00:30Z" } };
    expect(delayOf(onlyTime)).toBe(30_000);
    expect(delayOf({ headers: everything.headers, message: everything.message })).toBe(40_000);
    expect(delayOf({ message: everything.message })).toBe(50_000);
  });

  test("text that says 0 s gives way to metadata that knows better, and neither becomes a busy loop", () => {
    const message = "Your quota will reset after 0s.";
    expect(delayOf({ message, metadata: { quotaResetDelay: "2539.4ms" } })).toBe(2_540);
    expect(delayOf({ message, metadata: { quotaResetDelay: "539.4ms" } })).toBe(1_000);
    expect(delayOf({ message })).toBe(1_000);
  });

  test("the source is the one whose time counts, not the first that was looked at", () => {
    const message = "Your quota will reset after 5s.";
    expect(statedBy({ retryDelay: "0s", message })).toEqual({ ms: 5_000, source: "message" });
    expect(statedBy({ retryDelay: "0s" })).toEqual({ ms: 1_000, source: "RetryInfo" });
  });

  test("a reset time that has passed is the floor", () => {
    expect(delayOf({ metadata: { quotaResetTimeStamp: "2026-08-20T12:00:00Z" } })).toBe(1_000);
  });

  test("no wait is longer than 7 days", () => {
    expect(delayOf({ retryDelay: "9000000s" })).toBe(7 * 86_400_000);
  });

  test("absolute times are measured from the answer's own Date, not the local clock", () => {
    const metadata = { quotaResetTimeStamp: "2026-08-20T13:00:49Z" };
    const headers = { date: "Thu, 20 Aug 2026 13:00:40 GMT" };
    expect(delayOf({ metadata, headers }, NOW - 3_600_000)).toBe(9_000);
  });
});
