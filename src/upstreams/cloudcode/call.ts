import { abortError } from "../../core/abort.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorCode } from "../../lib/error-code.ts";
import type { Fetch } from "../../lib/fetch.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { classify } from "../../gemini-wire/classify.ts";
import { parseTolerantly } from "../../gemini-wire/tolerant-json.ts";
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
  const response = await callHosts(call, signal, deps);
  const body = parseTolerantly(await readText(response, signal));
  // Some hosts wrap the one object in an array.
  const object = Array.isArray(body) ? body[0] : body;
  if (!isJsonObject(object)) throw new GatewayError("unavailable", "Upstream sent an answer that is not JSON");
  return object;
}

async function callHost(host: string, call: Call, signal: AbortSignal, deps: CallDeps): Promise<Response> {
  const response = await post(`${host}/v1internal:${call.method}`, call, signal, deps);
  if (response.ok) return response;
  const text = await readErrorText(response, signal);
  throw classify(response.status, response.headers, text, deps.clock.now());
}

async function post(url: string, call: Call, signal: AbortSignal, deps: CallDeps): Promise<Response> {
  for (let isRetry = false; ; isRetry = true) {
    try {
      return await deps.fetch(url, {
        method: "POST",
        headers: callHeaders(call.accessToken, deps.userAgent, call.accept),
        body: call.body(),
        signal,
        redirect: "manual",
        timeout: false,
      });
    } catch (cause) {
      if (signal.aborted) throw abortError(signal);
      // A pooled connection that upstream had closed meanwhile fails like this; Bun retries only GET by itself.
      if (!isRetry && errorCode(cause) === "ECONNRESET") continue;
      throw new GatewayError("unavailable", "Upstream cannot be reached", {}, { cause });
    }
  }
}

async function readText(response: Response, signal: AbortSignal): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    throw new GatewayError("unavailable", "Upstream broke off its answer", {}, { cause });
  }
}

const ERROR_TEXT_CHARACTERS = 1_000_000;

/** An error page has no business being larger; the rest is cancelled, which frees the connection. */
async function readErrorText(response: Response, signal: AbortSignal): Promise<string> {
  if (!response.body) return "";
  const utf8 = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body) {
      text += utf8.decode(chunk, { stream: true });
      if (text.length > ERROR_TEXT_CHARACTERS) break;
    }
  } catch {
    // A status with half a body still says what went wrong.
    if (signal.aborted) throw abortError(signal);
  }
  return text + utf8.decode();
}

/** Faults of a host, not of the request or the account; and a bare 429, which often is a host's own. */
function anotherHostMayServe({ kind, detail }: GatewayError): boolean {
  if (detail.upstreamStatus === 400) return false;
  if (kind === "rate-limited") return detail.upstreamReason === undefined && detail.retryAfterMs === undefined;
  return kind === "unavailable" || kind === "overloaded" || kind === "model-missing" || kind === "access-denied";
}

/** Of several hosts' failures the one that says most about the request: a limit, before trouble, before an absence. */
function weight({ kind, detail }: GatewayError): number {
  if (kind === "rate-limited" || kind === "overloaded") return 3;
  if (kind === "access-denied") return 2;
  if (kind === "model-missing") return 1;
  return detail.upstreamStatus === undefined ? 0 : 2;
}
