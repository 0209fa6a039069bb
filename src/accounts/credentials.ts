import { untilAborted, within } from "../core/abort.ts";
import type { Account } from "../core/accounts.ts";
import { GatewayError } from "../core/errors.ts";
import type { AccountStore } from "../core/store.ts";
import type { Credential } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import { singleFlight } from "../lib/single-flight.ts";

export interface TokenGrant {
  accessToken: string;
  /** Unix ms. */
  expiresAt: number;
  /** Present when the token that was used is replaced by this one. */
  refreshToken?: string;
}

export interface DiscoveredProject {
  projectId: string;
  tier?: string;
  /** Configured, not the account's own: serves for now and is never stored. */
  isFallback?: boolean;
}

export interface CredentialsDeps {
  accounts: Pick<AccountStore, "list" | "update" | "version">;
  /** Throws `account-unusable` (needs-login) when the refresh token is dead; anything else counts as passing trouble. */
  refresh(refreshToken: string, signal: AbortSignal): Promise<TokenGrant>;
  /** Throws GatewayError. */
  discoverProject(accessToken: string, signal: AbortSignal): Promise<DiscoveredProject>;
  /** The account's e-mail, as far as Google tells it. Throws GatewayError. */
  fetchEmail(accessToken: string, signal: AbortSignal): Promise<string | undefined>;
  clock: Clock;
  /** Spreads the refreshes of several accounts; the same account has always the same. */
  jitterMs(accountId: string): number;
}

export interface Credentials {
  /**
   * A valid access token and the project, or the API key. Callers share one refresh and one discovery per account; a
   * caller that aborts leaves it to the others. Throws GatewayError.
   */
  get(accountId: string, signal: AbortSignal): Promise<Credential>;
  /** The next `get` asks anew. With `rejected`, only if that is still the current one: somebody else may have renewed it. */
  renew(accountId: string, what: "access-token" | "project", rejected?: Credential): void;
  /**
   * A new access token now, whatever the old one is worth; the old one serves until then. Callers share one refresh. Does
   * nothing for an account that has no access token. Throws GatewayError.
   */
  refreshNow(accountId: string, signal: AbortSignal): Promise<void>;
}

/** How long before its end a token is replaced. */
const AHEAD_MS = 300_000;
/** With less left than this, a request waits for the new token instead of taking the old one along. */
const SAFE_MS = 30_000;
/** After a failed refresh a still valid token serves on, and the next try waits this long. */
const RETRY_MS = 30_000;
const REFRESH_LIMIT_MS = 30_000;
/** Discovery may have to onboard the account, which upstream takes its time for. */
const DISCOVERY_LIMIT_MS = 180_000;

interface Token {
  accessToken: string;
  expiresAt: number;
  refreshAt: number;
}

/** What is held per account between requests. */
interface Held {
  /** As it stood at this version of the store: its owner may replace it. */
  apiKey?: { value: string; version: number };
  token?: Token;
  projectId?: string;
  /** Upstream does not know this one: a discovery is due even if the store still names it. */
  rejectedProject?: string;
  /** Google calls it dead; asking again is pointless until another one is stored. */
  deadRefreshToken?: string;
  askedEmail?: true;
}

