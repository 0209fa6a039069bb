import { type Account, type Cooldown, isUsable } from "../../core/accounts.ts";
import type { AccountProblem } from "../../core/errors.ts";
import type { LimitRecord } from "../../core/store.ts";

/** What the owner reads: "resting" is ready, but limited on some models. */
export type AccountState = "ready" | "resting" | "disabled" | AccountProblem;

/** A limit that still holds. */
export interface Rest {
  model: string;
  cooldown: Cooldown;
}

/** The limits of one account that are not over, the first to end first. */
export function restsOf({ id }: Account, limits: readonly LimitRecord[], now: number): Rest[] {
  return limits
    .flatMap(({ accountId, model, cooldown }) =>
      accountId === id && cooldown !== undefined && cooldown.until > now ? [{ model, cooldown }] : [],
    )
    .toSorted((left, right) => left.cooldown.until - right.cooldown.until);
}

export function stateOf(account: Account, rests: readonly Rest[] = []): AccountState {
  if (!account.enabled) return "disabled";
  if (account.problem !== undefined) return account.problem.type;
  return rests.length > 0 ? "resting" : "ready";
}

/** What may leave the process: every field by name, so that a new secret in `Account` cannot slip out. */
export function publicView(account: Account, rests: readonly Rest[] = [], now = 0) {
  const { problem } = account;
  return {
    handle: account.handle,
    kind: account.kind,
    label: account.label,
    email: account.email,
    tier: account.tier,
    projectId: account.projectId,
    enabled: account.enabled,
    usable: isUsable(account),
    state: stateOf(account, rests),
    problem: problem?.type,
    reason: problem?.message,
    url: problem?.url,
    problemSince: isoTime(problem?.since),
    cooldowns: rests.map(({ model, cooldown }) => ({
      model,
      kind: cooldown.kind,
      until: isoTime(cooldown.until),
      remainingMs: cooldown.until - now,
      why: cooldown.evidence,
      since: isoTime(cooldown.since),
    })),
    addedAt: isoTime(account.addedAt),
    lastUsedAt: isoTime(account.lastUsedAt),
  };
}

function isoTime(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}
