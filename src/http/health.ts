import { type AccountView, isUsable } from "../core/accounts.ts";

/** Accounts by state. Every account is in exactly one of usable, disabled, and the kinds of trouble. */
export function accountCounts(views: readonly AccountView[], now: number) {
  const troubled = (type: string) =>
    views.filter(({ account }) => account.enabled && account.problem?.type === type).length;
  return {
    total: views.length,
    usable: views.filter(({ account }) => isUsable(account)).length,
    /** Of the usable ones: limited on at least one model. */
    cooling: views.filter(
      (view) => isUsable(view.account) && [...view.cooldowns.values()].some(({ until }) => until > now),
    ).length,
    disabled: views.filter(({ account }) => !account.enabled).length,
    needsLogin: troubled("needs-login"),
    needsVerification: troubled("needs-verification"),
    termsBlock: troubled("terms-block"),
    noProject: troubled("no-project"),
  };
}
