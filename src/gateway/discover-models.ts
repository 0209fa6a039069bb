import { untilAborted, within } from "../core/abort.ts";
import { asGatewayError } from "../core/errors.ts";
import type { DiscoveredModel, Discovery } from "../core/models.ts";
import type { QuotaBucket, QuotaReading } from "../core/quota.ts";
import type { Clock } from "../lib/clock.ts";
import { type AskDeps, askAccount, inLaneOrder, type Question } from "./ask-account.ts";

export interface DiscoveryDeps extends AskDeps {
  /** Told everything that any account says about its quota. Must not throw. */
  onReading(accountId: string, reading: QuotaReading): void;
  /** An account that no list had anything from has answered too late for the last one: it is worth asking for again. */
  onLateAnswer(): void;
}

interface AccountReading {
  discovery: Discovery;
  reading: QuotaReading;
}

export interface ModelDiscovery {
  /**
   * The union of what the usable accounts can use; of a model that several offer, what the first lane says. One slow
   * account holds nobody up: until its answer has come, late or not, what it said last stands in. Throws the first account's
   * failure when none answers.
   */
  discover(signal: AbortSignal): Promise<Discovery>;
  /** What one account says now, a disabled one included. Throws GatewayError. */
  readAccount(accountId: string, signal: AbortSignal): Promise<AccountReading>;
  /** Ends what is still under way; nothing is handed on afterwards. */
  close(): void;
}

/** Once one account has answered, the others have this much longer. */
const GRACE_MS = 1_000;
/** Those that are late may still answer for the next list. */
const ACCOUNT_LIMIT_MS = 30_000;
/** The summary of windows is a bonus that no reading waits for longer than this. */
const BUCKETS_LIMIT_MS = 10_000;

/** One account being asked. */
interface Inquiry {
  models: Promise<Discovery>;
  /** Comes later than the models, by the summary. Rejects as they do. */
  reading: Promise<AccountReading>;
}

export function createModelDiscovery(deps: DiscoveryDeps): ModelDiscovery {
  const { clock } = deps;
  const closed = new AbortController();
  const underWay = new Map<string, Inquiry>();
  /** What each account said last. */
  const known = new Map<string, Partial<AccountReading> & { discovery: Discovery }>();

  /** Shared by all who ask at the same time; goes on when they have left. */
  const inquire = (accountId: string): Inquiry => {
    const running = underWay.get(accountId);
    if (running) return running;
    const ask = <T>(limitMs: number, what: string, question: Question<T>) =>
      within(limitMs, what, clock, (limit) => {
        const signal = AbortSignal.any([limit, closed.signal]);
        return untilAborted(askAccount(accountId, question, deps, signal), signal);
      });
    const models = ask(ACCOUNT_LIMIT_MS, "Asking an account for its models", (access, signal) =>
      access.discoverModels(signal),
    );
    // Better what they were a while ago than as if there were none: a used-up week would look like room.
    const buckets = ask(BUCKETS_LIMIT_MS, "Asking an account for its windows", (access, signal) =>
      access.readBuckets(signal),
    ).catch((): readonly QuotaBucket[] => known.get(accountId)?.reading?.buckets ?? []);
    const reading = (async () => {
      const discovery = await models;
      const readAt = clock.now();
      known.set(accountId, { ...known.get(accountId), discovery });
      const read = { discovery, reading: readingOf(discovery, await buckets, readAt) };
      known.set(accountId, read);
      if (!closed.signal.aborted) deps.onReading(accountId, read.reading);
      return read;
    })().finally(() => underWay.delete(accountId));
    reading.catch(() => {}); // whoever asked is told by `models`
    const inquiry = { models, reading };
    underWay.set(accountId, inquiry);
    return inquiry;
  };

  return {
    async discover(signal) {
      const accounts = inLaneOrder(await deps.usableAccounts(), deps.lanes());
      const asked = accounts.map(({ id }) => ({ id, ...inquire(id) }));
      await untilAborted(firstAnswer(asked.map(({ models }) => models)), signal);
      // The windows too: the first request of all is to know which account has the model, and room for it.
      await graceFor(
        asked.map(({ reading }) => reading),
        clock,
      );
      for (const { id, models } of asked) {
        if (!known.has(id)) models.then(deps.onLateAnswer, () => {}); // failed: nothing was missed
      }
      return union(accounts.flatMap(({ id }) => known.get(id)?.discovery ?? []));
    },

    readAccount: (accountId, signal) => untilAborted(inquire(accountId).reading, signal),

    close: () => closed.abort(),
  };
}

async function firstAnswer(asked: readonly Promise<Discovery>[]): Promise<void> {
  try {
    await Promise.any(asked);
  } catch (cause) {
    throw asGatewayError(cause instanceof AggregateError ? cause.errors[0] : cause);
  }
}

async function graceFor(asked: readonly Promise<unknown>[], clock: Clock): Promise<void> {
  const grace = new AbortController();
  await Promise.race([
    Promise.allSettled(asked),
    clock.sleep(GRACE_MS, grace.signal).catch(() => {}), // aborted: all have answered
  ]);
  grace.abort();
}

/** The first that names a model, or what has replaced one, is believed. Models that search are those of any account. */
function union(found: readonly Discovery[]): Discovery {
  const models = new Map<string, DiscoveredModel>();
  const replacedIds = new Map<string, string>();
  for (const discovery of found) {
    for (const model of discovery.models) if (!models.has(model.id)) models.set(model.id, model);
    for (const [id, by] of Object.entries(discovery.replacedIds)) if (!replacedIds.has(id)) replacedIds.set(id, by);
  }
  const webSearchIds = [...new Set(found.flatMap((discovery) => discovery.webSearchIds ?? []))];
  return {
    models: [...models.values()],
    replacedIds: Object.fromEntries(replacedIds),
    ...(webSearchIds.length > 0 && { webSearchIds }),
  };
}

function readingOf({ models }: Discovery, buckets: readonly QuotaBucket[], readAt: number): QuotaReading {
  return { readAt, models: new Map(models.map(({ id, quota }) => [id, quota])), buckets };
}
