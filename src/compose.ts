import { consola } from "consola/basic";
import { composeBackend, type Backend, type BackendOptions } from "./compose/backend.ts";
import { composeFallback } from "./compose/fallback.ts";
import { digest, newId } from "./compose/ids.ts";
import { limitsOver } from "./compose/limits.ts";
import { composeMedia } from "./compose/media.ts";
import { protocols } from "./compose/protocols.ts";
import { buildInfo } from "./config/build-info.ts";
import type { Config } from "./config/load.ts";
import { type Account, isUsable } from "./core/accounts.ts";
import { asGatewayError, GatewayError } from "./core/errors.ts";
import type { Store } from "./core/store.ts";
import { createBackOff } from "./gateway/back-off.ts";
import { createTokenCounter } from "./gateway/count.ts";
import { createResponseHistory } from "./gateway/response-history.ts";
import { run } from "./gateway/run.ts";
import { createSignatureMemory } from "./gateway/signatures.ts";
import type { LimitsDeps, TokenRefresh } from "./http/account-limits.ts";
import { createApp } from "./http/app.ts";
import type { FinishedRequest } from "./http/inference.ts";
import { logFields, logLine } from "./http/log-line.ts";
import type { Clock } from "./lib/clock.ts";
import { limitsText } from "./limits/text.ts";

export { composeAccounts, composeCatalog, composeImport, composeLimits } from "./compose/accounts.ts";
export { composeStore } from "./compose/backend.ts";
export { type Compatibility, compatibility } from "./compose/compat.ts";

export interface Gateway {
  /** Rejects with an error whose `code` is EADDRINUSE or EACCES when the port cannot be had. */
  listen(): Promise<{ url: string }>;
  /** Refuses new requests, lets running ones finish, writes what is buffered. */
  close(): Promise<void>;
  accounts(): readonly Account[];
  /** How many requests are being answered. */
  status(): { running: number };
}

const UPKEEP_EVERY_MS = 3_600_000;
const SIGNATURES_KEPT_MS = 30 * 86_400_000;
const SIGNATURES_KEPT = 100_000;
/** Of answers that are kept on their owner's wish: about as many bytes. */
const RESPONSE_CHARACTERS_KEPT = 500_000_000;
/** How long running requests may take to finish when the gateway is stopped; service managers wait a little longer. */
const DRAIN_MS = 50_000;
const KEEP_ALIVE_MS = 10_000;
const LIMITS_PATIENCE_MS = 5_000;
const PATIENCE = { firstMs: 120_000, idleMs: 300_000 };

export async function composeGateway(config: Config, options: BackendOptions): Promise<Gateway> {
  const backend = await composeBackend(config, options);
  const { clock, store, pool, catalog, upstreams } = backend;
  await pool.sync();
  const stopUpkeep = keepUp(store, config, clock);
  const signatures = createSignatureMemory({
    store: store.signatures,
    clock,
    hash: digest,
    indexEntries: 5_000,
    heldCharacters: 16_000_000,
  });
  const runDeps = {
    pool,
    upstreams,
    backOff: createBackOff(clock),
    clock,
    signatures,
    hash: digest,
    patience: PATIENCE,
    maxWaitMs: () => config.scheduling.maxWaitMs,
    resolveModel: catalog.resolve,
    searchModels: catalog.searchModels,
    fallback: composeFallback(config, catalog.resolve),
    inlineMedia: composeMedia(config, clock, { offline: options.demo, mayConnectTo: options.mayConnectTo }),
  };
  const tokenCounter = createTokenCounter({ ...backend.discoveryDeps, inlineMedia: runDeps.inlineMedia });
  const responses = createResponseHistory({
    store: config.responses.store ? store.responses : undefined,
    keepMs: config.responses.keepMs,
    clock,
    heldCharacters: 16_000_000,
  });
  const app = createApp({
    protocols,
    inference: {
      run: (call, strict, trace, abort) => run(call, strict, trace, abort, runDeps),
      clock,
      newId,
      strict: config.strict,
      maxBodyBytes: config.server.maxBodyBytes,
      keepAliveMs: KEEP_ALIVE_MS,
      onFinished: logFinished(config),
    },
    async countTokens(asked, trace, signal) {
      const { profile } = await catalog.resolve(asked.model, signal);
      trace.servedModel = profile.id;
      return tokenCounter.count(asked, profile, signal);
    },
    responses,
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
    limits: limitRoutes(backend),
    checkStore: async () => void store.accounts.version(),
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
      stopUpkeep();
      await backend.close();
    },
    accounts: () => pool.views().map(({ account }) => account),
    status: () => ({ running: app.server?.pendingRequests ?? 0 }),
  };
}

function limitRoutes(backend: Backend): LimitsDeps {
  const { pool, credentials } = backend;
  const limits = limitsOver(backend, LIMITS_PATIENCE_MS);
  return {
    report: limits.report,
    table: async (signal) => limitsText(await limits.report(signal)),
    async refreshTokens(handle, signal) {
      await pool.sync();
      const accounts = pool.views().map(({ account }) => account);
      const asked = accounts.filter(
        (account) =>
          account.kind === "antigravity" && (handle === undefined ? isUsable(account) : account.handle === handle),
      );
      return Promise.all(
        asked.map(async (account): Promise<TokenRefresh> => {
          if (!account.enabled || account.problem?.type === "terms-block") {
            const message = `Account ${account.handle} is stopped, so Google was not asked: ag accounts list`;
            return { handle: account.handle, failure: new GatewayError("account-unusable", message) };
          }
          try {
            await credentials.refreshNow(account.id, signal);
            return { handle: account.handle };
          } catch (cause) {
            return { handle: account.handle, failure: asGatewayError(cause) };
          }
        }),
      );
    },
  };
}

/** What is done at start and then every hour: a copy of the accounts is kept (one a day), and what is old is forgotten. */
function keepUp(store: Store, { scheduling, responses }: Config, clock: Clock): () => void {
  const stopped = new AbortController();
  const telling = (what: string) => (cause: unknown) => {
    if (!stopped.signal.aborted) consola.warn(`${what}:`, cause); // afterwards the database is closed, which is no news
  };
  async function keep(): Promise<never> {
    for (;;) {
      const now = clock.now();
      await store.backUp(now).catch(telling("The daily copy of the accounts could not be made"));
      await store.signatures
        .prune(now - SIGNATURES_KEPT_MS, SIGNATURES_KEPT)
        .catch(telling("Old signatures could not be removed"));
      await store.sessions
        .prune(now - scheduling.sessionIdleMs)
        .catch(telling("Old conversations could not be removed"));
      await store.responses
        .prune(responses.store ? now - responses.keepMs : now, RESPONSE_CHARACTERS_KEPT)
        .catch(telling("Old answers could not be removed"));
      await clock.sleep(UPKEEP_EVERY_MS, stopped.signal);
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
