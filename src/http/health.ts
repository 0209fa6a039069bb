import type { AccountView } from "../core/accounts.ts";

/** Whether the account can be asked at all; it may still be cooling on some model. */
export function isUsable({ account }: AccountView): boolean {
  return account.enabled && account.problem === undefined;
}

/** Accounts by state. Every account is in exactly one of usable, disabled, and the kinds of trouble. */
export function accountCounts(views: readonly AccountView[], now: number) {
  const troubled = (type: string) =>
    views.filter(({ account }) => account.enabled && account.problem?.type === type).length;
  return {
    total: views.length,
    usable: views.filter(isUsable).length,
    /** Of the usable ones: limited on at least one model. */
    cooling: views.filter((view) => isUsable(view) && [...view.cooldowns.values()].some(({ until }) => until > now))
      .length,
    disabled: views.filter(({ account }) => !account.enabled).length,
    needsLogin: troubled("needs-login"),
    needsVerification: troubled("needs-verification"),
    termsBlock: troubled("terms-block"),
    noProject: troubled("no-project"),
  };
}
