import { type Account, isUsable } from "../core/accounts.ts";
import { type AccountProblem, GatewayError } from "../core/errors.ts";
import type { ModelCooldown } from "./cooldown.ts";

/** An account as far as choosing for one model is concerned. */
export interface Candidate {
  account: Account;
  /** On the model in question. */
  cooldown: ModelCooldown | undefined;
  /** Rises with each use, so that uses within one millisecond have an order; 0 when unused since the start. */
  useOrder: number;
}

/**
 * The least recently used account that can serve now; ties go to the lower handle.
 * Throws `rate-limited`, `quota-exhausted` or `model-missing` when every usable account rests, `no-account` when none is usable.
 */
export function pick(
  candidates: readonly Candidate[],
  model: string,
  exclude: ReadonlySet<string>,
  now: number,
): Account {
  const usable = candidates.filter(({ account }) => isUsable(account));
  const free = usable.filter(({ account, cooldown }) => !exclude.has(account.id) && !isRunning(cooldown, now));
  const [best] = free.toSorted(byLastUse);
  if (best) return best.account;
  if (usable.length === 0) throw nobodyUsable(candidates.map(({ account }) => account));
  throw everybodyRests(
    usable.flatMap(({ cooldown }) => (isRunning(cooldown, now) ? [cooldown] : [])),
    model,
    now,
  );
}

function isRunning(cooldown: ModelCooldown | undefined, now: number): cooldown is ModelCooldown {
  return cooldown !== undefined && cooldown.until > now;
}

function byLastUse(a: Candidate, b: Candidate): number {
  return (
    (a.account.lastUsedAt ?? 0) - (b.account.lastUsedAt ?? 0) ||
    a.useOrder - b.useOrder ||
    handleNumber(a.account) - handleNumber(b.account)
  );
}

function handleNumber({ handle }: Account): number {
  return Number(handle.slice(1));
}

function everybodyRests(cooldowns: readonly ModelCooldown[], model: string, now: number): GatewayError {
  const soonest = (kinds: readonly ModelCooldown["kind"][]) =>
    cooldowns.filter(({ kind }) => kinds.includes(kind)).toSorted((a, b) => a.until - b.until)[0];
  const limit = soonest(["rate-limited", "quota-exhausted"]);
  if (limit) {
    const retryAfterMs = limit.until - now;
    const wait = Math.ceil(retryAfterMs / 1000);
    const message = `Every usable account is limited on ${model}; the first is free in ${wait} s (${limit.evidence})`;
    return new GatewayError(limit.kind, message, { retryAfterMs });
  }
  const missing = soonest(["model-missing"]);
  if (missing) {
    const message = `No account offers ${model} at present (${missing.evidence})`;
    return new GatewayError("model-missing", message, { retryAfterMs: missing.until - now });
  }
  const refused = soonest(["access-denied", "access-token-rejected", "project-rejected"]);
  return refused
    ? new GatewayError("no-account", `Every usable account was refused by upstream (${refused.evidence})`, {
        retryAfterMs: refused.until - now,
      })
    : new GatewayError("no-account", "Every usable account was tried for this request");
}

const SHOWN_ACCOUNTS = 5;

/** What is wrong with each account, and what its owner does about it. */
export function nobodyUsable(accounts: readonly Account[]): GatewayError {
  if (accounts.length === 0) {
    return new GatewayError("no-account", "No account is stored: add one with `ag accounts import`", {
      missing: "account",
    });
  }
  const advice = accounts.slice(0, SHOWN_ACCOUNTS).map(adviceFor);
  const rest = accounts.length - advice.length;
  if (rest > 0) advice.push(`${rest} more: ag accounts list`);
  const problem = accounts.find((account) => account.enabled && account.problem)?.problem;
  return new GatewayError("no-account", `No account is usable. ${advice.join("; ")}`, {
    ...(problem && { accountProblem: problem.type }),
  });
}

/** What the owner does about each problem. */
const ADVICE: Record<AccountProblem, (handle: string, url: string | undefined) => string> = {
  "needs-login": (handle) => `${handle} needs a new sign-in: ag accounts import -`,
  "needs-verification": (handle, url) =>
    `${handle} needs verification by its owner: ${url === undefined ? "" : `open ${url}, then `}import it again`,
  "terms-block": (handle, url) =>
    `${handle} is stopped, Google reports a breach of its terms${url === undefined ? "" : `: appeal at ${url}`}`,
  "no-project": (handle) => `${handle} has no Cloud Code project: finish the set-up in the app, then import it again`,
};

function adviceFor({ handle, problem }: Account): string {
  return problem ? ADVICE[problem.type](handle, problem.url) : `${handle} is disabled`;
}
