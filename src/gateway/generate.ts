import { abortError } from "../core/abort.ts";
import type { AccountPool, Lease, LeaseQuery, Offer } from "../core/accounts.ts";
import { asGatewayError, GatewayError, type Repair } from "../core/errors.ts";
import { refuseLoss } from "../core/losses.ts";
import type { ModelProfile } from "../core/models.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { AttemptRecord, Trace } from "../core/trace.ts";
import type { TurnEvent } from "../core/turn.ts";
import type { UpstreamCall, Upstreams } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import type { BackOff } from "./back-off.ts";
import { completed } from "./completed.ts";
import { type Decision, decide, isLimit, likeness, type Renewal } from "./decide.ts";
import { checkedAnswer } from "./structured.ts";
import { accessWith } from "./upstream-access.ts";

export interface GenerateCall {
  request: GenerateRequest;
  model: ModelProfile;
  conversationKey: string;
  /** The client's own name of a field that lowering loses. */
  fieldName(canonical: string): string;
  /** Refuse rather than lose a field. */
  strict: boolean;
  /** The client is given the answer as a whole: nothing of it is sent before it is complete. */
  whole: boolean;
  /** How long limits may be waited for in all; 0: not at all. */
  maxWaitMs: number;
  /** What is left until the first batch must have come. */
  deadlineMs(): number;
  /** Upstream showed a sign of life. */
  onProgress(): void;
  /** Upstream refused the body; it is about to be asked again with this change. */
  onRepair(repair: Repair): void;
}

export interface GenerateDeps {
  pool: AccountPool;
  upstreams: Upstreams;
  backOff: BackOff;
  clock: Clock;
}

/** One request's way through the accounts. */
interface Course {
  call: GenerateCall;
  trace: Trace;
  signal: AbortSignal;
  deps: GenerateDeps;
  /** Those of parsing; each attempt adds its own. */
  lossesBefore: number;
  attempts: number;
  /** How often the request has failed, by likeness. */
  failures: Map<string, number>;
  lastFailure?: GatewayError;
  repairs: Set<Repair>;
  accounts: Map<string, { attempts: number; renewed: Set<Renewal> }>;
  /** Given up for what is wrong with them. */
  faulty: Set<string>;
  /** Passed over for their limits: they will do when nobody else does. */
  limited: Set<string>;
  /** Nobody is left besides those in `limited`. */
  onlyLimitedLeft: boolean;
  /** A limit was waited for to its end. */
  hasWaited: boolean;
  refusedAfterWait: boolean;
}

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
      if (next.type === "wait") await pause(next.ms, course);
    }
  }
}

function newCourse(call: GenerateCall, trace: Trace, signal: AbortSignal, deps: GenerateDeps): Course {
  return {
    call,
    trace,
    signal,
    deps,
    lossesBefore: trace.losses.length,
    attempts: 0,
    failures: new Map(),
    repairs: new Set(),
    accounts: new Map(),
    faulty: new Set(),
    limited: new Set(),
    onlyLimitedLeft: false,
    hasWaited: false,
    refusedAfterWait: false,
  };
}

/** Attempts on one account, until it has answered or is given up. Throws what the client is told when that is the end. */
async function* serveFrom(
  lease: Lease,
  course: Course,
): AsyncGenerator<readonly TurnEvent[], "answered" | Decision, undefined> {
  using held = lease;
  const { call, trace, signal, deps } = course;
  const onAccount = course.accounts.get(held.accountId) ?? { attempts: 0, renewed: new Set<Renewal>() };
  course.accounts.set(held.accountId, onAccount);
  trace.accountHandle = held.handle;
  for (;;) {
    await sitOutBackOff(course);
    let committed = false;
    // Told of from its start on: a stream's reply headers are written at its first batch.
    const record: AttemptRecord = { accountHandle: held.handle, outcome: "ok", unsent: true };
    trace.attempts.push(record);
    course.attempts++;
    onAccount.attempts++;
    try {
      trace.losses.length = course.lossesBefore; // each attempt lowers anew and reports its own
      const batches = await startAttempt(held, record, course);
      for await (const batch of call.whole ? completed(batches, call.onProgress, course.attempts === 1) : batches) {
        call.onProgress();
        committed = true;
        yield batch;
      }
      held.succeed();
      return "answered";
    } catch (cause) {
      const failure = signal.aborted ? abortError(signal) : asGatewayError(cause);
      Object.assign(record, failureRecord(failure));
      const decision = committed ? ({ type: "stop" } as const) : decideOn(failure, held, course);
      if (decision.type !== "again") {
        held.fail(failure);
        if (decision.type === "stop") throw committed ? failure : withSoonestReset(failure, course);
        if (decision.type === "switch") (isLimit(failure) ? course.limited : course.faulty).add(held.accountId);
        return decision;
      }
      if (decision.repair) {
        course.repairs.add(decision.repair);
        call.onRepair(decision.repair);
      }
      if (decision.renew) {
        onAccount.renewed.add(decision.renew);
        held.renew(decision.renew);
      }
      if (failure.kind === "overloaded") deps.backOff.note(call.model.id, decision.afterMs);
      else if (decision.afterMs > 0) await sleep(decision.afterMs, course);
    }
  }
}

