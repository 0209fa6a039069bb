import { abortError } from "../core/abort.ts";
import type { AccountPool, Lease, LeaseQuery, Offer } from "../core/accounts.ts";
import type { GatewayError, Repair } from "../core/errors.ts";
import type { ModelProfile } from "../core/models.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { AttemptRecord, Trace } from "../core/trace.ts";
import type { Upstreams } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import type { BackOff } from "./back-off.ts";
import type { Renewal } from "./decide.ts";
import { tellChoice, tellWait, type WaitReason } from "./telling.ts";

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
  /** What is left until an answer must have begun. */
  deadlineMs(): number;
  /** See Facts.answerMs. */
  answerMs: number;
  /** Upstream showed a sign of life. */
  onProgress(): void;
  /** An attempt has failed of which nothing was given out, and another will be made. */
  onAnew(): void;
  /** Upstream refused the body; it is about to be asked again with this change. */
  onRepair(repair: Repair): void;
}

export interface GenerateDeps {
  pool: AccountPool;
  upstreams: Upstreams;
  backOff: BackOff;
  clock: Clock;
  /** Told of each attempt at its start. Must not throw. */
  onAttempt?(trace: Trace, attempt: AttemptRecord): void;
}

/** One request's way through the accounts. */
export interface Course {
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
  /** The request is, or was, in line for a slot. */
  isInLine: boolean;
  onChoice: NonNullable<LeaseQuery["onChoice"]>;
}

export function newCourse(call: GenerateCall, trace: Trace, signal: AbortSignal, deps: GenerateDeps): Course {
  const course: Course = {
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
    isInLine: false,
    onChoice(result, accounts) {
      if (result === "wait") course.isInLine = true;
      tellChoice(trace, result, accounts, deps.clock.now());
    },
  };
  return course;
}

/** What this request has done on the account. */
export function onAccount({ accountId }: Lease, { accounts }: Course): { attempts: number; renewed: Set<Renewal> } {
  const known = accounts.get(accountId) ?? { attempts: 0, renewed: new Set<Renewal>() };
  accounts.set(accountId, known);
  return known;
}

export function queryOf({ model, conversationKey }: GenerateCall, exclude: ReadonlySet<string>): LeaseQuery {
  return { model: { id: model.id, family: model.family }, conversationKey, exclude };
}

/** An offer of the pool; time that passed although nobody had to queue is no wait. */
export async function offerFor(course: Course): Promise<Offer> {
  const { call, trace, signal, deps, faulty, limited, onChoice } = course;
  const { pool, clock } = deps;
  const startedAt = clock.now();
  course.isInLine = false;
  try {
    return await pool.acquire({ ...queryOf(call, new Set([...faulty, ...limited])), onChoice }, signal);
  } catch (cause) {
    throw signal.aborted ? abortError(signal) : cause;
  } finally {
    if (course.isInLine) tellWait(trace, startedAt, clock.now(), { source: "slot" });
  }
}

/** A wait of ours, on the clock. */
export function sleep(ms: number, reason: WaitReason, course: Course): Promise<void> {
  return waiting(reason, course, () => course.deps.clock.sleep(ms, course.signal));
}

/** Tells of the wait; when the signal ends it, throws why. */
export async function waiting<T>(reason: WaitReason, course: Course, work: () => Promise<T>): Promise<T> {
  const { trace, signal, deps } = course;
  const startedAt = deps.clock.now();
  try {
    return await work();
  } catch (cause) {
    throw signal.aborted ? abortError(signal) : cause;
  } finally {
    tellWait(trace, startedAt, deps.clock.now(), reason);
  }
}
