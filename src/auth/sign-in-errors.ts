import { abortError } from "../core/abort.ts";
import { GatewayError, type FailureDetail, type FailureKind } from "../core/errors.ts";
import { CLIENT_CODES, oauthCodes, REAUTHENTICATION_CODES } from "./oauth-errors.ts";

interface Explanation {
  kind: FailureKind;
  message: string;
  remedy: string;
  detail?: FailureDetail;
}

const AGAIN = "Run ag accounts add again";
const CHECK_NETWORK = "Check the network, and HTTPS_PROXY if you need a proxy, then run ag accounts add again";

const CLIENT_REFUSED: Explanation = {
  kind: "no-account",
  message: "Google refuses the configured OAuth client",
  remedy: "Check that AG_OAUTH_CLIENT_ID and AG_OAUTH_CLIENT_SECRET hold the id and the secret of the same client",
  detail: { missing: "oauth-client" },
};

const REAUTHENTICATION: Explanation = {
  kind: "account-unusable",
  message: "The organization of this Google account wants a fresh proof of who you are",
  remedy: "Sign out of Google in the browser, then run ag accounts add again; if it stays so, ask the administrator",
};

const OUT_OF_ORDER: Explanation = {
  kind: "unavailable",
  message: "Google's sign-in service is out of order for the moment",
  remedy: `${AGAIN} in a few minutes`,
};

/** Every code that Google ends a sign-in with: on the redirect, on its error page, or when the code is exchanged. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  access_denied: {
    kind: "account-unusable",
    message: "The sign-in was cancelled on Google's page",
    remedy: `${AGAIN} and choose Continue or Allow there`,
  },
  redirect_uri_mismatch: {
    kind: "no-account",
    message: "The configured OAuth client does not allow the way back to this machine",
    remedy: "Use a client of the type Desktop app, or allow http://localhost:51121/oauth-callback as its redirect URI",
    detail: { missing: "oauth-client" },
  },
  ...Object.fromEntries(CLIENT_CODES.map((code) => [code, CLIENT_REFUSED])),
  ...Object.fromEntries(REAUTHENTICATION_CODES.map((code) => [code, REAUTHENTICATION])),
  invalid_grant: {
    kind: "account-unusable",
    message: "Google does not take this code: it was used before, is too old, or was not copied as a whole",
    remedy: `${AGAIN} and sign in at the address that it shows then`,
  },
  admin_policy_enforced: {
    kind: "account-unusable",
    message: "The organization of this Google account does not let ag in",
    remedy: "Ask its administrator to allow the application, or sign in with another account",
  },
  org_internal: {
    kind: "account-unusable",
    message: "The configured OAuth client lets in only accounts of its own organization",
    remedy: "Sign in with an account of that organization, or configure another client",
  },
  invalid_scope: {
    kind: "no-account",
    message: "The configured OAuth client may not ask for the access that Cloud Code needs",
    remedy: "Configure the client that Antigravity accounts sign in with",
    detail: { missing: "oauth-client" },
  },
  disallowed_useragent: {
    kind: "account-unusable",
    message: "Google does not let anyone sign in inside this kind of browser",
    remedy: `${AGAIN} and open the address in an ordinary browser`,
  },
  invalid_request: {
    kind: "invalid-request",
    message: "Google calls the sign-in request malformed",
    remedy: "This is a defect in ag; please report it with the code above",
  },
  server_error: OUT_OF_ORDER,
  temporarily_unavailable: OUT_OF_ORDER,
};

/** What codes of OAuth look like; anything else in that place is not repeated. */
const CODE = /^[a-z][a-z_]{2,39}$/;

/** The end of a sign-in by one of Google's codes. Texts that came with the code are not repeated. */
export function signInFailure(code: string, upstreamStatus?: number): GatewayError {
  const written = code.trim().toLowerCase();
  const reason = CODE.test(written) ? written : "unknown";
  const { kind, message, remedy, detail } = explanationOf(reason) ?? {
    kind: "account-unusable" as const,
    message: "Google ended the sign-in with an error",
    remedy: `${AGAIN}; Google's page may say more`,
  };
  return new GatewayError(kind, `${message} (${reason})`, {
    ...detail,
    remedy,
    upstreamReason: reason,
    ...(upstreamStatus !== undefined && { upstreamStatus }),
  });
}

/** What a refused exchange of a code says about the sign-in. */
export function exchangeFailure(status: number, body: unknown): GatewayError {
  const codes = oauthCodes(status, body);
  const code = codes.find((each) => explanationOf(each) !== undefined) ?? codes.find((each) => CODE.test(each));
  if (code !== undefined) return signInFailure(code, status);
  return new GatewayError("unavailable", `Google's sign-in service failed with status ${status}`, {
    upstreamStatus: status,
    remedy: status >= 500 ? OUT_OF_ORDER.remedy : CHECK_NETWORK,
  });
}

/** The code that stands in the address of Google's error page, which never leads back to us. */
export function codeOfErrorPage(address: URL): string | undefined {
  const written = address.searchParams.get("authError");
  if (written === null) return undefined;
  // A protobuf in base64 whose first field is the code: "\n\x15redirect_uri_mismatch…".
  const decoded = Buffer.from(written, "base64").toString("latin1");
  return Object.keys(EXPLANATIONS).find((code) => decoded.includes(code)) ?? "unknown";
}

export function withoutRefreshToken(): GatewayError {
  return new GatewayError("account-unusable", "Google gave no refresh token: the sign-in would last for an hour only", {
    remedy: `Take the access back at https://myaccount.google.com/connections, then run ag accounts add again`,
  });
}

export function outOfTime(minutes: number): GatewayError {
  return new GatewayError("deadline", `Nobody signed in within ${minutes} minutes, so the sign-in has ended`, {
    remedy: AGAIN,
  });
}

export function inputEnded(): GatewayError {
  return new GatewayError("account-unusable", "The input ended before it held a code or an address", {
    remedy: `${AGAIN}, and paste the address that the browser shows at the end`,
  });
}

/** The failure as the owner shall read it: what stopped the sign-in, with something to do about a bad connection. */
export function asSignInError(cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return abortError(signal);
  if (!(cause instanceof GatewayError) || cause.kind !== "unavailable" || cause.detail.remedy !== undefined)
    return cause;
  return new GatewayError(cause.kind, cause.message, { ...cause.detail, remedy: CHECK_NETWORK }, { cause });
}

function explanationOf(code: string): Explanation | undefined {
  return Object.hasOwn(EXPLANATIONS, code) ? EXPLANATIONS[code] : undefined;
}
