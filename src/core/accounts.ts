import type { AccountProblem, GatewayError } from "./errors.ts";
import type { Credential } from "./upstream.ts";

/** A stored sign-in. `refreshToken` never leaves the process. */
export interface Account {
  id: string;
  /** Short public name: "a1", "a2", … Never an e-mail. */
  handle: string;
  kind: "antigravity";
  label?: string;
  email?: string;
  refreshToken: string;
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

export interface Cooldown {
  /** Unix ms. */
  until: number;
  /** The evidence that set it, safe to show: "429 RATE_LIMIT_EXCEEDED". */
  evidence: string;
}

export interface AccountView {
  account: Account;
  inFlight: number;
  /** Per upstream model id. */
  cooldowns: ReadonlyMap<string, Cooldown>;
}

export interface PickQuery {
  /** Upstream model id. */
  model: string;
  conversationKey: string;
  /** Accounts already tried for this request. */
  exclude: ReadonlySet<string>;
}

/** One request's hold on one account. Disposing releases it; at most one of succeed/fail is called before that. */
export interface Lease extends Disposable {
  readonly accountId: string;
  readonly handle: string;
  /** A fresh access token and the project, refreshed and discovered single-flight. Throws GatewayError. */
  credential(signal: AbortSignal): Promise<Credential>;
  /** Forces a new access token or a new project discovery at the next `credential`. */
  renew(what: "access-token" | "project"): void;
  succeed(): void;
  fail(error: GatewayError): void;
}

export interface AccountPool {
  /**
   * Throws GatewayError: `rate-limited` or `quota-exhausted` with retryAfterMs (soonest reset) when every usable
   * account is cooling; `no-account` when none is usable at all.
   */
  acquire(query: PickQuery, signal: AbortSignal): Promise<Lease>;
  views(): readonly AccountView[];
}
