import type { Alternatives, Lease, Offer } from "../core/accounts.ts";
import { asGatewayError, evidenceOf, GatewayError } from "../core/errors.ts";
import type { Trace } from "../core/trace.ts";
import type { TurnEvent } from "../core/turn.ts";
import { attempt, type FailedAttempt } from "./attempt.ts";
import {
  type Course,
  type GenerateCall,
  type GenerateDeps,
  newCourse,
  offerFor,
  onAccount,
  queryOf,
  sleep,
  waiting,
} from "./course.ts";
import { type Decision, decide, isLimit, likeness } from "./decide.ts";
import type { WaitReason } from "./telling.ts";

/**
 * One request over as many accounts, attempts and waits as `decide` allows, as batches of events. A failure before the
 * first batch is given out may be tried again, unseen; after it, it is thrown to the consumer. Ending the iteration or
 * aborting releases everything. No slot is held while a limit is waited for.
 */
export async function* generate(
  call: GenerateCall,
  trace: Trace,
  signal: AbortSignal,
  deps: GenerateDeps,
): AsyncGenerator<readonly TurnEvent[], void, undefined> {
  const course = newCourse(call, trace, signal, deps);
  for (;;) {
    const offer = await acquire(course);
    if (offer.type === "limited") await passLimit(offer, course);
    else {
      const next = yield* serveFrom(offer.lease, course);
      if (next === "answered") return;
      if (next.type === "wait") await pause(next.ms, next.reason, course);
    }
  }
}

/** What comes after an account that has not answered. */
type Next = { type: "switch" } | { type: "wait"; ms: number; reason: WaitReason };
type Again = Extract<Decision, { type: "again" }> & { failure: GatewayError };

/** Attempts on one account, until it has answered or is given up. Throws what the client is told when that is the end. */
async function* serveFrom(
  lease: Lease,
  course: Course,
): AsyncGenerator<readonly TurnEvent[], "answered" | Next, undefined> {
  using held = lease;
  course.trace.accountHandle = held.handle;
  for (;;) {
    await sitOutBackOff(course);
    const end = yield* attempt(held, course);
    if (end === "answered") return end;
    const next = afterFailure(end, held, course);
    if (next.type !== "again") return next;
    await prepareAgain(next, held, course);
  }
}

/** Tells the account, and the record what becomes of it. Throws when nothing does. */
function afterFailure({ failure, committed, record }: FailedAttempt, held: Lease, course: Course): Next | Again {
  const { decision, others } = committed ? LAST : decideOn(failure, held, course);
  if (decision.type !== "again") held.fail(failure);
  if (decision.type === "stop") throw committed ? failure : withSoonestReset(failure, course);
  record.next = decision.type;
  course.call.onAnew();
  switch (decision.type) {
    case "again":
      if (decision.repair) record.repair = decision.repair;
      if (decision.renew) record.renewed = decision.renew;
      return { ...decision, failure };
    case "switch":
      (isLimit(failure) ? course.limited : course.faulty).add(held.accountId);
      return decision;
    case "wait":
      return { type: "wait", ms: decision.ms, reason: reasonOf(decision, others, held.handle, evidenceOf(failure)) };
    default:
      return decision satisfies never;
  }
}

/** What was given out cannot be taken back. */
const LAST = { decision: { type: "stop" }, others: { free: 0 } } as const;

/** Who has set the time of a wait: an account's own limit, or that of the one that is free first. */
function reasonOf(
  { source, whose }: Extract<Decision, { type: "wait" }>,
  { soonest }: Alternatives,
  handle: string | undefined,
  evidence: string | undefined,
): WaitReason {
  if (whose === "other") return { source, ...soonest };
  return { source, ...(handle !== undefined && { handle }), ...(evidence !== undefined && { evidence }) };
}

async function prepareAgain(
  { failure, afterMs, source, repair, renew }: Again,
  held: Lease,
  course: Course,
): Promise<void> {
  const { call, deps } = course;
  if (repair) {
    course.repairs.add(repair);
    call.onRepair(repair);
  }
  if (renew) {
    onAccount(held, course).renewed.add(renew);
    held.renew(renew);
  }
  if (failure.kind === "overloaded") return deps.backOff.note(call.model.id, afterMs);
  if (source) await sleep(afterMs, { source, handle: held.handle, evidence: evidenceOf(failure) }, course);
}

