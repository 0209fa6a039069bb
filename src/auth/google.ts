import * as v from "valibot";
import { abortError } from "../core/abort.ts";
import { GatewayError } from "../core/errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Fetch, FetchOptions } from "../lib/fetch.ts";
import { tryParseJson } from "../lib/json.ts";
import { lenient } from "../lib/schema.ts";

export interface OAuthClient {
  id: string;
  secret: string;
}

export interface TokenClientDeps {
  fetch: Fetch;
  tokenUrl: string;
  userinfoUrl: string;
  /** The configured OAuth client; `undefined` when the configuration names none. */
  client(): OAuthClient | undefined;
  clock: Clock;
}

export interface AccessToken {
  accessToken: string;
  /** Unix ms, counted from when the request was sent. */
  expiresAt: number;
  /** Only when Google replaced it: the old one is to be forgotten. */
  refreshToken?: string;
}

export interface TokenClient {
  /**
   * Throws GatewayError: `account-unusable`/`needs-login` when Google says the sign-in is dead, `no-account` when our own
   * OAuth client is missing or refused (no fault of the account), `unavailable` for everything that may pass.
   */
  refresh(refreshToken: string, signal: AbortSignal): Promise<AccessToken>;
  userinfo(accessToken: string, signal: AbortSignal): Promise<{ email?: string }>;
}

/** What Google's tokens last when an answer does not say: shorter than they do, so that nothing is used too long. */
const ASSUMED_LIFETIME_SECONDS = 1_800;

const TokenAnswer = v.looseObject({
  access_token: v.pipe(v.string(), v.nonEmpty()),
  expires_in: v.fallback(
    v.pipe(v.union([v.number(), v.string()]), v.transform(Number), v.number(), v.minValue(1)),
    ASSUMED_LIFETIME_SECONDS,
  ),
  refresh_token: lenient(v.pipe(v.string(), v.nonEmpty())),
});

const UserInfo = v.looseObject({ email: lenient(v.pipe(v.string(), v.nonEmpty())) });

export function createTokenClient(deps: TokenClientDeps): TokenClient {
  async function ask(url: string, options: Pick<FetchOptions, "method" | "headers" | "body">, signal: AbortSignal) {
    try {
      const response = await deps.fetch(url, { ...options, signal, redirect: "manual", timeout: false });
      return { status: response.status, ok: response.ok, body: tryParseJson(await response.text()) };
    } catch (cause) {
      if (signal.aborted) throw abortError(signal);
      throw new GatewayError("unavailable", "Google's sign-in service cannot be reached", {}, { cause });
    }
  }

  return {
    async refresh(refreshToken, signal) {
      const client = deps.client();
      if (!client) throw clientTrouble("No OAuth client is configured");
      const sentAt = deps.clock.now();
      const form = new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: refreshToken,
        client_id: client.id,
        client_secret: client.secret,
      });
      const answer = await ask(
        deps.tokenUrl,
        {
          method: "POST",
          headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
          body: form.toString(),
        },
        signal,
      );
      if (!answer.ok) throw refreshFailure(answer.status, answer.body);
      const parsed = v.safeParse(TokenAnswer, answer.body);
      if (!parsed.success)
        throw new GatewayError("unavailable", "Google's sign-in service sent an answer without a token");
      const { access_token, expires_in, refresh_token } = parsed.output;
      return {
        accessToken: access_token,
        expiresAt: sentAt + expires_in * 1_000,
        ...(refresh_token !== undefined && { refreshToken: refresh_token }),
      };
    },

    async userinfo(accessToken, signal) {
      const headers = { Authorization: `Bearer ${accessToken}`, Accept: "application/json" };
      const answer = await ask(deps.userinfoUrl, { method: "GET", headers }, signal);
      const detail = { upstreamStatus: answer.status };
      if (answer.status === 401) {
        throw new GatewayError("access-token-rejected", "Google rejected the account's access token", detail);
      }
      const parsed = v.safeParse(UserInfo, answer.body);
      if (!answer.ok || !parsed.success) {
        throw new GatewayError("unavailable", "Google did not tell the account's e-mail address", detail);
      }
      return parsed.output.email === undefined ? {} : { email: parsed.output.email };
    },
  };
}

/** `error` is OAuth's code, or Google's own object around it. */
const OAuthError = v.looseObject({
  error: v.union([
    v.string(),
    v.looseObject({ status: v.optional(v.string(), ""), message: v.optional(v.string(), "") }),
  ]),
  error_subtype: lenient(v.string()),
});

/** Codes after which no retry can help until the owner signs in again. */
const DEAD_SIGN_IN: ReadonlySet<string> = new Set(["invalid_grant", "invalid_rapt", "rapt_required"]);
const REFUSED_CLIENT: ReadonlySet<string> = new Set(["invalid_client", "unauthorized_client", "deleted_client"]);

// Only OAuth's own codes say anything lasting; every other answer may be a proxy's or a bad day's.
function refreshFailure(status: number, body: unknown): GatewayError {
  const codes = status >= 400 && status < 500 ? oauthCodes(body) : [];
  const detail = { upstreamStatus: status };
  const dead = codes.find((code) => DEAD_SIGN_IN.has(code));
  if (dead !== undefined) {
    return new GatewayError("account-unusable", "Google no longer accepts the account's sign-in; sign in again", {
      ...detail,
      upstreamReason: dead,
      accountProblem: "needs-login",
    });
  }
  const refused = codes.find((code) => REFUSED_CLIENT.has(code));
  if (refused !== undefined) return clientTrouble(`Google refuses the configured OAuth client (${refused})`);
  if (codes.includes("invalid_request")) {
    return new GatewayError("internal", "Google calls the token request malformed", detail);
  }
  return new GatewayError("unavailable", `Google's sign-in service failed with status ${status}`, detail);
}

function oauthCodes(body: unknown): string[] {
  const parsed = v.safeParse(OAuthError, body);
  if (!parsed.success) return [];
  const { error, error_subtype } = parsed.output;
  const own = typeof error === "string" ? [error] : [error.status, /^[a-z_]+/.exec(error.message)?.[0] ?? ""];
  return [...own, error_subtype ?? ""].map((code) => code.toLowerCase());
}

function clientTrouble(what: string): GatewayError {
  return new GatewayError(
    "no-account",
    `${what}: set AG_OAUTH_CLIENT_ID and AG_OAUTH_CLIENT_SECRET to the client that the accounts signed in with`,
    { missing: "oauth-client" },
  );
}
