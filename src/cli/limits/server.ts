import * as v from "valibot";
import type { Config } from "../../config/load.ts";
import type { Settings } from "../../config/schema.ts";
import { errorCode } from "../../lib/error-code.ts";
import { tryParseJson } from "../../lib/json.ts";
import type { LimitsReport } from "../../limits/report.ts";
import { parseLimitsReport } from "../../limits/schema.ts";
import { UsageError, UserError } from "../failure.ts";
import { isLoopback } from "../serve/loopback.ts";

/** The gateway takes 5 s at most to ask upstream; the rest is for the way there. */
const ANSWER_LIMIT_MS = 20_000;
const ANY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Where a server with these settings is reached from this machine; `undefined` when its port is any free one. */
export function configuredUrl({ host, port }: Pick<Settings["server"], "host" | "port">): string | undefined {
  if (port === 0) return undefined;
  const name = ANY_ADDRESS[host] ?? host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** The base URL that was given, with or without scheme and final slash. Throws UsageError. */
export function givenUrl(written: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `http://${written}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(
      `--url must be the address of a server, not ${JSON.stringify(written)}`,
      "Write it like http://127.0.0.1:48123",
    );
  }
  return url.replace(/[?#].*$/, "").replace(/\/+$/, "");
}

/** What a command shows a server of itself. */
export interface Credentials {
  /** Proves that it may read the server's data folder. */
  ownerToken?: string | undefined;
  /** AG_API_KEY. */
  apiKey?: string | undefined;
}

/**
 * What may be shown to the server at a base URL: to one on this machine that the data folder is ours, to any the key in
 * AG_API_KEY. The data folder is opened once, and only if it is there.
 */
export function credentialsFrom(config: Config): (url: string) => Promise<Credentials> {
  let tokens: Promise<((now: number) => string) | undefined> | undefined;

  async function openTokens() {
    const { composeOwnerTokens } = await import("../../compose.ts");
    // Sealed with a key that only the server has, locked, or not ours to read: the server is asked without it.
    return composeOwnerTokens(config).catch(() => undefined);
  }

  return async (url) => {
    const { apiKey } = config;
    if (!isOnThisMachine(url)) return { apiKey };
    return { ownerToken: (await (tokens ??= openTokens()))?.(Date.now()), apiKey };
  };
}

/** The report of the server at this base URL; `undefined` when nothing listens there. Throws UserError. */
export async function askServer(
  url: string,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<LimitsReport | undefined> {
  const response = await get(`${url}/account-limits`, credentials, signal).catch((cause: unknown) => {
    if (signal.aborted) throw cause;
    if (errorCode(cause) === "ECONNREFUSED") return undefined;
    throw unreachable(url, cause);
  });
  if (response === undefined) return undefined;
  const { status, headers, text } = response;
  const report = status === 200 ? parseLimitsReport(tryParseJson(text)) : undefined;
  if (report !== undefined) return report;
  // Every refusal of ours carries it.
  if (!headers.has("x-ag-request-id")) {
    throw new UserError(`What answers at ${url} is not ag`, {
      hint: "Is server.port right? --url names another address",
    });
  }
  throw refused(url, status, text, credentials.apiKey !== undefined);
}

async function get(url: string, { ownerToken, apiKey }: Credentials, signal: AbortSignal) {
  const response = await fetch(url, {
    // Of several keys one that is good suffices.
    headers: {
      accept: "application/json",
      ...(ownerToken !== undefined && { authorization: `Bearer ${ownerToken}` }),
      ...(apiKey !== undefined && { "x-api-key": apiKey }),
    },
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]),
    // A proxy could not reach this machine's own addresses, and must not see the key.
    ...(isOnThisMachine(url) && { proxy: false }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function isOnThisMachine(url: string): boolean {
  return isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ""));
}

function unreachable(url: string, cause: unknown): UserError {
  const isSlow = cause instanceof Error && cause.name === "TimeoutError";
  const why = isSlow
    ? `took longer than ${ANSWER_LIMIT_MS / 1000} s`
    : `failed (${errorCode(cause) ?? "unknown error"})`;
  return new UserError(`Asking ${url} ${why}`, { hint: "Is that the address of ag? --url names another", cause });
}

const errorSchema = v.object({ error: v.object({ message: v.string() }) });

function refused(url: string, status: number, text: string, hadKey: boolean): UserError {
  if (status === 401) {
    const message = hadKey ? `${url} does not accept the key in AG_API_KEY` : `${url} asks for an API key`;
    return new UserError(message, {
      hint: "Set AG_API_KEY to a key with the scope admin, made where the server runs: ag keys create --scope admin",
    });
  }
  const parsed = v.safeParse(errorSchema, tryParseJson(text));
  const said = parsed.success ? parsed.output.error.message : `status ${status}`;
  const hint = status === 404 ? "It may be an older ag: restart it with this one" : undefined;
  return new UserError(`${url} refused: ${said}`, { hint });
}
