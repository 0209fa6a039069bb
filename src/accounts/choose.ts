import type { AccountKind } from "../core/account-kind.ts";
import { type Account, type Alternatives, type Cooldown, isUsable, type Offer } from "../core/accounts.ts";
import { boundLimited, everybodyLimited, isLimit, nobodyLeft, nobodyOffers, nobodyUsable } from "./refusals.ts";
import { isOpen, type Standing } from "./standing.ts";

/** An account as far as choosing for one model is concerned. */
export interface Candidate {
  account: Account;
  inFlight: number;
  /** Rises with each use, so that uses within one millisecond have an order; 0 when unused since the start. */
  useOrder: number;
  /** For the model in question. */
  standing: Standing;
}

/** One request, as far as choosing is concerned. */
export interface Question {
  /** Upstream model id. */
  model: string;
  /** Accounts that this request has given up. */
  exclude: ReadonlySet<string>;
  /** The account that has answered this conversation on this model. */
  bound?: string;
  /** Accounts that have answered this conversation on other models, the last first. */
  elsewhere: readonly string[];
  /** Accounts on which this conversation has requests in flight, one entry per request, the oldest first. */
  running: readonly string[];
  /** How long the request has been queueing. */
  waitedMs: number;
}

export interface ChoiceSettings {
  strategy: "sticky" | "round-robin" | "least-used";
  /** Kinds of accounts in order of preference; a kind that is not named is not used. */
  lanes: readonly AccountKind[];
  maxConcurrentPerAccount: number;
}

export type Choice =
  /** `isSpill`: beside the conversation's own account, which is full of its requests and remains its own. */
  | { type: "take"; accountId: string; isSpill: boolean }
  /** Those that may serve are full. `recheckAt`: Unix ms at which time alone may have changed that. */
  | { type: "queue"; recheckAt?: number }
  | Extract<Offer, { type: "limited" }>;

/** How long a conversation waits for a slot on its own account before it takes another, whose cache is cold. */
export const PATIENCE_MS = 5_000;
/** Quota is compared in quarters: a smaller difference is no reason to crowd one account. */
const QUOTA_BANDS = 4;

/**
 * The whole choice of an account. Throws GatewayError when waiting cannot help: `no-account` or `model-missing`.
 */
export function choose(
  candidates: readonly Candidate[],
  question: Question,
  settings: ChoiceSettings,
  now: number,
): Choice {
  const able = candidates.filter((candidate) => isAble(candidate, question, settings));
  if (able.length === 0) throw refusal(candidates, question, settings, now);
  const mayServe = able.filter((candidate) => !isHeld(candidate, question));
  const free = mayServe.filter(({ inFlight }) => inFlight < settings.maxConcurrentPerAccount);

  const bound = holdingAccount(able, free, question, settings);
  if (bound) {
    const { id, handle } = bound.account;
    const { rest } = bound.standing;
    if (rest) {
      const others = alternativesAmong(
        able.filter((candidate) => candidate !== bound),
        question,
        now,
      );
      const error =
        others.free > 0
          ? boundLimited(handle, rest, question.model, now)
          : everybodyLimited(limitsOf(candidates, question, settings), question.model, now);
      const { until, evidence } = rest;
      return { type: "limited", bound: { accountId: id, handle, restMs: until - now, evidence }, others, error };
    }
    if (free.includes(bound)) return { type: "take", accountId: id, isSpill: false };
    const isParallel = question.running.includes(id);
    if (!isParallel && question.waitedMs < PATIENCE_MS) {
      return { type: "queue", recheckAt: now + PATIENCE_MS - question.waitedMs };
    }
  }

  const best = bestOf(free, comparatorFor(question, settings));
  if (best) return { type: "take", accountId: best.account.id, isSpill: isSpill(best, mayServe, question) };
  if (mayServe.length > 0) return { type: "queue", ...recheck(able) };
  const error = everybodyLimited(limitsOf(candidates, question, settings), question.model, now);
  return { type: "limited", others: alternativesAmong(able, question, now), error };
}

/** What the accounts that are not excluded have for the request. */
export function alternatives(
  candidates: readonly Candidate[],
  question: Question,
  settings: ChoiceSettings,
  now: number,
): Alternatives {
  return alternativesAmong(
    candidates.filter((candidate) => isAble(candidate, question, settings)),
    question,
    now,
  );
}

function alternativesAmong(able: readonly Candidate[], question: Question, now: number): Alternatives {
  const held = able.filter((candidate) => isHeld(candidate, question));
  const free = able.length - held.length;
  const first = bestOf(held, (a, b) => heldUntil(a.standing) - heldUntil(b.standing));
  const keeper = first && keeperOf(first.standing);
  if (!keeper) return { free };
  const { handle } = first.account;
  return { free, soonestMs: keeper.until - now, soonest: { handle, evidence: keeper.evidence } };
}

function isInLane({ account }: Candidate, { lanes }: ChoiceSettings): boolean {
  return isUsable(account) && lanes.includes(account.kind);
}

