import { type AccountView, isUsable } from "../core/accounts.ts";
import type { AccountProblem } from "../core/errors.ts";

const PROBLEM_NAMES: Readonly<Record<AccountProblem, string>> = {
  "needs-login": "needsLogin",
  "needs-verification": "needsVerification",
  "terms-block": "termsBlock",
  "no-project": "noProject",
  "key-rejected": "keyRejected",
};

/** Accounts by state. Every account is in exactly one of usable, disabled, and the kinds of trouble. */
export function accountCounts(views: readonly AccountView[]) {
  const usable = views.filter(({ account }) => isUsable(account));
  const troubled = (type: string) =>
    views.filter(({ account }) => account.enabled && account.problem?.type === type).length;
  return {
    total: views.length,
    usable: usable.length,
    /** Of the usable ones: resting on at least one model. */
    cooling: usable.filter(({ cooldowns }) => cooldowns.size > 0).length,
    disabled: views.filter(({ account }) => !account.enabled).length,
    ...Object.fromEntries(Object.entries(PROBLEM_NAMES).map(([type, name]) => [name, troubled(type)])),
  };
}
