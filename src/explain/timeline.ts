import type { FailureKind } from "../core/errors.ts";
import type { RequestRecord } from "../core/record.ts";
import type { AttemptRecord, ChoiceRecord, WaitRecord } from "../core/trace.ts";
import { spentText } from "../lib/spent-text.ts";
import { accountsText, againText, isLineFull } from "./history.ts";
import { failureText, REPAIR_WORDS, statusText, TIMER_WORDS, waitText } from "./words.ts";

/** One thing that happened to a request. */
export interface Step {
  /** Ms since its arrival. */
  atMs: number;
  tone: "plain" | "wait" | "failure" | "success";
  text: string;
}

type Track = "choice" | "slot" | "wait" | "attempt";

/** A step that says which kind of step it leads to: of those that began within one millisecond, that one comes next. */
interface LeadingStep extends Step {
  track: Track;
  leadsTo: readonly Track[];
}

/** All that happened, in order: accounts considered, waits, attempts, and the end. */
export function stepsOf(record: RequestRecord): Step[] {
  const tracks: LeadingStep[][] = [
    record.choices.map((choice) => choiceStep(choice, record)),
    record.waits.map((wait) => waitStep(wait, record)),
    attemptSteps(record),
  ];
  return [...inOrder(tracks), endStep(record)];
}

const FROM_START: readonly Track[] = ["choice", "slot", "wait", "attempt"];

/** By time; what is of the same time, by what led to what. */
function inOrder(tracks: readonly LeadingStep[][]): Step[] {
  const left = tracks.map((steps) => steps.toSorted((one, other) => one.atMs - other.atMs));
  const ordered: Step[] = [];
  let expected = FROM_START;
  for (;;) {
    const firsts = left.flatMap((steps) => steps.slice(0, 1));
    const atMs = Math.min(...firsts.map((step) => step.atMs));
    const [next] = firsts
      .filter((step) => step.atMs === atMs)
      .toSorted((one, other) => expected.indexOf(one.track) - expected.indexOf(other.track));
    if (next === undefined) return ordered;
    left.find(([first]) => first === next)?.shift();
    expected = next.leadsTo;
    ordered.push({ atMs, tone: next.tone, text: next.text });
  }
}

/** What follows a look at the accounts: whoever was taken is asked, else something is waited for, or they are looked at again. */
const AFTER_CHOICE: Readonly<Record<ChoiceRecord["result"], readonly Track[]>> = {
  take: ["attempt", "wait", "slot", "choice"],
  wait: ["slot", "choice", "wait", "attempt"],
  limited: ["wait", "choice", "slot", "attempt"],
  refused: ["choice", "slot", "wait", "attempt"],
};

const AFTER_ATTEMPT: Readonly<Record<NonNullable<AttemptRecord["next"]> | "end", readonly Track[]>> = {
  again: ["wait", "attempt", "choice", "slot"],
  wait: ["wait", "choice", "slot", "attempt"],
  switch: ["choice", "slot", "wait", "attempt"],
  fallback: ["choice", "slot", "wait", "attempt"],
  end: FROM_START,
};

function choiceStep(choice: ChoiceRecord, record: RequestRecord): LeadingStep {
  const { atMs, result } = choice;
  const tone = result === "refused" ? "failure" : "plain";
  return { atMs, tone, text: choiceText(choice, record), track: "choice", leadsTo: AFTER_CHOICE[result] };
}

function choiceText({ atMs, result, accounts }: ChoiceRecord, { at }: RequestRecord): string {
  const all = accountsText(accounts, at + atMs);
  switch (result) {
    case "take": {
      const taken = accounts.filter(({ reason }) => reason === "own" || reason === "best" || reason === "spill");
      const others = accounts.filter((account) => !taken.includes(account));
      return [
        `took ${accountsText(taken, at + atMs) || "an account"}`,
        ...(others.length > 0 ? [`not ${accountsText(others, at + atMs)}`] : []),
      ].join("; ");
    }
    case "wait":
      return `no slot was free: ${all || "all were taken"}`;
    case "limited":
      return isLineFull(accounts)
        ? `no slot was free, and no room in the line: ${all}`
        : `limits were in the way: ${all || "of every account"}`;
    case "refused":
      return `nobody could serve: ${all || "there is no account"}`;
    default:
      return result satisfies never;
  }
}

/** Evidence that is no more than the kind of a failure: that one is told already. */
const ONLY_KIND = /^[a-z-]*$/;

function waitStep(wait: WaitRecord, { choices }: RequestRecord): LeadingStep {
  const { ms, source, evidence = "" } = wait;
  const isLine = ({ atMs, result }: ChoiceRecord) => result === "wait" && atMs >= wait.atMs && atMs <= wait.atMs + ms;
  // The wait in line is counted from before the look that led to it.
  const atMs = (source === "slot" ? choices.find(isLine)?.atMs : undefined) ?? wait.atMs;
  const timer = `${TIMER_WORDS[source]}${ONLY_KIND.test(evidence) ? "" : `: ${evidence}`}`;
  const text = `waited ${spentText(ms)} ${waitText(wait)} (${timer})`;
  return { atMs, tone: "wait", text, track: source === "slot" ? "slot" : "wait", leadsTo: FROM_START };
}