/** Whether the account can serve this request, now or once its limit is over. */
export function isAble(candidate: Candidate, { exclude }: Question, settings: ChoiceSettings): boolean {
  const { rest, lacksModel } = candidate.standing;
  if (lacksModel || exclude.has(candidate.account.id) || !isInLane(candidate, settings)) return false;
  return rest === undefined || isLimit(rest);
}

/** Whether a limit keeps the account from this request. The reserve is for those who come to it anew. */
export function isHeld({ account, standing }: Candidate, { bound }: Question): boolean {
  return !isOpen(standing) || (standing.reserve !== undefined && account.id !== bound);
}

/** The account that the conversation stays on, if it has one. One of a lower lane only holds while no higher lane is free. */
function holdingAccount(
  able: readonly Candidate[],
  free: readonly Candidate[],
  { bound }: Question,
  { strategy, lanes }: ChoiceSettings,
): Candidate | undefined {
  if (strategy !== "sticky" || bound === undefined) return undefined;
  const own = able.find(({ account }) => account.id === bound);
  if (own === undefined) return undefined;
  const lane = lanes.indexOf(own.account.kind);
  return free.some(({ account }) => lanes.indexOf(account.kind) < lane) ? undefined : own;
}

/** Whether the conversation goes beside an account that it is using, and will be back. */
function isSpill({ account }: Candidate, mayServe: readonly Candidate[], question: Question): boolean {
  const main = mainAccount(mayServe, question);
  return main !== undefined && main !== account.id;
}

/** The account that the conversation is using now and may go on using. */
export function mainAccount(mayServe: readonly Candidate[], { bound, running }: Question): string | undefined {
  const isStaying = (id: string) => mayServe.some((other) => other.account.id === id);
  return running.find((id) => id === bound && isStaying(id)) ?? running.find(isStaying);
}

/** When the first of those that rest is free. */
function recheck(able: readonly Candidate[]): { recheckAt?: number } {
  const soonest = Math.min(...able.map(({ standing }) => heldUntil(standing)));
  return Number.isFinite(soonest) ? { recheckAt: soonest } : {};
}

function heldUntil(standing: Standing): number {
  return keeperOf(standing)?.until ?? Infinity;
}

/** Of what keeps an account the one that lasts longer. */
function keeperOf({ rest, reserve }: Standing): Cooldown | undefined {
  return rest !== undefined && rest.until >= (reserve?.until ?? 0) ? rest : reserve;
}

type Compare = (a: Candidate, b: Candidate) => number;

function comparatorFor({ elsewhere, running }: Question, { strategy, lanes }: ChoiceSettings): Compare {
  const byLane: Compare = (a, b) => lanes.indexOf(a.account.kind) - lanes.indexOf(b.account.kind);
  if (strategy === "round-robin") return (a, b) => byLane(a, b) || byLastUse(a, b);
  if (strategy === "least-used") return (a, b) => byLane(a, b) || a.inFlight - b.inFlight || byLastUse(a, b);
  const familiarity = ({ account: { id } }: Candidate) => {
    if (elsewhere.includes(id)) return elsewhere.indexOf(id);
    return elsewhere.length + (running.includes(id) ? 0 : 1);
  };
  return (a, b) =>
    byLane(a, b) ||
    familiarity(a) - familiarity(b) ||
    bandOf(b) - bandOf(a) ||
    a.inFlight - b.inFlight ||
    byLastUse(a, b);
}

function bandOf({ standing }: Candidate): number {
  return Math.ceil(standing.remaining * QUOTA_BANDS);
}

function byLastUse(a: Candidate, b: Candidate): number {
  return (
    (a.account.lastUsedAt ?? 0) - (b.account.lastUsedAt ?? 0) ||
    a.useOrder - b.useOrder ||
    handleNumber(a.account) - handleNumber(b.account)
  );
}

function handleNumber({ handle }: Account): number {
  return Number(handle.slice(1));
}

function bestOf(candidates: readonly Candidate[], compare: Compare): Candidate | undefined {
  const [first, ...others] = candidates;
  return first && others.reduce((best, candidate) => (compare(candidate, best) < 0 ? candidate : best), first);
}

/** Why nobody can ever serve this request. */
function refusal(candidates: readonly Candidate[], { model }: Question, settings: ChoiceSettings, now: number) {
  const usable = candidates.filter((candidate) => isInLane(candidate, settings));
  if (usable.length === 0) {
    return nobodyUsable(
      candidates.map(({ account }) => account),
      settings.lanes,
    );
  }
  const offering = usable.filter(({ standing }) => !standing.lacksModel);
  if (offering.length === 0) return nobodyOffers(model);
  return nobodyLeft(
    offering.map(({ standing }) => standing.rest),
    model,
    now,
  );
}

/** All that keeps usable accounts from the request, given up or not: what counts is when the first is free. */
function limitsOf(candidates: readonly Candidate[], question: Question, settings: ChoiceSettings): Cooldown[] {
  const open: Question = { ...question, exclude: new Set() };
  return candidates.flatMap((candidate) => {
    if (!isAble(candidate, open, settings) || !isHeld(candidate, question)) return [];
    const limit = keeperOf(candidate.standing);
    return limit ? [limit] : [];
  });
}
