import { abortError } from "../core/abort.ts";
import {
  type Account,
  type AccountPool,
  type AccountView,
  type Cooldown,
  isUsable,
  type Lease,
  type LeaseQuery,
  type Offer,
} from "../core/accounts.ts";
import { GatewayError } from "../core/errors.ts";
import type { QuotaReading } from "../core/quota.ts";
import type { AccountStore, LimitStore, SessionStore } from "../core/store.ts";
import type { Credential } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import { createBindings, UNBOUND } from "./bindings.ts";
import {
  alternatives,
  type Candidate,
  type Choice,
  choose,
  type ChoiceSettings,
  PATIENCE_MS,
  type Question,
} from "./choose.ts";
import { afterFailure, afterRoom, afterSuccess } from "./cooldown.ts";
import type { Credentials } from "./credentials.ts";
import { explain, isNews, type Look, resultOf } from "./explain.ts";
import { createPauses } from "./pauses.ts";
import { type Attempt, createQueue } from "./queue.ts";
import { adviceFor, nobodyUsable } from "./refusals.ts";
import { createRoster, type Entry } from "./roster.ts";
import { showsRoom, type Standing, standingOf } from "./standing.ts";

export interface PoolSettings extends ChoiceSettings {
  /** Requests that may wait for a slot; further ones are refused at once. */
  maxQueued: number;
  /** A conversation that rests longer than this is free to take another account. */
  sessionIdleMs: number;
  /** The part of each quota window, in [0, 1], that is kept for the account's owner. */
  reserveOf(account: Account): number;
}

export interface PoolDeps {
  accounts: Pick<AccountStore, "list" | "update" | "version">;
  limits: LimitStore;
  sessions: SessionStore;
  credentials: Pick<Credentials, "get" | "renew">;
  clock: Clock;
  /** A digest; conversations are stored under nothing else. */
  hash(text: string): string;
  /** In [0, 1). */
  random(): number;
  settings: PoolSettings;
}

export interface Pool extends AccountPool {
  /** Brings `views` in line with the store when another process has changed it. */
  sync(): Promise<void>;
  /** The accounts that can be asked at all. Throws GatewayError("no-account"), with advice, when there is none. */
  usableAccounts(): Promise<readonly Account[]>;
  /** A credential outside of a lease, for questions about the account; the same promises as `Lease.credential`. */
  credential(accountId: string, signal: AbortSignal): Promise<Credential>;
  /** Takes in what an account says about its models and quota. Older news than what is known, and unknown accounts: no effect. */
  observe(accountId: string, reading: QuotaReading): void;
  /** How many requests wait for a slot. */
  queued(): number;
  /** Resolves when what was learned is written; to be awaited before the store is closed. */
  flush(): Promise<void>;
}

/** How exact the stored time of last use is. */
const SAVE_USE_EVERY_MS = 60_000;

/** What a request asks for, once for all attempts to get it. */
interface Ask {
  query: LeaseQuery;
  /** Digest of the conversation. */
  session: string;
}

/**
 * Hands out slots on accounts. Which one is `choose`'s matter; the pool keeps what is known about them, in line with the
 * store, and the line of those who wait for a slot. It never waits for a limit: that is the caller's decision.
 */
