import type { FailureKind } from "../core/errors.ts";
import type { RequestRecord } from "../core/record.ts";
import type { ChoiceRecord, Reason } from "../core/trace.ts";
import { durationText } from "../lib/duration-text.ts";
import { spentText } from "../lib/spent-text.ts";
import { accountsText, afterText, failureClauses, handlesOf, waitClause } from "./history.ts";
import { countText, evidenceText, failureText, listText, nameText } from "./words.ts";

/** What says best why a request failed. `usual` is said where a record holds nothing better. */
interface Failure {
  /** Somebody said no; else something did not work. */
  verb: "Refused" | "Failed";
  /** What the record's accounts and attempts tell, where they tell more than the message that the client was given. */
  cause?(record: RequestRecord): string | undefined;
  usual: string;
}

const FAILURES: Readonly<Record<Exclude<FailureKind, "cancelled">, Failure>> = {
  "invalid-request": {
    verb: "Refused",
    cause: byUpstream("upstream found the request invalid"),
    usual: "the request cannot be served as it stands",
  },
  "context-too-long": {
    verb: "Refused",
    cause: byUpstream("the prompt was too long for the model"),
    usual: "the prompt is too long for the model",
  },
  "payload-too-large": { verb: "Refused", usual: "the request is larger than server.maxBodyBytes allows" },
  "unknown-model": { verb: "Refused", usual: "no model goes by the name that was asked for" },
  "unknown-route": {
    verb: "Refused",
    cause: ({ route }) => `there is no ${nameText(route)} here`,
    usual: "no such path",
  },
  "not-found": { verb: "Refused", usual: "what it refers to is not kept here" },
  unauthorized: { verb: "Refused", usual: "it came without a key, or with a wrong one" },
  forbidden: { verb: "Refused", usual: "its key, its Host or its Origin does not allow this" },
  "key-limited": { verb: "Refused", usual: "its key had reached one of its limits" },
  busy: { verb: "Refused", cause: stopCause, usual: "the gateway was answering as many requests as it may" },
  "rate-limited": { verb: "Refused", cause: limitCause, usual: "the accounts were limited" },
  "quota-exhausted": { verb: "Refused", cause: limitCause, usual: "the accounts were out of quota" },
  overloaded: { verb: "Failed", usual: "the model had no capacity" },
  unavailable: { verb: "Failed", usual: "upstream did not work" },
  "version-refused": { verb: "Failed", usual: "upstream wants a newer client version" },
  "malformed-answer": { verb: "Failed", usual: "the model's answer could not be passed on" },
  "model-missing": { verb: "Refused", usual: "no account offers the model" },
  "access-denied": { verb: "Failed", usual: "upstream refused the account the model" },
  "access-token-rejected": { verb: "Failed", usual: "upstream refused the account's sign-in" },
  "project-rejected": { verb: "Failed", usual: "upstream refused the account's project" },
  "account-unusable": { verb: "Failed", cause: accountCause, usual: "the account cannot be used" },
  "no-account": { verb: "Refused", cause: nobodyCause, usual: "no account could serve it" },
  "region-blocked": { verb: "Failed", usual: "upstream does not serve this location" },
  deadline: { verb: "Failed", usual: "its time ran out" },
  internal: { verb: "Failed", usual: "a defect in ag" },
};

/** From here on the time it took is worth a word. */
const LONG_MS = 1_000;

/** What became of a request that failed, without a full stop. */
export function failedText(record: RequestRecord, kind: Exclude<FailureKind, "cancelled">): string {
  const { verb, cause, usual } = FAILURES[kind];
  const own = withoutFallbacks(record);
  const why = cause?.(own) ?? `${reasonClause(record.reason) ?? usual}${effortText(own)}`;
  return `${headText(record, isStopped(record) ? "Failed" : verb)}: ${why}${fallbacksText(record)}`;
}

