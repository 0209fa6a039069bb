import { consola } from "consola/basic";
import { createCredentials, type Credentials, type DiscoveredProject } from "../accounts/credentials.ts";
import { createPool, type Pool } from "../accounts/pool.ts";
import { createTokenClient, type TokenClient } from "../auth/google.ts";
import { buildInfo } from "../config/build-info.ts";
import type { Config } from "../config/load.ts";
import { accountsNamed } from "../core/account-name.ts";
import type { Account } from "../core/accounts.ts";
import type { AccountStore, Store } from "../core/store.ts";
import type { Upstreams } from "../core/upstream.ts";
import { createModelDiscovery, type DiscoveryDeps, type ModelDiscovery } from "../gateway/discover-models.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { createCatalog, type ModelCatalog } from "../models/catalog.ts";
import { openStore } from "../store/open-store.ts";
import { createCloudCode, discoverProject, userAgent } from "../upstreams/cloudcode/index.ts";
import type { DemoScenario } from "../upstreams/demo/index.ts";
import { createGeminiApi } from "../upstreams/gemini-api/index.ts";
import { digest, newCallId } from "./ids.ts";
import { demoOutside, type Outside, realOutside } from "./outside.ts";

export interface BackendOptions {
  demo: boolean;
  scenario?: DemoScenario;
  /** Default: the system's. */
  clock?: Clock;
  /** Which addresses may be asked for files that requests name. Default: public ones. For tests. */
  mayConnectTo?: (address: string) => boolean;
}

/** What a gateway and the commands stand on, without any HTTP side. */
export interface Backend {
  clock: Clock;
  store: Store;
  tokens: TokenClient;
  client: Outside["client"];
  credentials: Credentials;
  upstreams: Upstreams;
  pool: Pool;
  discovery: ModelDiscovery;
  /** What asking single accounts, beside requests, takes. */
  discoveryDeps: DiscoveryDeps;
  /** For accounts that have a problem or are disabled, too. */
  troubledDiscovery: ModelDiscovery;
  catalog: ModelCatalog;
  rediscoverProject(accessToken: string, signal: AbortSignal): Promise<DiscoveredProject>;
  /** Writes what is buffered and closes the database. */
  close(): Promise<void>;
}

export async function composeStore(config: Config): Promise<Store> {
  const { secretKey } = config;
  return openStore(config.paths.database, secretKey && { secretKey });
}

export async function composeBackend(config: Config, options: BackendOptions): Promise<Backend> {
  const { demo, scenario, clock = systemClock } = options;
  const outside = demo ? await demoOutside(scenario ?? "normal", clock) : realOutside(config, clock);
  const store = demo ? openStore(":memory:") : await composeStore(config);
  if (outside.accounts.length > 0) await store.accounts.add(outside.accounts, clock.now(), { again: false });

  const accounts = askedSparingly(tellingProblems(store.accounts));
  const tokens = createTokenClient({ ...outside, clock });
  const upstreams = composeUpstreams(config, outside, clock);
  const rediscoverProject = composeProjectDiscovery(config, outside, clock);
  const credentials = createCredentials({
    accounts,
    refresh: tokens.refresh,
    discoverProject: rediscoverProject,
    fetchEmail: async (accessToken, signal) => (await tokens.userinfo(accessToken, signal)).email,
    clock,
    jitterMs: (accountId) => Number(Bun.hash.xxHash3(accountId) % 60_000n),
  });
  const { scheduling, lanes } = config;
  const pool = createPool({
    accounts,
    limits: store.limits,
    sessions: store.sessions,
    credentials,
    clock,
    hash: digest,
    random: Math.random,
    settings: { ...scheduling, lanes, reserveOf: (account) => reserveOf(account, config) },
  });
  const discoveryDeps: DiscoveryDeps = {
    usableAccounts: pool.usableAccounts,
    lanes: () => lanes,
    credential: pool.credential,
    renewAccessToken: (accountId, rejected) => credentials.renew(accountId, "access-token", rejected),
    upstreams,
    onReading: pool.observe,
    // The list is asked for anew, so that what the late one offers is in it; nobody waits for that.
    onLateAnswer: () => void catalog.refresh(new AbortController().signal).catch(() => {}),
    clock,
  };
  const discovery = createModelDiscovery(discoveryDeps);
  // The pool hands out nothing of an account with a problem; whether that is over can only be seen by asking.
  const troubledDiscovery = createModelDiscovery({ ...discoveryDeps, credential: credentials.get });
  const catalog = createCatalog({
    discover: discovery.discover,
    store: store.discovery,
    aliases: () => config.models.aliases,
    clock,
  });
  return {
    clock,
    store,
    tokens,
    client: outside.client,
    credentials,
    upstreams,
    pool,
    discovery,
    discoveryDeps,
    troubledDiscovery,
    catalog,
    rediscoverProject,
    async close() {
      discovery.close();
      troubledDiscovery.close();
      await pool.flush();
      await store.close();
      outside.close();
    },
  };
}

