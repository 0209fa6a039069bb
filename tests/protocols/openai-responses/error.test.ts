import { describe, expect, test } from "bun:test";
import { type FailureKind, GatewayError } from "../../../src/core/errors.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { context, eventsIn, finalResponse, parseWith } from "./support.ts";

const failed = (error: GatewayError) => finalResponse(eventsIn(parseWith({}).reply.stream(context()).fail(error)));

describe("the error of a failed response", () => {
  test.each<[FailureKind, string]>([
    ["context-too-long", "context_length_exceeded"],
    ["quota-exhausted", "insufficient_quota"],
    ["rate-limited", "rate_limit_exceeded"],
    ["overloaded", "server_is_overloaded"],
    ["invalid-request", "invalid_prompt"],
    ["unavailable", "server_error"],
    ["internal", "server_error"],
  ])("%s is %s", (kind, code) => {
    expect(failed(new GatewayError(kind, "Sorry"))).toMatchObject({
      status: "failed",
      error: { code, message: "Sorry" },
      usage: null,
    });
  });

  test("how long to wait is said in the words that clients look for", () => {
    const error = new GatewayError("rate-limited", "Too many requests.", { retryAfterMs: 1500 });
    expect(failed(error)).toMatchObject({ error: { message: "Too many requests. Please try again in 2s." } });
  });
});

test("an error reply has the form of OpenAI's, and names the field", () => {
  expect(openaiResponses.encodeError(new GatewayError("context-too-long", "Too long"), "req_1")).toEqual({
    status: 400,
    body: {
      error: { message: "Too long", type: "invalid_request_error", param: "input", code: "context_length_exceeded" },
    },
  });
});
