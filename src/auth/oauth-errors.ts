import * as v from "valibot";
import { GatewayError } from "../core/errors.ts";
import { lenient } from "../lib/schema.ts";

/** `error` is OAuth's code, or Google's own object around it. */
const OAuthError = v.looseObject({
  error: v.union([
    v.string(),
    v.looseObject({ status: v.optional(v.string(), ""), message: v.optional(v.string(), "") }),
  ]),
  error_subtype: lenient(v.string()),
});

/** The codes of a refusal in lower case, the most telling first. Empty when the answer is no refusal in OAuth's words. */
export function oauthCodes(status: number, body: unknown): string[] {
  // Only OAuth's own codes say anything lasting; every other answer may be a proxy's or a bad day's.
  if (status < 400 || status >= 500) return [];
  const parsed = v.safeParse(OAuthError, body);
  if (!parsed.success) return [];
  const { error, error_subtype } = parsed.output;
  const own = typeof error === "string" ? [error] : [/^[a-z_]+/.exec(error.message)?.[0] ?? "", error.status];
  return [error_subtype ?? "", ...own].filter((code) => code !== "").map((code) => code.toLowerCase());
}

/** Codes of Workspace policies that want the owner's password again. */
export const REAUTHENTICATION_CODES = ["invalid_rapt", "rapt_required"] as const;
export const CLIENT_CODES = ["invalid_client", "unauthorized_client", "deleted_client", "disabled_client"] as const;

/** Codes after which no retry can help until the owner signs in again. */
const DEAD_SIGN_IN: ReadonlySet<string> = new Set(["invalid_grant", ...REAUTHENTICATION_CODES]);
const REFUSED_CLIENT: ReadonlySet<string> = new Set(CLIENT_CODES);

/** What a refused refresh says about the account. */
export function refreshFailure(status: number, body: unknown): GatewayError {
  const codes = oauthCodes(status, body);
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

export function missingClient(): GatewayError {
  return clientTrouble("No OAuth client is configured");
}

function clientTrouble(what: string): GatewayError {
  return new GatewayError(
    "no-account",
    `${what}: set AG_OAUTH_CLIENT_ID and AG_OAUTH_CLIENT_SECRET to the client that the accounts signed in with`,
    { missing: "oauth-client" },
  );
}
