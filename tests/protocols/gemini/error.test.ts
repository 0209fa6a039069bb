import { describe, expect, test } from "bun:test";
import { type FailureDetail, type FailureKind, GatewayError } from "../../../src/core/errors.ts";
import { gemini } from "../../../src/protocols/gemini/index.ts";

const encode = (kind: FailureKind, detail: FailureDetail = {}) =>
  gemini.encodeError(new GatewayError(kind, "Something happened.", detail, { cause: "ya29.test-secret" }), "req_1");

const details = (kind: FailureKind, detail: FailureDetail) =>
  (encode(kind, detail).body["error"] as { details: object[] }).details;

describe("errors", () => {
  const rows: Record<FailureKind, [code: number, status: string]> = {
    "invalid-request": [400, "INVALID_ARGUMENT"],
    "context-too-long": [400, "INVALID_ARGUMENT"],
    "payload-too-large": [413, "INVALID_ARGUMENT"],
    "unknown-model": [404, "NOT_FOUND"],
    "unknown-route": [404, "NOT_FOUND"],
    "not-found": [404, "NOT_FOUND"],
    unauthorized: [401, "UNAUTHENTICATED"],
    forbidden: [403, "PERMISSION_DENIED"],
    "key-limited": [429, "RESOURCE_EXHAUSTED"],
    busy: [503, "UNAVAILABLE"],
    "rate-limited": [429, "RESOURCE_EXHAUSTED"],
    "quota-exhausted": [429, "RESOURCE_EXHAUSTED"],
    overloaded: [503, "UNAVAILABLE"],
    unavailable: [502, "UNAVAILABLE"],
    "version-refused": [502, "UNAVAILABLE"],
    "malformed-answer": [502, "UNAVAILABLE"],
    "model-missing": [404, "NOT_FOUND"],
    "access-denied": [503, "UNAVAILABLE"],
    "access-token-rejected": [503, "UNAVAILABLE"],
    "project-rejected": [503, "UNAVAILABLE"],
    "account-unusable": [503, "UNAVAILABLE"],
    "no-account": [503, "UNAVAILABLE"],
    "region-blocked": [503, "UNAVAILABLE"],
    deadline: [504, "DEADLINE_EXCEEDED"],
    cancelled: [499, "CANCELLED"],
    internal: [500, "INTERNAL"],
  };

  test.each(Object.entries(rows))("%s has its code and status", (kind, [code, status]) => {
    const reply = encode(kind as FailureKind);
    expect(reply.status).toBe(code);
    expect(reply.body).toMatchObject({ error: { code, status, message: "Something happened." } });
    expect(JSON.stringify(reply)).not.toContain("secret");
  });

  test("the whole form is Google's", () => {
    expect(encode("rate-limited", { retryAfterMs: 34_074 }).body).toEqual({
      error: {
        code: 429,
        message: "Something happened.",
        status: "RESOURCE_EXHAUSTED",
        details: [
          { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "RATE_LIMIT_EXCEEDED", domain: "ag" },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.074s" },
          { "@type": "type.googleapis.com/google.rpc.RequestInfo", requestId: "req_1" },
        ],
      },
    });
  });

  test("the field at fault is a violation", () => {
    expect(details("invalid-request", { field: "contents[0].role" })).toContainEqual({
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: [{ field: "contents[0].role", description: "Something happened." }],
    });
  });

  test.each([
    [0, "0.001s"],
    [1.5, "0.002s"],
    [60_000, "60s"],
  ])("a wait of %d ms is %s: never none at all", (retryAfterMs, retryDelay) => {
    expect(details("quota-exhausted", { retryAfterMs })).toContainEqual({
      "@type": "type.googleapis.com/google.rpc.RetryInfo",
      retryDelay,
    });
  });

  test("the message names what would work", () => {
    expect(encode("unknown-model", { nearest: ["a", "b"] }).body).toMatchObject({
      error: { message: "Something happened. The nearest are a, b" },
    });
  });
});