function decideOn(failure: GatewayError, lease: Lease, course: Course): Decision {
  const { call, deps, failures } = course;
  const like = likeness(failure);
  const alike = (failures.get(like) ?? 0) + 1;
  failures.set(like, alike);
  course.lastFailure = failure;
  if (course.hasWaited && isLimit(failure)) course.refusedAfterWait = true;
  const onAccount = course.accounts.get(lease.accountId);
  return decide({
    ...waitingFacts(course),
    error: failure,
    ...restOf(failure.detail.retryAfterMs),
    bound: lease.bound,
    // Not without those passed over: the end of their limits counts.
    others: deps.pool.alternatives(queryOf(call, new Set([...course.faulty, lease.accountId]))),
    attemptsOnAccount: onAccount?.attempts ?? 0,
    alike,
    renewed: onAccount?.renewed ?? new Set(),
  });
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
  if (decision.type === "wait") return pause(decision.ms, course);
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
  const { maxWaitMs } = call;
  return { attempts, repairs, refusedAfterWait, maxWaitMs, waitedMs: trace.waitedMs, deadlineMs: call.deadlineMs() };
}

function restOf(restMs: number | undefined): { restMs?: number } {
  return restMs === undefined ? {} : { restMs };
}

/** Waits without a slot. Afterwards every account is worth a look again. */
async function pause(ms: number, course: Course): Promise<void> {
  course.faulty.clear();
  course.limited.clear();
  course.onlyLimitedLeft = false;
  delete course.lastFailure;
  const { pool, clock } = course.deps;
  const start = clock.now();
  await waiting(course, () => pool.pause(ms, course.signal));
  if (clock.now() - start >= ms) course.hasWaited = true;
}

/** When no further account is left, the client learns what went wrong on the accounts that were tried. */
async function acquire(course: Course): Promise<Offer> {
  const { call, signal, deps, faulty, limited } = course;
  for (;;) {
    const query = queryOf(call, new Set([...faulty, ...limited]));
    try {
      return await waiting(course, () => deps.pool.acquire(query, signal));
    } catch (cause) {
      const error = asGatewayError(cause);
      if (error.kind !== "no-account" && error.kind !== "model-missing") throw error;
      if (limited.size === 0) throw course.lastFailure ?? error;
      lookAgainAtLimited(course);
    }
  }
}

function queryOf({ model, conversationKey }: GenerateCall, exclude: ReadonlySet<string>): LeaseQuery {
  return { model: { id: model.id, family: model.family }, conversationKey, exclude };
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

async function startAttempt(
  lease: Lease,
  record: AttemptRecord,
  course: Course,
): Promise<AsyncIterable<readonly TurnEvent[]>> {
  const { call, trace, signal, deps, repairs } = course;
  const credential = await lease.credential(signal);
  delete record.unsent;
  const { request, model, conversationKey } = call;
  const onLoss: UpstreamCall["onLoss"] = ({ field, why }) => {
    const loss = { field: call.fieldName(field), why };
    if (call.strict) refuseLoss(loss);
    trace.losses.push(loss);
  };
  // Upstream enforces no more of a schema than it understands; an answer that is held anyway is held to the rest.
  let isChecked = call.whole;
  const onUnenforcedFormat = () => void (isChecked = true);
  const upstreamCall = { request, model, conversationKey, repairs, onLoss, onUnenforcedFormat };
  const batches = accessWith(credential, deps.upstreams).stream(upstreamCall, signal);
  const { outputFormat } = request;
  return outputFormat ? checkedAnswer(batches, outputFormat, () => isChecked, call.onProgress) : batches;
}

/** Keeps off a model that another request has just found without capacity, unless there is no time for that. */
async function sitOutBackOff(course: Course): Promise<void> {
  const restMs = course.deps.backOff.restMs(course.call.model.id);
  if (restMs > 0 && restMs < course.call.deadlineMs()) await sleep(restMs, course);
}

function sleep(ms: number, course: Course): Promise<void> {
  return waiting(course, () => course.deps.clock.sleep(ms, course.signal));
}

/** Being served at once may take a millisecond too. */
const SHORTEST_WAIT_MS = 5;

/** Counts the time; when the signal ends it, says why. */
async function waiting<T>({ trace, signal, deps: { clock } }: Course, work: () => Promise<T>): Promise<T> {
  const start = clock.now();
  try {
    return await work();
  } catch (cause) {
    throw signal.aborted ? abortError(signal) : cause;
  } finally {
    const waitedMs = clock.now() - start;
    if (waitedMs >= SHORTEST_WAIT_MS) trace.waitedMs += waitedMs;
  }
}

function failureRecord({ kind, detail }: GatewayError): Omit<AttemptRecord, "accountHandle"> {
  const { upstreamStatus, upstreamReason } = detail;
  return {
    outcome: kind,
    ...(upstreamStatus !== undefined && { upstreamStatus }),
    ...(upstreamReason !== undefined && { upstreamReason }),
  };
}
