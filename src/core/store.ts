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

export interface Store {
  accounts: AccountStore;
  signatures: SignatureStore;
  discovery: DiscoveryStore;
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
