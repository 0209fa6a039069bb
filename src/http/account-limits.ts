import { GatewayError } from "../core/errors.ts";
import { isJsonObject } from "../lib/json.ts";
import { readJson } from "./body.ts";
import type { RouteCall } from "./route.ts";

export interface LimitsDeps {
  /** A JSON document; its shape is the matter of who makes it. Throws GatewayError. */
  report(signal: AbortSignal): Promise<object>;
  /** The same for people. */
  table(signal: AbortSignal): Promise<string>;
  /**
   * Fetches a new access token for one account, or for every usable sign-in. Empty: there is no such account, or none that
   * could be asked.
   */
  refreshTokens(handle: string | undefined, signal: AbortSignal): Promise<readonly TokenRefresh[]>;
}

export interface TokenRefresh {
  handle: string;
  /** Absent: the account has a new access token. */
  failure?: GatewayError;
}

const FORMATS = ["json", "table"];
/** A handle takes no more. */
const BODY_LIMIT_BYTES = 10_000;

// The state of this moment, and about somebody's accounts.
const headers = { "cache-control": "no-store" };

/** `GET /account-limits`, with `?format=table` as text. Throws GatewayError. */
export async function limitsReply({ url, signal }: Request, limits: LimitsDeps): Promise<Response> {
  const format = new URL(url).searchParams.get("format") ?? "json";
  if (!FORMATS.includes(format)) {
    throw new GatewayError("invalid-request", `format: must be one of ${FORMATS.join(", ")}`, { field: "format" });
  }
  if (format === "json") return Response.json(await limits.report(signal), { headers });
  return new Response(`${await limits.table(signal)}\n`, {
    headers: { ...headers, "content-type": "text/plain; charset=utf-8" },
  });
}

/**
 * `POST /refresh-token`, for all sign-ins or for the one named by `?account=` or `{"account": …}`. Throws GatewayError.
 * 200 when at least one has a new token; else the exchange ends with the failure of the first.
 */
export async function refreshReply(
  { request, exchange }: Pick<RouteCall, "request" | "exchange">,
  { refreshTokens }: LimitsDeps,
): Promise<Response> {
  const handle = new URL(request.url).searchParams.get("account") ?? (await accountInBody(request));
  const refreshes = await refreshTokens(handle, request.signal);
  if (refreshes.length === 0) {
    if (handle === undefined) throw new GatewayError("no-account", "There is no usable account to refresh");
    throw new GatewayError("invalid-request", "account: there is no sign-in with this handle", { field: "account" });
  }
  const accounts = refreshes.map(({ handle: account, failure }) => ({
    account,
    ...(failure === undefined
      ? { status: "ok" }
      : {
          status: "failed",
          reason: failure.message,
          ...(failure.detail.ownerUrl && { url: failure.detail.ownerUrl }),
        }),
  }));
  const failed = accounts.filter(({ status }) => status === "failed").length;
  const status = failed === 0 ? "ok" : failed < accounts.length ? "partial" : "error";
  const message = `${accounts.length - failed} of ${accounts.length} access tokens refreshed`;
  const reply = Response.json({ status, message, accounts }, { status: status === "error" ? 502 : 200, headers });
  if (status === "error") exchange.finish(reply.status, refreshes[0]?.failure);
  return reply;
}

async function accountInBody(request: Request): Promise<string | undefined> {
  if (request.body === null || request.headers.get("content-length") === "0") return undefined;
  const body = await readJson(request, BODY_LIMIT_BYTES);
  const account = isJsonObject(body) ? body["account"] : undefined;
  if (account === undefined || account === null) return undefined;
  if (typeof account === "string" && account !== "") return account;
  throw new GatewayError("invalid-request", 'account: must be a handle such as "a1"', { field: "account" });
}
