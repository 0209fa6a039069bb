import { untilAborted, within } from "../core/abort.ts";
import type { Account } from "../core/accounts.ts";
import { type AccountProblem, asGatewayError, type GatewayError } from "../core/errors.ts";
import type { QuotaReading } from "../core/quota.ts";
import type { AccountStore } from "../core/store.ts";
import type { CredentialOf } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import type { Credentials, DiscoveredProject } from "./credentials.ts";

export interface VerifyDeps {
  accounts: Pick<AccountStore, "list" | "update" | "endTermsBlock">;
  /** Must serve an account with a stored problem too: it is asked here whether that is over. */
  credentials: Pick<Credentials, "get" | "renew">;
  /** The account's models and quota, read anew. Throws GatewayError. */
  readAccount(accountId: string, signal: AbortSignal): Promise<{ reading: QuotaReading }>;
  /** What Google says now of the account's project and tier, whatever is stored. Throws GatewayError. */
  rediscoverProject(accessToken: string, signal: AbortSignal): Promise<DiscoveredProject>;
  clock: Clock;
}

export interface Verification {
  /** As it is stored afterwards. */
  account: Account;
  result: VerificationResult;
}

export type VerificationResult =
  /** Everything was answered. `ended`: the problem that this has shown to be over. */
  | { type: "ready"; reading: QuotaReading; ended?: AccountProblem }
  /** Its owner must act: `account.problem` says what and where. */
  | { type: "needs-owner" }
  /** Nobody was asked: a disabled account gets no calls, a terms block is for good. */
  | { type: "not-asked"; because: "disabled" | "terms-block" }
  /** Nothing was learned about the account: the network, a broken upstream, a missing OAuth client. */
  | { type: "failed"; error: GatewayError };

type Problem = NonNullable<Account["problem"]>;

/** Discovery may have to set up the account's project, which upstream takes its time for. */
const PROJECT_LIMIT_MS = 180_000;
const READING_LIMIT_MS = 30_000;

export interface VerifyOptions {
  /** The owner says that Google has granted the appeal against a terms block. Believed when Google answers. */
  isAppealGranted?: boolean;
}

/**
 * One probe of one account, usable or not: a new access token, the project and tier, the models and their quota. What is
 * learned is stored: a problem that is over is cleared, a new one is kept with its link. Never repeats a call, and never
 * asks about an account that is stopped for a breach of terms, unless its owner says that this is over. Rejects with
 * `cancelled` when the signal aborts.
 */
export async function verifyAccount(
  account: Account,
  deps: VerifyDeps,
  signal: AbortSignal,
  { isAppealGranted = false }: VerifyOptions = {},
): Promise<Verification> {
  if (account.problem?.type === "terms-block" && !isAppealGranted) {
    return { account, result: { type: "not-asked", because: "terms-block" } };
  }
  if (!account.enabled) return { account, result: { type: "not-asked", because: "disabled" } };
  const startedAt = deps.clock.now();
  let result: VerificationResult;
  try {
    result = await settle(account, await probe(account, deps, signal), startedAt, deps);
  } catch (cause) {
    if (signal.aborted) throw cause;
    result = await blame(account, asGatewayError(cause), deps);
  }
  return { account: (await find(account.id, deps)) ?? account, result };
}

async function probe(account: Account, deps: VerifyDeps, signal: AbortSignal): Promise<QuotaReading> {
  const { credentials, clock } = deps;
  credentials.renew(account.id, "access-token");
  const credential = await credentials.get(account.id, signal);
  // An account without a stored project has just been asked for it.
  if (credential.kind === "antigravity" && account.projectId !== undefined)
    await checkProject(account, credential, deps, signal);
  const { reading } = await bounded(READING_LIMIT_MS, "Reading the models and their quota", clock, signal, (stop) =>
    deps.readAccount(account.id, stop),
  );
  return reading;
}

/** A verification that Google asks for shows here first; a project that was replaced is stored before it is used. */
async function checkProject(
  account: Account,
  credential: CredentialOf<"antigravity">,
  deps: VerifyDeps,
  signal: AbortSignal,
): Promise<void> {
  const found = await bounded(PROJECT_LIMIT_MS, "Finding the account's project", deps.clock, signal, (stop) =>
    deps.rediscoverProject(credential.accessToken, stop),
  );
  const isMoved = !found.isFallback && found.projectId !== account.projectId;
  const isOtherTier = found.tier !== undefined && found.tier !== account.tier;
  if (isMoved || isOtherTier) {
    await deps.accounts.update(account.id, {
      ...(isMoved && { projectId: found.projectId }),
      ...(isOtherTier && { tier: found.tier }),
    });
  }
  if (isMoved) deps.credentials.renew(account.id, "project", credential);
}

/** All was answered, so whatever stood in the way before the probe is over; what came up meanwhile is not. */
async function settle(
  account: Account,
  reading: QuotaReading,
  startedAt: number,
  deps: VerifyDeps,
): Promise<VerificationResult> {
  const current = (await find(account.id, deps))?.problem;
  if (current !== undefined && !isOver(current, account.problem, startedAt)) return { type: "needs-owner" };
  if (current?.type === "terms-block") await deps.accounts.endTermsBlock(account.id);
  else if (current !== undefined) await deps.accounts.update(account.id, { problem: undefined });
  const ended = account.problem?.type;
  return { type: "ready", reading, ...(ended !== undefined && { ended }) };
}

function isOver({ type, since }: Problem, earlier: Problem | undefined, startedAt: number): boolean {
  if (since > startedAt) return false;
  // One that was there is asked about only at its owner's word.
  return type !== "terms-block" || earlier?.type === "terms-block";
}

async function blame(account: Account, error: GatewayError, deps: VerifyDeps): Promise<VerificationResult> {
  const { accountProblem: type, ownerUrl } = error.detail;
  if (error.kind !== "account-unusable" || type === undefined) return { type: "failed", error };
  const current = (await find(account.id, deps))?.problem;
  if (current?.type === "terms-block") return { type: "needs-owner" };
  // The link may be a new one, and the old one then leads nowhere; only the beginning stays.
  const url = ownerUrl ?? (current?.type === type ? current.url : undefined);
  const since = current?.type === type ? current.since : deps.clock.now();
  await deps.accounts.update(account.id, {
    problem: { type, message: error.message, since, ...(url !== undefined && { url }) },
  });
  return { type: "needs-owner" };
}

async function find(id: string, { accounts }: VerifyDeps): Promise<Account | undefined> {
  return (await accounts.list()).find((account) => account.id === id);
}

/** Work with a time limit of its own that ends early when the caller gives up. */
function bounded<T>(
  ms: number,
  what: string,
  clock: Clock,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return untilAborted(
    within(ms, what, clock, (stop) => work(AbortSignal.any([stop, signal]))),
    signal,
  );
}
