import type { Account } from "../../core/accounts.ts";
import type { AccountChange, AccountStore, AddOptions, NewAccount } from "../../core/store.ts";

/** An account to be stored, and for one out of an archive the state that it was in. */
export interface Incoming extends NewAccount {
  enabled?: boolean;
  problem?: Account["problem"];
}

/** What became of the accounts, each as it is stored now. */
export interface Imported {
  added: Account[];
  /** Known before, and with a new token or without its problem now. */
  updated: Account[];
  known: Account[];
  /** Left out because their owner had removed them: their old handles. */
  removed: string[];
}

/**
 * Stores the accounts. An import never sets an account going that had been stopped: a new one comes in the state that it was
 * archived in, a terms block stays where it is known on either side, and whether a known account is enabled is left alone.
 */
export async function importAccounts(
  store: AccountStore,
  incoming: readonly Incoming[],
  now: number,
  options: AddOptions,
): Promise<Imported> {
  const before = new Map((await store.list()).map((account) => [account.id, account]));
  const { added, known, removed } = await store.add(incoming.map(newAccount), now, options);
  for (const account of [...added, ...known]) {
    const change = changeFor(account, before.get(account.id), incoming);
    if (change !== undefined) await store.update(account.id, change);
  }
  const after = new Map((await store.list()).map((account) => [account.id, account]));
  const current = (accounts: readonly Account[]) => accounts.map((account) => after.get(account.id) ?? account);
  const isUpdated = (account: Account) => isRenewed(account, before.get(account.id));
  const [updated, same] = partition(current(known), isUpdated);
  return { added: current(added), updated, known: same, removed };
}

/** Without the state: the store takes accounts as they come from a sign-in. */
function newAccount({ enabled: _, problem: __, ...account }: Incoming): NewAccount {
  return account;
}

function changeFor(
  stored: Account,
  earlier: Account | undefined,
  incoming: readonly Incoming[],
): AccountChange | undefined {
  const archived = incoming.filter((entry) => isSame(entry, stored));
  const problem =
    [earlier, ...archived].find((each) => each?.problem?.type === "terms-block")?.problem ??
    (earlier === undefined ? archived.find((entry) => entry.problem !== undefined)?.problem : undefined);
  const isDisabled = earlier === undefined && archived.some(({ enabled }) => enabled === false);
  const change: AccountChange = {
    ...(problem !== undefined && stored.problem?.type !== problem.type && { problem }),
    ...(isDisabled && { enabled: false }),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

function isSame(entry: Incoming, { kind, secret, email }: Account): boolean {
  if (entry.kind !== kind) return false;
  return entry.secret === secret || (email !== undefined && entry.email?.toLowerCase() === email.toLowerCase());
}

function isRenewed(account: Account, earlier: Account | undefined): boolean {
  if (earlier === undefined) return false;
  const isCured = earlier.problem !== undefined && account.problem === undefined;
  return isCured || earlier.secret !== account.secret;
}

function partition<T>(all: readonly T[], test: (each: T) => boolean): [passed: T[], rest: T[]] {
  return [all.filter(test), all.filter((each) => !test(each))];
}
