import { expect, test } from "bun:test";
import { evidenceOf, type FailureDetail, fullMessage, GatewayError } from "../../src/core/errors.ts";

const ownerUrl = "https://accounts.google.com/x";

test.each<[detail: FailureDetail, message: string]>([
  [{}, "It failed."],
  [{ nearest: [] }, "It failed."],
  [{ nearest: ["a"] }, "It failed. The nearest is a"],
  [{ nearest: ["a", "b"] }, "It failed. The nearest are a, b"],
  [{ ownerUrl }, `It failed. The account's owner must open ${ownerUrl}`],
  [{ nearest: ["a"], ownerUrl }, `It failed. The nearest is a. The account's owner must open ${ownerUrl}`],
])("with %j the full message is %j", (detail, message) => {
  expect(fullMessage(new GatewayError("unknown-model", "It failed.", detail))).toBe(message);
});

test.each<[detail: FailureDetail, evidence: string]>([
  [{}, "overloaded"],
  [{ upstreamStatus: 503 }, "503"],
  [{ upstreamStatus: 429, upstreamReason: "QUOTA_EXHAUSTED" }, "429 QUOTA_EXHAUSTED"],
  [
    { upstreamStatus: 429, upstreamReason: "QUOTA_EXHAUSTED", retryAfterMs: 1, retryAfterSource: "quotaResetDelay" },
    "429 QUOTA_EXHAUSTED, quotaResetDelay",
  ],
  [{ retryAfterMs: 1, retryAfterSource: "RetryInfo" }, "overloaded, RetryInfo"],
])("with %j the evidence is %j", (detail, evidence) => {
  expect(evidenceOf(new GatewayError("overloaded", "It failed.", detail))).toBe(evidence);
});
