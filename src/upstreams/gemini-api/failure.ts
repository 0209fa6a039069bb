import { type FailureDetail, GatewayError } from "../../core/errors.ts";
import { classify } from "../../gemini-wire/classify.ts";
import { type GoogleError, readGoogleError } from "../../gemini-wire/google-error.ts";
import { dayEndsInMs } from "./quota-day.ts";

/** What a project was never given does not come back by waiting, but its owner may pay for it at any time. */
const NOTHING_GRANTED_MS = 3_600_000;

/** The failure behind an answer of the official API that is not 2xx. Pure; `now` in Unix ms. */
export function failureOfCall(status: number, headers: Headers, bodyText: string, now: number): GatewayError {
  const error = failureOfKey(classify(status, headers, bodyText, now));
  const said = readGoogleError(bodyText);
  if (status === 403 && error.kind === "access-denied" && blamesKey(said)) return keyRejected(error);
  const restMs = error.kind === "quota-exhausted" ? unspokenRestMs(said, now) : undefined;
  if (restMs === undefined) return error;
  const retryAfterMs = Math.max(restMs, error.detail.retryAfterMs ?? 0);
  return new GatewayError(error.kind, error.message, { ...error.detail, retryAfterMs }, { cause: error.cause });
}

/**
 * A failure as it is meant where the credential is a key: there is no token to renew, no project to look up and no sign-in
 * to repeat.
 */
export function failureOfKey(error: GatewayError): GatewayError {
  switch (error.kind) {
    case "access-token-rejected":
      return keyRejected(error);
    case "project-rejected":
      return keyRejected(error, "The Gemini API is not enabled for the project of the API key");
    case "account-unusable":
      return ABOUT_SIGN_IN.has(error.detail.accountProblem) ? keyRejected(error) : error;
    default:
      return error;
  }
}

const ABOUT_SIGN_IN: ReadonlySet<FailureDetail["accountProblem"]> = new Set(["needs-login", "no-project"]);

function keyRejected(error: GatewayError, message = "Google does not accept the API key"): GatewayError {
  const { upstreamStatus, upstreamReason } = error.detail;
  return new GatewayError(
    "account-unusable",
    message,
    {
      accountProblem: "key-rejected",
      ...(upstreamStatus !== undefined && { upstreamStatus }),
      ...(upstreamReason !== undefined && { upstreamReason }),
    },
    { cause: error },
  );
}

/** Of these refusals the service gives no reason but in words. */
function blamesKey({ message }: GoogleError): boolean {
  return /\bapi key\b.*\b(?:leaked|blocked|expired|revoked|disabled)\b|project has been denied access|unregistered callers/i.test(
    message,
  );
}

/**
 * How long a used-up quota lasts where the answer does not tell: beside a daily quota stands the delay of the one for a
 * minute, and trying again after it fails again until the day is over.
 */
function unspokenRestMs({ quotaIds, message }: GoogleError, now: number): number | undefined {
  if (/\blimit: 0\b/.test(message)) return NOTHING_GRANTED_MS;
  return quotaIds.some((id) => /PerDay/i.test(id)) ? dayEndsInMs(now) : undefined;
}
