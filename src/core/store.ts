import type { Account } from "./accounts.ts";
import type { Discovery, Family } from "./models.ts";

export interface NewAccount {
  refreshToken: string;
  email?: string;
  projectId?: string;
  label?: string;
}

export interface AccountStore {
  list(): Promise<Account[]>;
  /** Adds what is not stored yet (by refresh token, else by e-mail); returns what was added and how many were known. */
  add(accounts: readonly NewAccount[], now: number): Promise<{ added: Account[]; known: Account[] }>;
  /** Writes only the given fields of one account; `undefined` clears. Unknown id: no effect. */
  update(id: string, change: AccountChange): Promise<void>;
  /** A number that rises with every change made by any process; cheap enough to ask each second. */
  version(): Promise<number>;
}

export type AccountChange = {
  [K in Exclude<keyof Account, "id" | "handle" | "kind" | "addedAt">]?: Account[K] | undefined;
};

/** What a signature belongs to: its family and the one thing it signs. */
export interface SignatureRecord {
  /** `call:<id>`, or a hash key of conversation, kind and exact text. Never the text itself. */
  key: string;
  family: Family;
  signature: string;
  /** Unix ms. */
  at: number;
}

export interface SignatureStore {
  /** Written in batches; durable within a second. */
  remember(records: readonly SignatureRecord[]): Promise<void>;
  /** The newest `limit` records not older than `since`, for filling the in-memory index at start. */
  recent(since: number, limit: number): Promise<SignatureRecord[]>;
  find(key: string): Promise<SignatureRecord | undefined>;
  /** Deletes records older than `before`, then the oldest beyond `keep`. */
  prune(before: number, keep: number): Promise<void>;
}

/** The last good model discovery, so that a restart never begins with an empty list. */
export interface DiscoveryStore {
  load(): Promise<Discovery | undefined>;
  save(discovery: Discovery, at: number): Promise<void>;
}

export interface Store {
  accounts: AccountStore;
  signatures: SignatureStore;
  discovery: DiscoveryStore;
  /** Flushes what is buffered and closes the database. */
  close(): Promise<void>;
}
