import type { RequestRecord } from "../core/record.ts";
import type { AttemptRecord, ChoiceRecord, Considered } from "../core/trace.ts";
import { durationText } from "../lib/duration-text.ts";
import { spentText } from "../lib/spent-text.ts";
import { countText, evidenceText, failureText, listText, reasonText, timesText, waitText } from "./words.ts";

/** Failed attempts that are told in one clause. */
const SHOWN_FAILURES = 2;
/** Shorter waits are no part of the sentence. */
const SHORTEST_TOLD_MS = 1_000;

/** What went wrong and what was waited for, as clauses after "after"; none where all went straight. */
export function hardships(record: RequestRecord): string[] {
  return [...failureClauses(record.attempts), ...waitClause(record)];
}

/** ", after a1 was limited and 12 s of waiting" */
export function afterText(clauses: readonly string[]): string {
  return clauses.length === 0 ? "" : `, after ${listText(clauses)}`;
}

/** One clause for all failures that were alike: "a1 and a2 were limited (429 RATE_LIMIT_EXCEEDED, free again in 34 s)". */
export function failureClauses(attempts: readonly AttemptRecord[]): string[] {
  const failed = attempts.filter(({ outcome }) => outcome !== "ok" && outcome !== "cancelled");
  const groups = [...Map.groupBy(failed, likeness).values()];
  const told = groups.slice(0, SHOWN_FAILURES);
  const untold = groups.slice(SHOWN_FAILURES).reduce((sum, group) => sum + group.length, 0);
  return [...told.map(groupText), ...(untold > 0 ? [`${countText(untold, "more failed attempt")}`] : [])];
}

function likeness({ outcome, accountProblem, upstreamStatus, upstreamReason, firstEventMs }: AttemptRecord): string {
  const hadBegun = outcome === "deadline" && firstEventMs !== undefined;
  return [outcome, accountProblem, upstreamStatus, upstreamReason, hadBegun].join(" ");
}

function groupText(group: readonly AttemptRecord[]): string {
  const [first] = group;
  if (first === undefined) return "";
  const handles = [...new Set(group.map(({ accountHandle }) => accountHandle))];
  const rests = group.flatMap(({ retryAfterMs }) => (retryAfterMs === undefined ? [] : [retryAfterMs]));
  const details = [
    evidenceText(first),
    ...(rests.length > 0 ? [againText(first, Math.min(...rests))] : []),
    group.length > handles.length ? timesText(group.length) : "",
  ].filter((detail) => detail !== "");
  const what = failureText(first, handles);
  return details.length === 0 ? what : `${what} (${details.join(", ")})`;
}

/** "free again in 34 s": when upstream wanted to be asked again. */
export function againText({ outcome }: Pick<AttemptRecord, "outcome">, ms: number): string {
  const isLimit = outcome === "rate-limited" || outcome === "quota-exhausted";
  return `${isLimit ? "free again" : "to be asked again"} in ${durationText(ms)}`;
}

/** The waits that took their time, together: "12 s of waiting for a free slot". */
export function waitClause({ waits, waitedMs }: Pick<RequestRecord, "waits" | "waitedMs">): string[] {
  if (waitedMs < SHORTEST_TOLD_MS) return [];
  const reasons = [...new Set(waits.filter(({ ms }) => ms >= SHORTEST_TOLD_MS).map(waitText))];
  return [
    `${spentText(waitedMs)} of waiting${reasons.length === 0 || reasons.length > 2 ? "" : ` ${listText(reasons)}`}`,
  ];
}

/** The accounts that were asked, or were about to be, in order. */
export function handlesOf(attempts: readonly AttemptRecord[]): string[] {
  return [...new Set(attempts.map(({ accountHandle }) => accountHandle))];
}

/** "a1 (disabled), a2 and a3 (busy: …)": those with the same reason together. */
export function accountsText(accounts: readonly Considered[], lookedAt: number): string {
  const groups = Map.groupBy(accounts, (account) => reasonText(account, lookedAt));
  return [...groups]
    .map(([reason, members]) => `${listText(members.map(({ handle }) => handle))} (${reason})`)
    .join(", ");
}

/** Of accounts that were found "limited": it was not a limit that kept them, but other requests. */
export function isLineFull(accounts: readonly Considered[]): boolean {
  return accounts.some(({ reason }) => reason === "full") && accounts.every(({ rest }) => rest === undefined);
}

/** The account that rests, where a conversation that has one found it limited while others were there. */
export function limitedOwn({ choices }: RequestRecord): { choice: ChoiceRecord; account: Considered } | undefined {
  for (const choice of choices.toReversed()) {
    if (choice.result !== "limited" || !choice.accounts.some(({ reason }) => reason === "not-own")) continue;
    const account = choice.accounts.find(({ reason }) => reason === "resting" || reason === "reserved");
    if (account) return { choice, account };
  }
  return undefined;
}
