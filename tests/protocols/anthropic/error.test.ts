import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, test } from "bun:test";
import { GatewayError, type FailureKind } from "../../../src/core/errors.ts";
import { anthropic } from "../../../src/protocols/anthropic/index.ts";

const REPLIES: Record<FailureKind, [status: number, type: string, sdkClass: abstract new (...args: never[]) => Error]> =
  {
    "invalid-request": [400, "invalid_request_error", Anthropic.BadRequestError],
    "context-too-long": [400, "invalid_request_error", Anthropic.BadRequestError],
    "payload-too-large": [413, "request_too_large", Anthropic.APIError],
    "unknown-model": [404, "not_found_error", Anthropic.NotFoundError],
    "unknown-route": [404, "not_found_error", Anthropic.NotFoundError],
    "not-found": [404, "not_found_error", Anthropic.NotFoundError],
    unauthorized: [401, "authentication_error", Anthropic.AuthenticationError],
    forbidden: [403, "permission_error", Anthropic.PermissionDeniedError],
    "key-limited": [429, "rate_limit_error", Anthropic.RateLimitError],
    busy: [503, "overloaded_error", Anthropic.InternalServerError],
    "rate-limited": [429, "rate_limit_error", Anthropic.RateLimitError],
    "quota-exhausted": [429, "rate_limit_error", Anthropic.RateLimitError],
    overloaded: [529, "overloaded_error", Anthropic.InternalServerError],
    unavailable: [502, "api_error", Anthropic.InternalServerError],
    "version-refused": [502, "api_error", Anthropic.InternalServerError],
    "malformed-answer": [502, "api_error", Anthropic.InternalServerError],
    "model-missing": [404, "not_found_error", Anthropic.NotFoundError],
    "access-denied": [503, "api_error", Anthropic.InternalServerError],
    "access-token-rejected": [503, "api_error", Anthropic.InternalServerError],
    "project-rejected": [503, "api_error", Anthropic.InternalServerError],
    "account-unusable": [503, "api_error", Anthropic.InternalServerError],
    "no-account": [503, "api_error", Anthropic.InternalServerError],
    "region-blocked": [503, "api_error", Anthropic.InternalServerError],
    deadline: [504, "timeout_error", Anthropic.InternalServerError],
    cancelled: [500, "api_error", Anthropic.InternalServerError],
    internal: [500, "api_error", Anthropic.InternalServerError],
  };

describe("each kind of failure", () => {
  test.each(Object.entries(REPLIES) as [FailureKind, (typeof REPLIES)[FailureKind]][])(
    "%s reaches the SDK as its own class",
    async (kind, [status, type, sdkClass]) => {
      const message = kind === "context-too-long" ? "prompt is too long: 9 tokens > 8 maximum" : "What happened";
      const reply = anthropic.encodeError(new GatewayError(kind, message), "req_1");
      expect(reply).toEqual({ status, body: { type: "error", error: { type, message }, request_id: "req_1" } });

      const client = new Anthropic({
        apiKey: "sk-ag-test",
        maxRetries: 0,
        fetch: async () => Response.json(reply.body, { status: reply.status }),
      });
      const error = await client.messages
        .create({ model: "m", max_tokens: 1, messages: [] })
        .catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(sdkClass);
      expect(error).toMatchObject({ status, type, apiMessage: message });
    },
  );
});

const messageOf = (error: GatewayError) => anthropic.encodeError(error, "req_1").body["error"];

test("a prompt that is too long is said in the words on which clients compact", () => {
  expect(messageOf(new GatewayError("context-too-long", "input token count exceeds 1000"))).toMatchObject({
    message: "prompt is too long: input token count exceeds 1000",
  });
});

test("an unknown model is answered with the nearest names", () => {
  const nearest = ["claude-a", "claude-b"];
  expect(messageOf(new GatewayError("unknown-model", "Unknown model claude-x", { nearest }))).toMatchObject({
    message: "Unknown model claude-x. The nearest are claude-a, claude-b",
  });
});

test("the link the owner must open is in the message", () => {
  const ownerUrl = "https://accounts.google.com/x";
  expect(messageOf(new GatewayError("account-unusable", "Verify the account", { ownerUrl }))).toMatchObject({
    message: `Verify the account. The account's owner must open ${ownerUrl}`,
  });
});

test("typed extras become the details that the SDK reads", async () => {
  const extra = { error_code: "thread_unsupported_request", unsupported: ["thread"] };
  const reply = anthropic.encodeError(new GatewayError("invalid-request", "thread: no", { extra }), "req_1");
  expect(reply.body["error"]).toEqual({ type: "invalid_request_error", message: "thread: no", details: extra });
});

test("neither the cause nor private details leak into a reply", () => {
  const error = new GatewayError("internal", "Failed", { upstreamReason: "secret-reason" }, { cause: "secret-cause" });
  expect(JSON.stringify(anthropic.encodeError(error, "req_1"))).not.toContain("secret");
});