/** The same without what was tried with fallbacks in vain: what is told is the failure of the model asked for. */
function withoutFallbacks(record: RequestRecord): RequestRecord {
  if (record.fallback || !triedFallback(record)) return record;
  const attempts = record.attempts.filter(({ model }) => model === undefined);
  // Of later looks it is not known which model they were for.
  const knownUntilMs = attempts.at(-1)?.atMs ?? -1;
  return { ...record, attempts, choices: record.choices.filter(({ atMs }) => atMs <= knownUntilMs) };
}

/** Whether its accounts and attempts may be about more than the model asked for. */
function triedFallback({ attempts, choices, waits }: RequestRecord): boolean {
  if (attempts.some(({ model, next }) => model !== undefined || next === "fallback")) return true;
  const [one, other] = choices.slice(-2);
  // Of looks that follow at once, the second can be for a fallback.
  return (
    other !== undefined &&
    one?.result === "limited" &&
    (other.result === "limited" || other.result === "refused") &&
    !waits.some(({ atMs }) => atMs >= one.atMs && atMs <= other.atMs)
  );
}

/** "; the fallback x failed too: a2 was limited (429)" */
function fallbacksText({ fallback, attempts }: RequestRecord): string {
  if (fallback) return "";
  const groups = Map.groupBy(attempts, ({ model }) => model);
  return [...groups]
    .flatMap(([model, tried]) => {
      const clauses = failureClauses(tried);
      return model === undefined || clauses.length === 0
        ? []
        : [`; the fallback ${model} failed too: ${listText(clauses)}`];
    })
    .join("");
}

function headText(record: RequestRecord, verb: string): string {
  const { status, totalMs, firstEventMs } = record;
  const took = spentText(totalMs);
  if (status === 0)
    return `${verb} after ${took}, ${isStopped(record) ? "without a reply" : "when the client had left"}`;
  if (status >= 400) return totalMs < LONG_MS ? `${verb} with ${status}` : `${verb} with ${status} after ${took}`;
  // The status was sent before the failure: with the first event, or with a sign of life to a client that waited.
  return firstEventMs === undefined
    ? `Failed after ${took}, in a reply that had begun with ${status}`
    : `The answer broke off after ${took}`;
}

/** Names that keep their capital within a sentence. */
const PROPER = /^(?:Google|Gemini|Claude|Cloud|Antigravity|Host|Origin)\b/;

/** The message that the client was given, as a clause. */
function reasonClause(reason: string | undefined): string | undefined {
  const text = reason?.trim().replace(/\.+$/, "");
  if (text === undefined || text === "") return undefined;
  const clause = text.replace(/[.!?]\s+(?=\p{Lu})/gu, "; ");
  return /^\p{Lu}\p{Ll}/u.test(clause) && !PROPER.test(clause) ? clause[0]?.toLowerCase() + clause.slice(1) : clause;
}

/** What was tried in vain: ", on a1 (503)", ", after 3 attempts on a1 and a2 (503 UNAVAILABLE)". */
function effortText(record: RequestRecord): string {
  const { attempts, reason = "" } = record;
  const last = attempts.at(-1);
  const tried = [
    ...(attempts.length > 1 ? [`${countText(attempts.length, "attempt")} on ${listText(handlesOf(attempts))}`] : []),
    ...waitClause(record),
  ];
  const on = attempts.length === 1 && last !== undefined ? `, on ${last.accountHandle}` : "";
  const evidence = last === undefined || last.outcome === "ok" ? "" : evidenceText(last);
  const shown = evidence === "" || reason.includes(evidence) ? "" : ` (${evidence})`;
  return `${on}${tried.length === 0 ? "" : `, after ${listText(tried)}`}${shown}`;
}

/** A request that had been let in is not ended for want of room. */
function isStopped({ outcome, choices, attempts }: RequestRecord): boolean {
  return outcome === "busy" && choices.length + attempts.length > 0;
}

function stopCause(record: RequestRecord): string | undefined {
  if (!isStopped(record)) return undefined;
  const { attempts } = record;
  const last = attempts.at(-1);
  const isCutOff = last?.outcome === "busy";
  const before = [...failureClauses(isCutOff ? attempts.slice(0, -1) : attempts), ...waitClause(record)];
  return `${isCutOff ? failureText(last, [last.accountHandle]) : "ag was stopped"}${afterText(before)}`;
}

