import type { GatewayError } from "../core/errors.ts";
import type { AttemptRecord, ChoiceRecord, Considered, Trace, WaitSource } from "../core/trace.ts";
import type { TurnEvent, Usage } from "../core/turn.ts";

/** What a wait is for. See WaitRecord. */
export interface WaitReason {
  source: WaitSource;
  handle?: string;
  evidence?: string;
}

/** Being served at once may take a millisecond too. */
const SHORTEST_WAIT_MS = 5;

/** A wait that is over, if it was long enough to be one. Times in Unix ms. */
export function tellWait(trace: Trace, startedAt: number, endedAt: number, reason: WaitReason): void {
  const ms = endedAt - startedAt;
  if (ms < SHORTEST_WAIT_MS) return;
  trace.waits.push({ atMs: startedAt - trace.startedAt, ms, ...reason });
  keepShort(trace, "waits");
  trace.waitedMs += ms;
}

/** Of a pool with more accounts than this, a choice tells of those that say something that the others do not. */
const MOST_ACCOUNTS = 20;
const ALIKE_ACCOUNTS = 3;

/** What came of looking at the accounts. Time in Unix ms. */
export function tellChoice(
  trace: Trace,
  result: ChoiceRecord["result"],
  accounts: readonly Considered[],
  now: number,
): void {
  const told = accounts.length > MOST_ACCOUNTS ? someOfEachReason(accounts) : accounts;
  trace.choices.push({ atMs: now - trace.startedAt, result, accounts: told });
  keepShort(trace, "choices");
  if (told.length < accounts.length) omit(trace, "accounts", accounts.length - told.length);
}

/** Those that are free the soonest stand for the others that rest. */
function someOfEachReason(accounts: readonly Considered[]): Considered[] {
  const byReason = Map.groupBy(accounts, ({ reason }) => reason);
  const endOf = ({ rest }: Considered) => rest?.until ?? 0;
  return [...byReason.values()].flatMap((alike) =>
    alike.toSorted((a, b) => endOf(a) - endOf(b)).slice(0, ALIKE_ACCOUNTS),
  );
}

/**
 * The record of an attempt from its start on, for a stream's reply headers are written at its first batch: it is `ok`, and
 * `unsent` until its account has a credential.
 */
export function beginAttempt(trace: Trace, accountHandle: string, now: number): AttemptRecord {
  const record: AttemptRecord = { accountHandle, outcome: "ok", unsent: true, atMs: now - trace.startedAt };
  trace.attempts.push(record);
  keepShort(trace, "attempts");
  return record;
}

/** Later calls have no effect: how it ended is known by then. */
export function endAttempt(record: AttemptRecord, trace: Trace, now: number, failure?: GatewayError): void {
  if (record.ms !== undefined) return;
  record.ms = now - trace.startedAt - (record.atMs ?? 0);
  if (!failure) return;
  const { upstreamStatus, upstreamReason, accountProblem, retryAfterMs, retryAfterSource } = failure.detail;
  record.outcome = failure.kind;
  if (upstreamStatus !== undefined) record.upstreamStatus = upstreamStatus;
  if (upstreamReason !== undefined) record.upstreamReason = upstreamReason;
  if (accountProblem !== undefined) record.accountProblem = accountProblem;
  if (retryAfterMs === undefined || retryAfterSource === undefined) return; // a time of ours is not upstream's
  record.retryAfterMs = retryAfterMs;
  record.retryAfterSource = retryAfterSource;
}

/** What a batch of one answer says about tokens. `before`: of the answers that were given out earlier. */
export function tellUsage(trace: Trace, before: Usage | undefined, batch: readonly TurnEvent[]): void {
  const first = batch[0];
  const last = batch[batch.length - 1];
  const known = last?.type === "turn-end" ? last.usage : first?.type === "turn-start" ? first.usage : undefined;
  if (known) trace.usage = sumOf(before, known);
}

export function sumOf(one: Usage | undefined, other: Usage): Usage {
  if (one === undefined) return other;
  return {
    input: one.input + other.input,
    cachedInput: one.cachedInput + other.cachedInput,
    output: one.output + other.output,
    thinking: one.thinking + other.thinking,
  };
}

/** Those that name no model yet were attempts on this one, which does not serve in the end. */
export function nameModels(attempts: readonly AttemptRecord[], model: string): void {
  for (const attempt of attempts) attempt.model ??= model;
}

const LISTS = ["choices", "waits", "attempts"] as const;
const MOST_ENTRIES = 50;
/** So many of the first stay, and the latest: how it began and how it ended. */
const FIRST_ENTRIES = 40;

/** To be called when entries were added: leaves some in the middle out once there are too many. */
export function keepShort(trace: Trace, list: (typeof LISTS)[number]): void {
  const excess = trace[list].length - MOST_ENTRIES;
  if (excess <= 0) return;
  trace[list].splice(FIRST_ENTRIES, excess);
  omit(trace, list, excess);
}

function omit(trace: Trace, list: keyof NonNullable<Trace["omitted"]>, entries: number): void {
  trace.omitted = { ...trace.omitted, [list]: (trace.omitted?.[list] ?? 0) + entries };
}

/** What another trace of the same request tells, each entry in its place in time. */
export function addLists(trace: Trace, own: Trace): void {
  trace.choices.push(...own.choices);
  trace.waits.push(...own.waits);
  trace.attempts.push(...own.attempts);
  for (const list of LISTS) {
    trace[list].sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0));
    keepShort(trace, list);
  }
  for (const list of [...LISTS, "accounts"] as const) {
    const omitted = own.omitted?.[list];
    if (omitted !== undefined) omit(trace, list, omitted);
  }
}
