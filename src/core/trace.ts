import type { AccountProblem, CoolingKind, FailureKind, Repair } from "./errors.ts";
import type { Loss } from "./losses.ts";
import type { ModelRule } from "./models.ts";
import type { Usage } from "./turn.ts";

/** Why an account was taken for a request, or not, the first that holds. Part of records: codes are added, never renamed. */
export const REASONS = [
  // taken
  "own", // the conversation's account: its prompt cache is there
  "best", // free, and the best by the configured strategy
  "spill", // beside the conversation's own account, which is full of its requests
  // not taken
  "disabled",
  "needs-login",
  "needs-verification",
  "terms-block",
  "no-project",
  "key-rejected",
  "lane-unused", // `lanes` does not name its kind
  "given-up", // this request has tried it, or passed it over, before
  "lacks-model", // its list does not name the model
  "resting", // a cooldown or a used-up window: `rest` says which
  "reserved", // what is left is kept for its owner
  "full", // all its slots are taken
  "lower-lane", // a kind that comes first in `lanes` could serve
  "not-own", // the conversation stays on its own account, or waits for it
  "less-fit", // free, but the strategy prefers another
] as const;

export type Reason = (typeof REASONS)[number];

/** One account, as it was looked at for a request. */
export interface Considered {
  handle: string;
  reason: Reason;
  /** With `resting` and `reserved`: what keeps it. `until` is Unix ms. */
  rest?: { kind: CoolingKind; until: number; evidence: string };
}

/** What came of looking at all accounts once. */
export interface ChoiceRecord {
  /** Ms since the request arrived. */
  atMs: number;
  /**
   * `wait`: in line for a slot. `limited`: limits keep those that could serve, or they are full and so is the line. `refused`:
   * nobody can ever serve.
   */
  result: "take" | "wait" | "limited" | "refused";
  accounts: readonly Considered[];
}

/** What a wait was for, and so who set its timer. */
export type WaitSource =
  | "slot" // all slots were taken: no timer, the first that came free ended it
  | "limit" // the end of an account's limit
  | "burst" // a limit of a few seconds, sat out in place
  | "unnamed-limit" // a limit for which upstream named no time: ours
  | "back-off" // the model had no capacity, for this request or another: ours, doubling
  | "retry-pause" // upstream was broken: ours
  | "second-opinion"; // a refusal that named no reason: ours

export interface WaitRecord {
  atMs: number;
  /** How long it took in the end. */
  ms: number;
  source: WaitSource;
  /** The account whose limit it was. */
  handle?: string;
  /** What said how long: "429 RATE_LIMIT_EXCEEDED, RetryInfo". */
  evidence?: string;
}

export interface AttemptRecord {
  accountHandle: string;
  outcome: "ok" | FailureKind;
  /** Nothing was sent to upstream: the account had no credential to send it with. */
  unsent?: true;
  /** Ms since the request arrived. */
  atMs?: number;
  /** From its start to its end. */
  ms?: number;
  /** From its start to upstream's first event. */
  firstEventMs?: number;
  /** The upstream model, where it is not the one that served in the end. */
  model?: string;
  upstreamStatus?: number;
  upstreamReason?: string;
  accountProblem?: AccountProblem;
  /** Time that upstream asked for, and where it said so. */
  retryAfterMs?: number;
  retryAfterSource?: string;
  /** What was done about it. Absent: nothing, it was the end. */
  next?: "again" | "switch" | "wait" | "fallback";
  /** What was changed before trying again. */
  repair?: Repair;
  renewed?: "access-token" | "project";
}

/** What happened to one request, gathered while it happens; reply headers, the log and the record read it. */
export interface Trace {
  readonly requestId: string;
  /** Unix ms at which the request arrived. */
  readonly startedAt: number;
  /** Handle of the key that asked: "k3"; "env" for AG_API_KEY, "owner" for commands on this machine. Absent: no key was needed. */
  key?: string;
  /** The client's name for the model, once known. */
  model?: string;
  /** What made that name stand for a model. */
  rule?: ModelRule;
  /** Upstream id of the model that serves. */
  servedModel?: string;
  /** Set when a configured fallback serves in place of the model asked for: replies name `servedModel` then. */
  fellBack?: true;
  accountHandle?: string;
  choices: ChoiceRecord[];
  waits: WaitRecord[];
  attempts: AttemptRecord[];
  /** How many entries were left out of the middle of a list that had become too long. */
  omitted?: { choices?: number; accounts?: number; waits?: number; attempts?: number };
  /** Of all waits that were long enough to be told. */
  waitedMs: number;
  losses: Loss[];
  /** Of all answers that were given out; of one that broke off, what was known by then. */
  usage?: Usage;
  /** Ms since arrival at which the first event of an answer was there. */
  firstEventMs?: number;
}

export function newTrace(requestId: string, startedAt: number): Trace {
  return { requestId, startedAt, choices: [], waits: [], attempts: [], waitedMs: 0, losses: [] };
}