function composeUpstreams({ cloudcode }: Config, outside: Outside, clock: Clock): Upstreams {
  const { fetch, hosts, geminiUrl } = outside;
  return {
    antigravity: createCloudCode({
      fetch,
      hosts,
      clock,
      userAgent: userAgent(cloudcode.clientVersion, process.platform, process.arch),
      log: (message) => consola.debug(message),
      newUuid: () => crypto.randomUUID(),
      newCallId,
    }),
    "gemini-api-key": createGeminiApi({
      fetch,
      baseUrl: geminiUrl,
      clock,
      userAgent: `ag/${buildInfo.version}`,
      newCallId,
    }),
  };
}

function composeProjectDiscovery({ cloudcode }: Config, { fetch, hosts }: Outside, clock: Clock) {
  const { fallbackProject, clientVersion } = cloudcode;
  const deps = {
    fetch,
    hosts,
    clock,
    userAgent: userAgent(clientVersion, process.platform, process.arch),
    log: (message: string) => consola.debug(message),
    ...(fallbackProject !== undefined && { fallbackProject }),
  };
  return (accessToken: string, signal: AbortSignal) => discoverProject(deps, accessToken, signal);
}

function reserveOf(account: Account, { accounts }: Config): number {
  return Math.max(
    0,
    ...accounts.flatMap((entry) => (accountsNamed(entry.account, [account])[0] ? [entry.reserve] : [])),
  );
}

/** Whoever changes an account takes longer than this until he says that it is done. */
const VERSION_AGE_MS = 2;

/**
 * The store, which is not asked for its version by each of several hundred requests a second. What is changed through it
 * shows at once.
 */
function askedSparingly(accounts: AccountStore): AccountStore {
  let askedAt = -Infinity;
  let version = 0;
  const telling =
    <Given extends unknown[], Result>(change: (...given: Given) => Promise<Result>) =>
    async (...given: Given): Promise<Result> => {
      try {
        return await change(...given);
      } finally {
        askedAt = -Infinity;
      }
    };
  return {
    list: accounts.list,
    add: telling(accounts.add),
    update: telling(accounts.update),
    endTermsBlock: telling(accounts.endTermsBlock),
    remove: telling(accounts.remove),
    version() {
      const now = performance.now();
      if (now - askedAt >= VERSION_AGE_MS) {
        version = accounts.version();
        askedAt = now;
      }
      return version;
    },
  };
}

/** The store, with a line in the log for whatever its owner must act on. */
function tellingProblems(accounts: AccountStore): AccountStore {
  return {
    ...accounts,
    async update(id, change) {
      const { problem, ...rest } = change;
      if (problem === undefined) return accounts.update(id, change);
      const account = (await accounts.list()).find((stored) => stored.id === id);
      // Several requests meet the same problem; what was said first is news, and the rest is not.
      if (account?.problem?.type === problem.type) return accounts.update(id, rest);
      await accounts.update(id, change);
      if (account === undefined) return; // removed meanwhile
      const link = problem.url === undefined ? "" : ` ${problem.url}`;
      consola.warn(`${account.handle} is out until its owner acts (${problem.type}): ${problem.message}${link}`);
    },
  };
}
