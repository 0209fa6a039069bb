import { type AccountView, type Cooldown, isUsable } from "../core/accounts.ts";
import type { Family } from "../core/models.ts";
import type { Quota, QuotaBucket, QuotaReading } from "../core/quota.ts";

/**
 * What is left to whom, as one JSON document: the answer of `GET /account-limits` and `ag limits --json`. Every field is
 * always there; `null` says that there is none or that it is not known. Times are ISO 8601 in UTC. Accounts are named by
 * handle only: no e-mail, no token, no project.
 */
export interface LimitsReport {
  /** The moment that all "…InSeconds" count from. */
  at: string;
  accounts: AccountLimits[];
}

export interface AccountLimits {
  /** "a1" */
  handle: string;
  /** "antigravity", "gemini-api-key"; more may come. */
  kind: string;
  label: string | null;
  tier: string | null;
  /** "ready", "disabled", or what is wrong: "needs-login", "needs-verification", "terms-block", "no-project", "key-rejected". */
  state: string;
  /** What is wrong, in a sentence. */
  reason: string | null;
  /** The link that the account's owner must open. */
  url: string | null;
  /** Requests that run on it now. */
  inFlight: number;
  /** When upstream was last asked what is left. */
  readAt: string | null;
  /** Why upstream could not be asked the last time; what is shown is then from `readAt`. */
  readFailure: string | null;
  /** Windows that several models share; none where upstream offers no summary. */
  buckets: BucketLimits[];
  models: ModelLimits[];
}

interface Remaining {
  /** From 0 (used up) to 1; `null`: not known, which is not the same as full. */
  remainingFraction: number | null;
  /** When the window starts anew. An untouched window has such a time too. */
  resetAt: string | null;
  resetInSeconds: number | null;
}

export interface BucketLimits extends Remaining {
  id: string;
  /** "Gemini" */
  group: string;
  /** "5h", "weekly" */
  window: string;
}

export interface ModelLimits extends Remaining {
  /** Upstream model id. */
  id: string;
  /** Whether the account is passed over for this model now; `why` says by what. */
  limited: boolean;
  /** The end of all that limits it now, as far as is known. */
  freeAt: string | null;
  freeInSeconds: number | null;
  why: LimitReason[];
  /** The rest that upstream's refusal brought. */
  cooldown: CooldownLimits | null;
}

export interface LimitReason {
  by: "cooldown" | "bucket" | "quota";
  /** For people: "429 QUOTA_EXHAUSTED", "Gemini weekly used up". */
  text: string;
  until: string | null;
}

export interface CooldownLimits {
  kind: string;
  since: string;
  until: string;
  inSeconds: number;
  evidence: string;
}

/** What must be known besides the accounts themselves. */
export interface ReportContext {
  /** Unix ms. */
  now: number;
  /** Whether a model is meant for people; upstream's inner ones are left out. */
  isOffered(modelId: string): boolean;
  /** Which models a shared window covers. */
  familyOf(modelId: string): Family;
  /** Why the quota of an account could not be read the last time, by account id. Safe to show. */
  readFailures?: ReadonlyMap<string, string>;
}

export function limitsReport(views: readonly AccountView[], context: ReportContext): LimitsReport {
  return { at: iso(context.now), accounts: views.map((view) => accountLimits(view, context)) };
}

function accountLimits(view: AccountView, context: ReportContext): AccountLimits {
  const { account, quota } = view;
  const { problem } = account;
  return {
    handle: account.handle,
    kind: account.kind,
    label: account.label ?? null,
    tier: account.tier ?? null,
    state: account.enabled ? (problem?.type ?? "ready") : "disabled",
    reason: problem?.message ?? null,
    url: problem?.url ?? null,
    inFlight: view.inFlight,
    readAt: quota === undefined ? null : iso(quota.readAt),
    // Nobody asks for an account that cannot be used.
    readFailure: (isUsable(account) ? context.readFailures?.get(account.id) : undefined) ?? null,
    buckets: (quota?.buckets ?? []).map((bucket) => ({
      id: bucket.id,
      group: bucket.group,
      window: bucket.window,
      ...remaining(bucket, context.now),
    })),
    models: modelIds(view, context).map((id) => modelLimits(id, view, context)),
  };
}