export function createPool(deps: PoolDeps): Pool {
  const { accounts, limits, sessions, credentials, clock, settings } = deps;
  const bindings = createBindings({ sessions, clock, idleMs: settings.sessionIdleMs });
  /** By session: the accounts its requests are running on, one entry per request. */
  const running = new Map<string, readonly string[]>();
  let uses = 0;

  const roster = createRoster({
    accounts,
    limits,
    onStart: () => bindings.load(),
    onChange(isTurn) {
      queue.review();
      if (isTurn) pauses.endAll();
    },
  });
  const { entries } = roster;

  /** Those who wait are served by what the store says now. */
  const review = (isOver?: () => boolean) => {
    if (queue.size === 0) return;
    if (roster.isCurrent()) queue.review(isOver);
    else void sync().then(() => queue.review());
  };

  const queue = createQueue<Offer>({ clock, maxQueued: settings.maxQueued, onTime: review });

  const sync = async (): Promise<void> => {
    if (!roster.isCurrent()) await roster.refresh();
  };

  const pauses = createPauses({ clock, random: deps.random, look: sync });

  const standing = ({ account, memories, reading }: Entry, model: string): Standing =>
    standingOf(model, memories.get(model)?.cooldown, reading, settings.reserveOf(account), clock.now());

  const candidatesFor = (model: string): Candidate[] => {
    const candidates: Candidate[] = [];
    for (const entry of entries.values()) {
      const { account, inFlight, useOrder } = entry;
      candidates.push({ account, inFlight, useOrder, standing: standing(entry, model) });
    }
    return candidates;
  };

  const questionOf = ({ query, session }: Ask, waitedMs: number): Question => {
    const model = query.model.id;
    const { here, elsewhere } = settings.strategy === "sticky" ? bindings.find(session, model) : UNBOUND;
    return {
      model,
      exclude: query.exclude,
      ...(here !== undefined && { bound: here }),
      elsewhere,
      running: running.get(session) ?? [],
      waitedMs,
    };
  };

  /** `choose`, and whoever asked is told of it where it is news. */
  const chosen = (ask: Ask, question: Question, look: Look): Choice => {
    const candidates = candidatesFor(question.model);
    const { query } = ask;
    let choice: Choice | undefined;
    try {
      choice = choose(candidates, question, settings, clock.now());
      return choice;
    } finally {
      // Whoever stands in line already does not mind that it has become full.
      const result = resultOf(choice, look !== "queued" && queue.isFull);
      if (query.onChoice && isNews(result, look)) {
        query.onChoice(result, explain(candidates, question, settings, choice));
      }
    }
  };

  const attempt = (ask: Ask, waitedMs: number, look: Look): Attempt<Offer> => {
    const question = questionOf(ask, waitedMs);
    const choice = chosen(ask, question, look);
    if (choice.type === "queue") return { ...choice, type: "wait" };
    if (choice.type === "limited") return { type: "done", result: choice };
    const entry = entries.get(choice.accountId);
    if (!entry) throw new Error("choose() took an account that was not offered");
    const isBound = question.bound === choice.accountId;
    return { type: "done", result: { type: "lease", lease: lease(entry, ask, isBound, choice.isSpill) } };
  };

  const leaseAtOnce = (ask: Ask): Offer | undefined => {
    try {
      const known = attempt(ask, 0, "unsynced");
      return known.type === "done" && known.result.type === "lease" ? known.result : undefined;
    } catch {
      return undefined; // thrown again below if the store has nothing newer
    }
  };

  const markUsed = (entry: Entry) => {
    const now = clock.now();
    entry.useOrder = ++uses;
    if (now - entry.savedUseAt < SAVE_USE_EVERY_MS) {
      entry.account = { ...entry.account, lastUsedAt: now };
      return;
    }
    entry.savedUseAt = now;
    roster.change(entry, { lastUsedAt: now });
  };

  const markProblem = (entry: Entry, error: GatewayError) => {
    const { accountProblem: type, ownerUrl } = error.detail;
    // Without a problem of its own (it was disabled or removed meanwhile) there is nothing to tell its owner.
    if (type === undefined || entry.account.problem?.type === type) return;
    const url = ownerUrl === undefined ? {} : { url: ownerUrl };
    roster.change(entry, { problem: { type, message: error.message, since: clock.now(), ...url } });
    pauses.endAll();
  };

  /** A credential for what is about to be sent: whoever was disabled or removed up to this moment has none. */
  const credential = async (accountId: string, signal: AbortSignal): Promise<Credential> => {
    const fresh = await credentials.get(accountId, signal);
    await checkUsable(accountId);
    return fresh;
  };

  const checkUsable = async (accountId: string): Promise<void> => {
    await sync();
    const account = entries.get(accountId)?.account;
    if (account === undefined) throw new GatewayError("account-unusable", "The account was removed");
    if (!isUsable(account)) throw new GatewayError("account-unusable", adviceFor(account, settings.lanes));
  };

  const lease = (entry: Entry, { query, session }: Ask, isBound: boolean, isSpill: boolean): Lease => {
    const { id, handle, kind } = entry.account;
    const model = query.model.id;
    let last: Credential | undefined;
    let isHeld = true;
    markUsed(entry);
    entry.inFlight++;
    running.set(session, [...(running.get(session) ?? []), id]);
    return {
      accountId: id,
      handle,
      kind,
      bound: isBound,
      async credential(signal) {
        last = await credential(id, signal);
        return last;
      },
      renew: (what) => credentials.renew(id, what, last),
      succeed() {
        const memory = entry.memories.get(model);
        const after = memory && afterSuccess(memory);
        if (after && after !== memory) roster.remember(entry, model, after);
        // What ran beside the conversation's own account leaves it there, unless there is none.
        if (isSpill && bindings.find(session, model).here !== undefined) return;
        if (entries.get(id) === entry) bindings.bind(session, model, id);
      },
      fail(error) {
        if (error.kind === "account-unusable") markProblem(entry, error);
        const memory = entry.memories.get(model);
        const after = afterFailure(memory, error, clock.now());
        if (after && after !== memory) roster.remember(entry, model, after);
        review();
      },
      [Symbol.dispose]() {
        if (!isHeld) return;
        isHeld = false;
        entry.inFlight--;
        const left = without(running.get(session) ?? [], id);
        if (left.length === 0) running.delete(session);
        else running.set(session, left);
        review(() => entry.inFlight >= settings.maxConcurrentPerAccount);
      },
    };
  };

  return {
    sync,
    credential,
    flush: () => roster.flush(),
    pause: (ms, signal) => pauses.pause(ms, signal),

    async acquire(query, signal) {
      if (signal.aborted) throw abortError(signal);
      const ask = { query, session: deps.hash(query.conversationKey) };
      // A lease needs no look at the store: its credential is not given out without one. Everything else does.
      const known = leaseAtOnce(ask);
      if (known) return known;
      await sync();
      if (signal.aborted) throw abortError(signal);
      // With no room to wait in, nobody is patient for the sake of his own account.
      const first = attempt(ask, queue.isFull ? PATIENCE_MS : 0, "first");
      if (first.type === "done") return first.result;
      const offer = await queue.wait(ask.session, (waitedMs) => attempt(ask, waitedMs, "queued"), first, signal);
      if (!signal.aborted) return offer;
      if (offer.type === "lease") offer.lease[Symbol.dispose]();
      throw abortError(signal);
    },

    alternatives(query) {
      const question = questionOf({ query, session: deps.hash(query.conversationKey) }, 0);
      return alternatives(candidatesFor(question.model), question, settings, clock.now());
    },

    async usableAccounts() {
      await sync();
      const known = [...entries.values()].map(({ account }) => account);
      const usable = known.filter((account) => isUsable(account) && settings.lanes.includes(account.kind));
      if (usable.length === 0) throw nobodyUsable(known, settings.lanes);
      return usable;
    },

    observe(accountId, reading) {
      const entry = entries.get(accountId);
      if (!entry || (entry.reading && entry.reading.readAt > reading.readAt)) return;
      const held = heldModels(entry);
      entry.reading = reading;
      for (const [model, memory] of entry.memories) {
        const after = showsRoom(model, reading, clock.now()) ? afterRoom(memory, reading.readAt) : memory;
        if (after !== memory) roster.remember(entry, model, after);
      }
      const still = heldModels(entry);
      review();
      if (held.some((model) => !still.includes(model))) pauses.endAll();
    },

    views: () => [...entries.values()].map(viewOf),
    queued: () => queue.size,
  };

  /** The models that a limit keeps new conversations from. */
  function heldModels(entry: Entry): string[] {
    return modelsOf(entry).filter((model) => {
      const { rest, reserve } = standing(entry, model);
      return rest !== undefined || reserve !== undefined;
    });
  }

  function viewOf(entry: Entry): AccountView {
    const { account, inFlight, reading } = entry;
    const cooldowns = new Map<string, Cooldown>();
    for (const model of modelsOf(entry)) {
      const { rest } = standing(entry, model);
      if (rest) cooldowns.set(model, rest);
    }
    return { account, inFlight, cooldowns, ...(reading && { quota: reading }) };
  }
}

function modelsOf({ memories, reading }: Entry): string[] {
  return [...new Set([...memories.keys(), ...(reading?.models.keys() ?? [])])];
}

/** `list` without one `item`. */
function without(list: readonly string[], item: string): string[] {
  const index = list.indexOf(item);
  return list.filter((_, position) => position !== index);
}
