import type { Credentials } from "../../src/accounts/credentials.ts";
import { createPool, type PoolDeps, type PoolSettings } from "../../src/accounts/pool.ts";
import type { Lease, Offer } from "../../src/core/accounts.ts";
import { type FailureDetail, type FailureKind, GatewayError } from "../../src/core/errors.ts";
import type { Family } from "../../src/core/models.ts";
import type { Quota, QuotaBucket, QuotaReading } from "../../src/core/quota.ts";
import type { NewAccount, Store } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { fakeClock, type FakeClock } from "../support/clock.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const NO_ABORT = new AbortController().signal;
export const MODEL = "claude-x";

export const failure = (kind: FailureKind, detail: FailureDetail = {}) => new GatewayError(kind, "m", detail);
export const limit = (retryAfterMs: number) => failure("rate-limited", { retryAfterMs, upstreamStatus: 429 });
export const exhausted = (retryAfterMs: number) =>
  failure("quota-exhausted", { retryAfterMs, upstreamStatus: 429, upstreamReason: "QUOTA_EXHAUSTED" });

export const SETTINGS: PoolSettings = {
  strategy: "sticky",
  lanes: ["antigravity", "gemini-api-key"],
  maxConcurrentPerAccount: 4,
  maxQueued: 256,
  sessionIdleMs: HOUR,
  reserveOf: () => 0,
};

/** A pool whose parts the test brings along. */
export function poolOver(deps: Pick<PoolDeps, "accounts" | "limits" | "sessions" | "clock" | "credentials">) {
  return createPool({ ...deps, hash: (text) => `#${text}`, random: () => 0.5, settings: SETTINGS });
}

export interface PoolWorldOptions extends Partial<PoolSettings> {
  /** Over this store, as after a restart. */
  store?: Store;
  clock?: FakeClock;
  accounts?: readonly NewAccount[];
}

/** A pool over a real store; credentials only keep a log. */
export async function poolWorld(size: number, options: PoolWorldOptions = {}) {
  const { store = openStore(":memory:"), clock = fakeClock(), accounts: given, ...settings } = options;
  const { accounts, limits, sessions } = store;
  const fresh =
    given ??
    Array.from({ length: size }, (_, index): NewAccount => ({ kind: "antigravity", secret: `1//test-${index + 1}` }));
  await accounts.add(fresh, clock.now(), { again: false });
  const ids = new Map((await accounts.list()).map(({ handle, id }) => [handle, id]));
  const idOf = (handle: string) => ids.get(handle) ?? handle;

  const renewals: unknown[] = [];
  const credentials: Pick<Credentials, "get" | "renew"> = {
    get: async (accountId) => ({ kind: "antigravity", accountId, accessToken: "ya29.test", projectId: "project" }),
    renew: (...renewal) => renewals.push(renewal),
  };
  const pool = createPool({
    accounts,
    limits,
    sessions,
    credentials,
    clock,
    hash: (text) => `#${text}`,
    random: () => 0.5,
    settings: { ...SETTINGS, ...settings },
  });

  const queryOf = (conversationKey: string, model: string, exclude: readonly string[]) => {
    const family: Family = model.startsWith("gemini") ? "gemini" : "claude";
    return { model: { id: model, family }, conversationKey, exclude: new Set(exclude.map(idOf)) };
  };
  const acquire = (
    conversation: string,
    { model = MODEL, exclude = [] as readonly string[], signal = NO_ABORT } = {},
  ): Promise<Offer> => pool.acquire(queryOf(conversation, model, exclude), signal);
  /** A lease with its credential, as the gateway takes them: an account that has gone meanwhile gives way to the next. */
  const leaseFor = async (conversation: string, query = {}): Promise<Lease> => {
    for (;;) {
      const offer = await acquire(conversation, query);
      if (offer.type !== "lease") throw new Error(`limited: ${offer.error.message}`);
      try {
        await offer.lease.credential(NO_ABORT);
        return offer.lease;
      } catch (cause) {
        offer.lease[Symbol.dispose]();
        if (!(cause instanceof GatewayError && cause.kind === "account-unusable")) throw cause;
      }
    }
  };
  /** One whole request; the handle it ran on. */
  const request = async (conversation: string, { outcome, ...query }: RequestOptions = {}) => {
    using lease = await leaseFor(conversation, query);
    if (outcome) lease.fail(outcome);
    else lease.succeed();
    return lease.handle;
  };
  /** Requests of new conversations, one after the other. */
  const requests = async (count: number) => {
    const handles: string[] = [];
    for (let number = 0; number < count; number++) handles.push(await request(`new-${uniqueNumber++}`));
    return handles.join(" ");
  };
  const viewOf = (handle: string) => pool.views().find(({ account }) => account.handle === handle);
  const observe = (handle: string, left: number | Quota | undefined, ...buckets: QuotaBucket[]) => {
    const quota = typeof left === "number" ? { remainingFraction: left } : left;
    pool.observe(idOf(handle), reading(clock.now(), quota, ...buckets));
  };
  /** The next process over the same store. */
  const restart = async () => {
    await pool.flush();
    await (sessions as { flush?(): Promise<void> }).flush?.();
    return poolWorld(0, { ...options, store, clock, accounts: [] });
  };
  return {
    store,
    accounts,
    clock,
    pool,
    idOf,
    renewals,
    acquire,
    leaseFor,
    request,
    requests,
    viewOf,
    observe,
    restart,
    queryOf,
  };
}

interface RequestOptions {
  outcome?: GatewayError;
  model?: string;
  exclude?: readonly string[];
}

let uniqueNumber = 0;

export function reading(readAt: number, quota: Quota | undefined, ...buckets: QuotaBucket[]): QuotaReading {
  return { readAt, models: new Map([[MODEL, quota]]), buckets };
}
