import { GatewayError } from "../../core/errors.ts";
import type { CredentialOf } from "../../core/upstream.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Fetch } from "../../lib/fetch.ts";
import { readErrorText, send } from "../shared/http.ts";
import { failureOfCall, failureOfKey } from "./failure.ts";

export interface ApiDeps {
  fetch: Fetch;
  baseUrl: string;
  userAgent: string;
  clock: Clock;
}

interface ApiCall {
  method: "GET" | "POST";
  /** Below the version, with its query: "models?pageSize=1000". */
  path: string;
  credential: CredentialOf<"gemini-api-key">;
  /** Default for calls with a body: a stream. */
  accept?: string;
  body?(): string;
}

/** A 2xx answer. Throws GatewayError; never waits, and reads no further than error bodies. */
export async function callApi(
  { method, path, credential, accept = "text/event-stream", body }: ApiCall,
  signal: AbortSignal,
  deps: ApiDeps,
): Promise<Response> {
  // The whole header set, built from nothing. The key never stands in a URL: those are written to logs on the way.
  const headers = {
    "x-goog-api-key": credential.apiKey,
    "User-Agent": deps.userAgent,
    ...(body && { "Content-Type": "application/json", Accept: accept }),
  };
  const url = `${versionRoot(deps.baseUrl)}/${path}`;
  const pool = credential.accountId === "" ? undefined : credential.accountId; // a key that is not stored yet
  const response = await send(deps.fetch, url, { method, headers, ...(body && { body }), pool }, signal);
  if (response.ok) return response;
  const text = await readErrorText(response, signal, deps.clock);
  throw failureOfCall(response.status, response.headers, text, deps.clock.now());
}

/** The same items, with failures told as a key's. */
export async function* tellingOfKey<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  try {
    yield* items;
  } catch (cause) {
    throw cause instanceof GatewayError ? failureOfKey(cause) : cause;
  }
}

/** Other programs want the version as part of the base URL: a setting copied from one of them works as well. */
function versionRoot(baseUrl: string): string {
  return baseUrl.endsWith("/v1beta") ? baseUrl : `${baseUrl}/v1beta`;
}
