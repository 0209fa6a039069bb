import type { JsonObject } from "../../lib/json.ts";
import { type FailureKind, fullMessage, type GatewayError } from "../errors.ts";
import type { ErrorReply } from "../protocol.ts";

// The error object that all of OpenAI's APIs share.

interface ErrorForm {
  status: number;
  type: string;
  code: string | null;
}

/** Trouble with the owner's Google accounts is a 503: a 401 or 403 would make clients throw their own key away. */
const FORMS: Readonly<Record<FailureKind, ErrorForm>> = {
  "invalid-request": { status: 400, type: "invalid_request_error", code: null },
  "context-too-long": { status: 400, type: "invalid_request_error", code: "context_length_exceeded" },
  "payload-too-large": { status: 413, type: "invalid_request_error", code: "payload_too_large" },
  "unknown-model": { status: 404, type: "invalid_request_error", code: "model_not_found" },
  "unknown-route": { status: 404, type: "invalid_request_error", code: "unknown_url" },
  "not-found": { status: 404, type: "invalid_request_error", code: "not_found" },
  unauthorized: { status: 401, type: "invalid_request_error", code: "invalid_api_key" },
  forbidden: { status: 403, type: "permission_error", code: "forbidden" },
  "key-limited": { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
  busy: { status: 503, type: "server_error", code: "overloaded" },
  "rate-limited": { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
  "quota-exhausted": { status: 429, type: "insufficient_quota", code: "insufficient_quota" },
  overloaded: { status: 503, type: "server_error", code: "overloaded" },
  unavailable: { status: 502, type: "server_error", code: "upstream_unavailable" },
  "version-refused": { status: 502, type: "server_error", code: "upstream_unavailable" },
  "malformed-answer": { status: 502, type: "server_error", code: "malformed_answer" },
  "model-missing": { status: 404, type: "invalid_request_error", code: "model_not_found" },
  "access-denied": { status: 503, type: "server_error", code: "account_unavailable" },
  "access-token-rejected": { status: 503, type: "server_error", code: "account_unavailable" },
  "project-rejected": { status: 503, type: "server_error", code: "account_unavailable" },
  "account-unusable": { status: 503, type: "server_error", code: "account_unavailable" },
  "no-account": { status: 503, type: "server_error", code: "no_account" },
  "region-blocked": { status: 503, type: "server_error", code: "region_blocked" },
  deadline: { status: 504, type: "server_error", code: "timeout" },
  cancelled: { status: 499, type: "server_error", code: "cancelled" },
  internal: { status: 500, type: "server_error", code: "internal_error" },
};

/**
 * A failure as an OpenAI API replies with it; their clients read the request's id from its header only.
 * `promptField` is where this API's clients write the conversation: the field at fault when it is too long.
 */
export function openAiErrorReply(error: GatewayError, promptField: string): ErrorReply {
  return { status: FORMS[error.kind].status, body: openAiErrorBody(error, promptField) };
}

/**
 * The error object, the same in a reply of its own and as the last frame of a broken stream. An error's own extras win: a
 * `code` that says more than its kind does.
 */
export function openAiErrorBody(error: GatewayError, promptField: string): { error: JsonObject } {
  const { type, code } = FORMS[error.kind];
  return {
    error: { message: fullMessage(error), type, param: paramOf(error, promptField), code, ...error.detail.extra },
  };
}

function paramOf({ kind, detail }: GatewayError, promptField: string): string | null {
  if (detail.field !== undefined) return detail.field;
  if (kind === "unknown-model" || kind === "model-missing") return "model";
  return kind === "context-too-long" ? promptField : null;
}
