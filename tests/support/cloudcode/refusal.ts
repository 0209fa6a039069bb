import type { JsonObject } from "../../../src/lib/json.ts";

/** What the service answers to a body it does not take. `rule` names the broken rule for assertions; it is not sent. */
export interface Refusal {
  rule: string;
  status: number;
  body: JsonObject;
}

/** Carries a refusal out of the rules; only this folder throws and catches it. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.rule);
    this.refusal = refusal;
  }
}

/** Runs the rules and returns the first refusal, or `undefined` when all of them pass. */
export function firstRefusal(rules: () => void): Refusal | undefined {
  try {
    rules();
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

const STATUS_NAMES: Record<number, string> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** Google's canonical error body. */
export function googleError(code: number, message: string, details?: JsonObject[], statusName?: string): JsonObject {
  const error: JsonObject = { code, message, status: statusName ?? STATUS_NAMES[code] ?? "UNKNOWN" };
  if (details) error["details"] = details;
  return { error };
}

export function errorInfo(
  reason: string,
  metadata: JsonObject = {},
  domain = "cloudcode-pa.googleapis.com",
): JsonObject {
  return { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain, metadata };
}

/** An Anthropic error as Cloud Code hands it on: JSON text inside Google's message. */
export function nestedAnthropicError(message: string, type = "invalid_request_error"): JsonObject {
  return googleError(
    400,
    JSON.stringify({ type: "error", error: { type, message }, request_id: "req_vrtx_011CStrictServer" }),
  );
}

export function refuse(rule: string, message: string, status = 400, details?: JsonObject[]): never {
  throw new Refused({ rule, status, body: googleError(status, message, details) });
}

/** A refusal at one field, with the BadRequest detail that the JSON transcoder adds. */
export function refuseField(rule: string, field: string, message: string): never {
  const violation: JsonObject = field === "" ? { description: message } : { field, description: message };
  refuse(rule, message, 400, [{ "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations: [violation] }]);
}

export function refuseAsAnthropic(rule: string, message: string): never {
  throw new Refused({ rule, status: 400, body: nestedAnthropicError(message) });
}
