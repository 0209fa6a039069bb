import { consola } from "consola/basic";
import { createCredentials } from "./accounts/credentials.ts";
import { createPool, type Pool } from "./accounts/pool.ts";
import { createTokenClient } from "./auth/google.ts";
import { buildInfo } from "./config/build-info.ts";
import type { Config } from "./config/load.ts";
import type { AccountStore, Store } from "./core/store.ts";
import type { Upstream } from "./core/upstream.ts";
import { discoverModels } from "./gateway/discover-models.ts";
import { run } from "./gateway/run.ts";
import { createSignatureMemory } from "./gateway/signatures.ts";
import { createApp } from "./http/app.ts";
import type { FinishedRequest } from "./http/inference.ts";
import { logFields, logLine } from "./http/log-line.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import type { Fetch } from "./lib/fetch.ts";
import { createCatalog, type ModelCatalog } from "./models/catalog.ts";
import { anthropic } from "./protocols/anthropic/index.ts";
import { openaiChat } from "./protocols/openai-chat/index.ts";
import { openStore } from "./store/open-store.ts";
import { createCloudCode, discoverProject, hostsFor, userAgent } from "./upstreams/cloudcode/index.ts";
import { createDemo, type DemoScenario } from "./upstreams/demo/index.ts";

export interface Gateway {
  /** Rejects with an error whose `code` is EADDRINUSE or EACCES when the port cannot be had. */
  listen(): Promise<{ url: string }>;
  /** Refuses new requests, lets running ones finish, writes what is buffered. */
  close(): Promise<void>;
  /** How many accounts there are, and how many requests are being answered. */
  status(): { accounts: number; running: number };
}

export interface GatewayOptions {
  demo: boolean;
  scenario?: DemoScenario;
  /** Default: the system's. */
  clock?: Clock;
}

const DAY_MS = 86_400_000;
const SIGNATURES_KEPT_MS = 30 * DAY_MS;
const SIGNATURES_KEPT = 100_000;
/** How long running requests may take to finish when the gateway is stopped; service managers wait a little longer. */
const DRAIN_MS = 50_000;
const KEEP_ALIVE_MS = 10_000;
const PATIENCE = { firstMs: 120_000, idleMs: 300_000 };

export async function composeStore(config: Config): Promise<Store> {
  return openStore(config.paths.database);
}

/** The models all accounts can use, for commands that run without a server. */
export async function composeCatalog(config: Config, options: GatewayOptions) {
  const { catalog, store } = await composeBackend(config, options);
  return { list: (signal: AbortSignal) => catalog.list(signal), close: () => store.close() };
}

