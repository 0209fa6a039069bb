import { timingSafeEqual } from "node:crypto";
import { GatewayError } from "../core/errors.ts";
import { type ApiKey, type Caller, type KeysInForce, keyStateOf, type Scope } from "../core/keys.ts";
import type { KeyStore } from "../core/store.ts";
import type { Clock } from "../lib/clock.ts";
import { keysInForce } from "./in-force.ts";
import { createMeter, type Meter } from "./meter.ts";
import { isOwnerToken } from "./owner-token.ts";

export interface KeyGateDeps {
  keys: Pick<KeyStore, "list" | "version" | "touch" | "signAsOwner">;
  /** AG_API_KEY: it may ask the models, and no more. */
  staticKey?: string | undefined;
  clock: Pick<Clock, "now">;
  /** SHA-256 as hex. */
  hash(text: string): string;
  /** Whether a name fits a pattern with `*`. */
  matches(pattern: string, name: string): boolean;
}

export interface KeyGate {
  /**
   * Who asks, by the keys that were presented, of which one has to be good for this. Throws GatewayError: `unauthorized`
   * without a valid key, `forbidden` without the scope; DataFileError when the keys cannot be read.
   */
  admit(presented: readonly string[], scope: Scope): Promise<Caller>;
  inForce(): Promise<KeysInForce>;
}

/** What a command or a server elsewhere has changed counts after this time at the latest. */
const LOOK_EVERY_MS = 500;
/** The time of last use is for people. */
const TOUCH_EVERY_MS = 60_000;

const NOTHING: Disposable = { [Symbol.dispose]() {} };
const UNLIMITED: Meter = { begin: () => NOTHING };
const ANYBODY: Caller = { ...UNLIMITED, maySee: () => true };
const OWNER: Bearer = { name: "the owner's token", scopes: ["admin", "metrics"], caller: { ...ANYBODY, key: "owner" } };

/** Whom a key stands for. */
interface Bearer {
  /** How messages speak of it. */
  name: string;
  scopes: readonly Scope[];
  caller: Caller;
}

interface KeyHolder extends Bearer {
  digest: Buffer;
  /** Absent for AG_API_KEY. */
  key?: ApiKey;
  touchedAt: number;
}

interface Roster {
  version: number;
  keys: readonly ApiKey[];
  holders: readonly KeyHolder[];
}

/**
 * Lets callers in by key. While none was ever made and AG_API_KEY is not set, everybody may do everything; afterwards a key is
 * asked for, always. The list is held in memory and read again when the store says that it has changed.
 */
