import type { Account } from "../../core/accounts.ts";
import type { AccountChange } from "../../core/store.ts";
import { chooseAccount } from "./choose.ts";
import { withStore } from "./with-store.ts";

/** The argument that names one account. */
export const ACCOUNT_ID = {
  type: "positional",
  required: true,
  description: "handle (a1), label or e-mail of the account",
} as const;

/**
 * Changes one account as `decide` says, `undefined` for nothing, and returns it as it is afterwards. Throws UserError when
 * the name fits none or several.
 */
export function changeAccount(
  name: string,
  decide: (account: Account) => AccountChange | undefined,
): Promise<{ account: Account; changed: boolean }> {
  return withStore(async ({ accounts }) => {
    const before = chooseAccount(name, await accounts.list());
    const change = decide(before);
    if (change === undefined) return { account: before, changed: false };
    await accounts.update(before.id, change);
    const after = (await accounts.list()).find(({ id }) => id === before.id);
    return { account: after ?? before, changed: true };
  });
}
