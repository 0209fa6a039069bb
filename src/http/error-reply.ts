import type { GatewayError } from "../core/errors.ts";
import type { Protocol } from "../core/protocol.ts";
import type { Trace } from "../core/trace.ts";
import { replyHeaders, retryAdviceHeader, retryAfterHeader } from "./headers.ts";

/** The failure in the protocol's own shape, with the headers every reply carries. */
export function errorReply(protocol: Protocol, error: GatewayError, trace: Trace): Response {
  const { status, body } = protocol.encodeError(error, trace.requestId);
  const headers = { ...replyHeaders(trace), ...retryAfterHeader(error), ...retryAdviceHeader(error) };
  return Response.json(body, { status, headers });
}
