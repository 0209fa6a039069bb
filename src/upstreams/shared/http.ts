import { abortError } from "../../core/abort.ts";
import { GatewayError } from "../../core/errors.ts";
import { parseTolerantly } from "../../gemini-wire/tolerant-json.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorCode } from "../../lib/error-code.ts";
import type { Fetch, FetchOptions } from "../../lib/fetch.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { CONNECT_TIMEOUT } from "./connect-watch.ts";

export interface Message {
  method: FetchOptions["method"];
  headers: Record<string, string>;
  /** Written anew for each HTTP request. */
  body?(): string;
  /** See FetchOptions. */
  pool?: string | undefined;
}

/** A connection that upstream, or something on the way, has closed or forgotten. */
const DROPPED: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "EPIPE"]);

/**
 * The answer, whatever its status. Throws GatewayError: the signal's own, else `unavailable`; never with an address in it.
 *
 * A connection that breaks before the head of an answer is tried again once, on a new one: mostly it was a kept one that
 * upstream had closed meanwhile, and fetch repeats only GETs by itself. Whether upstream had begun to work on the request
 * cannot be known; nothing of an answer was seen, and a call asks a question, it changes nothing. Once the head is there
 * nothing is repeated here.
 */
export async function send(fetch: Fetch, url: string, message: Message, signal: AbortSignal): Promise<Response> {
  const { method, headers, body, pool } = message;
  for (let isRetry = false; ; isRetry = true) {
    try {
      return await fetch(url, {
        method,
        headers,
        ...(body && { body: body() }),
        signal,
        redirect: "manual",
        timeout: false,
        ...(pool !== undefined && { pool }),
      });
    } catch (cause) {
      if (signal.aborted) throw abortError(signal);
      const code = errorCode(cause);
      if (!isRetry && DROPPED.has(code)) continue;
      const what = code === CONNECT_TIMEOUT ? "Upstream does not take connections" : "Upstream cannot be reached";
      throw new GatewayError("unavailable", what, {}, { cause });
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

/** Catalogues are the largest, with some 100 kB. */
const OBJECT_CHARACTERS = 20_000_000;

async function readText(response: Response, signal: AbortSignal): Promise<string> {
  const read = { text: "" };
  try {
    await readUpTo(OBJECT_CHARACTERS, response.body?.getReader(), read);
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    throw new GatewayError("unavailable", "Upstream broke off its answer", {}, { cause });
  }
  if (read.text.length > OBJECT_CHARACTERS) throw new GatewayError("unavailable", "Upstream sent an endless answer");
  return read.text;
}

const ERROR_TEXT_CHARACTERS = 1_000_000;
const ERROR_TEXT_MS = 10_000;

/**
 * What an error page says, as far as it has come. It has no business being larger, or coming more slowly: the rest is
 * cancelled, which frees the connection. Throws only when aborted.
 */
export async function readErrorText(response: Response, signal: AbortSignal, clock: Clock): Promise<string> {
  const chunks = response.body?.getReader();
  const read = { text: "" };
  const done = new AbortController();
  clock.sleep(ERROR_TEXT_MS, done.signal).then(
    () => chunks?.cancel().catch(() => {}), // it may be broken already
    () => {}, // it was all there in time
  );
  try {
    await readUpTo(ERROR_TEXT_CHARACTERS, chunks, read);
  } catch {
    // A status with half a body still says what went wrong.
    if (signal.aborted) throw abortError(signal);
  } finally {
    done.abort();
  }
  return read.text;
}

interface Chunks {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Adds to `read` as the text comes, so that a failure leaves what was there; ends soon after so many characters. */
async function readUpTo(characters: number, chunks: Chunks | undefined, read: { text: string }): Promise<void> {
  if (!chunks) return;
  const utf8 = new TextDecoder();
  try {
    while (read.text.length <= characters) {
      const { done, value } = await chunks.read();
      if (done) break;
      read.text += utf8.decode(value, { stream: true });
    }
    read.text += utf8.decode();
  } finally {
    // After an error or the end there is nothing left to close.
    await chunks.cancel().catch(() => {});
  }
}
