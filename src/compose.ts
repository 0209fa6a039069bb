import { consola } from "consola/basic";
import { composeBackend, type BackendOptions } from "./compose/backend.ts";
import { composeFallback } from "./compose/fallback.ts";
import { digest, newId, newRequestId } from "./compose/ids.ts";
import { composeKeyGate } from "./compose/keys.ts";
import { limitRoutes } from "./compose/limits.ts";
import { composeMedia } from "./compose/media.ts";
import { drain } from "./compose/draining.ts";
import { processUsage } from "./compose/process-usage.ts";
import { preloadProtocols, protocols } from "./compose/protocols.ts";
import { composeReporting } from "./compose/reporting.ts";
import { keepUp } from "./compose/upkeep.ts";
import { buildInfo } from "./config/build-info.ts";
import type { Config } from "./config/load.ts";
import type { Account } from "./core/accounts.ts";
import type { KeysInForce } from "./core/keys.ts";
import type { AttemptRecord, Trace } from "./core/trace.ts";
import { createBackOff } from "./gateway/back-off.ts";
import { createTokenCounter } from "./gateway/count.ts";
import { createResponseHistory } from "./gateway/response-history.ts";
import { run } from "./gateway/run.ts";
import { createSignatureMemory } from "./gateway/signatures.ts";
import { createApp } from "./http/app.ts";
import { createMetrics } from "./metrics/metrics.ts";

export { composeAccounts, composeCatalog, composeImport, composeLimits } from "./compose/accounts.ts";
export { composeStore } from "./compose/backend.ts";
export { type Compatibility, compatibility } from "./compose/compat.ts";
export { composeKeysInForce, composeOwnerTokens, newKey } from "./compose/keys.ts";

export interface Gateway {
  /** Rejects with an error whose `code` is EADDRINUSE or EACCES when the port cannot be had. */
  listen(): Promise<{ url: string }>;
  /** Refuses new requests, lets running ones finish until `hurry` aborts or their time is up, writes what is buffered. */
  close(hurry?: AbortSignal): Promise<void>;
  accounts(): readonly Account[];
  /** By which keys it is closed, if it is. */
  keys(): Promise<KeysInForce>;
  /** How many requests are being answered. */
  status(): { running: number };
}

const KEEP_ALIVE_MS = 10_000;
/** Whoever waits for the gateway to start is served first. */
const PRELOAD_AFTER_MS = 25;

export async function composeGateway(config: Config, options: BackendOptions): Promise<Gateway> {
  const backend = await composeBackend(config, options);
  const { clock, store, pool, catalog, upstreams } = backend;
  const { timeouts } = config;
  await pool.sync();
  const stopUpkeep = keepUp(store, config, clock);
  const keys = composeKeyGate(config, store, clock);
  await keys.inForce(); // read before the first request
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
    onAttempt: ({ requestId, servedModel }: Trace, { accountHandle }: AttemptRecord) =>
      consola.debug(`${requestId} asks ${servedModel} on ${accountHandle}`),
    signatures,
    hash: digest,
    patience: { firstMs: timeouts.firstEventMs, idleMs: timeouts.idleMs, totalMs: timeouts.totalMs },
    maxWaitMs: () => config.scheduling.maxWaitMs,
    resolveModel: catalog.resolve,
    searchModels: catalog.searchModels,
    fallback: composeFallback(config, catalog.resolve),
    inlineMedia: composeMedia(config, clock, { offline: options.demo, mayConnectTo: options.mayConnectTo }),
  };
  const { resolveModel, inlineMedia } = runDeps;
  const tokenCounter = createTokenCounter({ ...backend.discoveryDeps, resolveModel, inlineMedia });
  const responses = createResponseHistory({
    store: config.responses.store ? store.responses : undefined,
    keepMs: config.responses.keepMs,
    clock,
    heldCharacters: 16_000_000,
  });
  const metrics = createMetrics({
    inFlight: () => exchanges.running,
    accounts: pool.views,
    processUsage,
    version: buildInfo.version,
  });
  const { app, exchanges } = createApp({
    protocols,
    inference: {
      run: (call, options, trace, abort) => run(call, options, trace, abort, runDeps),
      clock,
      newId,
      strict: config.strict,
      maxBodyBytes: config.server.maxBodyBytes,
      keepAliveMs: KEEP_ALIVE_MS,
    },
    exchanges: {
      newRequestId,
      maxConcurrent: config.server.maxConcurrent,
      onFinished: composeReporting(store.records, metrics),
    },
    countTokens: tokenCounter.count,
    responses,
    guard: {
      hosts: [config.server.host.toLowerCase(), ...config.server.allowedHosts],
      allowedOrigins: config.server.allowedOrigins,
    },
    admit: keys.admit,
    metrics: metrics.render,
    models: {
      list: (signal) => catalog.list(signal),
      find: catalog.resolve,
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
    },
  });

  return {
    async listen() {
      // Not app.listen(): it makes everything a second time, beside the first requests.
      app.server = Bun.serve({
        fetch: app.fetch,
        hostname: config.server.host,
        port: config.server.port,
        reusePort: false,
        development: false,
        idleTimeout: 30,
        // Larger bodies are refused by the routes, in their protocol's shape; Bun's own refusal has no body.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      });
      metrics.start();
      setTimeout(() => void preloadProtocols(), PRELOAD_AFTER_MS).unref();
      return { url: String(app.server?.url) };
    },
    async close(hurry) {
      await drain(app.server, exchanges, timeouts.drainMs, clock, hurry);
      metrics.stop();
      stopUpkeep();
      await backend.close();
    },
    accounts: () => pool.views().map(({ account }) => account),
    keys: keys.inForce,
    status: () => ({ running: exchanges.running }),
  };
}
