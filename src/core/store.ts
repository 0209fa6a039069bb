import type { AccountKind } from "./account-kind.ts";
import type { Account, Cooldown } from "./accounts.ts";
import type { Discovery, Family } from "./models.ts";
import type { JsonObject, JsonValue } from "../lib/json.ts";
import type { ApiKey, NewKey } from "./keys.ts";
import type { RequestRecord } from "./record.ts";
import type { Usage } from "./turn.ts";

export interface NewAccount {
  kind: AccountKind;
  /** The refresh token, or the API key. */
  secret: string;
  email?: string;
  projectId?: string;
  tier?: string;
  label?: string;
  /** How a new account begins; absent: enabled. Whether a known one is enabled is its owner's matter. */
  enabled?: boolean;
  /** What is wrong with a new account. Of a known one's problems only a terms block comes along. */
  problem?: NonNullable<Account["problem"]>;
}

export interface AddOptions {
  /** Take back what was removed before. Without it such accounts are left out: old files must not bring them back. */
  again: boolean;
}

export interface AddResult {
  added: Account[];
  /**
   * Stored already, by secret or else by kind and e-mail; a new secret, label or project was taken over. One that was added
   * without a problem has none from now on, except for a terms block.
   */
  known: Account[];
  /** Left out because their owner had removed them: their old handles. */
  removed: string[];
}

export interface AccountStore {
  list(): Promise<Account[]>;
  add(accounts: readonly NewAccount[], now: number, options: AddOptions): Promise<AddResult>;
  /** Writes only the given fields of one account; `undefined` clears, but no `problem` replaces a terms block. Unknown id: no effect. */
  update(id: string, change: AccountChange): Promise<void>;
  /** The only end of a terms block: its owner says that Google has lifted it. Other problems stay. Unknown id: no effect. */
  endTermsBlock(id: string): Promise<void>;
  /**
   * Deletes the account with its limits and bindings, and remembers (by hash) that it was removed, and whether it was stopped
   * for a breach of terms: added again, it still is. Unknown id: no effect.
   */
  remove(id: string, now: number): Promise<void>;
  /** A number that changes with every change made by any process. Cheap enough to ask before every upstream call; never waits. Throws DataFileError. */
  version(): number;
}

export type AccountChange = {
  [K in Exclude<keyof Account, "id" | "handle" | "kind" | "addedAt">]?: Account[K] | undefined;
};

/** One fact about a thought signature, under a key that names the one thing it signs. */
export interface SignatureRecord {
  /** `call:<tool-call id>` or `signed:<hash of a signature>`. Never text of a prompt or an answer. */
  key: string;
  family: Family;
  /** Under `call:` the signature itself; under `signed:` the hash of the thinking text it signs. */
  value: string;
  /** Unix ms. */
  at: number;
}

export interface SignatureStore {
  /** Returns at once; written in batches within a second, visible to `find` immediately. */
  remember(records: readonly SignatureRecord[]): void;
  /** The records that exist under these keys. One query, however many keys. */
  find(keys: readonly string[]): Promise<ReadonlyMap<string, SignatureRecord>>;
  /** Deletes records older than `before`, then the oldest beyond `keep`. */
  prune(before: number, keep: number): Promise<void>;
}

/** The last good model discovery, so that a restart never begins with an empty list. */
export interface DiscoveryStore {
  load(): Promise<Discovery | undefined>;
  save(discovery: Discovery, at: number): Promise<void>;
}

/** What is remembered about one account on one model. */
export interface LimitRecord {
  accountId: string;
  /** Upstream model id. */
  model: string;
  /** Absent: only failures are remembered. */
  cooldown?: Cooldown;
  /** Failures in a row that named no time of their own. */
  unnamedFailures: number;
  /** A quota reading ended the last cooldown of this model early; it may not do so again before an answer has come. */
  liftedByReading: boolean;
}

export interface LimitStore {
  load(): Promise<LimitRecord[]>;
  /** Replaces what was known about the account on the model. An account that is gone: no effect. */
  save(record: LimitRecord): Promise<void>;
}

/** Which account a conversation is served by. Holds no text: the key is a digest. */
export interface SessionBinding {
  /** Digest of the conversation. */
  session: string;
  /** Upstream model id. */
  model: string;
  accountId: string;
  /** Unix ms. */
  usedAt: number;
}

