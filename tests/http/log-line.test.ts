import { expect, test } from "bun:test";
import type { RequestRecord } from "../../src/core/record.ts";
import { logEntry, logFields, logLevelOf, logLine } from "../../src/http/log-line.ts";

function record(changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: "req_1",
    at: 0,
    route: "POST /v1/messages",
    protocol: "anthropic",
    model: "opus",
    served: "claude-test-thinking",
    account: "a1",
    choices: [],
    waits: [],
    attempts: [{ accountHandle: "a1", outcome: "ok" }],
    losses: [],
    waitedMs: 0,
    totalMs: 12.3,
    status: 200,
    outcome: "ok",
    ...changes,
  };
}

const BUSY = record({
  key: "k3",
  stream: true,
  fallback: true,
  attempts: [
    { accountHandle: "a1", outcome: "rate-limited" },
    { accountHandle: "a2", outcome: "ok" },
  ],
  account: "a2",
  waitedMs: 3_100.4,
  firstEventMs: 4_400.6,
  totalMs: 8_449.6,
  losses: ["seed: not supported"],
  usage: { input: 22_431, cachedInput: 10_000, output: 812, thinking: 300 },
});

test("a line says how it ended, what was asked, who served it and what it took, in columns a person can scan", () => {
  const lines = [
    record(),
    BUSY,
    record({ outcome: "quota-exhausted", status: 429, reason: "All accounts are limited", totalMs: 61_000 }),
    record({ outcome: "client-closed", status: 0, protocol: "openai-responses", totalMs: 600_000 }),
    record({ protocol: "openai-completions" }),
  ].map(logLine);
  expect(lines).toEqual([
    "200 ok              anthropic            12 ms  opus → claude-test-thinking  a1  req_1",
    "200 ok              anthropic            8.4 s  opus → claude-test-thinking (fallback)  a2  2 attempts (a1:rate-limited a2:ok)" +
      "  waited 3.1 s  first 4.4 s  22.4k in (10k cached), 812 out (300 thinking)  req_1",
    "429 quota-exhausted anthropic           61.0 s  opus → claude-test-thinking  a1  req_1: All accounts are limited",
    "-   client-closed   openai-responses    10 min  opus → claude-test-thinking  a1  req_1",
    "200 ok              openai-completions   12 ms  opus → claude-test-thinking  a1  req_1",
  ]);
});

test("what asks for no model is told by its route", () => {
  const { protocol: _, model: __, served: ___, account: ____, ...other } = record({ attempts: [] });
  const refused = {
    ...other,
    route: "GET /v1/models",
    outcome: "unauthorized" as const,
    status: 401,
    reason: "No key",
  };
  expect(logLine(refused)).toBe("401 unauthorized    -                    12 ms  GET /v1/models  req_1: No key");
  expect(logFields(refused)).toEqual({
    request: "req_1",
    route: "GET /v1/models",
    stream: false,
    status: 401,
    outcome: "unauthorized",
    waitedMs: 0,
    totalMs: 12,
    reason: "No key",
  });
});

test("the fields of a line are numbers and words that programs can rely on", () => {
  expect(logFields(BUSY)).toEqual({
    request: "req_1",
    route: "POST /v1/messages",
    protocol: "anthropic",
    key: "k3",
    model: "opus",
    served: "claude-test-thinking",
    fallback: true,
    account: "a2",
    stream: true,
    status: 200,
    outcome: "ok",
    attempts: "a1:rate-limited a2:ok",
    waitedMs: 3_100,
    firstEventMs: 4_401,
    totalMs: 8_450,
    inputTokens: 22_431,
    cachedTokens: 10_000,
    outputTokens: 812,
    thinkingTokens: 300,
    losses: 1,
  });
});

test("no name a client makes up can begin a line of its own or fill the log", () => {
  const name = `x\n ERROR  forged\u2028\u202e\r\u001b[2K${"y".repeat(1_000_000)}`;
  const attempts = Array.from({ length: 1_000 }, () => ({ accountHandle: "a1", outcome: "rate-limited" as const }));
  const forged = record({
    model: name,
    served: name,
    route: `GET /${name}`,
    reason: `There is no model "${name}"`,
    outcome: "unknown-model",
    attempts,
  });
  expect(logLine(forged)).toMatch(/^[^\p{Cc}\u2028\u202e]{1,1200}$/u);
  expect(JSON.stringify(logFields(forged))).toMatch(/^[^\p{Cc}\u2028\u202e]{1,1600}$/u);
  expect(logFields(forged).model).toMatch(/^x {2}ERROR {2}forged \[2Ky{1,200}…$/);
});

test("a cut through an emoji leaves no half of it", () => {
  expect(logFields(record({ model: `${"y".repeat(199)}😀` })).model?.isWellFormed()).toBe(true);
});

test("attempts that are not in the record any more are told by their number", () => {
  expect(logFields(record({ omitted: { attempts: 4 } })).attempts).toBe("a1:ok and 4 more");
});

test("an answer that broke off before any tokens were told has no word on them", () => {
  const usage = { input: 0, cachedInput: 0, output: 0, thinking: 0 };
  expect(logLine(record({ outcome: "unavailable", usage }))).not.toContain(" in, ");
});

test("tokens and times are rounded as people say them", () => {
  const shown = (count: number) =>
    / {2}(\S+) in, /.exec(logLine(record({ usage: { input: count, cachedInput: 0, output: 1, thinking: 0 } })))?.[1];
  expect([0, 999, 1_000, 1_049, 999_949, 999_950, 1_234_567].map(shown)).toEqual([
    "0",
    "999",
    "1k",
    "1k",
    "999.9k",
    "1M",
    "1.2M",
  ]);
  const took = (totalMs: number) => /(\d\S* \S+) {2}opus/.exec(logLine(record({ totalMs })))?.[1];
  expect([0.4, 999.4, 999.5, 99_949, 99_950, 596_999, 597_001, 5_999_999].map(took)).toEqual([
    "0 ms",
    "999 ms",
    "1.0 s",
    "99.9 s",
    "1.7 min",
    "9.9 min",
    "10 min",
    "100 min",
  ]);
});

test("routine is told at debug level, requests for models at info, failures at warn, our own defects at error", () => {
  const { protocol: _, ...other } = record();
  expect(logLevelOf(record())).toBe("info");
  expect(logLevelOf(record({ outcome: "client-closed" }))).toBe("info");
  expect(logLevelOf(record({ outcome: "rate-limited" }))).toBe("warn");
  expect(logLevelOf(record({ outcome: "internal" }))).toBe("error");
  expect(logLevelOf(other)).toBe("debug");
  expect(logLevelOf({ ...other, outcome: "unauthorized" })).toBe("warn");
});

test("an entry for the log has both forms", () => {
  const entry = logEntry(record());
  expect([entry.name, entry.text()]).toEqual(["request", logLine(record())]);
  expect(entry.fields()).toEqual(logFields(record()));
});
