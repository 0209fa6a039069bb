import type { AccountKind } from "./account-kind.ts";
import type { AccountProblem, CoolingKind, GatewayError } from "./errors.ts";
import type { Family } from "./models.ts";
import type { QuotaReading } from "./quota.ts";
import type { ChoiceRecord, Considered } from "./trace.ts";
import type { Credential } from "./upstream.ts";

/** A stored sign-in or key. `secret` never leaves the process. */
export interface Account {
  id: string;
  /** Short public name: "a1", "a2", … Never an e-mail, and never given out twice. */
  handle: string;
  kind: AccountKind;
  label?: string;
  email?: string;
  /** The refresh token, or the API key. Sealed at rest. */
  secret: string;
  /** Discovered or given at import; absent: discover at first use. */
  projectId?: string;
  tier?: string;
  enabled: boolean;
  problem?: { type: AccountProblem; message: string; url?: string; since: number };
  addedAt: number;
  lastUsedAt?: number;
}

/** Whether the account can be asked at all; it may still be resting on some model. */
export function isUsable({ enabled, problem }: Account): boolean {
  return enabled && problem === undefined;
}

/** Why an account rests on a model, and until when. There is none without evidence. */
export interface Cooldown {
  kind: CoolingKind;
  /** Unix ms. */
  until: number;
  /** Unix ms at which the evidence came. */
  since: number;
  /** What set it, safe to show: "429 QUOTA_EXHAUSTED", "quota reading: weekly window used up". */
  evidence: string;
}

export interface AccountView {
  account: Account;
  inFlight: number;
  /** Per upstream model id; those that are over are left out. */
  cooldowns: ReadonlyMap<string, Cooldown>;
  /** Absent: not read since the start. */
  quota?: QuotaReading;
}

export interface LeaseQuery {
  /** Upstream model id and its family. */
  model: { id: string; family: Family };
  conversationKey: string;
  /** Accounts that this request has given up. */
  exclude: ReadonlySet<string>;
  /** Told what `acquire` found, each time it has looked at the accounts and come to something else than before. */
  onChoice?(result: ChoiceRecord["result"], accounts: readonly Considered[]): void;
}

/** One request's hold on one of an account's slots. Disposing releases it; at most one of succeed/fail is called before that. */
export interface Lease extends Disposable {
  readonly accountId: string;
  readonly handle: string;
  readonly kind: AccountKind;
  /** The conversation has been served by this account before: its prompt cache is there. */
  readonly bound: boolean;
  /**
   * A fresh access token and the project, refreshed and discovered single-flight; rejects when the account was disabled or
   * removed meanwhile, by any process. Throws GatewayError.
   */
  credential(signal: AbortSignal): Promise<Credential>;
  /** Forces a new access token or a new project discovery at the next `credential`. */
  renew(what: "access-token" | "project"): void;
  /** The answer has come as a whole: binds the conversation to the account. */
  succeed(): void;
  fail(error: GatewayError): void;
}

/** What the other accounts, those not excluded, have for a request. */
export interface Alternatives {
  /** How many could serve now, a full one included. */
  free: number;
  /** Time until the first of those that rest on the model is free. Absent: none rests. */
  soonestMs?: number;
  /** Which one that is, and what keeps it. */
  soonest?: { handle: string; evidence: string };
}

export type Offer =
  | { type: "lease"; lease: Lease }
  /** The conversation's own account rests on the model, or every account does. `decide` says what becomes of it. */
  | {
      type: "limited";
      /** What is left of the bound account's rest. Absent: the conversation has no account (any more). */
      bound?: { accountId: string; handle: string; restMs: number; evidence: string };
      /** Without the bound account. */
      others: Alternatives;
      /** What the client is told when nothing is left to wait for: carries the soonest reset. */
      error: GatewayError;
    };

export interface AccountPool {
  /**
   * A slot on the best account, waiting in a fair queue while all slots are taken. Throws GatewayError: `rate-limited`
   * with retryAfterMs when the queue is full, `no-account` or `model-missing` when nobody can serve at all.
   */
  acquire(query: LeaseQuery, signal: AbortSignal): Promise<Offer>;
  /** What there is besides `exclude`. */
  alternatives(query: LeaseQuery): Alternatives;
  /**
   * Waits `ms` and a little more, so that those who wait for the same end do not all start at once; ends early when limits
   * are lifted, or accounts come or go. Holds no slot.
   */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  views(): readonly AccountView[];
}