export function createCredentials(deps: CredentialsDeps): Credentials {
  const { accounts, clock } = deps;
  const held = new Map<string, Held>();
  const flight = singleFlight<Credential>();
  const forced = singleFlight<void>();

  const heldOf = (accountId: string): Held => {
    const existing = held.get(accountId);
    if (existing) return existing;
    const created: Held = {};
    held.set(accountId, created);
    return created;
  };

  const read = async (accountId: string): Promise<Account> => {
    const account = (await accounts.list()).find(({ id }) => id === accountId);
    if (account) return account;
    held.delete(accountId);
    throw new GatewayError("account-unusable", "The account was removed");
  };

  const isStill = (version: number): boolean => {
    try {
      return accounts.version() === version;
    } catch {
      return true; // out of reach for a moment: what was known still serves
    }
  };

  const prepare = async (accountId: string, force: boolean): Promise<Credential> => {
    const state = heldOf(accountId);
    const version = accounts.version();
    const account = await read(accountId);
    if (!account.enabled) throw new GatewayError("account-unusable", `Account ${account.handle} is disabled`);
    if (account.kind === "gemini-api-key") {
      state.apiKey = { value: account.secret, version };
      return { kind: account.kind, accountId, apiKey: account.secret };
    }
    if (force) state.token = await refreshOrAdopt(account, state);
    const accessToken = await currentToken(account, state);
    state.projectId = await currentProject(account, accessToken, state);
    if (account.email === undefined) learnEmail(account, accessToken, state);
    return { kind: account.kind, accountId, accessToken, projectId: state.projectId };
  };

  const currentToken = async (account: Account, state: Held): Promise<string> => {
    const before = state.token;
    if (before && clock.now() < before.refreshAt) return before.accessToken;
    try {
      state.token = await refreshOrAdopt(account, state);
      return state.token.accessToken;
    } catch (cause) {
      if (before === undefined || isNeedsLogin(cause) || clock.now() >= before.expiresAt) {
        delete state.token;
        throw cause;
      }
      before.refreshAt = Math.min(clock.now() + RETRY_MS, before.expiresAt);
      return before.accessToken;
    }
  };

  /** Refreshes; a dead token is given up only after looking whether another process has stored a new one meanwhile. */
  const refreshOrAdopt = async (account: Account, state: Held): Promise<Token> => {
    if (account.secret === state.deadRefreshToken) throw needsLogin(account);
    try {
      return await refresh(account, account.secret);
    } catch (cause) {
      if (!isNeedsLogin(cause)) throw cause;
      const current = await read(account.id);
      try {
        if (current.secret !== account.secret) return await refresh(current, current.secret);
      } catch (again) {
        if (!isNeedsLogin(again)) throw again;
      }
      state.deadRefreshToken = current.secret;
      await accounts.update(account.id, {
        problem: { type: "needs-login", message: cause.message, since: clock.now() },
      });
      throw cause;
    }
  };

  const refresh = async (account: Account, refreshToken: string): Promise<Token> => {
    const askedAt = clock.now();
    const grant = await within(REFRESH_LIMIT_MS, "Refreshing the access token", clock, (signal) =>
      deps.refresh(refreshToken, signal),
    );
    await keepRotated(await read(account.id), refreshToken, grant);
    const { accessToken, expiresAt } = grant;
    const aheadMs = Math.min(AHEAD_MS + deps.jitterMs(account.id), (expiresAt - askedAt) / 2);
    return { accessToken, expiresAt, refreshAt: expiresAt - aheadMs };
  };

  /** Stores a replaced refresh token before the new access token is used, and ends a problem that is evidently over. */
  const keepRotated = async (account: Account, used: string, { refreshToken }: TokenGrant): Promise<void> => {
    // A token that another process stored meanwhile comes from a later sign-in.
    const isRotated = refreshToken !== undefined && refreshToken !== used && account.secret === used;
    const isCured = account.problem?.type === "needs-login";
    if (!isRotated && !isCured) return;
    await accounts.update(account.id, {
      ...(isRotated && { secret: refreshToken }),
      ...(isCured && { problem: undefined }),
    });
  };

  const currentProject = async (account: Account, accessToken: string, state: Held): Promise<string> => {
    if (account.projectId !== undefined && account.projectId !== state.rejectedProject) return account.projectId;
    const found = await within(DISCOVERY_LIMIT_MS, "Finding the account's project", clock, (signal) =>
      deps.discoverProject(accessToken, signal),
    );
    if (found.isFallback) return found.projectId;
    delete state.rejectedProject;
    await accounts.update(account.id, {
      projectId: found.projectId,
      ...(found.tier !== undefined && { tier: found.tier }),
      ...(account.problem?.type === "no-project" && { problem: undefined }),
    });
    return found.projectId;
  };

  /** Imported accounts often come without an e-mail. Nobody waits for it: it only helps the owner to tell them apart. */
  const learnEmail = ({ id }: Account, accessToken: string, state: Held): void => {
    if (state.askedEmail) return;
    state.askedEmail = true;
    within(REFRESH_LIMIT_MS, "Asking for the e-mail", clock, (signal) => deps.fetchEmail(accessToken, signal))
      .then((email) => (email === undefined ? undefined : accounts.update(id, { email })))
      .catch(() => {}); // asked again after the next start
  };

  /** Work that is under way has its own purpose and comes first: one account never has two refreshes at once. */
  const force = async (accountId: string): Promise<void> => {
    let isOwn = false;
    const work = flight(accountId, () => {
      isOwn = true;
      return prepare(accountId, true);
    });
    if (isOwn) {
      await work;
      return;
    }
    await work.catch(() => {}); // not ours to report
    await force(accountId);
  };

  return {
    async get(accountId, signal) {
      const { token, projectId, apiKey } = heldOf(accountId);
      if (apiKey !== undefined && isStill(apiKey.version)) {
        return { kind: "gemini-api-key", accountId, apiKey: apiKey.value };
      }
      const now = clock.now();
      if (token && projectId !== undefined && now < token.expiresAt - SAFE_MS) {
        if (now >= token.refreshAt) {
          // Ahead of time, so nobody waits for it. A failure that matters is met again by the first who must wait.
          flight(accountId, () => prepare(accountId, false)).catch(() => {});
        }
        return { kind: "antigravity", accountId, accessToken: token.accessToken, projectId };
      }
      return untilAborted(
        flight(accountId, () => prepare(accountId, false)),
        signal,
      );
    },

    refreshNow: (accountId, signal) =>
      untilAborted(
        forced(accountId, () => force(accountId)),
        signal,
      ),

    renew(accountId, what, rejected) {
      const state = heldOf(accountId);
      delete state.apiKey;
      if (rejected?.kind === "gemini-api-key") return;
      if (what === "access-token") {
        if (rejected === undefined || rejected.accessToken === state.token?.accessToken) delete state.token;
        return;
      }
      const project = rejected?.projectId ?? state.projectId;
      if (project === undefined || (state.projectId !== undefined && state.projectId !== project)) return;
      state.rejectedProject = project;
      delete state.projectId;
    },
  };
}

function needsLogin({ handle }: Account): GatewayError {
  const message = `Account ${handle} needs a new sign-in: ag accounts add`;
  return new GatewayError("account-unusable", message, { accountProblem: "needs-login" });
}

function isNeedsLogin(cause: unknown): cause is GatewayError {
  return cause instanceof GatewayError && cause.detail.accountProblem === "needs-login";
}
