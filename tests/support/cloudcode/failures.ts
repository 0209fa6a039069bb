import type { JsonObject } from "../../../src/lib/json.ts";
import { plainReply } from "./reply.ts";
import { errorInfo, googleError, nestedAnthropicError } from "./refusal.ts";
import type { Answer } from "./turn.ts";

export interface FailureOptions {
  /** RetryInfo's delay, as on the wire: "0.479s", "900ms". Replaces the failure's own. */
  retryDelay?: string;
  headers?: Record<string, string>;
}

interface Failure {
  status: number;
  body: JsonObject | string;
  contentType?: string;
}

type FailureMaker = (model: string, retryDelay: string | undefined) => Failure;

const JSON_TYPE = "application/json; charset=UTF-8";
const VALIDATION_URL = "https://accounts.google.com/signin/continue?sarp=1&continue=https%3A%2F%2Fexample.test";

function retryInfo(delay: string): JsonObject {
  return { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: delay };
}

function google(status: number, message: string, details?: JsonObject[], statusName?: string): Failure {
  return { status, body: googleError(status, message, details, statusName) };
}

function rateLimit(model: string, delay: string | undefined): Failure {
  const details = [errorInfo("RATE_LIMIT_EXCEEDED", { model })];
  if (delay !== undefined) details.push(retryInfo(delay));
  return google(429, "You have exceeded the request rate of this model.", details);
}

function quota(model: string, shown: string, delay: string, retry: string): Failure {
  const metadata = { model, uiMessage: "true", quotaResetDelay: delay };
  return google(429, `You have exhausted your capacity on this model. Your quota will reset after ${shown}.`, [
    errorInfo("QUOTA_EXHAUSTED", metadata),
    retryInfo(retry),
  ]);
}

function capacity(status: 429 | 503, model: string, delay: string): Failure {
  return google(status, `No capacity available for model ${model} on the server`, [
    errorInfo("MODEL_CAPACITY_EXHAUSTED", { model }),
    retryInfo(delay),
  ]);
}

