import { type FailureKind, fullMessage, type GatewayError } from "../../core/errors.ts";
import { openAiErrorReply } from "../../core/openai/error.ts";
import type { ErrorReply } from "../../core/protocol.ts";
import type { JsonObject } from "../../lib/json.ts";

export function encodeError(error: GatewayError): ErrorReply {
  return openAiErrorReply(error, "input");
}

/**
 * What a failed response names as its error. Codex gives up at `invalid_prompt`, `context_length_exceeded` (and compacts)
 * and `insufficient_quota`, waits at `rate_limit_exceeded` and `server_is_overloaded`, and tries again at once at the rest.
 */
const CODES: Readonly<Record<FailureKind, string>> = {
  "invalid-request": "invalid_prompt",
  "context-too-long": "context_length_exceeded",
  "payload-too-large": "invalid_prompt",
  "unknown-model": "invalid_prompt",
  "unknown-route": "invalid_prompt",
  "not-found": "invalid_prompt",
  unauthorized: "invalid_prompt",
  forbidden: "invalid_prompt",
  "key-limited": "rate_limit_exceeded",
  busy: "server_is_overloaded",
  "rate-limited": "rate_limit_exceeded",
  "quota-exhausted": "insufficient_quota",
  overloaded: "server_is_overloaded",
  unavailable: "server_error",
  "version-refused": "server_error",
  "malformed-answer": "server_error",
  "model-missing": "invalid_prompt",
  "access-denied": "server_error",
  "access-token-rejected": "server_error",
  "project-rejected": "server_error",
  "account-unusable": "server_error",
  "no-account": "server_error",
  "region-blocked": "server_error",
  deadline: "server_error",
  cancelled: "server_error",
  internal: "server_error",
};

export function responseError(error: GatewayError): JsonObject {
  const message = fullMessage(error);
  const { retryAfterMs } = error.detail;
  // A stream has no header for it: Codex reads how long to wait off these words.
  const wait =
    CODES[error.kind] === "rate_limit_exceeded" && retryAfterMs !== undefined
      ? `. Please try again in ${Math.ceil(retryAfterMs / 1000)}s.`
      : "";
  return { code: CODES[error.kind], message: wait === "" ? message : message.replace(/\.$/, "") + wait };
}