/** A refusal of upstream's own. */
function byUpstream(clause: string) {
  return ({ attempts, outcome }: RequestRecord): string | undefined => {
    const last = attempts.at(-1);
    if (last?.outcome !== outcome || last.upstreamStatus === undefined) return undefined;
    return `${clause} (${evidenceText(last)} on ${last.accountHandle})`;
  };
}

function accountCause({ attempts }: RequestRecord): string | undefined {
  const last = attempts.at(-1);
  if (last?.outcome !== "account-unusable" || last.accountProblem === undefined) return undefined;
  const evidence = evidenceText(last);
  return `${failureText(last, [last.accountHandle])}${evidence === "" ? "" : ` (${evidence})`}`;
}

function nobodyCause({ at, choices }: RequestRecord): string | undefined {
  const last = choices.at(-1);
  if (last?.result !== "refused" || last.accounts.length === 0) return undefined;
  return `no account could serve it: ${accountsText(last.accounts, at + last.atMs)}`;
}

/** Limits that the last look at the accounts found, else those that the attempts met. */
function limitCause(record: RequestRecord): string | undefined {
  const { attempts, choices, outcome } = record;
  const waited = waitClause(record);
  const last = choices.at(-1);
  if (last?.result === "limited" && !last.accounts.some(({ reason }) => reason === "full")) {
    const found = foundLimits(record, last);
    const unlike = failureClauses(attempts.filter((attempt) => !LIMITS.has(attempt.outcome)));
    return found && `${found}${afterText([...unlike, ...waited])}`;
  }
  // The line for a slot was full: the message says so.
  if (last?.result === "limited" || last?.result === "wait" || attempts.at(-1)?.outcome !== outcome) return undefined;
  const asked = handlesOf(attempts);
  const others = limitsIn(last).filter(({ handle }) => !asked.includes(handle));
  const already = others.length === 0 ? [] : [`${wereText(others.map(({ handle }) => handle))} limited already`];
  return `${listText([...failureClauses(attempts), ...already])}${afterText(waited)}`;
}

const LIMITS: ReadonlySet<RequestRecord["outcome"]> = new Set(["rate-limited", "quota-exhausted"]);

/** The accounts that were found limited, the first to be free again first. */
function limitsIn(choice: ChoiceRecord | undefined) {
  return (choice?.accounts ?? [])
    .flatMap(({ handle, rest }) => (rest === undefined ? [] : [{ handle, rest }]))
    .toSorted((left, right) => left.rest.until - right.rest.until);
}

function wereText(handles: readonly string[]): string {
  return `${listText(handles)} ${handles.length === 1 ? "was" : "were"}`;
}

/** What no waiting ends. */
const LASTING: ReadonlySet<Reason> = new Set([
  "disabled",
  "needs-login",
  "needs-verification",
  "terms-block",
  "no-project",
  "key-rejected",
  "lane-unused",
  "lacks-model",
]);

/** "every usable account was limited on x; the first, a2, would be free 34 s later (429 RATE_LIMIT_EXCEEDED)" */
export function foundLimits(record: RequestRecord, choice: ChoiceRecord): string | undefined {
  const held = limitsIn(choice);
  const [first, ...others] = held;
  if (first === undefined) return undefined;
  const isEverybody =
    record.omitted?.accounts === undefined &&
    choice.accounts.every(({ reason, rest }) => rest !== undefined || LASTING.has(reason));
  const isAlone = others.length === 0;
  const everybody = isAlone ? `${first.handle}, the only account that could serve it, was` : "every usable account was";
  const who = isEverybody ? everybody : wereText(held.map(({ handle }) => handle));
  const model = record.fallback ? undefined : (record.served ?? record.model);
  const on = model === undefined ? "" : ` on ${nameText(model)}`;
  const next = isAlone ? "it" : `the first, ${first.handle},`;
  const free = durationText(first.rest.until - record.at - choice.atMs);
  return `${who} limited${on}; ${next} would be free ${free} later (${first.rest.evidence})`;
}
