import { describe, expect, test } from "bun:test";
import { GatewayError, type FailureDetail, type FailureKind } from "../../../src/core/errors.ts";
import { openaiChat } from "../../../src/protocols/openai-chat/index.ts";

const encode = (kind: FailureKind, detail: FailureDetail = {}) =>
  openaiChat.encodeError(new GatewayError(kind, "Something happened.", detail, { cause: "ya29.test-secret" }), "req_1");

describe("errors", () => {
  const rows: Record<FailureKind, [status: number, type: string, code: string | null]> = {
    "invalid-request": [400, "invalid_request_error", null],
    "context-too-long": [400, "invalid_request_error", "context_length_exceeded"],
    "payload-too-large": [413, "invalid_request_error", "payload_too_large"],
    "unknown-model": [404, "invalid_request_error", "model_not_found"],
    "unknown-route": [404, "invalid_request_error", "unknown_url"],
    "not-found": [404, "invalid_request_error", "not_found"],
    unauthorized: [401, "invalid_request_error", "invalid_api_key"],
    forbidden: [403, "permission_error", "forbidden"],
    "key-limited": [429, "rate_limit_error", "rate_limit_exceeded"],
    busy: [503, "server_error", "overloaded"],
    "rate-limited": [429, "rate_limit_error", "rate_limit_exceeded"],
    "quota-exhausted": [429, "insufficient_quota", "insufficient_quota"],
    overloaded: [503, "server_error", "overloaded"],
    unavailable: [502, "server_error", "upstream_unavailable"],
    "version-refused": [502, "server_error", "upstream_unavailable"],
    "malformed-answer": [502, "server_error", "malformed_answer"],
    "model-missing": [404, "invalid_request_error", "model_not_found"],
    "access-denied": [503, "server_error", "account_unavailable"],
    "access-token-rejected": [503, "server_error", "account_unavailable"],
    "project-rejected": [503, "server_error", "account_unavailable"],
    "account-unusable": [503, "server_error", "account_unavailable"],
    "no-account": [503, "server_error", "no_account"],
    "region-blocked": [503, "server_error", "region_blocked"],
    deadline: [504, "server_error", "timeout"],
    cancelled: [499, "server_error", "cancelled"],
    internal: [500, "server_error", "internal_error"],
  };

  test.each(Object.entries(rows))("%s has its status, type and code", (kind, [status, type, code]) => {
    const reply = encode(kind as FailureKind);
    expect(reply.status).toBe(status);
    expect(reply.body).toMatchObject({ error: { type, code } });
  });

  test("trouble with a Google account is never a 401 or 403", () => {
    const ofAccounts = [
      "access-token-rejected",
      "project-rejected",
      "account-unusable",
      "no-account",
      "region-blocked",
    ] as const;
    expect(ofAccounts.map((kind) => encode(kind).status)).toEqual([503, 503, 503, 503, 503]);
  });

  test("the field at fault is the param", () => {
    expect(encode("invalid-request", { field: "messages[2].content" }).body).toEqual({
      error: {
        message: "Something happened.",
        type: "invalid_request_error",
        param: "messages[2].content",
        code: null,
      },
    });
  });

  test("an unknown model names the nearest ones", () => {
    expect(encode("unknown-model", { nearest: ["gemini-a", "gemini-b"] }).body).toEqual({
      error: {
        message: "Something happened. The nearest are gemini-a, gemini-b",
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    });
  });

  test("the link the owner must open is in the message", () => {
    const { body } = encode("account-unusable", { ownerUrl: "https://accounts.google.com/x" });
    expect(JSON.stringify(body)).toContain("The account's owner must open https://accounts.google.com/x");
  });

  test("the cause stays private", () => {
    expect(JSON.stringify(encode("internal"))).not.toContain("secret");
  });
});
