import * as v from "valibot";
import { abortError } from "../core/abort.ts";
import { GatewayError } from "../core/errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Fetch, FetchOptions } from "../lib/fetch.ts";
import { tryParseJson } from "../lib/json.ts";
import { lenient } from "../lib/schema.ts";
import { missingClient, refreshFailure } from "./oauth-errors.ts";
import { exchangeFailure, withoutRefreshToken } from "./sign-in-errors.ts";

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

export interface CodeGrant {
  code: string;
  /** The very one that the sign-in began with, port included. */
  redirectUri: string;
  codeVerifier: string;
}

export interface TokenClient {
  /**
   * Trades the code of a sign-in for tokens; a code works once. Throws GatewayError with a remedy: `account-unusable`
   * when Google does not take the code or gives no refresh token, `no-account` when it refuses our OAuth client,
   * `unavailable` for everything that may pass.
   */
  exchange(grant: CodeGrant, signal: AbortSignal): Promise<AccessToken & { refreshToken: string }>;
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

  /** Posts to the token endpoint as the configured client. */
  async function askForToken(
    fields: Readonly<Record<string, string>>,
    failure: (status: number, body: unknown) => GatewayError,
    signal: AbortSignal,
  ): Promise<AccessToken> {
    const client = deps.client();
    if (!client) throw missingClient();
    const sentAt = deps.clock.now();
    const form = new URLSearchParams({ ...fields, client_id: client.id, client_secret: client.secret });
    const answer = await ask(
      deps.tokenUrl,
      {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
        body: form.toString(),
      },
      signal,
    );
    if (!answer.ok) throw failure(answer.status, answer.body);
    const parsed = v.safeParse(TokenAnswer, answer.body);
    if (!parsed.success) {
      throw new GatewayError("unavailable", "Google's sign-in service sent an answer without a token");
    }
    const { access_token, expires_in, refresh_token } = parsed.output;
    return {
      accessToken: access_token,
      expiresAt: sentAt + expires_in * 1_000,
      ...(refresh_token !== undefined && { refreshToken: refresh_token }),
    };
  }

  return {
    async exchange({ code, redirectUri, codeVerifier }, signal) {
      const fields = {
        grant_type: "authorization_code",
        code,
        redirect_uri: redirectUri,
        code_verifier: codeVerifier,
      };
      const { refreshToken, ...token } = await askForToken(fields, exchangeFailure, signal);
      if (refreshToken === undefined) throw withoutRefreshToken();
      return { ...token, refreshToken };
    },

    refresh: (refreshToken, signal) =>
      askForToken({ grant_type: "refresh_token", refresh_token: refreshToken }, refreshFailure, signal),

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