export interface SessionStore {
  /** Those used after `since`. */
  load(since: number): Promise<SessionBinding[]>;
  /** Returns at once; written in batches within a second. */
  remember(binding: SessionBinding): void;
  prune(before: number): Promise<void>;
}

/** What the owner has agreed to. */
export interface ConsentStore {
  /** Unix ms of the agreement to this version of the text, if there is one. */
  givenAt(subject: string, version: number): Promise<number | undefined>;
  give(subject: string, version: number, now: number): Promise<void>;
}

/** An answer of the Responses API that its owner has opted to keep, with what it answered. */
export interface StoredResponse {
  id: string;
  /** The whole conversation up to it, as items of the request. */
  input: JsonValue[];
  /** The reply object. */
  response: JsonObject;
  /** Handle of the key that asked. Absent: there was none. */
  owner?: string;
  /** Unix ms. */
  createdAt: number;
}

/** Sealed like secrets: these are texts of prompts and answers. */
export interface ResponseStore {
  save(record: StoredResponse): Promise<void>;
  /** `undefined` when it was never kept or is older than `notBefore` (Unix ms). */
  find(id: string, notBefore: number): Promise<StoredResponse | undefined>;
  /** Whether it was there. */
  remove(id: string): Promise<boolean>;
  /** Deletes what was created before (Unix ms), then the oldest of what, sealed, is more than so many characters. */
  prune(before: number, keepCharacters: number): Promise<void>;
}

export interface KeyStore {
  /** Revoked and expired ones too: whether any was ever made decides whether keys are asked for. */
  list(): Promise<ApiKey[]>;
  create(key: NewKey): Promise<ApiKey>;
  /** By handle. `undefined`: there is no such key. One that is revoked already keeps its time. */
  revoke(handle: string, now: number): Promise<ApiKey | undefined>;
  /** Returns at once; written in batches. How exact the stored time is, is the caller's matter. */
  touch(handle: string, now: number): void;
  /** As AccountStore.version, for keys: it does not change with `touch`. */
  version(): number;
  /** A text (base64url) that only who may read the data can make of this one. Needs no database: it works after `close`, too. */
  signAsOwner(text: string): string;
}

/** Which records: the newest first, unless `after` asks for those behind a place. */
export interface RecordQuery {
  limit: number;
  failedOnly?: boolean;
  /** Only those that were written behind this place; the oldest first. */
  after?: number;
}

/** A record with its place in the order in which records were written. */
export interface StoredRecord {
  place: number;
  record: RequestRecord;
}

export interface RecordStore {
  /** Returns at once; written in batches within a second, together with what it adds to the usage. */
  append(record: RequestRecord): void;
  find(id: string): Promise<RequestRecord | undefined>;
  list(query: RecordQuery): Promise<StoredRecord[]>;
  /** Deletes what arrived before (Unix ms), then the oldest beyond so many bytes of records. Usage stays. */
  prune(before: number, keepBytes: number): Promise<void>;
}

export const USAGE_GROUPS = ["day", "model", "account", "key"] as const;

export type UsageGroup = (typeof USAGE_GROUPS)[number];

export interface UsageTotal extends Usage {
  /** The day (2026-01-31, UTC), the upstream model, the handle of the account or of the key; "" for none. */
  group: string;
  requests: number;
  failed: number;
}

export interface UsageStore {
  /** Totals per group since a day (2026-01-31, UTC), days in order, else the largest first. */
  totals(by: UsageGroup, sinceDay?: string): Promise<UsageTotal[]>;
}

export interface Store {
  keys: KeyStore;
  records: RecordStore;
  usage: UsageStore;
  responses: ResponseStore;
  accounts: AccountStore;
  signatures: SignatureStore;
  discovery: DiscoveryStore;
  limits: LimitStore;
  sessions: SessionStore;
  consents: ConsentStore;
  /**
   * Keeps a copy of the accounts and of what is known about them, once a day (UTC), beside the database, and the seven
   * latest of them. A second call on the same day does nothing. Throws DataFileError.
   */
  backUp(now: number): Promise<void>;
  /** Flushes what is buffered and closes the database. */
  close(): Promise<void>;
}

/** The data file cannot be used as it is. `message` names it and says why; `hint` says what to do. */
export class DataFileError extends Error {
  override readonly name = "DataFileError";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}
