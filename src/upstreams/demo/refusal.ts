import type { JsonObject } from "../../lib/json.ts";

/** An answer of the service that is not 2xx, in Google's error shape (docs/wire.md, errors). */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: number;
  readonly status: string;
  readonly details: readonly JsonObject[];

  constructor(code: number, status: string, message: string, details: readonly JsonObject[] = []) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
  }

  response(): Response {
    const { code, message, status, details } = this;
    const error = details.length > 0 ? { code, message, status, details: [...details] } : { code, message, status };
    return Response.json({ error }, { status: code });
  }
}

export const invalidArgument = (message: string): Refusal => new Refusal(400, "INVALID_ARGUMENT", message);

export const notFound = (message: string): Refusal => new Refusal(404, "NOT_FOUND", message);

export const unauthenticated = (): Refusal =>
  new Refusal(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
  );

export function errorInfo(reason: string, metadata: JsonObject): JsonObject {
  return {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason,
    domain: "cloudcode-pa.googleapis.com",
    metadata,
  };
}

export function retryInfo(ms: number): JsonObject {
  return { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${ms / 1000}s` };
}

export function help(links: readonly { description: string; url: string }[]): JsonObject {
  return { "@type": "type.googleapis.com/google.rpc.Help", links: [...links] };
}
