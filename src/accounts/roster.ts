import { type Account, isUsable } from "../core/accounts.ts";
import type { QuotaReading } from "../core/quota.ts";
import type { AccountStore, LimitRecord, LimitStore } from "../core/store.ts";
import { singleFlight } from "../lib/single-flight.ts";
import type { ModelMemory } from "./cooldown.ts";

/** One account and what this process knows about it. */
export interface Entry {
  account: Account;
  inFlight: number;
  useOrder: number;
  /** The last use that was written to the store. */
  savedUseAt: number;
  /** Per upstream model id. */
  memories: Map<string, ModelMemory>;
  /** Absent: not read since the start. */
  reading?: QuotaReading;
}

/** What the pool itself learns about an account. */
export type Learned = Partial<Pick<Account, "lastUsedAt" | "problem">>;

interface Unsaved {
  change: Learned;
  /** Of the sign-in that it was learned about. */
  secret: string;
  /** The store has refused it. */
  isHeldBack?: true;
}

export interface RosterDeps {
  accounts: Pick<AccountStore, "list" | "update" | "version">;
  limits: LimitStore;
  /** Called once, with the first reading of the store. */
  onStart(): Promise<void>;
  /** The accounts have changed. `isTurn`: others can be used than before. */
  onChange(isTurn: boolean): void;
}

/** The accounts in memory, in line with the store: what others change is seen, what is learned here is written. */
export interface Roster {
  /** By id, in the order of their handles. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Whether the store is as it was last read. Cheap enough to ask before every upstream call. */
  isCurrent(): boolean;
  /** Reads the store until it is current. Rejects only while nothing has ever been read. */
  refresh(): Promise<void>;
  /** Takes effect at once and is written soon; an account that is gone stays gone. */
  change(entry: Entry, change: Learned): void;
  /** Keeps and stores what is known about the account on the model. */
  remember(entry: Entry, model: string, memory: ModelMemory): void;
  /** Resolves when everything is written that was on its way. */
  flush(): Promise<void>;
}

export function createRoster({ accounts, limits, onStart, onChange }: RosterDeps): Roster {
  const entries = new Map<string, Entry>();
  /** Changes on their way to the store, or held back by its failure; they are ahead of what it says. */
  const unsaved = new Map<string, Unsaved>();
  const flight = singleFlight<void>();
  let writing: Promise<void> = Promise.resolve();
  let seenVersion: number | undefined;

  const isCurrent = (): boolean => {
    try {
      return accounts.version() === seenVersion;
    } catch {
      return seenVersion !== undefined; // out of reach for a moment: what was known still serves
    }
  };

  const reload = async (): Promise<void> => {
    const version = accounts.version();
    const stored = await accounts.list();
    const isStart = seenVersion === undefined;
    const records = isStart ? await limits.load() : [];
    if (isStart) await onStart();
    const isTurn = adopt(stored);
    restore(records);
    seenVersion = version;
    if (!isStart) onChange(isTurn);
  };

  /** Whether others can be used than before. */
  const adopt = (stored: readonly Account[]): boolean => {
    let isTurn = false;
    const ids = new Set(stored.map(({ id }) => id));
    for (const [id, { account }] of entries) {
      if (ids.has(id)) continue;
      if (isUsable(account)) isTurn = true;
      entries.delete(id);
      unsaved.delete(id);
    }
    for (const account of stored) {
      const entry = entries.get(account.id);
      const current = withUnsaved(account);
      if (isUsable(current) !== (entry !== undefined && isUsable(entry.account))) isTurn = true;
      if (!entry) {
        const savedUseAt = account.lastUsedAt ?? -Infinity;
        entries.set(account.id, { account, inFlight: 0, useOrder: 0, savedUseAt, memories: new Map() });
        continue;
      }
      const lastUsedAt = Math.max(account.lastUsedAt ?? 0, entry.account.lastUsedAt ?? 0);
      entry.account = lastUsedAt === 0 ? current : { ...current, lastUsedAt };
    }
    return isTurn;
  };

  const restore = (records: readonly LimitRecord[]) => {
    for (const { accountId, model, ...memory } of records) entries.get(accountId)?.memories.set(model, memory);
  };

  const withUnsaved = (account: Account): Account => {
    const pending = unsaved.get(account.id);
    if (pending === undefined) return account;
    if (pending.isHeldBack) {
      if (pending.secret !== account.secret) {
        unsaved.delete(account.id); // its owner has signed in again: what was learned about the old sign-in is void
        return account;
      }
      enqueue(() => save(account.id)); // the store has changed, so it may take this now
    }
    return { ...account, ...pending.change };
  };

  const save = async (id: string): Promise<void> => {
    const pending = unsaved.get(id);
    if (pending === undefined) return; // written together with an earlier one
    try {
      await accounts.update(id, pending.change);
      if (unsaved.get(id) === pending) unsaved.delete(id);
    } catch {
      pending.isHeldBack = true; // no request must fail for it: it counts in memory, and is tried again at the next change
    }
  };

  /** Writes follow one another, so that the last word about an account is the last one written. */
  const enqueue = (write: () => Promise<void>) => {
    writing = writing.then(write).catch(() => {}); // a limit that cannot be stored shows itself again after a restart
  };

  return {
    entries,
    isCurrent,

    async refresh() {
      while (!isCurrent()) {
        try {
          await flight("reload", reload);
        } catch (cause) {
          if (seenVersion === undefined) throw cause;
          return;
        }
      }
    },

    change(entry, change) {
      const { id, secret } = entry.account;
      entry.account = { ...entry.account, ...change };
      if (entries.get(id) !== entry) return;
      unsaved.set(id, { change: { ...unsaved.get(id)?.change, ...change }, secret });
      enqueue(() => save(id));
    },

    remember(entry, model, memory) {
      const { id } = entry.account;
      if (entries.get(id) !== entry) return;
      entry.memories.set(model, memory);
      enqueue(() => limits.save({ accountId: id, model, ...memory }));
    },

    async flush() {
      await writing;
    },
  };
}
