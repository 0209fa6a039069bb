import type { AccountKind } from "../core/account-kind.ts";
import { type Account, type Cooldown, isUsable } from "../core/accounts.ts";
import { type AccountProblem, type CoolingKind, GatewayError } from "../core/errors.ts";

const LIMITS: ReadonlySet<CoolingKind> = new Set(["rate-limited", "quota-exhausted"]);

/** Whether the rest ends by waiting. The other kinds are refusals that are asked about again later. */
export function isLimit({ kind }: Cooldown): boolean {
  return LIMITS.has(kind);
}

/** Every account that could serve is limited: carries the soonest reset. `limits` is not empty. */
export function everybodyLimited(limits: readonly Cooldown[], model: string, now: number): GatewayError {
  return limited(limits, now, (wait) => `Every usable account is limited on ${model}; the first is free ${wait}`);
}

/** The conversation's own account is limited, others are not. */
export function boundLimited(handle: string, limit: Cooldown, model: string, now: number): GatewayError {
  return limited(
    [limit],
    now,
    (wait) => `Account ${handle}, which serves this conversation, is limited on ${model}; it is free ${wait}`,
  );
}

function limited(limits: readonly Cooldown[], now: number, say: (wait: string) => string): GatewayError {
  const soonest = soonestOf(limits);
  if (soonest === undefined) throw new Error("Nobody is limited without a limit");
  const retryAfterMs = soonest.until - now;
  const message = say(`in ${spoken(retryAfterMs)} (${soonest.evidence})`);
  return new GatewayError(soonest.kind, message, { retryAfterMs });
}

/**
 * Why none of the accounts that offer the model will serve this request, given what keeps them from it: each has refused the
 * model, or else was given up for this request.
 */
export function nobodyLeft(rests: readonly (Cooldown | undefined)[], model: string, now: number): GatewayError {
  const refusals = rests.flatMap((rest) => (rest === undefined || isLimit(rest) ? [] : [rest]));
  if (refusals.length < rests.length) {
    return new GatewayError("no-account", "Every usable account was tried for this request");
  }
  const missing = soonestOf(refusals.filter(({ kind }) => kind === "model-missing"));
  if (missing) {
    const message = `No account offers ${model} at present (${missing.evidence})`;
    return new GatewayError("model-missing", message, { retryAfterMs: missing.until - now });
  }
  const refused = soonestOf(refusals);
  return new GatewayError("no-account", `Every usable account was refused by upstream (${refused?.evidence})`, {
    ...(refused && { retryAfterMs: refused.until - now }),
  });
}

/** No account's list names the model. */
export function nobodyOffers(model: string): GatewayError {
  return new GatewayError("model-missing", `No account offers ${model}`);
}

const SHOWN_ACCOUNTS = 5;

/** Tells the same of every account, up to a number that can be read. */
export function nobodyUsable(accounts: readonly Account[], lanes: readonly AccountKind[]): GatewayError {
  if (accounts.length === 0) {
    return new GatewayError("no-account", "No account is stored: add one with `ag accounts add`", {
      missing: "account",
    });
  }
  const advice = accounts.slice(0, SHOWN_ACCOUNTS).map((account) => adviceFor(account, lanes));
  const rest = accounts.length - advice.length;
  if (rest > 0) advice.push(`${rest} more: ag accounts list`);
  const problem = accounts.find((account) => account.enabled && account.problem)?.problem;
  return new GatewayError("no-account", `No account is usable. ${advice.join("; ")}`, {
    ...(problem && { accountProblem: problem.type }),
  });
}

/** What the owner does about each problem. */
const ADVICE: Record<AccountProblem, (handle: string, url: string | undefined) => string> = {
  "needs-login": (handle) => `${handle} needs a new sign-in: ag accounts add`,
  "needs-verification": (handle, url) =>
    `${handle} needs verification by its owner: ${url === undefined ? "" : `open ${url}, then `}ag accounts verify ${handle}`,
  "terms-block": (handle, url) =>
    `${handle} is stopped, Google reports a breach of its terms${url === undefined ? "" : `: appeal at ${url}`}`,
  "no-project": (handle) =>
    `${handle} has no Cloud Code project: finish the set-up in the app, then ag accounts verify ${handle}`,
  "key-rejected": (handle) => `the API key of ${handle} is refused: ag accounts add --gemini-key`,
};

/** What is wrong with an account that is not used, and what its owner does about it. */
export function adviceFor(account: Account, lanes: readonly AccountKind[]): string {
  const { handle, kind, enabled, problem } = account;
  if (problem) return ADVICE[problem.type](handle, problem.url);
  if (!enabled) return `${handle} is disabled: ag accounts enable ${handle}`;
  if (isUsable(account) && !lanes.includes(kind)) return `${handle} is not used: \`lanes\` does not name ${kind}`;
  return handle;
}

function soonestOf(rests: readonly Cooldown[]): Cooldown | undefined {
  return rests.reduce<Cooldown | undefined>(
    (soonest, rest) => (soonest === undefined || rest.until < soonest.until ? rest : soonest),
    undefined,
  );
}

/** Rounded up, so that nobody comes back too early. */
function spoken(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}
