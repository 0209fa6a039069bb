import { abortError } from "../../src/core/abort.ts";
import type { AccountKind } from "../../src/core/account-kind.ts";
import type { AccountPool, Alternatives, Lease, LeaseQuery, Offer } from "../../src/core/accounts.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import type {
  CountCall,
  Credential,
  CredentialOf,
  Upstream,
  UpstreamCall,
  Upstreams,
} from "../../src/core/upstream.ts";
import type { GenerateCall } from "../../src/gateway/course.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { claudeProfile, plainRequest } from "../support/requests.ts";

export const fault = (kind: GatewayError["kind"], detail: GatewayError["detail"] = {}) =>
  new GatewayError(kind, "x", detail);

/** A limit with something to show for it. */
export const limited = (retryAfterMs: number) =>
  fault("rate-limited", { upstreamStatus: 429, upstreamReason: "RATE_LIMIT_EXCEEDED", retryAfterMs });

export function credentialOf(kind: AccountKind, accountId: string): Credential {
  return kind === "antigravity"
    ? { kind, accountId, accessToken: "t", projectId: "p" }
    : { kind, accountId, apiKey: "k" };
}

/** Both upstreams, played by one script. */
export function scriptedUpstreams(
  script: Partial<{ [M in "discoverModels" | "readBuckets"]: (credential: Credential) => ReturnType<Upstream[M]> }> & {
    stream?: (call: UpstreamCall, credential: Credential, signal: AbortSignal) => AsyncIterable<readonly TurnEvent[]>;
    countTokens?: (call: CountCall, credential: Credential, signal: AbortSignal) => Promise<number>;
  },
): Upstreams {
  const notAskedFor = () => Promise.reject(new Error("not asked for"));
  const played = <K extends AccountKind>(kind: K): Upstream<K> => ({
    kind,
    async *stream(call, credential: CredentialOf<K>, signal) {
      yield* script.stream?.(call, credential, signal) ?? [];
    },
    countTokens: (call, credential: CredentialOf<K>, signal) =>
      script.countTokens?.(call, credential, signal) ?? notAskedFor(),
    discoverModels: (credential: CredentialOf<K>) => script.discoverModels?.(credential) ?? notAskedFor(),
    readBuckets: (credential: CredentialOf<K>) => script.readBuckets?.(credential) ?? Promise.resolve([]),
  });
  return { antigravity: played("antigravity"), "gemini-api-key": played("gemini-api-key") };
}

export interface ScriptedAccount {
  id: string;
  kind?: AccountKind;
  /** The conversation is bound to it. */
  bound?: boolean;
  /** It rests until then (clock time). */
  restsUntil?: number;
  /** `credential` fails with it. */
  unusable?: GatewayError;
}

/**
 * A pool that follows the contract in the plainest way: the bound account, else the first that is free; what it is told of
 * limits with a stated time it remembers, and unusable accounts it drops. Whatever happens is written to the log.
 */
export function scriptedPool(given: readonly ScriptedAccount[], log: string[], clock: Clock): AccountPool {
  const accounts = [...given];
  const restOf = ({ restsUntil = 0 }: ScriptedAccount) => Math.max(0, restsUntil - clock.now());
  const others = (exclude: ReadonlySet<string>): Alternatives => {
    const left = accounts.filter(({ id }) => !exclude.has(id));
    const rests = left.filter((account) => restOf(account) > 0).sort((a, b) => restOf(a) - restOf(b));
    const free = left.length - rests.length;
    const [first] = rests;
    if (!first) return { free };
    return { free, soonestMs: restOf(first), soonest: { handle: first.id, evidence: `rest of ${first.id}` } };
  };
  const leaseOn = (account: ScriptedAccount): Lease => {
    const { id, kind = "antigravity", bound = false } = account;
    return {
      accountId: id,
      handle: id,
      kind,
      bound,
      async credential() {
        if (account.unusable) throw account.unusable;
        return credentialOf(kind, id);
      },
      renew: (what) => void log.push(`renew ${what}`),
      succeed: () => void log.push(`succeed ${id}`),
      fail(error) {
        log.push(`fail ${id} ${error.kind}`);
        const { retryAfterMs } = error.detail;
        if (error.kind === "account-unusable") accounts.splice(accounts.indexOf(account), 1);
        if (retryAfterMs !== undefined) account.restsUntil = clock.now() + retryAfterMs;
      },
      [Symbol.dispose]: () => void log.push(`release ${id}`),
    };
  };
  const offer = ({ exclude }: LeaseQuery): Offer => {
    const left = accounts.filter(({ id }) => !exclude.has(id));
    if (left.length === 0) throw fault("no-account");
    const bound = left.find((account) => account.bound);
    const free = bound ? (restOf(bound) === 0 ? bound : undefined) : left.find((account) => restOf(account) === 0);
    if (free) return { type: "lease", lease: leaseOn(free) };
    const all = others(exclude);
    const error = fault("rate-limited", { retryAfterMs: all.free > 0 ? 1000 : (all.soonestMs ?? 0) });
    if (!bound) return { type: "limited", others: all, error };
    return {
      type: "limited",
      bound: { accountId: bound.id, handle: bound.id, restMs: restOf(bound), evidence: `rest of ${bound.id}` },
      others: others(new Set([...exclude, bound.id])),
      error,
    };
  };
  return {
    async acquire(query, signal) {
      if (signal.aborted) throw abortError(signal);
      const without = [...query.exclude].join("+");
      const given = offer(query);
      log.push(`${given.type === "lease" ? "acquire" : "limited"}${without && ` without ${without}`}`);
      return given;
    },
    alternatives: ({ exclude }) => others(exclude),
    async pause(ms, signal) {
      log.push(`pause ${ms}`);
      await clock.sleep(ms, signal);
    },
    views: () => [],
  };
}

/** A call without anything special, that has two minutes from now. */
export function plainCall(clock: Clock): GenerateCall {
  const startedAt = clock.now();
  return {
    request: plainRequest(),
    model: claudeProfile,
    conversationKey: "c",
    fieldName: (canonical) => canonical,
    strict: false,
    whole: false,
    maxWaitMs: 120_000,
    deadlineMs: () => startedAt + 120_000 - clock.now(),
    answerMs: 5_000,
    onProgress: () => {},
    onAnew: () => {},
    onRepair: () => {},
  };
}
