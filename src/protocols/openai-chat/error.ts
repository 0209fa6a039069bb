import type { GatewayError } from "../../core/errors.ts";
import { openAiErrorBody, openAiErrorReply } from "../../core/openai/error.ts";
import type { ErrorReply } from "../../core/protocol.ts";
import type { JsonObject } from "../../lib/json.ts";

const PROMPT = "messages";

export function encodeError(error: GatewayError): ErrorReply {
  return openAiErrorReply(error, PROMPT);
}

/** The error object, the same in a reply of its own and as the last frame of a broken stream. */
export function errorBody(error: GatewayError): JsonObject {
  return openAiErrorBody(error, PROMPT);
}
