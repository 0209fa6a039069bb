import type { JsonObject } from "../lib/json.ts";

/**
 * What went wrong, as a closed set. Protocols map kinds to their own status and shape; the retry rule and the
 * account pool decide by kind; nobody reads messages.
 */
export type FailureKind =
  | "invalid-request" // the client's request cannot be served as it stands
  | "context-too-long" // the prompt exceeds the model's window: clients compact on this one
  | "payload-too-large" // the body exceeds the gateway's limit
  | "unknown-model"
  | "unknown-route" // 404: no such path here
  | "not-found" // 404: what the client refers to by id is not kept here (any more)
  | "unauthorized" // no or wrong gateway key
  | "forbidden" // the gateway's own refusal (key scope, host, origin)
  | "key-limited" // a limit of the client's own key: requests per minute, requests at the same time
  | "busy" // the gateway itself serves as many requests as it may
  | "rate-limited" // a short limit of one account on one model
  | "quota-exhausted" // a used-up window of one account on one model
  | "overloaded" // upstream has no capacity; no account is to blame
  | "unavailable" // upstream broken: 5xx, network, cut or empty answers
  | "version-refused" // upstream wants a newer client than we say we are; trying again cannot help
  | "malformed-answer" // the model produced an answer that cannot be delivered (MALFORMED_FUNCTION_CALL)
  | "model-missing" // this account or host lacks the model
  | "access-denied" // this account is refused the model, without a reason that its owner could act on
  | "access-token-rejected" // upstream 401: the access token must be renewed
  | "project-rejected" // upstream does not know the project: rediscover it
  | "account-unusable" // this account cannot serve until its owner acts; see detail.accountProblem
  | "no-account" // no usable account is left for this request
  | "region-blocked" // location or security policy: no account will do better
  | "deadline" // the request's own time ran out
  | "cancelled" // the client went away
  | "internal"; // a defect of ours

/** The kinds that say something about one account on one model. The others cool nobody. */
export type CoolingKind = Extract<
  FailureKind,
  "rate-limited" | "quota-exhausted" | "model-missing" | "access-denied" | "access-token-rejected" | "project-rejected"
>;

/** Why an account needs its owner. */
export type AccountProblem = "needs-login" | "needs-verification" | "terms-block" | "no-project" | "key-rejected";

/** A change to the upstream body that may cure a refusal; each is tried at most once per request. */
export type Repair = "drop-thinking" | "thinking-other-form" | "thinking-config-off";

export interface FailureDetail {
  /** Time until trying again may help, as stated by upstream. */
  retryAfterMs?: number;
  /** Where it was stated: "RetryInfo", "quotaResetDelay", "retry-after header", …, for the record. */
  retryAfterSource?: string;
  /** Upstream's HTTP status, for the record. */
  upstreamStatus?: number;
  /** Upstream's machine-readable reason (google.rpc.ErrorInfo.reason), for the record. */
  upstreamReason?: string;
  accountProblem?: AccountProblem;
  /** A link the account's owner must open. Only https Google hosts. Not part of `message`. */
  ownerUrl?: string;
  repair?: Repair;
  /** The request field at fault, in the client's spelling: "messages[2].content[0].source". */
  field?: string;
  /** Typed extras that one protocol puts beside the message, e.g. Anthropic's `error.details`. */
  extra?: JsonObject;
  /** Handle of the client's key that was refused, for the record. */
  key?: string;
  /** For no-account: what the owner has not set up yet. The message says so too. */
  missing?: "account" | "oauth-client";
  /** For unknown-model: the nearest names that would work. Not part of `message`. */
  nearest?: readonly string[];
  /** For a failed sign-in: what its owner can do next, as one sentence without a full stop. Not part of `message`. */
  remedy?: string;
}

/** `message` may be shown to a stranger: no tokens, e-mails, headers or bodies. What must stay private goes to `cause`. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly kind: FailureKind;
  readonly detail: FailureDetail;

  constructor(kind: FailureKind, message: string, detail: FailureDetail = {}, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.detail = detail;
  }
}

/** The message, and what the details have for its reader: the names that would work, the link that helps. */
export function fullMessage({ message, detail }: GatewayError): string {
  const { nearest = [], ownerUrl, remedy } = detail;
  const sentences: string[] = [];
  if (nearest.length > 0) sentences.push(`The nearest ${nearest.length === 1 ? "is" : "are"} ${nearest.join(", ")}`);
  if (ownerUrl !== undefined) sentences.push(`The account's owner must open ${ownerUrl}`);
  if (remedy !== undefined) sentences.push(remedy);
  return sentences.length === 0 ? message : [message.replace(/\.$/, ""), ...sentences].join(". ");
}

/** What there is to show for a failure, safe to be kept: "429 QUOTA_EXHAUSTED, quotaResetDelay"; without any, its kind. */
export function evidenceOf({ kind, detail }: GatewayError): string {
  const { upstreamStatus, upstreamReason, retryAfterSource } = detail;
  const said = [upstreamStatus, upstreamReason].filter((piece) => piece !== undefined).join(" ") || kind;
  return retryAfterSource === undefined ? said : `${said}, ${retryAfterSource}`;
}

/** Wraps what is not already a GatewayError as `internal`, keeping the original as `cause` only. */
export function asGatewayError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError("internal", "The gateway failed to process this request", {}, { cause });
}
