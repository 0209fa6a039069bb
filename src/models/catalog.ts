import { untilAborted, within } from "../core/abort.ts";
import { GatewayError } from "../core/errors.ts";
import type { Discovery, ListedRule, ModelProfile, ResolvedModel } from "../core/models.ts";
import type { DiscoveryStore } from "../core/store.ts";
import { BoundedMap } from "../lib/bounded-map.ts";
import type { Clock } from "../lib/clock.ts";
import { singleFlight } from "../lib/single-flight.ts";
import { profileOf } from "./profile.ts";
import { candidateIds, resolveModel, rulesOf, type UserAliases } from "./resolve.ts";
import { isOffered, searchCandidates, shippedDiscovery } from "./shipped.ts";

export interface CatalogDeps {
  /** Asks some account for its list. Throws GatewayError. */
  discover(signal: AbortSignal): Promise<Discovery>;
  store: DiscoveryStore;
  /** As configured now; the same object as long as nothing changed. */
  aliases(): UserAliases;
  clock: Clock;
}

/**
 * The models on offer. Once a list is known, callers never wait for a newer one and no failure takes it away; it
 * outlives restarts. While none was ever known and none can be had, names resolve among the shipped ids, so that requests
 * can go on, but they are not shown as a list: nobody has said that they can be used.
 */
export interface ModelCatalog {
  /** Throws GatewayError("unknown-model"), but not before a list older than half a minute was asked for anew. */
  resolve(name: string, signal: AbortSignal): Promise<ResolvedModel>;
  /** What can be asked for by its own id, in upstream's order. Throws why the list cannot be had when none was ever known. */
  list(signal: AbortSignal): Promise<ModelProfile[]>;
  /**
   * The models that search the web, best first: those that upstream names, as far as they can be asked for, else those of the
   * shipped candidates that are on the list. May be empty.
   */
  searchModels(signal: AbortSignal): Promise<ModelProfile[]>;
  /** Every rule by which names are resolved, besides that a listed id means itself. */
  rules(signal: AbortSignal): Promise<ListedRule[]>;
  /** Asks for the list now. Throws GatewayError when it cannot be had; the old one stays. */
  refresh(signal: AbortSignal): Promise<void>;
}

const FRESH_MS = 5 * 60_000;
/** A failure is remembered this long, and so is that a fresh list lacks a name. */
const PAUSE_MS = 30_000;
const DISCOVERY_LIMIT_MS = 60_000;
/** Characters of names whose resolution is kept: clients ask for the same few again and again. */
const MEMO_CAPACITY = 50_000;

export function createCatalog({ discover, store, aliases, clock }: CatalogDeps): ModelCatalog {
  const flight = singleFlight<Discovery>();
  let current: Discovery | undefined;
  let loading: Promise<void> | undefined;
  let fetchedAt = -Infinity;
  let failedAt = -Infinity;
  let failure: unknown;

  const load = async () => {
    try {
      current ??= await store.load();
    } catch {
      // An unreadable memory is as good as none: the list is asked for anew.
    }
  };

  const fetchList = async (): Promise<Discovery> => {
    try {
      const fetched = await within(DISCOVERY_LIMIT_MS, "Asking for the model list", clock, discover);
      if (!fetched.models.some(({ id }) => isOffered(id))) {
        throw new GatewayError("unavailable", "Upstream's model list is empty");
      }
      current = fetched;
      fetchedAt = clock.now();
    } catch (cause) {
      // Without an account nobody was asked, so there is nobody to be spared.
      if (!(cause instanceof GatewayError && cause.kind === "no-account")) failedAt = clock.now();
      failure = cause;
      throw cause;
    }
    store.save(current, fetchedAt).catch(() => {
      // The list serves all the same; only a restart before the next one would miss it.
    });
    return current;
  };

  const fetchShared = (signal: AbortSignal) => untilAborted(flight("list", fetchList), signal);
  const isPausing = () => clock.now() - failedAt < PAUSE_MS;

  let memo = { catalogue: shippedDiscovery, rules: aliases(), resolved: new BoundedMap<ResolvedModel>(MEMO_CAPACITY) };

  const resolveIn = (catalogue: Discovery, name: string): ResolvedModel => {
    const rules = aliases();
    if (memo.catalogue !== catalogue || memo.rules !== rules) {
      memo = { catalogue, rules, resolved: new BoundedMap(MEMO_CAPACITY) };
    }
    const remembered = memo.resolved.get(name);
    if (remembered) return remembered;
    const resolved = resolveModel(name, catalogue, rules);
    memo.resolved.set(name, resolved, name.length);
    return resolved;
  };

  const known = async (signal: AbortSignal): Promise<Discovery> => {
    await (loading ??= load());
    if (current) {
      const isStale = clock.now() - fetchedAt >= FRESH_MS;
      // Nobody waits for it; a failure is remembered in `failedAt`.
      if (isStale && !isPausing()) flight("list", fetchList).catch(() => {});
      return current;
    }
    return (isPausing() ? undefined : await fetchUnlessFailing(signal)) ?? shippedDiscovery;
  };

  const fetchUnlessFailing = async (signal: AbortSignal): Promise<Discovery | undefined> => {
    try {
      return await fetchShared(signal);
    } catch (cause) {
      if (signal.aborted) throw cause;
      return undefined;
    }
  };

  return {
    async resolve(name, signal) {
      try {
        return resolveIn(await known(signal), name);
      } catch (cause) {
        const isUnknown = cause instanceof GatewayError && cause.kind === "unknown-model";
        if (!isUnknown || isPausing() || clock.now() - fetchedAt < PAUSE_MS) throw cause;
        const fetched = await fetchUnlessFailing(signal);
        if (!fetched) throw cause;
        return resolveIn(fetched, name);
      }
    },

    async list(signal) {
      const catalogue = await known(signal);
      if (catalogue === shippedDiscovery) throw failure;
      return catalogue.models.filter(({ id }) => isOffered(id)).map((model) => profileOf(model.id, model));
    },

    async searchModels(signal) {
      const catalogue = await known(signal);
      const byId = new Map(catalogue.models.filter(({ id }) => isOffered(id)).map((model) => [model.id, model]));
      const named = [...new Set(catalogue.webSearchIds)].filter((id) => byId.has(id));
      const ids = named.length > 0 ? named : candidateIds(searchCandidates, catalogue);
      return ids.map((id) => profileOf(id, byId.get(id)));
    },

    async rules(signal) {
      return rulesOf(await known(signal), aliases());
    },

    async refresh(signal) {
      await fetchShared(signal);
    },
  };
}
