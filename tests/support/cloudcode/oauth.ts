import { createHash } from "node:crypto";
import type { JsonObject } from "../../../src/lib/json.ts";
import { checkAuthorization } from "./rules-transport.ts";
import { firstRefusal, type Refusal } from "./refusal.ts";
import type { ServedAccount, World } from "./world.ts";

/** What an OAuth endpoint answers; `rule` is set when the caller broke the contract. */
export interface OAuthAnswer {
  status: number;
  body: JsonObject;
  account?: ServedAccount;
  refusal?: Refusal;
  /** Where the browser is sent; only for authorize. */
  location?: string;
}

const SCOPES = [
  "https://www.googleapis.com/auth/cloud-platform",
  "https://www.googleapis.com/auth/userinfo.email",
  "https://www.googleapis.com/auth/userinfo.profile",
  "https://www.googleapis.com/auth/cclog",
  "https://www.googleapis.com/auth/experimentsandconfigs",
];

/** `body` is the request's text; `contentType` its header. Form encoding only. */
export function answerToken(world: World, contentType: string, body: string): OAuthAnswer {
  if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(contentType)) {
    return oauthRefusal("token-not-form", 400, "invalid_request", "Could not parse the request: not form encoded.");
  }
  const form = new URLSearchParams(body);
  const grant = form.get("grant_type");
  if (form.get("client_id") !== world.client.id || form.get("client_secret") !== world.client.secret) {
    return oauthRefusal("oauth-client", 401, "invalid_client", "The OAuth client was not found.");
  }
  if (grant === "refresh_token") return refresh(world, form.get("refresh_token") ?? "");
  if (grant === "authorization_code") return exchange(world, form);
  return oauthRefusal("grant-type", 400, "unsupported_grant_type", `Invalid grant_type: ${grant ?? ""}`);
}

function refresh(world: World, refreshToken: string): OAuthAnswer {
  if (refreshToken === "") {
    return oauthRefusal("refresh-token-missing", 400, "invalid_request", "Missing required parameter: refresh_token");
  }
  const account = world.accounts.find((candidate) => candidate.refreshToken === refreshToken);
  // A dead or unknown refresh token is a fact of life, not a broken rule.
  if (!account || account.revoked) return invalidGrant();
  world.refreshes.set(account.email, (world.refreshes.get(account.email) ?? 0) + 1);
  if (!account.rotatesRefreshToken) return { status: 200, body: tokens(world, account), account };
  account.refreshToken = `${account.refreshToken.replace(/-r\d+$/, "")}-r${world.refreshes.get(account.email)}`;
  return { status: 200, body: { ...tokens(world, account), refresh_token: account.refreshToken }, account };
}

function exchange(world: World, form: URLSearchParams): OAuthAnswer {
  const code = form.get("code") ?? "";
  const issued = world.codes.get(code);
  if (!issued) return invalidGrant("Malformed auth code.");
  world.codes.delete(code);
  if (form.get("redirect_uri") !== issued.redirectUri) {
    return oauthRefusal("redirect-uri", 400, "redirect_uri_mismatch", "Bad Request");
  }
  const verifier = form.get("code_verifier") ?? "";
  if (issued.codeChallenge !== undefined && s256(verifier) !== issued.codeChallenge) {
    const refused = oauthRefusal("code-verifier", 400, "invalid_grant", "Invalid code verifier.");
    return refused;
  }
  const account = world.accounts.find((candidate) => candidate.email === issued.email);
  if (!account) return invalidGrant();
  if (account.revoked) {
    // The dead one stays dead.
    account.refreshToken = `${account.refreshToken}-again`;
    account.revoked = false;
  }
  if (account.withholdsRefreshToken) return { status: 200, body: tokens(world, account), account };
  return { status: 200, body: { ...tokens(world, account), refresh_token: account.refreshToken }, account };
}

function tokens(world: World, account: ServedAccount): JsonObject {
  const { token, expiresInSeconds } = world.issueAccessToken(account);
  return {
    access_token: token,
    expires_in: expiresInSeconds,
    scope: SCOPES.join(" "),
    token_type: "Bearer",
    id_token: "eyJ.test.id-token",
  };
}

/** Lets a code be exchanged as if its owner had signed in at `redirectUri`. */
export function issueCode(world: World, email: string, redirectUri: string, codeChallenge?: string): string {
  const code = `4/0Test-${world.codes.size + 1}-${email.length}`;
  world.codes.set(code, { email, redirectUri, ...(codeChallenge === undefined ? {} : { codeChallenge }) });
  return code;
}

/** Signs in the first account (or `login_hint`) at once and sends the browser back. */
export function answerAuthorize(world: World, query: URLSearchParams): OAuthAnswer {
  const redirectUri = query.get("redirect_uri") ?? "";
  const required: Record<string, boolean> = {
    client_id: query.get("client_id") === world.client.id,
    response_type: query.get("response_type") === "code",
    access_type: query.get("access_type") === "offline",
    prompt: query.get("prompt") === "consent",
    redirect_uri: isLoopbackRedirect(redirectUri),
    state: (query.get("state") ?? "").length >= 22,
    scope: SCOPES.every((scope) => (query.get("scope") ?? "").split(" ").includes(scope)),
    code_challenge: (query.get("code_challenge") ?? "") === "" || query.get("code_challenge_method") === "S256",
  };
  const wrong = Object.keys(required).find((name) => !required[name]);
  if (wrong !== undefined) {
    return oauthRefusal(`authorize-${wrong}`, 400, "invalid_request", `Missing or invalid parameter: ${wrong}`);
  }
  const email = query.get("login_hint") ?? world.accounts[0]?.email ?? "";
  const consentError = world.accounts.find((account) => account.email === email)?.consentError;
  const location = new URL(redirectUri);
  location.searchParams.set("state", query.get("state") ?? "");
  if (consentError !== undefined) location.searchParams.set("error", consentError);
  else {
    const code = issueCode(world, email, redirectUri, query.get("code_challenge") ?? undefined);
    location.searchParams.set("code", code);
  }
  return { status: 302, body: {}, location: location.href };
}

/** The client is a desktop application's, registered with `http://localhost`: any port, one path. */
function isLoopbackRedirect(redirectUri: string): boolean {
  if (!URL.canParse(redirectUri)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(redirectUri);
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return protocol === "http:" && isLoopback && pathname === "/oauth-callback" && search === "" && hash === "";
}

export function answerUserinfo(world: World, headers: Headers): OAuthAnswer {
  let account: ServedAccount | undefined;
  const refusal = firstRefusal(() => {
    account = checkAuthorization({ headers, authenticate: world.authenticate });
  });
  if (refusal) return { status: refusal.status, body: refusal.body, refusal };
  const email = account?.email ?? "";
  const body: JsonObject = { id: "1000000000001", email, verified_email: true, name: "Test Owner" };
  return { status: 200, body, ...(account ? { account } : {}) };
}

function invalidGrant(description = "Token has been expired or revoked."): OAuthAnswer {
  return { status: 400, body: { error: "invalid_grant", error_description: description } };
}

function oauthRefusal(rule: string, status: number, error: string, description: string): OAuthAnswer {
  const body: JsonObject = { error, error_description: description };
  return { status, body, refusal: { rule, status, body } };
}

function s256(verifier: string): string {
  return createHash("sha256").update(verifier).digest("base64url");
}
