import { abortError } from "../../core/abort.ts";
import { GatewayError } from "../../core/errors.ts";
import { parseTolerantly } from "../../gemini-wire/tolerant-json.ts";
import { errorCode } from "../../lib/error-code.ts";
import type { Fetch, FetchOptions } from "../../lib/fetch.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";

export interface Message {
  method: FetchOptions["method"];
  headers: Record<string, string>;
  /** Written anew for each HTTP request. */
  body?(): string;
}

/** The answer, whatever its status. Throws GatewayError: the signal's own, else `unavailable`; never with an address in it. */
export async function send(fetch: Fetch, url: string, message: Message, signal: AbortSignal): Promise<Response> {
  const { method, headers, body } = message;
  for (let isRetry = false; ; isRetry = true) {
    try {
      return await fetch(url, {
        method,
        headers,
        ...(body && { body: body() }),
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

/** The one JSON object of an answer. Throws GatewayError. */
export async function readObject(response: Response, signal: AbortSignal): Promise<JsonObject> {
  const body = parseTolerantly(await readText(response, signal));
  // Some hosts wrap the one object in an array.
  const object = Array.isArray(body) ? body[0] : body;
  if (!isJsonObject(object)) throw new GatewayError("unavailable", "Upstream sent an answer that is not JSON");
  return object;
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

/** An error page has no business being larger; the rest is cancelled, which frees the connection. Throws only when aborted. */
export async function readErrorText(response: Response, signal: AbortSignal): Promise<string> {
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
