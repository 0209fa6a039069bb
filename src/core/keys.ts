/** What a key opens. A scope is exactly what it says: an admin key asks no model. */
export const SCOPES = ["inference", "admin", "metrics"] as const;

export type Scope = (typeof SCOPES)[number];

/** A stored key. The key itself is shown once and known to nobody afterwards. */
export interface ApiKey {
  /** "k1", "k2", …; never given out twice. */
  handle: string;
  name?: string;
  /** SHA-256 of the whole key, as hex. */
  digest: string;
  /** How its owner recognises it: "sk-ag-Xy1z…". */
  hint: string;
  scopes: readonly Scope[];
  /** Requests per minute. */
  rpm?: number;
  /** Requests at the same time. */
  concurrency?: number;
  /** Patterns with `*` of model names. Empty: all models. */
  models: readonly string[];
  /** Unix ms, like all times here. */
  expiresAt?: number;
  createdAt: number;
  revokedAt?: number;
  lastUsedAt?: number;
}

export type KeyState = "active" | "expired" | "revoked";

/** Whether the key opens anything. */
export function keyStateOf({ revokedAt, expiresAt = Infinity }: ApiKey, now: number): KeyState {
  if (revokedAt !== undefined) return "revoked";
  return now < expiresAt ? "active" : "expired";
}

export function mayAskModels(key: ApiKey, now: number): boolean {
  return key.scopes.includes("inference") && keyStateOf(key, now) === "active";
}

export type NewKey = Omit<ApiKey, "handle" | "revokedAt" | "lastUsedAt">;

/** Who asks: what its key allows. Without keys everybody may do everything. */
export interface Caller {
  /** Handle of the key; "env" for AG_API_KEY, "owner" for commands on this machine. Absent: no key was needed. */
  key?: string;
  /**
   * Counts a request against the limits of the key; disposing ends it. Throws GatewayError("key-limited") with the time after
   * which it may be tried again.
   */
  begin(): Disposable;
  /**
   * Whether the key may be served by this model, asked for under this name. `readAs`: what the name was taken for, as the rule
   * says that led to the model; absent: the name itself.
   */
  maySee(asked: string, served: string, readAs?: string): boolean;
}

/** By which keys the gateway is closed, if it is. */
export interface KeysInForce {
  /** A key is asked for on every route that is not public. */
  asked: boolean;
  /** AG_API_KEY is set. */
  fromEnvironment: boolean;
  /** Keys that were ever made. */
  stored: number;
  /** Those of them that may ask models now: neither revoked nor expired. */
  active: number;
}
