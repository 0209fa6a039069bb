import type { JsonObject } from "../../../src/lib/json.ts";
import { errorInfo, googleError } from "../cloudcode/refusal.ts";
import { plainReply } from "../cloudcode/reply.ts";
import type { Answer } from "../cloudcode/turn.ts";

export interface KeyFailureOptions {
  /** RetryInfo's delay, as on the wire: "26s". Replaces the failure's own. */
  retryDelay?: string;
}

interface Failure {
  status: number;
  body: JsonObject;
}

const SERVICE = { service: "generativelanguage.googleapis.com" };
const about = (reason: string): JsonObject => errorInfo(reason, SERVICE, "googleapis.com");
const google = (status: number, message: string, details?: JsonObject[], name?: string): Failure => ({
  status,
  body: googleError(status, message, details, name),
});

const EXCEEDED =
  "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.";

function quotaFailure(quotaId: string, model: string, delay: string, message = EXCEEDED): Failure {
  const metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
  return google(429, message, [
    {
      "@type": "type.googleapis.com/google.rpc.QuotaFailure",
      violations: [{ quotaMetric: metric, quotaId, quotaDimensions: { location: "global", model }, quotaValue: "10" }],
    },
    {
      "@type": "type.googleapis.com/google.rpc.Help",
      links: [
        { description: "Learn more about Gemini API quotas", url: "https://ai.google.dev/gemini-api/docs/rate-limits" },
      ],
    },
    { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: delay },
  ]);
}

const NAMED = {
  "key-invalid": () => google(400, "API key not valid. Please pass a valid API key.", [about("API_KEY_INVALID")]),
  "key-expired": () => google(400, "API key expired. Please renew the API key.", [about("API_KEY_INVALID")]),
  "key-leaked": () => google(403, "Your API key was reported as leaked. Please use another API key."),
  "key-restricted": () =>
    google(403, "Requests to this API generativelanguage.googleapis.com method are blocked.", [
      about("API_KEY_SERVICE_BLOCKED"),
    ]),
  "key-suspended": () =>
    google(403, "Permission denied: Consumer 'api_key:AIza-test-key' has been suspended.", [
      about("CONSUMER_SUSPENDED"),
    ]),
  "project-denied": () => google(403, "Your project has been denied access. Please contact support."),
  "service-disabled": () =>
    google(403, "Generative Language API has not been used in project 123 before or it is disabled.", [
      about("SERVICE_DISABLED"),
    ]),
  unauthenticated: () =>
    google(401, "Request had invalid authentication credentials.", [about("ACCESS_TOKEN_TYPE_UNSUPPORTED")]),
  "permission-denied": () => google(403, "The caller does not have permission"),
  "rate-per-minute": (model, delay) =>
    quotaFailure("GenerateContentInputTokensPerModelPerMinute-FreeTier", model, delay ?? "26s"),
  "quota-per-day": (model, delay) =>
    quotaFailure("GenerateRequestsPerDayPerProjectPerModel-FreeTier", model, delay ?? "37s"),
  "quota-zero": (model, delay) =>
    quotaFailure(
      "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
      model,
      delay ?? "11.665902715s",
      `${EXCEEDED} \n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0, model: ${model}\nPlease retry in 11.665902715s.`,
    ),
  "exhausted-generic": () => google(429, "Resource has been exhausted (e.g. check quota)."),
  overloaded: () => google(503, "The model is overloaded. Please try again later."),
  internal: () => google(500, "An internal error has occurred."),
  location: () => google(400, "User location is not supported for the API use.", undefined, "FAILED_PRECONDITION"),
  "model-missing": (model) => google(404, `models/${model} is not found for API version v1beta.`),
  "prompt-too-long": () =>
    google(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
  "missing-signature": () => google(400, "Function call is missing a thought_signature in functionCall parts."),
  "thinking-level": () => google(400, "Thinking level is not supported for this model."),
} as const satisfies Record<string, (model: string, delay: string | undefined) => Failure>;

export type KeyFailureName = keyof typeof NAMED;
export const KEY_FAILURE_NAMES = Object.keys(NAMED) as KeyFailureName[];

/** One of the official API's error answers, by name. */
export function keyFailure(name: KeyFailureName, options: KeyFailureOptions = {}): Answer {
  return ({ model }) => {
    const make: (model: string, delay: string | undefined) => Failure = NAMED[name];
    const { status, body } = make(model.id, options.retryDelay);
    return plainReply(status, JSON.stringify(body), { "content-type": "application/json; charset=UTF-8" });
  };
}
