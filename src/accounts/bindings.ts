import type { SessionBinding, SessionStore } from "../core/store.ts";
import { BoundedMap } from "../lib/bounded-map.ts";
import type { Clock } from "../lib/clock.ts";

export interface BindingsDeps {
  sessions: SessionStore;
  clock: Clock;
  /** A binding that has not been used for this long is over. */
  idleMs: number;
}

/** The accounts that have answered a conversation. */
export interface Bound {
  /** On the model asked about. */
  here?: string;
  /** On other models, the last first. */
  elsewhere: readonly string[];
}

export const UNBOUND: Bound = { elsewhere: [] };

/** Which account a conversation is served by, per model. Sessions are digests; models are upstream ids. */
export interface Bindings {
  /** What was known before the restart. */
  load(): Promise<void>;
  find(session: string, model: string): Bound;
  /** The account has answered. */
  bind(session: string, model: string, accountId: string): void;
}

const SESSIONS_KEPT = 20_000;
const PRUNE_EVERY_MS = 86_400_000;

export function createBindings({ sessions, clock, idleMs }: BindingsDeps): Bindings {
  /** The bindings of a session, the last used first. */
  const held = new BoundedMap<readonly SessionBinding[]>(SESSIONS_KEPT);
  let prunedAt = -Infinity;

  const hold = (binding: SessionBinding) => {
    const others = (held.get(binding.session) ?? []).filter(({ model }) => model !== binding.model);
    held.set(binding.session, [binding, ...others]);
  };

  return {
    async load() {
      const stored = await sessions.load(clock.now() - idleMs);
      for (const binding of stored.toSorted((a, b) => a.usedAt - b.usedAt)) hold(binding);
    },

    find(session, model) {
      const bindings = held.get(session);
      if (bindings === undefined) return UNBOUND;
      const since = clock.now() - idleMs;
      const elsewhere: string[] = [];
      let here: string | undefined;
      for (const binding of bindings) {
        if (binding.usedAt <= since) continue;
        if (binding.model === model) here = binding.accountId;
        else elsewhere.push(binding.accountId);
      }
      return { elsewhere, ...(here !== undefined && { here }) };
    },

    bind(session, model, accountId) {
      const now = clock.now();
      const binding = { session, model, accountId, usedAt: now };
      hold(binding);
      sessions.remember(binding);
      if (now - prunedAt < PRUNE_EVERY_MS) return;
      prunedAt = now;
      sessions.prune(now - idleMs).catch(() => {}); // tried again tomorrow; old bindings are not loaded in any case
    },
  };
}
