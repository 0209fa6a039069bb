import { type FailureKind, fullMessage, type GatewayError } from "../../core/errors.ts";
import type { ErrorReply } from "../../core/protocol.ts";
import type { JsonObject } from "../../lib/json.ts";

interface ErrorForm {
  code: number;
  /** A google.rpc.Code. */
  status: string;
  /** The machine-readable reason, for google.rpc.ErrorInfo. */
  reason: string;
}

/** Trouble with the owner's Google accounts is a 503: a 401 or 403 would make clients throw their own key away. */
const FORMS: Readonly<Record<FailureKind, ErrorForm>> = {
  "invalid-request": { code: 400, status: "INVALID_ARGUMENT", reason: "INVALID_REQUEST" },
  "context-too-long": { code: 400, status: "INVALID_ARGUMENT", reason: "CONTEXT_TOO_LONG" },
  "payload-too-large": { code: 413, status: "INVALID_ARGUMENT", reason: "PAYLOAD_TOO_LARGE" },
  "unknown-model": { code: 404, status: "NOT_FOUND", reason: "MODEL_NOT_FOUND" },
  "unknown-route": { code: 404, status: "NOT_FOUND", reason: "ROUTE_NOT_FOUND" },
  "not-found": { code: 404, status: "NOT_FOUND", reason: "NOT_FOUND" },
  unauthorized: { code: 401, status: "UNAUTHENTICATED", reason: "API_KEY_INVALID" },
  forbidden: { code: 403, status: "PERMISSION_DENIED", reason: "FORBIDDEN" },
  "key-limited": { code: 429, status: "RESOURCE_EXHAUSTED", reason: "RATE_LIMIT_EXCEEDED" },
  busy: { code: 503, status: "UNAVAILABLE", reason: "OVERLOADED" },
  "rate-limited": { code: 429, status: "RESOURCE_EXHAUSTED", reason: "RATE_LIMIT_EXCEEDED" },
  "quota-exhausted": { code: 429, status: "RESOURCE_EXHAUSTED", reason: "QUOTA_EXHAUSTED" },
  overloaded: { code: 503, status: "UNAVAILABLE", reason: "OVERLOADED" },
  unavailable: { code: 502, status: "UNAVAILABLE", reason: "UPSTREAM_UNAVAILABLE" },
  "version-refused": { code: 502, status: "UNAVAILABLE", reason: "UPSTREAM_UNAVAILABLE" },
  "malformed-answer": { code: 502, status: "UNAVAILABLE", reason: "MALFORMED_ANSWER" },
  "model-missing": { code: 404, status: "NOT_FOUND", reason: "MODEL_NOT_FOUND" },
  "access-denied": { code: 503, status: "UNAVAILABLE", reason: "ACCOUNT_UNAVAILABLE" },
  "access-token-rejected": { code: 503, status: "UNAVAILABLE", reason: "ACCOUNT_UNAVAILABLE" },
  "project-rejected": { code: 503, status: "UNAVAILABLE", reason: "ACCOUNT_UNAVAILABLE" },
  "account-unusable": { code: 503, status: "UNAVAILABLE", reason: "ACCOUNT_UNAVAILABLE" },
  "no-account": { code: 503, status: "UNAVAILABLE", reason: "NO_ACCOUNT" },
  "region-blocked": { code: 503, status: "UNAVAILABLE", reason: "REGION_BLOCKED" },
  deadline: { code: 504, status: "DEADLINE_EXCEEDED", reason: "TIMEOUT" },
  cancelled: { code: 499, status: "CANCELLED", reason: "CANCELLED" },
  internal: { code: 500, status: "INTERNAL", reason: "INTERNAL_ERROR" },
};

/** The request's id goes where Google's own services put it as well. */
export function encodeError(error: GatewayError, requestId: string): ErrorReply {
  const { code } = FORMS[error.kind];
  const requestInfo = { "@type": "type.googleapis.com/google.rpc.RequestInfo", requestId };
  return { status: code, body: errorBody(error, [requestInfo]) };
}

/** The error object, the same in a reply of its own and as the last chunk of a broken stream. */
export function errorBody(error: GatewayError, more: readonly JsonObject[] = []): JsonObject {
  const { code, status } = FORMS[error.kind];
  return { error: { code, message: fullMessage(error), status, details: [...detailsOf(error), ...more] } };
}

function detailsOf(error: GatewayError): JsonObject[] {
  const { kind, detail, message } = error;
  const details: JsonObject[] = [
    { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: FORMS[kind].reason, domain: "ag" },
  ];
  if (detail.field !== undefined && FORMS[kind].status === "INVALID_ARGUMENT") {
    const fieldViolations = [{ field: detail.field, description: message }];
    details.push({ "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations });
  }
  if (detail.retryAfterMs !== undefined) {
    const retryDelay = `${Math.max(1, Math.ceil(detail.retryAfterMs)) / 1000}s`;
    details.push({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay });
  }
  return details;
}
