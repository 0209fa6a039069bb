import { type FailureKind, fullMessage, type GatewayError } from "../../core/errors.ts";
import type { ErrorReply } from "../../core/protocol.ts";
import type { JsonObject } from "../../lib/json.ts";

/**
 * Status and type per kind. Trouble with a Google account is never 401 or 403: clients answer those by logging their
 * own user out.
 */
const REPLIES: Record<FailureKind, readonly [status: number, type: string]> = {
  "invalid-request": [400, "invalid_request_error"],
  "context-too-long": [400, "invalid_request_error"],
  "payload-too-large": [413, "request_too_large"],
  "unknown-model": [404, "not_found_error"],
  "unknown-route": [404, "not_found_error"],
  "not-found": [404, "not_found_error"],
  unauthorized: [401, "authentication_error"],
  forbidden: [403, "permission_error"],
  "key-limited": [429, "rate_limit_error"],
  busy: [503, "overloaded_error"],
  "rate-limited": [429, "rate_limit_error"],
  "quota-exhausted": [429, "rate_limit_error"],
  overloaded: [529, "overloaded_error"],
  unavailable: [502, "api_error"],
  "version-refused": [502, "api_error"],
  "malformed-answer": [502, "api_error"],
  "model-missing": [404, "not_found_error"],
  "access-denied": [503, "api_error"],
  "access-token-rejected": [503, "api_error"],
  "project-rejected": [503, "api_error"],
  "account-unusable": [503, "api_error"],
  "no-account": [503, "api_error"],
  "region-blocked": [503, "api_error"],
  deadline: [504, "timeout_error"],
  cancelled: [500, "api_error"],
  internal: [500, "api_error"],
};

export function encodeError(error: GatewayError, requestId: string): ErrorReply {
  return { status: REPLIES[error.kind][0], body: { ...errorBody(error), request_id: requestId } };
}

/** The error object of replies and of `error` events alike. */
export function errorBody(error: GatewayError): JsonObject & { type: "error" } {
  return {
    type: "error",
    error: {
      type: REPLIES[error.kind][1],
      message: messageOf(error),
      ...(error.detail.extra ? { details: error.detail.extra } : {}),
    },
  };
}

function messageOf(error: GatewayError): string {
  const message = fullMessage(error);
  // Claude Code compacts the conversation when, and only when, the message begins like this.
  const opening = "prompt is too long";
  return error.kind === "context-too-long" && !message.startsWith(opening) ? `${opening}: ${message}` : message;
}
