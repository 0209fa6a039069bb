import type { FailureKind, GatewayError } from "../core/errors.ts";
import type { Trace } from "../core/trace.ts";

const LOSS_HEADER_LIMIT = 2_000;

/** The headers every reply of an inference route carries (README, "Headers"). */
export function replyHeaders(trace: Trace): Record<string, string> {
  return {
    "x-ag-request-id": trace.requestId,
    "request-id": trace.requestId,
    "x-request-id": trace.requestId,
    "x-ag-attempts": String(trace.attempts.filter(({ unsent }) => !unsent).length + (trace.omitted?.attempts ?? 0)),
    "x-ag-waited-ms": String(Math.round(trace.waitedMs)),
    ...(trace.servedModel !== undefined && { "x-ag-model": trace.servedModel }),
    ...(trace.accountHandle !== undefined && { "x-ag-account": trace.accountHandle }),
    ...(trace.losses.length > 0 && { "x-ag-loss": lossHeader(trace) }),
  };
}

/** Seconds, rounded up: a client that comes back exactly then must not be early. */
export function retryAfterHeader(error: GatewayError): Record<string, string> {
  const { retryAfterMs } = error.detail;
  return retryAfterMs === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
}

/** Where asking again cannot help before the owner has acted, clients that resend on their own are told not to. */
const FINAL: ReadonlySet<FailureKind> = new Set([
  "account-unusable",
  "no-account",
  "region-blocked",
  "version-refused",
]);

/** Both SDKs obey this header, whatever the status. What ends by itself at a stated time is not final. */
export function retryAdviceHeader({ kind, detail }: GatewayError): Record<string, string> {
  return FINAL.has(kind) && detail.retryAfterMs === undefined ? { "x-should-retry": "false" } : {};
}

function lossHeader(trace: Trace): string {
  const text = trace.losses.map(({ field, why }) => `${field} (${why})`).join("; ");
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, LOSS_HEADER_LIMIT);
}