export async function composeGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const { clock, store, pool, upstream, catalog } = await composeBackend(config, options);
  await pool.sync();
  const stopPruning = keepPruning(store, clock);
  const signatures = createSignatureMemory({
    store: store.signatures,
    clock,
    hash,
    indexEntries: 5_000,
    heldCharacters: 16_000_000,
  });
  const runDeps = {
    pool,
    upstream,
    clock,
    signatures,
    hash,
    patience: PATIENCE,
    resolveModel: (name: string, signal: AbortSignal) => catalog.resolve(name, signal),
  };
  const app = createApp({
    protocols: { anthropic, openaiChat },
    inference: {
      run: (call, strict, trace, abort) => run(call, strict, trace, abort, runDeps),
      clock,
      newId,
      strict: config.strict,
      maxBodyBytes: config.server.maxBodyBytes,
      keepAliveMs: KEEP_ALIVE_MS,
      onFinished: logFinished(config),
    },
    guard: {
      hosts: [config.server.host, ...config.server.allowedHosts],
      ...(config.apiKey !== undefined && { apiKey: config.apiKey }),
    },
    models: {
      list: (signal) => catalog.list(signal),
      find: async (name, signal) => (await catalog.resolve(name, signal)).profile,
    },
    accounts: async () => {
      await pool.sync();
      return pool.views();
    },
    checkStore: async () => void (await store.accounts.version()),
    now: () => clock.now(),
    version: buildInfo.version,
    onFailure(error) {
      if (error.kind === "internal") consola.error(error.cause ?? error);
      else if (error.kind === "forbidden" || error.kind === "unauthorized") consola.warn(`Refused: ${error.message}`);
    },
  });

  return {
    async listen() {
      app.listen({
        hostname: config.server.host,
        port: config.server.port,
        reusePort: false,
        development: false,
        idleTimeout: 30,
        // Larger bodies are refused by the routes, in their protocol's shape; Bun's own refusal has no body.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      });
      return { url: String(app.server?.url) };
    },
    async close() {
      const drained = new AbortController();
      await Promise.race([
        app.server?.stop(),
        clock.sleep(DRAIN_MS, drained.signal).catch(() => {}), // aborted: everybody has finished
      ]);
      drained.abort();
      await app.server?.stop(true);
      stopPruning();
      await store.close();
    },
    status: () => ({ accounts: pool.views().length, running: app.server?.pendingRequests ?? 0 }),
  };
}

interface Backend {
  clock: Clock;
  store: Store;
  pool: Pool;
  upstream: Upstream;
  catalog: ModelCatalog;
}

/** What a gateway stands on, without its HTTP side. */
async function composeBackend(config: Config, options: GatewayOptions): Promise<Backend> {
  const { demo, scenario, clock = systemClock } = options;
  const outside = demo ? demoOutside(scenario ?? "normal", clock) : realOutside(config);
  const store = demo ? openStore(":memory:") : await composeStore(config);
  if (outside.accounts) await store.accounts.add(outside.accounts, clock.now());

  const agent = userAgent(config.cloudcode.clientVersion, process.platform, process.arch);
  const log = (message: string) => consola.debug(message);
  const transport = { fetch: outside.fetch, userAgent: agent, clock, log };
  const tokens = createTokenClient({ ...outside, clock });
  const { fallbackProject } = config.cloudcode;
  const accounts = tellingProblems(store.accounts);
  const credentials = createCredentials({
    accounts,
    refresh: (refreshToken, signal) => tokens.refresh(refreshToken, signal),
    discoverProject: (accessToken, signal) =>
      discoverProject(
        { ...transport, hosts: outside.hosts, ...(fallbackProject !== undefined && { fallbackProject }) },
        accessToken,
        signal,
      ),
    fetchEmail: async (accessToken, signal) => (await tokens.userinfo(accessToken, signal)).email,
    clock,
    jitterMs: (accountId) => Number(Bun.hash.xxHash3(accountId) % 60_000n),
  });
  const upstream = createCloudCode({
    ...transport,
    hosts: outside.hosts,
    newUuid: () => crypto.randomUUID(),
    newCallId,
  });
  const pool = createPool({ accounts, credentials, clock });
  const catalog = createCatalog({
    discover: (signal) =>
      discoverModels(
        {
          usableAccounts: () => pool.usableAccounts(),
          credential: credentials.get,
          renewAccessToken: (accountId, rejected) => credentials.renew(accountId, "access-token", rejected),
          upstream,
          clock,
        },
        signal,
      ),
    store: store.discovery,
    aliases: () => config.models.aliases,
    clock,
  });
  return { clock, store, pool, upstream, catalog };
}

/** Everything beyond this process: Google, or the demo in its place. */
function realOutside(config: Config) {
  const { clientId: id, clientSecret: secret, tokenUrl, userinfoUrl } = config.oauth;
  const realFetch: Fetch = (url, options) => fetch(url, options);
  return {
    fetch: realFetch,
    hosts: hostsFor(config.cloudcode.urls),
    tokenUrl,
    userinfoUrl,
    client: () => (id !== undefined && secret !== undefined ? { id, secret } : undefined),
    accounts: undefined,
  };
}

function demoOutside(scenario: DemoScenario, clock: Clock) {
  const demo = createDemo({ scenario, clock, newId, random: Math.random });
  const demoFetch: Fetch = (url, options) => demo.fetch(url, options);
  return {
    fetch: demoFetch,
    hosts: hostsFor([demo.urls.cloudcode]),
    tokenUrl: demo.urls.token,
    userinfoUrl: demo.urls.userinfo,
    client: () => ({ id: "demo", secret: "demo" }),
    accounts: demo.accounts,
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
      const link = problem.url === undefined ? "" : ` ${problem.url}`;
      consola.warn(`${account?.handle} is out until its owner acts (${problem.type}): ${problem.message}${link}`);
    },
  };
}

/** Forgets old signatures at start and daily; the returned function ends it. */
function keepPruning({ signatures }: Store, clock: Clock): () => void {
  const stopped = new AbortController();
  async function keep(): Promise<never> {
    for (;;) {
      await signatures.prune(clock.now() - SIGNATURES_KEPT_MS, SIGNATURES_KEPT).catch((cause: unknown) => {
        consola.warn("Old signatures could not be removed:", cause);
      });
      await clock.sleep(DAY_MS, stopped.signal);
    }
  }
  keep().catch(() => {}); // the sleep rejects when it is stopped
  return () => stopped.abort();
}

function logFinished({ server }: Config): (record: FinishedRequest) => void {
  return (record) => {
    const isOurs = record.error?.kind === "internal";
    const isNews = record.error !== undefined && record.error.kind !== "cancelled";
    const write = isOurs ? consola.error : isNews ? consola.warn : consola.info;
    if (server.logFormat === "json") write("request", logFields(record));
    else write(logLine(record));
    if (isOurs) consola.error(record.error?.cause ?? record.error);
  };
}

function hash(text: string): string {
  return Bun.hash.xxHash3(text).toString(36);
}

/** 24 url-safe characters, 144 random bits. */
function newId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(18))).toString("base64url");
}

function newCallId(): string {
  return `call_${newId()}`;
}
