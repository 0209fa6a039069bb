import type { Account } from "../../core/accounts.ts";
import type { AccountStore, AddOptions, NewAccount } from "../../core/store.ts";

/** What became of the accounts, each as it is stored now. */
export interface Imported {
  added: Account[];
  /** Known before, and with a new token, without its problem or stopped for good now. */
  updated: Account[];
  known: Account[];
  /** Left out because their owner had removed them: their old handles. */
  removed: string[];
}

/**
 * Stores the accounts, in one step. An import never sets an account going that had been stopped: a new one comes in the state
 * that it was archived in, a terms block stays where it is known on either side, and whether a known account is enabled is
 * left alone.
 */
export async function importAccounts(
  store: Pick<AccountStore, "list" | "add">,
  incoming: readonly NewAccount[],
  now: number,
  options: AddOptions,
): Promise<Imported> {
  const before = new Map((await store.list()).map((account) => [account.id, account]));
  const { added, known, removed } = await store.add(incoming, now, options);
  const isUpdated = (account: Account) => {
    const earlier = before.get(account.id);
    return (
      earlier !== undefined && (earlier.secret !== account.secret || earlier.problem?.type !== account.problem?.type)
    );
  };
  return {
    added,
    updated: known.filter(isUpdated),
    known: known.filter((account) => !isUpdated(account)),
    removed,
  };
}
