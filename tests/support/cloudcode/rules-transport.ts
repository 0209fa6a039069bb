import { errorInfo, googleError, refuse, Refused } from "./refusal.ts";
import type { Authentication, ServedAccount } from "./world.ts";

/**
 * A header set built from scratch holds nothing else. Everything outside the list is a client's header that leaked
 * (x-api-key, anthropic-*, openai-*, x-stainless-*, cookie, session_id, x-forwarded-*, x-goog-*, …).
 */
const ALLOWED_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "authorization",
  "connection",
  "content-length",
  "content-type",
  "host",
  "user-agent",
  "x-client-name",
  "x-client-version",
]);

const USER_AGENT = /^antigravity\/(?:hub\/)?(\d+(?:\.\d+)*) [a-z0-9_]+\/[a-z0-9_]+$/;

export interface TransportContext {
  headers: Headers;
  /** Whose token this is. Never called with an empty token. */
  authenticate(token: string): Authentication;
  minimumClientVersion: string;
}

/** Checks everything that is known before the body is read, and tells whose call it is. */
export function checkTransport(context: TransportContext): ServedAccount {
  const account = checkAuthorization(context);
  checkForwardedHeaders(context.headers);
  checkBodyHeaders(context.headers);
  checkClientVersion(context);
  return account;
}

export function checkAuthorization({
  headers,
  authenticate,
}: Pick<TransportContext, "headers" | "authenticate">): ServedAccount {
  const token = /^Bearer (\S+)$/.exec(headers.get("authorization") ?? "")?.[1];
  if (token === undefined) refuseUnauthenticated("token-missing", "CREDENTIALS_MISSING");
  const found = authenticate(token);
  switch (found.type) {
    case "account":
      return found.account;
    case "expired":
      return refuseUnauthenticated("token-expired", "ACCESS_TOKEN_EXPIRED");
    case "unknown":
      return refuseUnauthenticated("token-unknown", "ACCESS_TOKEN_INVALID");
    default:
      return found satisfies never;
  }
}

function refuseUnauthenticated(rule: string, reason: string): never {
  refuse(
    rule,
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
    401,
    [errorInfo(reason, { service: "cloudcode-pa.googleapis.com" }, "googleapis.com")],
  );
}

function checkForwardedHeaders(headers: Headers): void {
  if (headers.has("x-goog-user-project")) {
    refuse(
      "user-project-header",
      "Caller does not have required permission to use project. The API has not been used in project before or it is disabled.",
      403,
      [errorInfo("USER_PROJECT_DENIED", {}, "googleapis.com")],
    );
  }
  checkHeaderNames(headers, ALLOWED_HEADERS);
}

export function checkHeaderNames(headers: Headers, allowed: ReadonlySet<string>): void {
  for (const name of headers.keys()) {
    if (name === "transfer-encoding") continue; // content-length's rule has the better text
    if (!allowed.has(name)) refuse("forwarded-header", `Header '${name}' is not part of this API.`);
  }
}

export function checkBodyHeaders(headers: Headers): void {
  if (!/^application\/json(?:; *charset=utf-8)?$/i.test(headers.get("content-type") ?? "")) {
    refuse("content-type", "Content-Type must be application/json.");
  }
  if (!headers.has("content-length")) {
    throw new Refused({
      rule: "content-length",
      status: 411,
      body: googleError(411, "POST requests require a Content-Length header.", undefined, "FAILED_PRECONDITION"),
    });
  }
}

function checkClientVersion({ headers, minimumClientVersion }: TransportContext): void {
  const version = USER_AGENT.exec(headers.get("user-agent") ?? "")?.[1];
  if (version === undefined) refuse("user-agent", "Unrecognised client. Please use a supported client.");
  if (compareVersions(version, minimumClientVersion) < 0) {
    refuse(
      "client-version",
      "This version of Antigravity is no longer supported. Please update to receive the latest features.",
    );
  }
}

export function compareVersions(left: string, right: string): number {
  const [a, b] = [left.split(".").map(Number), right.split(".").map(Number)];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