function decideOn(failure: GatewayError, lease: Lease, course: Course): { decision: Decision; others: Alternatives } {
  const { call, deps, failures } = course;
  const like = likeness(failure);
  const alike = (failures.get(like) ?? 0) + 1;
  failures.set(like, alike);
  course.lastFailure = failure;
  if (course.hasWaited && isLimit(failure)) course.refusedAfterWait = true;
  const { attempts: attemptsOnAccount, renewed } = onAccount(lease, course);
  // Not without those passed over: the end of their limits counts.
  const others = deps.pool.alternatives(queryOf(call, new Set([...course.faulty, lease.accountId])));
  const decision = decide({
    ...waitingFacts(course),
    error: failure,
    ...restOf(failure.detail.retryAfterMs),
    bound: lease.bound,
    others,
    attemptsOnAccount,
    alike,
    renewed,
  });
  return { decision, others };
}

/** Waits for a limit that the pool has named, or passes its account over. Throws when neither helps. */
async function passLimit(offer: Extract<Offer, { type: "limited" }>, course: Course): Promise<void> {
  const { bound, others, error } = offer;
  if (!bound && course.limited.size > 0) return lookAgainAtLimited(course);
  const decision = decide({
    ...waitingFacts(course),
    ...restOf(bound?.restMs),
    bound: bound !== undefined,
    others,
    attemptsOnAccount: 0,
    alike: 0,
    renewed: new Set(),
  });
  if (decision.type === "wait") {
    return pause(decision.ms, reasonOf(decision, others, bound?.handle, bound?.evidence), course);
  }
  if (decision.type !== "switch" || !bound || course.onlyLimitedLeft) {
    throw withSoonestReset(error, course);
  }
  course.limited.add(bound.accountId);
}

/** The others cannot serve either: the end of every limit counts again. */
function lookAgainAtLimited(course: Course): void {
  course.limited.clear();
  course.onlyLimitedLeft = true;
}

function waitingFacts({ call, trace, attempts, repairs, refusedAfterWait }: Course) {
  const { maxWaitMs, answerMs } = call;
  const deadlineMs = call.deadlineMs();
  return { attempts, repairs, refusedAfterWait, maxWaitMs, waitedMs: trace.waitedMs, deadlineMs, answerMs };
}

function restOf(restMs: number | undefined): { restMs?: number } {
  return restMs === undefined ? {} : { restMs };
}

/** Waits without a slot. Afterwards every account is worth a look again. */
async function pause(ms: number, reason: WaitReason, course: Course): Promise<void> {
  course.faulty.clear();
  course.limited.clear();
  course.onlyLimitedLeft = false;
  delete course.lastFailure;
  const { pool, clock } = course.deps;
  const start = clock.now();
  await waiting(reason, course, () => pool.pause(ms, course.signal));
  if (clock.now() - start >= ms) course.hasWaited = true;
}

/** When no further account is left, the client learns what went wrong on the accounts that were tried. */
async function acquire(course: Course): Promise<Offer> {
  for (;;) {
    try {
      return await offerFor(course);
    } catch (cause) {
      const error = asGatewayError(cause);
      if (error.kind !== "no-account" && error.kind !== "model-missing") throw error;
      if (course.limited.size === 0) throw course.lastFailure ?? error;
      lookAgainAtLimited(course);
    }
  }
}

/** A limit ends for the client when the first account is free again, whichever was asked last. */
function withSoonestReset(failure: GatewayError, { call, deps }: Course): GatewayError {
  if (!isLimit(failure)) return failure;
  const { free, soonestMs } = deps.pool.alternatives(queryOf(call, new Set()));
  const retryAfterMs = free > 0 ? FREE_ACCOUNT_MS : (soonestMs ?? failure.detail.retryAfterMs);
  if (retryAfterMs === failure.detail.retryAfterMs || retryAfterMs === undefined) return failure;
  return new GatewayError(failure.kind, failure.message, { ...failure.detail, retryAfterMs }, { cause: failure.cause });
}

/** When a client should come back if the attempts have run out before the accounts. */
const FREE_ACCOUNT_MS = 1_000;

/** Keeps off a model that another request has just found without capacity, unless there is no time for that. */
async function sitOutBackOff(course: Course): Promise<void> {
  const { call, deps, lastFailure } = course;
  const restMs = deps.backOff.restMs(call.model.id);
  if (restMs === 0 || restMs >= call.deadlineMs()) return;
  const evidence = lastFailure?.kind === "overloaded" ? evidenceOf(lastFailure) : "found by another request";
  await sleep(restMs, { source: "back-off", evidence }, course);
}
