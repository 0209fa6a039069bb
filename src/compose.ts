import { consola } from "consola/basic";
import { type Credentials, createCredentials } from "./accounts/credentials.ts";
import { createPool, type Pool } from "./accounts/pool.ts";
import { createTokenClient } from "./auth/google.ts";
import { buildInfo } from "./config/build-info.ts";
import type { Config } from "./config/load.ts";
import { asGatewayError } from "./core/errors.ts";
import type { Discovery } from "./core/models.ts";
import type { Store } from "./core/store.ts";
import type { Upstream } from "./core/upstream.ts";
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
  status(): { accounts: number };
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
  await store.signatures.prune(clock.now() - SIGNATURES_KEPT_MS, SIGNATURES_KEPT);
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
      await app.server?.stop();
      await store.close();
    },
    status: () => ({ accounts: pool.views().length }),
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
  const credentials = createCredentials({
    accounts: store.accounts,
    refresh: (refreshToken, signal) => tokens.refresh(refreshToken, signal),
    discoverProject: (accessToken, signal) =>
      discoverProject(
        { ...transport, hosts: outside.hosts, ...(fallbackProject !== undefined && { fallbackProject }) },
        accessToken,
        signal,
      ),
    clock,
    jitterMs: (accountId) => Number(Bun.hash.xxHash3(accountId) % 60_000n),
  });
  const upstream = createCloudCode({
    ...transport,
    hosts: outside.hosts,
    newUuid: () => crypto.randomUUID(),
    newCallId,
  });
  const pool = createPool({ accounts: store.accounts, credentials, clock });
  const catalog = createCatalog({
    discover: (signal) => discoverAll(pool, credentials, upstream, clock, signal),
    store: store.discovery,
    aliases: () => config.models.aliases,
    clock,
  });
  return { clock, store, pool, upstream, catalog };
}

/** Everything beyond this process: Google, or the demo in its place. */
function realOutside(config: Config) {
  const { clientId: id, clientSecret: secret, tokenUrl, userinfoUrl } = config.oauth;
  return {
    fetch: ((url, options) => fetch(url, options)) as Fetch,
    hosts: hostsFor(config.cloudcode.urls),
    tokenUrl,
    userinfoUrl,
    client: () => (id !== undefined && secret !== undefined ? { id, secret } : undefined),
    accounts: undefined,
  };
}

function demoOutside(scenario: DemoScenario, clock: Clock) {
  const demo = createDemo({ scenario, clock, newId, random: Math.random });
  return {
    fetch: ((url, options) => demo.fetch(url, options)) as Fetch,
    hosts: hostsFor([demo.urls.cloudcode]),
    tokenUrl: demo.urls.token,
    userinfoUrl: demo.urls.userinfo,
    client: () => ({ id: "demo", secret: "demo" }),
    accounts: demo.accounts,
  };
}

/**
 * The union of what the usable accounts can use. One slow account holds nobody up: once one has answered, the others
 * have a second more, and are asked again at the next refresh. Throws the first account's failure when none answers.
 */
async function discoverAll(
  pool: Pool,
  credentials: Credentials,
  upstream: Upstream,
  clock: Clock,
  signal: AbortSignal,
): Promise<Discovery> {
  await pool.sync();
  const usable = pool.views().filter(({ account }) => account.enabled && account.problem === undefined);
  const found: Discovery[] = [];
  const asked = usable.map(async ({ account }) => {
    found.push(await upstream.discoverModels(await credentials.get(account.id, signal), signal));
  });
  try {
    await Promise.any(asked);
  } catch (cause) {
    const failures: unknown[] = cause instanceof AggregateError ? cause.errors : [cause];
    throw asGatewayError(failures[0] ?? (await noAccount(pool, signal)));
  }
  await Promise.race([Promise.allSettled(asked), clock.sleep(1_000, signal)]);
  const models = new Map(found.flatMap((discovery) => discovery.models.map((model) => [model.id, model])));
  return {
    models: [...models.values()],
    replacedIds: Object.assign({}, ...found.map(({ replacedIds }) => replacedIds)),
  };
}

/** The pool's own words for why no account can be used. */
async function noAccount(pool: Pool, signal: AbortSignal): Promise<unknown> {
  try {
    using lease = await pool.acquire({ model: "", conversationKey: "", exclude: new Set() }, signal);
    return new Error(`account ${lease.handle} became usable meanwhile`);
  } catch (cause) {
    return cause;
  }
}

function logFinished({ server }: Config): (record: FinishedRequest) => void {
  return (record) => {
    const isOurs = record.error?.kind === "internal";
    const write = isOurs ? consola.error : record.error ? consola.warn : consola.info;
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