/** An attempt whose time is not known stands after the one before it. */
function attemptSteps(record: RequestRecord): LeadingStep[] {
  let atMs = 0;
  return record.attempts.map((attempt) => {
    atMs = attempt.atMs ?? atMs;
    return {
      atMs,
      ...attemptText(attempt, record),
      track: "attempt",
      leadsTo: AFTER_ATTEMPT[attempt.next ?? "end"],
    };
  });
}

type Told = Omit<Step, "atMs">;

function attemptText(attempt: AttemptRecord, record: RequestRecord): Told {
  const { outcome, model, ms, firstEventMs } = attempt;
  const about = model === undefined ? "" : `${model}: `;
  if (outcome === "ok" || outcome === "cancelled") return answerOf(attempt, record, about);
  const details = [
    statusText(attempt),
    ...(ms === undefined ? [] : [`after ${spentText(ms)}`]),
    ...(firstEventMs === undefined ? [] : [`first event after ${spentText(firstEventMs)}`]),
    ...(attempt.unsent ? ["nothing was sent"] : []),
    ...restOf(attempt),
  ].filter((detail) => detail !== "");
  const told = details.length === 0 ? "" : ` (${details.join(", ")})`;
  const text = `${about}${failureText(attempt, [attempt.accountHandle])}${told}${nextText(attempt)}`;
  return { tone: "failure", text };
}

function answerOf(attempt: AttemptRecord, record: RequestRecord, about: string): Told {
  const { accountHandle, outcome, ms, firstEventMs, unsent } = attempt;
  const isComplete = outcome === "ok" && record.outcome === "ok";
  const status = statusText(attempt);
  const details = [
    ...(status === "" ? [] : [status]),
    ...(firstEventMs === undefined ? [] : [`first event after ${spentText(firstEventMs)}`]),
    ...(ms === undefined ? [] : [`${isComplete ? "all of it" : "ended"} after ${spentText(ms)}`]),
  ];
  const what = isComplete ? "answered" : unsent ? "was about to be asked" : "was asked";
  const told = details.length === 0 ? "" : ` (${details.join(", ")})`;
  return { tone: isComplete ? "success" : "plain", text: `${about}${accountHandle} ${what}${told}` };
}

function restOf(attempt: AttemptRecord): string[] {
  const { retryAfterMs, retryAfterSource } = attempt;
  if (retryAfterMs === undefined) return [];
  return [`${againText(attempt, retryAfterMs)}${retryAfterSource === undefined ? "" : ` by its ${retryAfterSource}`}`];
}

/** What was done about a failed attempt. */
function nextText({ next, repair, renewed }: AttemptRecord): string {
  switch (next) {
    case undefined:
      return "";
    case "again": {
      const changes = [
        ...(repair === undefined ? [] : [REPAIR_WORDS[repair]]),
        ...(renewed === undefined ? [] : [RENEWED_WORDS[renewed]]),
      ];
      return `; tried again${changes.length === 0 ? "" : ` ${changes.join(", ")}`}`;
    }
    case "switch":
      return "; went on to another account";
    case "wait":
      return "; waited for a limit to end";
    case "fallback":
      return "; went on to the fallback";
    default:
      return next satisfies never;
  }
}

const RENEWED_WORDS: Readonly<Record<NonNullable<AttemptRecord["renewed"]>, string>> = {
  "access-token": "with a fresh access token",
  project: "with the project looked up anew",
};

function endStep({ outcome, status, totalMs, protocol }: RequestRecord): Step {
  const atMs = totalMs;
  if (outcome === "ok")
    return { atMs, tone: status < 400 ? "success" : "plain", text: `the reply was complete (${status})` };
  if (outcome === "client-closed" || outcome === "cancelled") {
    return {
      atMs,
      tone: "wait",
      text: status === 0 ? "the client left" : `the client left before the reply was complete (${status})`,
    };
  }
  return { atMs, tone: "failure", text: failureEnd(outcome, status, protocol !== undefined) };
}

function failureEnd(kind: FailureKind, status: number, isModels: boolean): string {
  // A gateway that is stopped cuts what does not end; else it was the client who ended it.
  if (status === 0) return `${kind === "busy" ? "the connection was cut" : "nobody was left to be told"} (${kind})`;
  if (status >= 400) return `the client was told ${status} (${kind})`;
  return isModels
    ? `the reply, begun with ${status}, ended with an error (${kind})`
    : `the reply, begun with ${status}, was broken off (${kind})`;
}