function modelIds({ quota, cooldowns }: AccountView, { isOffered, now }: ReportContext): string[] {
  const resting = [...cooldowns].flatMap(([id, { until }]) => (until > now ? [id] : []));
  // By name, so that a family stands together.
  return [...new Set([...(quota?.models.keys() ?? []), ...resting])].filter(isOffered).toSorted();
}

function modelLimits(id: string, { quota, cooldowns }: AccountView, context: ReportContext): ModelLimits {
  const { now } = context;
  const known = cooldowns.get(id);
  const cooldown = known !== undefined && known.until > now ? known : undefined;
  const limits = [...cooldownLimit(cooldown), ...(quota ? usedUp(id, quota, context) : [])];
  const ends = limits.map(({ until }) => until);
  // An end that is not known may be later than all that are.
  const freeAt =
    limits.length === 0 || ends.includes(undefined) ? undefined : Math.max(...ends.map((end) => end ?? now));
  return {
    id,
    ...remaining(quota?.models.get(id), now),
    limited: limits.length > 0,
    freeAt: freeAt === undefined ? null : iso(freeAt),
    freeInSeconds: freeAt === undefined ? null : secondsUntil(freeAt, now),
    why: limits.map(({ by, text, until }) => ({ by, text, until: until === undefined ? null : iso(until) })),
    cooldown: cooldown === undefined ? null : cooldownView(cooldown, now),
  };
}

interface Limit {
  by: LimitReason["by"];
  text: string;
  until: number | undefined;
}

function cooldownLimit(cooldown: Cooldown | undefined): Limit[] {
  return cooldown === undefined ? [] : [{ by: "cooldown", text: cooldown.evidence, until: cooldown.until }];
}

/** Either window at zero is enough: a full 5-hour window is worth nothing once the week's is used up. */
function usedUp(id: string, { models, buckets }: QuotaReading, { now, familyOf }: ReportContext): Limit[] {
  const family = familyOf(id);
  const limits: Limit[] = buckets
    .filter((bucket) => covers(bucket, family) && isUsedUp(bucket, now))
    .map(({ group, window, resetAt }) => ({ by: "bucket", text: `${group} ${window} used up`, until: resetAt }));
  const own = models.get(id);
  if (own !== undefined && isUsedUp(own, now)) limits.push({ by: "quota", text: "quota used up", until: own.resetAt });
  return limits;
}

function covers({ covers }: QuotaBucket, family: Family): boolean {
  return covers !== undefined && (covers === "gemini") === (family === "gemini");
}

function isUsedUp(quota: Quota, now: number): boolean {
  return quota.remainingFraction <= 0 && !isOver(quota, now);
}

/** The window has started anew since it was read: what is left of the new one is not known. */
function isOver({ resetAt }: Quota, now: number): boolean {
  return resetAt !== undefined && resetAt <= now;
}

function remaining(quota: Quota | undefined, now: number): Remaining {
  if (quota === undefined || isOver(quota, now))
    return { remainingFraction: null, resetAt: null, resetInSeconds: null };
  const { remainingFraction, resetAt } = quota;
  return {
    remainingFraction,
    resetAt: resetAt === undefined ? null : iso(resetAt),
    resetInSeconds: resetAt === undefined ? null : secondsUntil(resetAt, now),
  };
}

function cooldownView({ kind, since, until, evidence }: Cooldown, now: number): CooldownLimits {
  return { kind, since: iso(since), until: iso(until), inSeconds: secondsUntil(until, now), evidence };
}

/** Rounded up: who comes back then must not be early. */
function secondsUntil(time: number, now: number): number {
  return Math.ceil((time - now) / 1000);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