export function createKeyGate({ keys, staticKey, clock, hash, matches }: KeyGateDeps): KeyGate {
  /** They count on while the list is read anew. */
  const meters = new Map<string, Meter>();
  const staticHolder = staticKey === undefined ? [] : [staticBearer(digestOf(staticKey))];
  let roster: Roster | undefined;
  let lookedAt = 0;
  let loading: Promise<Roster> | undefined;

  function digestOf(text: string): Buffer {
    return Buffer.from(hash(text));
  }

  function meterOf(key: ApiKey): Meter {
    if (key.rpm === undefined && key.concurrency === undefined) return UNLIMITED;
    const known = meters.get(key.handle) ?? createMeter(key, clock);
    meters.set(key.handle, known);
    return known;
  }

  /**
   * The key's patterns are about models, and about the names by which clients ask for them. Those are understood generously,
   * so that one which merely fits may be written for the purpose: then what it was taken for must fit, or take in the pattern.
   */
  function modelsOf({ models }: ApiKey): Caller["maySee"] {
    if (models.length === 0) return ANYBODY.maySee;
    const patterns = models.map(comparable);
    return (asked, served, readAs = asked) => {
      const [name, id, rule] = [comparable(asked), comparable(served), comparable(readAs)];
      return patterns.some((pattern) => {
        if (pattern === name || matches(pattern, id) || matches(pattern, rule)) return true;
        return matches(pattern, name) && matches(rule, pattern);
      });
    };
  }

  function holderOf(key: ApiKey): KeyHolder {
    const meter = meterOf(key);
    return {
      name: `the API key ${key.handle}`,
      scopes: key.scopes,
      digest: Buffer.from(key.digest),
      key,
      touchedAt: key.lastUsedAt ?? -Infinity,
      caller: {
        key: key.handle,
        begin: meter.begin,
        maySee: modelsOf(key),
      },
    };
  }

  async function load(version: number, now: number): Promise<Roster> {
    const listed = await keys.list();
    roster = { version, keys: listed, holders: [...staticHolder, ...listed.map(holderOf)] };
    lookedAt = now;
    return roster;
  }

  async function current(): Promise<Roster> {
    const now = clock.now();
    // A clock that was set back must not keep the list as it is.
    if (roster && Math.abs(now - lookedAt) < LOOK_EVERY_MS) return roster;
    if (loading) return loading;
    const version = keys.version();
    if (roster?.version === version) {
      lookedAt = now;
      return roster;
    }
    loading = load(version, now).finally(() => {
      loading = undefined;
    });
    return loading;
  }

  /** All are compared, so that the time taken tells nothing of which one it was. */
  function find(text: string, holders: readonly KeyHolder[]): KeyHolder | undefined {
    const digest = digestOf(text);
    let found: KeyHolder | undefined;
    for (const holder of holders) {
      if (holder.digest.length === digest.length && timingSafeEqual(holder.digest, digest)) found = holder;
    }
    return found;
  }

  function touch(holder: KeyHolder, now: number): void {
    if (holder.key === undefined || Math.abs(now - holder.touchedAt) < TOUCH_EVERY_MS) return;
    holder.touchedAt = now;
    keys.touch(holder.key.handle, now);
  }

  /** Whom the key stands for, or why it opens nothing. */
  function bearerOf(text: string, { holders }: Roster, now: number): Bearer | GatewayError {
    if (isOwnerToken(text, keys.signAsOwner, now)) return OWNER;
    const holder = find(text, holders);
    if (holder === undefined) return invalid();
    const state = holder.key === undefined ? "active" : keyStateOf(holder.key, now);
    if (state !== "active") return ended(holder.caller.key, ENDINGS[state]);
    touch(holder, now);
    return holder;
  }

  return {
    async admit(presented, scope) {
      const listed = await current();
      if (listed.holders.length === 0) return ANYBODY;
      const now = clock.now();
      let refusal: GatewayError | undefined;
      for (const text of presented) {
        const bearer = bearerOf(text, listed, now);
        if (bearer instanceof GatewayError) refusal = tellingMore(refusal, bearer);
        else if (bearer.scopes.includes(scope)) return bearer.caller;
        else refusal = tellingMore(refusal, outOfScope(bearer, scope));
      }
      throw refusal ?? new GatewayError("unauthorized", REQUIRED);
    },

    async inForce() {
      return keysInForce((await current()).keys, staticKey, clock.now());
    },
  };
}

function staticBearer(digest: Buffer): KeyHolder {
  const caller: Caller = { ...ANYBODY, key: "env" };
  return { name: "the key in AG_API_KEY", scopes: ["inference"], digest, touchedAt: 0, caller };
}

/** Names of models differ by case from client to client, and Gemini's put their collection before it. */
function comparable(name: string): string {
  return name.toLowerCase().replace(/^models\//, "");
}

const REQUIRED =
  "An API key is required: send one that `ag keys create` has made, as a Bearer token, x-api-key or x-goog-api-key";
const INVALID = "The API key is not valid: `ag keys list` shows which there are";
const ENDINGS = { expired: "has expired", revoked: "was revoked" } as const;

function invalid(): GatewayError {
  return new GatewayError("unauthorized", INVALID);
}

function ended(handle: string | undefined, how: string): GatewayError {
  return new GatewayError("unauthorized", `The API key ${handle} ${how}`, {
    ...(handle !== undefined && { key: handle }),
  });
}

function outOfScope({ name, scopes, caller }: Bearer, scope: Scope): GatewayError {
  const had = scopes.length === 0 ? "no scope that is known here" : `${scopes.join(" and ")} only`;
  return new GatewayError("forbidden", `The scope ${scope} is needed here; ${name} has ${had}`, {
    ...(caller.key !== undefined && { key: caller.key }),
  });
}

/** Of the reasons against several keys the one that is about a key that exists, and best about one that is valid. */
function tellingMore(one: GatewayError | undefined, other: GatewayError): GatewayError {
  if (one === undefined || one.message === INVALID) return other;
  return other.kind === "forbidden" && one.kind !== "forbidden" ? other : one;
}
