import type { Clock } from "../../lib/clock.ts";
import type { DemoAccount } from "./accounts.ts";
import type { DemoModel } from "./catalogue.ts";
import { errorInfo, help, Refusal, retryInfo } from "./refusal.ts";
import type { Step } from "./sse.ts";

export const demoScenarios = ["normal", "quota", "rate", "stall", "cut", "empty", "verify", "terms", "slow"] as const;

export type DemoScenario = (typeof demoScenarios)[number];

const HOUR = 3_600_000;
const QUOTA_RESET = 2 * HOUR;
/** Answers of all accounts together before the quota scenario leaves nothing. */
const QUOTA_ANSWERS = 5;
const RATE_LIMIT = 15_000;
/** Answers of one account between two of its limits. */
const RATE_ANSWERS = 2;
const STALL = HOUR;
const SLOW_EVENT_DELAY = 200;
/** Requests whose first, empty attempt is remembered. */
const MAX_REMEMBERED = 1000;

/** What goes wrong in one run of the demo. The "first" account is the first of its list. */
export interface ScenarioRun {
  /** Throws the Refusal this account gets for this model, if it gets one. */
  admit(account: DemoAccount, model: DemoModel): void;
  /** Whether this attempt is answered with nothing; `key` is the same for all attempts at one request. */
  isLost(key: string): boolean;
  /** The time before each event instead of the usual one. */
  eventDelayMs(usual: number): number;
  /** What happens to a ready answer on its way. */
  disturb(steps: Step[]): Step[];
}

const UNDISTURBED: ScenarioRun = {
  admit: () => {},
  isLost: () => false,
  eventDelayMs: (usual) => usual,
  disturb: (steps) => steps,
};

export function startScenario(scenario: DemoScenario, accounts: readonly DemoAccount[], clock: Clock): ScenarioRun {
  switch (scenario) {
    case "normal":
      return UNDISTURBED;
    case "quota":
      return { ...UNDISTURBED, admit: exhausted(accounts, clock) };
    case "rate":
      return { ...UNDISTURBED, admit: limitedInTurn(clock) };
    case "verify":
      return { ...UNDISTURBED, admit: refuseFirst(mustVerify) };
    case "terms":
      return { ...UNDISTURBED, admit: refuseFirst(disabled) };
    case "stall":
      return { ...UNDISTURBED, disturb: (steps) => [{ type: "silence", ms: STALL }, ...steps] };
    case "cut":
      return { ...UNDISTURBED, disturb: cutInTheMiddle };
    case "empty":
      return { ...UNDISTURBED, isLost: firstAttempts() };
    case "slow":
      return { ...UNDISTURBED, eventDelayMs: () => SLOW_EVENT_DELAY };
    default:
      return scenario satisfies never;
  }
}

/** Whichever account is asked first is the one that is refused. */
function refuseFirst(refusal: (model: DemoModel) => Refusal): ScenarioRun["admit"] {
  let first: DemoAccount | undefined;
  return (account, model) => {
    first ??= account;
    if (account === first) throw refusal(model);
  };
}

/** Until two hours after the start the first account has nothing left, and soon the others have nothing either. */
function exhausted(accounts: readonly DemoAccount[], clock: Clock): ScenarioRun["admit"] {
  const resetAt = clock.now() + QUOTA_RESET;
  accounts[0]?.quota.exhaustUntil(resetAt);
  let answers = 0;
  return (account, model) => {
    const left = resetAt - clock.now();
    if (left <= 0) return;
    if (account.index !== 0 && answers < QUOTA_ANSWERS) {
      answers += 1;
      if (answers === QUOTA_ANSWERS) for (const each of accounts) each.quota.exhaustUntil(resetAt);
      return;
    }
    const delay = goDuration(left);
    const message = `You have exhausted your capacity on this model. Your quota will reset after ${delay}.`;
    const metadata = {
      model: model.id,
      uiMessage: "true",
      quotaResetDelay: delay,
      quotaResetTimeStamp: new Date(resetAt).toISOString(),
    };
    throw new Refusal(429, "RESOURCE_EXHAUSTED", message, [errorInfo("QUOTA_EXHAUSTED", metadata), retryInfo(left)]);
  };
}

/** Each account is limited for a while, then gives a few answers, and so on; only the one that is asked first begins with its limit. */
function limitedInTurn(clock: Clock): ScenarioRun["admit"] {
  const turns = new Map<DemoAccount, { answersLeft: number; limitedUntil: number }>();
  return (account, model) => {
    const now = clock.now();
    const turn = turns.get(account) ?? { answersLeft: turns.size === 0 ? 0 : RATE_ANSWERS, limitedUntil: 0 };
    turns.set(account, turn);
    if (turn.limitedUntil <= now) {
      if (turn.answersLeft > 0) {
        turn.answersLeft -= 1;
        return;
      }
      turn.answersLeft = RATE_ANSWERS;
      turn.limitedUntil = now + RATE_LIMIT;
    }
    const left = turn.limitedUntil - now;
    throw new Refusal(429, "RESOURCE_EXHAUSTED", "Too many requests. Please slow down.", [
      errorInfo("RATE_LIMIT_EXCEEDED", { model: model.id, quotaResetDelay: goDuration(left) }),
      retryInfo(left),
    ]);
  };
}

function mustVerify(): Refusal {
  const url = "https://accounts.google.com/signin/continue?sarp=1&continue=https%3A%2F%2Fexample.com%2Foffline-demo";
  return new Refusal(403, "PERMISSION_DENIED", "Verify your account to continue.", [
    errorInfo("VALIDATION_REQUIRED", { validation_url: url }),
    help([
      { description: "Complete validation", url },
      { description: "Learn more", url: "https://support.google.com/accounts?p=al_alert" },
    ]),
  ]);
}

function disabled(): Refusal {
  const message = "This account has been disabled for a violation of Terms of Service.";
  const appeal = "https://accounts.google.com/signin/continue?continue=https%3A%2F%2Fexample.com%2Foffline-demo-appeal";
  return new Refusal(403, "PERMISSION_DENIED", message, [errorInfo("ACCOUNT_DISABLED", { appeal_url: appeal })]);
}

function cutInTheMiddle(steps: Step[]): Step[] {
  const error = Object.assign(new TypeError("The socket connection was closed unexpectedly."), { code: "ECONNRESET" });
  return [...steps.slice(0, Math.ceil(steps.length / 2)), { type: "break", error }];
}

/** True at every odd attempt at a request, so that asking again after an answer shows the scenario again. */
function firstAttempts(): ScenarioRun["isLost"] {
  const lost = new Set<string>();
  return (key) => {
    if (lost.delete(key)) return false;
    if (lost.size >= MAX_REMEMBERED) lost.clear();
    lost.add(key);
    return true;
  };
}

/** As Go prints durations: "2h0m0s", "1m30.5s", "4s". */
function goDuration(ms: number): string {
  const seconds = ms / 1000;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${Number((seconds % 60).toFixed(3))}s`;
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest;
}
