import { GatewayError, type FailureKind, type Repair } from "../core/errors.ts";
import type { JsonValue } from "../lib/json.ts";
import { type Signal, verdictOn } from "./failure-rules.ts";
import { readErrorDocument, readGoogleError, type GoogleError } from "./google-error.ts";
import { retryDelay } from "./retry-delay.ts";

/**
 * The failure behind an HTTP answer that is not 2xx. Pure. What the body says in its structure decides; its prose
 * decides only where the service gives no structure, and only within one status. `now` (Unix ms) serves absolute reset
 * times when the answer has no Date header.
 */
export function classify(status: number, headers: Headers, bodyText: string, now: number): GatewayError {
  const error = readGoogleError(bodyText);
  return failureFor({ status, error, bodyText, delay: retryDelay(error, headers, now) });
}

/** The failure behind an `{error}` document inside a 200 answer or a finished operation. */
export function classifyDocument(document: JsonValue, now: number): GatewayError {
  const error = readErrorDocument(document);
  return failureFor({
    status: statusOf(error),
    error,
    bodyText: JSON.stringify(document),
    delay: retryDelay(error, undefined, now),
  });
}

/** What is left to try when a repair did not help, or has nothing to change. */
const NEXT_REPAIR: Readonly<Partial<Record<Repair, Repair>>> = { "thinking-other-form": "thinking-config-off" };

/**
 * The same failure with a repair that this request has not tried yet and that would change what is sent. Without one, the
 * failure names no repair.
 */
export function withUsefulRepair(
  error: GatewayError,
  tried: ReadonlySet<Repair>,
  changesBody: (repair: Repair) => boolean,
): GatewayError {
  const { repair: named, ...detail } = error.detail;
  let repair = named;
  while (repair !== undefined && (tried.has(repair) || !changesBody(repair))) repair = NEXT_REPAIR[repair];
  if (repair === named) return error;
  return new GatewayError(error.kind, error.message, { ...detail, ...(repair && { repair }) }, { cause: error.cause });
}

function failureFor(signal: Signal): GatewayError {
  const { kind, message, detail } = verdictOn(signal);
  const delay = RETRYABLE.has(kind) ? signal.delay : undefined;
  const reason = reasonOf(signal.error);
  return new GatewayError(kind, message, {
    upstreamStatus: signal.status,
    ...(reason !== undefined && { upstreamReason: reason }),
    ...(delay && { retryAfterMs: delay.ms, retryAfterSource: delay.source }),
    ...detail,
  });
}

/** The official API names the quota that was met where Cloud Code gives a reason. */
function reasonOf({ reason, quotaIds }: GoogleError): string | undefined {
  return [reason, ...quotaIds].find((name) => name !== "");
}

const RETRYABLE: ReadonlySet<FailureKind> = new Set(["rate-limited", "quota-exhausted", "overloaded", "unavailable"]);

const HTTP_BY_NAME: ReadonlyMap<string, number> = new Map([
  ["INVALID_ARGUMENT", 400],
  ["FAILED_PRECONDITION", 400],
  ["OUT_OF_RANGE", 400],
  ["UNAUTHENTICATED", 401],
  ["PERMISSION_DENIED", 403],
  ["NOT_FOUND", 404],
  ["RESOURCE_EXHAUSTED", 429],
  ["CANCELLED", 499],
  ["UNAVAILABLE", 503],
  ["DEADLINE_EXCEEDED", 504],
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["overloaded_error", 529],
]);

/** google.rpc.Code, which long-running operations use in place of HTTP statuses. */
const HTTP_BY_RPC_CODE: Readonly<Record<number, number>> = {
  1: 499,
  3: 400,
  4: 504,
  5: 404,
  7: 403,
  8: 429,
  9: 400,
  11: 400,
  14: 503,
  16: 401,
};

function statusOf({ code, status: name }: GoogleError): number {
  if (code !== undefined && code >= 400 && code < 600) return code;
  return HTTP_BY_NAME.get(name) ?? (code === undefined ? 500 : (HTTP_BY_RPC_CODE[code] ?? 500));
}
