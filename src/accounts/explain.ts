import type { ChoiceRecord, Considered, Reason } from "../core/trace.ts";
import {
  type Candidate,
  type Choice,
  type ChoiceSettings,
  isAble,
  isHeld,
  mainAccount,
  type Question,
} from "./choose.ts";

/**
 * Why `choose` came to its choice, account by account, those included that could never serve. `choice`: what it returned for
 * the same candidates, question and settings; absent where it threw.
 */
export function explain(
  candidates: readonly Candidate[],
  question: Question,
  settings: ChoiceSettings,
  choice: Choice | undefined,
): Considered[] {
  const taken = choice?.type === "take" ? candidates.find(({ account }) => account.id === choice.accountId) : undefined;
  const considered: Considered[] = [];
  for (const candidate of candidates) {
    const { handle } = candidate.account;
    const reason =
      taken && candidate === taken
        ? whyTaken(taken, candidates, question, settings)
        : (whyUnable(candidate, question, settings) ?? whyPassedOver(candidate, taken, question, settings));
    considered.push({ handle, reason, ...restOf(candidate, reason) });
  }
  return considered;
}

function whyTaken(
  { account }: Candidate,
  candidates: readonly Candidate[],
  question: Question,
  settings: ChoiceSettings,
): Reason {
  const { bound, running } = question;
  const { strategy, lanes, maxConcurrentPerAccount } = settings;
  if (strategy !== "sticky") return "best";
  if (account.id === bound) return "own";
  if (running.length === 0) return "best";
  const mayServe = candidates.filter((one) => isAble(one, question, settings) && !isHeld(one, question));
  const main = mainAccount(mayServe, question);
  const own = main === (bound ?? main) ? mayServe.find((one) => one.account.id === main) : undefined;
  if (!own || own.account.id === account.id || own.inFlight < maxConcurrentPerAccount) return "best";
  return lanes.indexOf(own.account.kind) > lanes.indexOf(account.kind) ? "best" : "spill";
}

/** What keeps an account from this request by itself, whatever the others are. */
function whyUnable(candidate: Candidate, question: Question, settings: ChoiceSettings): Reason | undefined {
  const { account, standing, inFlight } = candidate;
  if (!account.enabled) return "disabled";
  if (account.problem) return account.problem.type;
  if (!settings.lanes.includes(account.kind)) return "lane-unused";
  if (question.exclude.has(account.id)) return "given-up";
  if (standing.lacksModel) return "lacks-model";
  if (standing.rest) return "resting";
  if (isHeld(candidate, question)) return "reserved";
  return inFlight >= settings.maxConcurrentPerAccount ? "full" : undefined;
}

/** Why an account is left alone that is free. */
function whyPassedOver(
  { account }: Candidate,
  taken: Candidate | undefined,
  { bound }: Question,
  { strategy, lanes }: ChoiceSettings,
): Reason {
  // Nobody is taken although somebody is free: the conversation waits for its own account.
  if (!taken) return "not-own";
  if (lanes.indexOf(taken.account.kind) < lanes.indexOf(account.kind)) return "lower-lane";
  return strategy === "sticky" && taken.account.id === bound ? "not-own" : "less-fit";
}

function restOf({ standing }: Candidate, reason: Reason): Pick<Considered, "rest"> {
  const keeper = reason === "resting" ? standing.rest : reason === "reserved" ? standing.reserve : undefined;
  return keeper ? { rest: { kind: keeper.kind, until: keeper.until, evidence: keeper.evidence } } : {};
}

/** From where a request looks: at what is known without asking the store, at what is true now, from the line. */
export type Look = "unsynced" | "first" | "queued";

/** What a look at the accounts came to. `choice`: as for `explain`. */
export function resultOf(choice: Choice | undefined, isQueueFull: boolean): ChoiceRecord["result"] {
  if (choice === undefined) return "refused";
  if (choice.type !== "queue") return choice.type;
  return isQueueFull ? "limited" : "wait";
}

/** Whether it is worth telling: what is not known for sure is looked at again, and that one still waits in line is known. */
export function isNews(result: ChoiceRecord["result"], look: Look): boolean {
  return result === "take" || look === "first" || (look === "queued" && result !== "wait");
}
