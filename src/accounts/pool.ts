import { abortError } from "../core/abort.ts";
import { type Account, type AccountPool, type AccountView, type Lease, isUsable } from "../core/accounts.ts";
import type { GatewayError } from "../core/errors.ts";
import type { AccountChange, AccountStore } from "../core/store.ts";
import type { Credential } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import { singleFlight } from "../lib/single-flight.ts";
import { afterFailure, afterSuccess, type ModelCooldown, type ModelMemory } from "./cooldown.ts";
import type { Credentials } from "./credentials.ts";
import { nobodyUsable, pick } from "./pick.ts";

export interface PoolDeps {
  accounts: Pick<AccountStore, "list" | "update" | "version">;
  credentials: Credentials;
  clock: Clock;
}

export interface Pool extends AccountPool {
  /** Brings `views` in line with the store when another process has changed it; asks at most once a second. */
  sync(): Promise<void>;
  /** Ids of the accounts that can be asked at all. Throws GatewayError("no-account"), with advice, when there is none. */
  usableAccounts(): Promise<readonly string[]>;
}

/** `ag accounts …` runs in another process: its changes are seen this soon. */
const CHECK_EVERY_MS = 1_000;
/** How exact the stored time of last use is. */
const SAVE_USE_EVERY_MS = 60_000;

interface Entry {
  account: Account;
  inFlight: number;
  useOrder: number;
  /** The last use that was written to the store. */
  savedUseAt: number;
  /** Per upstream model id. */
  memories: Map<string, ModelMemory>;
}

/**
 * Hands out the least recently used account that is not resting on the model. What it learns about limits is held in
 * memory; what concerns the account itself is stored. Each request's outcome touches only its own account.
 */
export function createPool({ accounts, credentials, clock }: PoolDeps): Pool {
  const entries = new Map<string, Entry>();
  const flight = singleFlight<void>();
  const writes = new Set<Promise<void>>();
  let seenVersion: number | undefined;
  let checkedAt = -Infinity;
  let uses = 0;

  const sync = async (): Promise<void> => {
    if (clock.now() - checkedAt < CHECK_EVERY_MS) return;
    try {
      await flight("sync", reloadIfChanged);
    } catch (cause) {
      if (seenVersion === undefined) throw cause;
      // The database is briefly out of reach: what was known a second ago still serves, and the next check is soon.
    }
  };

  const reloadIfChanged = async (): Promise<void> => {
    const version = await accounts.version();
    if (version !== seenVersion) {
      const stored = await accounts.list();
      if (writes.size > 0 && seenVersion !== undefined) return; // it may lack what is on its way; the next check has it
      adopt(stored);
      seenVersion = version;
    }
    checkedAt = clock.now();
  };

  const adopt = (stored: readonly Account[]) => {
    const ids = new Set(stored.map(({ id }) => id));
    for (const id of entries.keys()) if (!ids.has(id)) entries.delete(id);
    for (const account of stored) {
      const entry = entries.get(account.id);
      if (!entry) {
        const savedUseAt = account.lastUsedAt ?? -Infinity;
        entries.set(account.id, { account, inFlight: 0, useOrder: 0, savedUseAt, memories: new Map() });
        continue;
      }
      const lastUsedAt = Math.max(account.lastUsedAt ?? 0, entry.account.lastUsedAt ?? 0);
      entry.account = lastUsedAt === 0 ? account : { ...account, lastUsedAt };
    }
  };

  const save = (entry: Entry, change: AccountChange) => {
    const writing = accounts
      .update(entry.account.id, change)
      .catch(() => {
        // The request must not fail for it; a problem that is not stored shows itself again at the next use.
      })
      .finally(() => writes.delete(writing));
    writes.add(writing);
  };

  const markUsed = (entry: Entry) => {
    const now = clock.now();
    entry.account = { ...entry.account, lastUsedAt: now };
    entry.useOrder = ++uses;
    entry.inFlight++;
    if (now - entry.savedUseAt < SAVE_USE_EVERY_MS) return;
    entry.savedUseAt = now;
    save(entry, { lastUsedAt: now });
  };

  const markProblem = (entry: Entry, error: GatewayError) => {
    const { accountProblem: type, ownerUrl } = error.detail;
    // Without a problem of its own (it was removed meanwhile) there is nothing to tell its owner.
    if (type === undefined || entry.account.problem?.type === type) return;
    const url = ownerUrl === undefined ? {} : { url: ownerUrl };
    const problem = { type, message: error.message, since: clock.now(), ...url };
    entry.account = { ...entry.account, problem };
    save(entry, { problem });
  };

  const lease = (entry: Entry, model: string): Lease => {
    const { id, handle } = entry.account;
    let credential: Credential | undefined;
    let isHeld = true;
    return {
      accountId: id,
      handle,
      async credential(signal) {
        credential = await credentials.get(id, signal);
        return credential;
      },
      renew: (what) => credentials.renew(id, what, credential),
      succeed() {
        const memory = entry.memories.get(model);
        if (memory) entry.memories.set(model, afterSuccess(memory));
      },
      fail(error) {
        if (error.kind === "account-unusable") markProblem(entry, error);
        const memory = afterFailure(entry.memories.get(model), error, clock.now());
        if (memory) entry.memories.set(model, memory);
      },
      [Symbol.dispose]() {
        if (isHeld) entry.inFlight--;
        isHeld = false;
      },
    };
  };

  return {
    sync,

    async acquire({ model, exclude }, signal) {
      if (signal.aborted) throw abortError(signal);
      await sync();
      const candidates = [...entries.values()].map(({ account, useOrder, memories }) => ({
        account,
        useOrder,
        cooldown: memories.get(model)?.cooldown,
      }));
      const chosen = entries.get(pick(candidates, model, exclude, clock.now()).id);
      if (!chosen) throw new Error("pick() chose an account that was not offered");
      markUsed(chosen);
      return lease(chosen, model);
    },

    async usableAccounts() {
      await sync();
      const accounts = [...entries.values()].map(({ account }) => account);
      const usable = accounts.filter(isUsable);
      if (usable.length === 0) throw nobodyUsable(accounts);
      return usable.map(({ id }) => id);
    },

    views: () => [...entries.values()].map(viewOf),
  };
}

function viewOf({ account, inFlight, memories }: Entry): AccountView {
  const cooldowns = new Map<string, ModelCooldown>();
  for (const [model, { cooldown }] of memories) if (cooldown) cooldowns.set(model, cooldown);
  return { account, inFlight, cooldowns };
}
