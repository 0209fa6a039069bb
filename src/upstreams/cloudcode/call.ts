import { GatewayError } from "../../core/errors.ts";
import { classify } from "../../gemini-wire/classify.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Fetch } from "../../lib/fetch.ts";
import type { JsonObject } from "../../lib/json.ts";
import { readErrorText, readObject, send } from "../shared/http.ts";
import { callHeaders } from "./headers.ts";

export interface CallDeps {
  fetch: Fetch;
  userAgent: string;
  clock: Clock;
  /** Told what the caller does not see: a host that was given up for the next one. */
  log(message: string): void;
}

interface Call {
  hosts: readonly string[];
  /** With its query: "streamGenerateContent?alt=sse". */
  method: string;
  accessToken: string;
  /** The account whose connections are used. Absent: none is known yet. */
  pool?: string;
  accept?: "text/event-stream";
  /** Written anew for each HTTP request. */
  body(): string;
}

/**
 * The first 2xx answer among the hosts. Throws GatewayError, the most telling one when all hosts failed; never waits,
 * and reads no further than error bodies.
 */
export async function callHosts(call: Call, signal: AbortSignal, deps: CallDeps): Promise<Response> {
  let failure: GatewayError | undefined;
  for (const host of call.hosts) {
    try {
      return await callHost(host, call, signal, deps);
    } catch (cause) {
      if (!(cause instanceof GatewayError) || !anotherHostMayServe(cause)) throw cause;
      deps.log(`${host}: ${cause.message}`);
      failure = failure && weight(failure) >= weight(cause) ? failure : cause;
    }
  }
  throw failure ?? new GatewayError("internal", "No upstream address is configured");
}

/** As `callHosts`, for methods that answer with one JSON object. */
export async function callForObject(call: Call, signal: AbortSignal, deps: CallDeps): Promise<JsonObject> {
  return readObject(await callHosts(call, signal, deps), signal);
}

async function callHost(host: string, call: Call, signal: AbortSignal, deps: CallDeps): Promise<Response> {
  const headers = callHeaders(call.accessToken, deps.userAgent, call.accept);
  const message = { method: "POST", headers, body: call.body, pool: call.pool } as const;
  const response = await send(deps.fetch, `${host}/v1internal:${call.method}`, message, signal);
  if (response.ok) return response;
  throw classify(
    response.status,
    response.headers,
    await readErrorText(response, signal, deps.clock),
    deps.clock.now(),
  );
}

/**
 * Faults of a host, not of the request or the account. A limit is the account's, also one without details: whether it is
 * asked about once more is for the gateway to say, which counts its second opinions.
 */
function anotherHostMayServe({ kind, detail }: GatewayError): boolean {
  if (detail.upstreamStatus === 400) return false;
  return kind === "unavailable" || kind === "overloaded" || kind === "model-missing" || kind === "access-denied";
}

/** Of several hosts' failures the one that says most about the request: no capacity, before trouble, before an absence. */
function weight({ kind, detail }: GatewayError): number {
  if (kind === "overloaded") return 3;
  if (kind === "access-denied") return 2;
  if (kind === "model-missing") return 1;
  return detail.upstreamStatus === undefined ? 0 : 2;
}