const NAMED = {
  // 429
  "rate-limit-short": (model, delay) => rateLimit(model, delay ?? "0.479s"),
  "rate-limit-long": (model, delay) => rateLimit(model, delay ?? "45s"),
  "rate-limit-no-delay": (model) => rateLimit(model, undefined),
  "quota-exhausted": (model, delay) => quota(model, "2h21m25s", "2h21m25.831s", delay ?? "8485.831s"),
  "quota-reset-zero": (model, delay) => quota(model, "0s", "539.477544ms", delay ?? "0.539477544s"),
  "capacity-429": (model, delay) => capacity(429, model, delay ?? "9s"),
  "exhausted-generic": () => google(429, "Resource has been exhausted (e.g. check quota)."),
  "exhausted-array": () => ({
    status: 429,
    body: JSON.stringify([googleError(429, "Resource has been exhausted (e.g. check quota).")]),
  }),
  "credits-exhausted": () => google(429, "Insufficient credits.", [errorInfo("INSUFFICIENT_G1_CREDITS_BALANCE")]),
  "tier-without-access": () => google(429, "Quota exceeded for metric: generate_requests, limit: 0"),
  // 5xx
  "capacity-503": (model, delay) => capacity(503, model, delay ?? "9s"),
  internal: () => google(500, "Internal error encountered."),
  "bad-gateway-html": () => ({
    status: 502,
    body: "<html><head><title>502 Server Error</title></head><body><h1>Error: Server Error</h1></body></html>",
    contentType: "text/html; charset=UTF-8",
  }),
  unavailable: () => google(503, "The service is currently unavailable."),
  "unavailable-empty": () => ({ status: 503, body: "" }),
  "deadline-exceeded": () => google(504, "Deadline expired before operation could complete."),
  cancelled: () => google(499, "The operation was cancelled."),
  // accounts
  unauthenticated: () =>
    google(401, "Request had invalid authentication credentials.", [
      errorInfo("ACCESS_TOKEN_EXPIRED", {}, "googleapis.com"),
    ]),
  "validation-required": () =>
    google(403, "Verify your account to continue.", [
      errorInfo("VALIDATION_REQUIRED", { validation_url: VALIDATION_URL }),
      {
        "@type": "type.googleapis.com/google.rpc.Help",
        links: [
          { description: "Learn more", url: "https://support.google.com/accounts?p=al_alert" },
          { description: "Complete validation", url: VALIDATION_URL },
        ],
      },
    ]),
  "validation-in-text": () =>
    google(403, `Further action is required. Please verify your account at ${VALIDATION_URL}`),
  terms: () =>
    google(403, "This service has been disabled in this account for violation of Terms of Service.", [
      errorInfo("ACCOUNT_DISABLED", { appeal_url: "https://support.google.com/accounts/contact/appeal" }),
    ]),
  "service-disabled": () =>
    google(403, "Cloud Code Private API has not been used in project 123 before or it is disabled.", [
      errorInfo("SERVICE_DISABLED", { service: "cloudcode-pa.googleapis.com" }, "googleapis.com"),
    ]),
  "permission-denied": () => google(403, "The caller does not have permission"),
  "scope-insufficient": () =>
    google(403, "Request had insufficient authentication scopes.", [
      errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", {}, "googleapis.com"),
    ]),
  "security-policy": () =>
    google(403, "Request is prohibited by organization's policy.", [errorInfo("SECURITY_POLICY_VIOLATED")]),
  location: () => google(400, "User location is not supported for the API use.", undefined, "FAILED_PRECONDITION"),
  // requests
  "model-not-found": () => google(404, "Requested entity was not found."),
  "project-invalid": () => google(400, "Invalid project resource name projects/"),
  "project-not-found": () => google(404, "Resource projects/some-project not found."),
  "version-gate": () =>
    google(400, "This version of Antigravity is no longer supported. Please update to receive the latest features."),
  "invalid-argument": () => google(400, "Request contains an invalid argument."),
  "invalid-signature": () => ({
    status: 400,
    body: nestedAnthropicError("messages.1.content.0: Invalid `signature` in `thinking` block"),
  }),
  "expected-thinking": () => ({
    status: 400,
    body: nestedAnthropicError(
      "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
    ),
  }),
  "missing-signature": () => google(400, "Function call is missing a thought_signature in functionCall parts."),
  "corrupted-signature": () => google(400, "Corrupted thought signature."),
  "thinking-level": (model) => google(400, `Thinking level is not supported for this model: ${model}.`),
  "thinking-budget": () =>
    google(400, "The thinking_budget is out of range; supported values are integers from 1 to 24576."),
  "prompt-too-long": () => ({
    status: 400,
    body: nestedAnthropicError("prompt is too long: 215003 tokens > 200000 maximum"),
  }),
  "prompt-too-long-gemini": () =>
    google(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
  "text-that-mentions-500": () => google(400, "Invalid value 500 at 'request.generation_config' (quota 429)."),
  // bodies that need tolerance
  "nested-in-message": (model) => ({
    status: 429,
    body: googleError(429, `\u00a0${JSON.stringify(quota(model, "1m3s", "1m3s", "63s").body)}\n`),
  }),
  "blank-in-keys": (model) => ({
    status: 429,
    body: JSON.stringify(rateLimit(model, "45s").body).replaceAll('"@type"', '"@type "'),
  }),
} as const satisfies Record<string, FailureMaker>;

export type FailureName = keyof typeof NAMED;

export const FAILURE_NAMES: readonly string[] = Object.keys(NAMED);

/** One of the service's error answers, by name. */
export function failure(name: FailureName, options: FailureOptions = {}): Answer {
  return ({ model }) => {
    const make: FailureMaker = NAMED[name];
    const made = make(model.id, options.retryDelay);
    const body = typeof made.body === "string" ? made.body : JSON.stringify(made.body);
    return plainReply(made.status, body, { "content-type": made.contentType ?? JSON_TYPE, ...options.headers });
  };
}

/** Any other HTTP answer. */
export function httpAnswer(status: number, body: JsonObject | string, headers: Record<string, string> = {}): Answer {
  const written = typeof body === "string" ? body : JSON.stringify(body);
  return () => plainReply(status, written, { "content-type": JSON_TYPE, ...headers });
}
