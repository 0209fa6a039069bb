import type { FailureDetail, FailureKind, Repair } from "../core/errors.ts";
import { ownerUrl, type GoogleError } from "./google-error.ts";
import { ownWords, shown } from "./own-words.ts";
import type { StatedDelay } from "./retry-delay.ts";

export interface Signal {
  status: number;
  error: GoogleError;
  bodyText: string;
  /** What is said about when to try again. */
  delay: StatedDelay | undefined;
}

interface Verdict {
  kind: FailureKind;
  message: string;
  detail?: FailureDetail;
}

interface Rule {
  /** `prose`: the message less what it quotes, in lower case. */
  when(signal: Signal, prose: string): boolean;
  verdict(signal: Signal): Verdict;
}

/** What an upstream failure means. */
export function verdictOn(signal: Signal): Verdict {
  const prose = ownWords(signal.error.message).toLowerCase();
  const rule = RULES.find((candidate) => candidate.when(signal, prose));
  return rule?.verdict(signal) ?? fallback(signal);
}

/** A limit that lasts this long is a used-up window, whatever its name. */
const WINDOW_MS = 5 * 60_000;
/** A plain 403 often ends by itself (rollouts), but not soon. */
const DENIED_MODEL_MS = 30 * 60_000;

// The first rule that fits decides. Reasons come before statuses, statuses before prose.
const RULES: readonly Rule[] = [
  onReason(["VALIDATION_REQUIRED"], needsVerification),
  onReason(
    ["ACCOUNT_DISABLED", "USER_DISABLED", "ACCOUNT_SUSPENDED", "CONSUMER_SUSPENDED", "TOS_VIOLATION"],
    termsBlock,
  ),
  { when: ({ error }) => error.reason.startsWith("API_KEY_"), verdict: keyRejected },
  onReason(["SECURITY_POLICY_VIOLATED"], () => ({
    kind: "region-blocked",
    message: "A security policy of the account's organisation blocks this request",
  })),
  onReason(["INSUFFICIENT_G1_CREDITS_BALANCE", "QUOTA_EXHAUSTED"], quotaExhausted),
  onReason(["MODEL_CAPACITY_EXHAUSTED"], overloaded),
  { when: ({ status, error }) => status === 429 && error.quotaIds.some(isPerDay), verdict: quotaExhausted },
  onReason(["RATE_LIMIT_EXCEEDED"], limited),
  onReason(["SERVICE_DISABLED", "CONSUMER_INVALID", "IAM_PERMISSION_DENIED"], projectRejected),
  onReason(["ACCESS_TOKEN_SCOPE_INSUFFICIENT"], needsLogin),
  onReason(["ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING", "ACCESS_TOKEN_TYPE_UNSUPPORTED"], accessTokenRejected),

  onStatus([401], accessTokenRejected),

  onProse([400, 403, 404], isVersionGate, () => ({
    kind: "version-refused",
    message:
      "Upstream no longer accepts this client version; set cloudcode.clientVersion in the configuration to a current Antigravity version",
  })),
  onOpening([400, 403, 404], /^(?:invalid project resource name|resource '?projects\/)/i, projectRejected),
  onProse([400, 403], isLocation, () => ({
    kind: "region-blocked",
    message: "Upstream does not serve the location of this gateway or account",
  })),

  onProse([400], isTooLong, ({ error }) => ({
    kind: "context-too-long",
    message: tooLongMessage(ownWords(error.message)),
  })),
  onProse([400], (text) => /request payload size exceeds/.test(text), tooLarge),
  onProse([400], isBrokenThinking, repairable("drop-thinking")),
  onProse([400], isThinkingUnsupported, repairable("thinking-config-off")),
  onOpening(
    [400],
    /^invalid json payload received\. unknown name "thinking_?config"/i,
    repairable("thinking-config-off"),
  ),
  onProse([400], isThinkingForm, repairable("thinking-other-form")),
  onStatus([400], repairable(undefined)),

  onProse(
    [403],
    (text) => /verify your (account|identity)|verification required|further action is required/.test(text),
    needsVerification,
  ),
  onProse([403], isTermsBlock, termsBlock),
  onOpening([403], /^permission '?cloudaicompanion/i, projectRejected),
  onProse(
    [403],
    (text) =>
      /has not been used in project|it is disabled|cloudaicompanion|serviceusage|caller does not have required permission to use project/.test(
        text,
      ),
    projectRejected,
  ),
  onProse([403], (text) => /insufficient authentication scopes/.test(text), needsLogin),
  onStatus([403], () => ({
    kind: "access-denied",
    message: "Upstream denies this account access to the model",
    detail: { retryAfterMs: DENIED_MODEL_MS },
  })),

  {
    when: ({ status: actual, error }) => actual === 404 && error.structured,
    verdict: () => ({ kind: "model-missing", message: "Upstream does not offer this model to the account" }),
  },
  onStatus([413], tooLarge),

  onProse([429], (text) => /limit: 0\b/.test(text), quotaExhausted),
  { when: ({ status, error }) => status === 429 && error.quotaIds.some(isPerMinute), verdict: limited },
  onProse([429, 503], (text) => /no capacity|\boverloaded\b/.test(text), overloaded),
  onProse([429], (text) => /per minute|rate limit|too many requests/.test(text), limited),
  onProse(
    [429],
    (text) => /exhausted your capacity|quota will reset|exceeded your (current )?quota/.test(text),
    quotaExhausted,
  ),
  onStatus([429], limited),

  onStatus([503, 529], overloaded),
];

function onReason(names: readonly string[], verdict: Rule["verdict"]): Rule {
  return { when: ({ error }) => names.includes(error.reason), verdict };
}

function onStatus(statuses: readonly number[], verdict: Rule["verdict"]): Rule {
  return { when: (signal) => statuses.includes(signal.status), verdict };
}

function onProse(statuses: readonly number[], fits: (text: string) => boolean, verdict: Rule["verdict"]): Rule {
  return { when: (signal, text) => statuses.includes(signal.status) && fits(text), verdict };
}

/** For what a message begins with: there upstream has quoted nothing yet but what the pattern names. */
function onOpening(statuses: readonly number[], opening: RegExp, verdict: Rule["verdict"]): Rule {
  return { when: ({ status, error }) => statuses.includes(status) && opening.test(error.message), verdict };
}

/** 4xx that are not about the request. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([404, 408, 409, 425]);

function fallback({ status: actual, error }: Signal): Verdict {
  if (actual === 499) return { kind: "unavailable", message: "Upstream cancelled the request" };
  const isClientFault = actual >= 400 && actual < 500 && !PASSING_STATUSES.has(actual);
  if (isClientFault && error.structured) return { kind: "invalid-request", message: shown(error.message) };
  return { kind: "unavailable", message: `Upstream failed with status ${actual}` };
}

function needsVerification({ error, bodyText }: Signal): Verdict {
  const url = ownerUrl(error, bodyText);
  return {
    kind: "account-unusable",
    message: "Google asks the account's owner to verify the account",
    detail: { accountProblem: "needs-verification", ...(url !== undefined && { ownerUrl: url }) },
  };
}

function termsBlock({ error, bodyText }: Signal): Verdict {
  const url = ownerUrl(error, bodyText);
  return {
    kind: "account-unusable",
    message: "Google has disabled this account's access",
    detail: { accountProblem: "terms-block", ...(url !== undefined && { ownerUrl: url }) },
  };
}

function needsLogin(): Verdict {
  return {
    kind: "account-unusable",
    message: "The account's sign-in lacks a permission; its owner must sign in again",
    detail: { accountProblem: "needs-login" },
  };
}

/** Invalid, expired, or not for this service, address or application. */
function keyRejected(): Verdict {
  return {
    kind: "account-unusable",
    message: "Google does not accept the API key",
    detail: { accountProblem: "key-rejected" },
  };
}

function accessTokenRejected(): Verdict {
  return { kind: "access-token-rejected", message: "Upstream rejected the account's access token" };
}

function projectRejected(): Verdict {
  return { kind: "project-rejected", message: "Upstream does not accept the account's project" };
}

function tooLarge(): Verdict {
  return { kind: "payload-too-large", message: "The request is larger than upstream accepts" };
}

function overloaded(): Verdict {
  return { kind: "overloaded", message: "Upstream has no capacity for this model at the moment" };
}

function quotaExhausted(): Verdict {
  return { kind: "quota-exhausted", message: "The account's quota for this model is used up" };
}

function limited({ delay }: Signal): Verdict {
  if (delay !== undefined && delay.ms >= WINDOW_MS) return quotaExhausted();
  return { kind: "rate-limited", message: "Upstream limits the account's rate on this model" };
}

function repairable(repair: Repair | undefined): Rule["verdict"] {
  return ({ error }) => ({
    kind: "invalid-request",
    message: shown(error.message),
    ...(repair !== undefined && { detail: { repair } }),
  });
}

function isVersionGate(text: string): boolean {
  return (
    /antigravity|\bclient\b/.test(text) &&
    /version|update|upgrade/.test(text) &&
    /no longer supported|unsupported|not supported|please (update|upgrade)|too old|outdated/.test(text)
  );
}

function isLocation(text: string): boolean {
  return /(location|region|country) is not (currently )?supported|not (currently )?available in your (location|region|country)/.test(
    text,
  );
}

function isTooLong(text: string): boolean {
  return (
    /prompt is too long|input is too long|input token count|context_length_exceeded|exceeds? (the )?context (limit|window)/.test(
      text,
    ) ||
    (text.includes("exceeds the maximum") && text.includes("token"))
  );
}

// A block lasts until the owner acts, so what an organisation, a bill or a project has switched off must not look like one.
function isTermsBlock(text: string): boolean {
  if (/violat\w*\b[^]*\bterms\b/.test(text)) return true;
  if (!/\b(disabled|suspended|terminated|banned|deactivated)\b/.test(text)) return false;
  if (/organi[sz]ation|administrator|\bbilling\b|\bproject\b/.test(text)) return false;
  return /\baccount\b|\bterms\b|\baccess\b[^]*\bpolic/.test(text);
}

function isPerDay(quotaId: string): boolean {
  return /PerDay/i.test(quotaId);
}

function isPerMinute(quotaId: string): boolean {
  return /PerMinute/i.test(quotaId);
}

function isThinkingUnsupported(text: string): boolean {
  return /(does not|doesn't) support thinking\b(?! (level|budget))|thinking(_?config| mode)? is not (supported|enabled|available)/.test(
    text,
  );
}

function isThinkingForm(text: string): boolean {
  return /thinking[\s_-]?(level|budget)|budget_tokens|\bbudget -?\d+ is invalid/.test(text);
}

// What Cloud Code, Gemini and Claude say about thinking blocks or signatures that do not fit the history.
const BROKEN_THINKING = [
  /invalid `?signature/,
  /thinking\.(signature|thinking): field required/,
  /thinking\.cache_control: extra inputs/,
  /corrupted thought signature/,
  /thought_?signature/,
  /failed to deseriali[sz]e/,
  /must be `thinking`/,
  /found `text`.*thinking|thinking.*found `text`/,
  /expected (a )?`?thinking/,
  /must start with.*thinking/,
  /prec[e]{1,2}ding.*thinking|thinking.*prec[e]{1,2}ding/,
  /thinking is disabled.*cannot contain/,
];

function isBrokenThinking(text: string): boolean {
  return BROKEN_THINKING.some((pattern) => pattern.test(text));
}

/** Clients compact their history when they read these words, with the two numbers where upstream gives them. */
function tooLongMessage(message: string): string {
  const already = /prompt is too long[^"]*/i.exec(message)?.[0];
  if (already !== undefined) return shown(already);
  const counts = /input token count \(?(\d+)\)? exceeds the maximum[^\d]*\(?(\d+)/i.exec(message);
  return counts
    ? `prompt is too long: ${counts[1]} tokens > ${counts[2]} maximum`
    : `prompt is too long: ${shown(message)}`;
}
