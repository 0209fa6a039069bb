import { issuedSignatures, type IssuedSignatures } from "./issued-signatures.ts";
import { defaultModels, type ServedModel } from "./model-table.ts";
import { promptCache, type PromptCache } from "./prompt-cache.ts";
import { traffic, type Traffic } from "./traffic.ts";

/** What is left of a quota. `remainingFraction` absent means 0, as on the wire. */
export interface ServedQuota {
  remainingFraction?: number;
  resetTime?: string;
}

export const BUCKETS = ["gemini-5h", "gemini-weekly", "3p-5h", "3p-weekly"] as const;
export type BucketId = (typeof BUCKETS)[number];

/** One Google account as the server knows it; `world.accounts` holds copies that a test may change while the server runs. */
export interface ServedAccount {
  email: string;
  refreshToken: string;
  /** Absent: the account has to be onboarded; `onboardUser` then gives it one. */
  project?: string;
  /** The tier's id; default "free-tier". */
  tier?: string;
  paidTier?: string;
  /** Model ids the account has; default: all of the table. */
  models?: readonly string[];
  /** Per model id; a model that is not named is full. May be changed at any time. */
  quota?: Record<string, ServedQuota>;
  /** Shared windows of the summary; one that is not named is full. May be changed at any time. */
  buckets?: Partial<Record<BucketId, ServedQuota>>;
  /** Generation calls beyond so many at a time are refused with a rate limit. May be changed at any time. */
  concurrency?: number;
  /** Amount of GOOGLE_ONE_AI credits shown with the paid tier. */
  credits?: number;
  /** The project is answered as `{ id }` instead of a string. */
  projectAsObject?: boolean;
  /** loadCodeAssist tells that the owner must verify the account at this address, and gives no tier. */
  validationUrl?: string;
  /** How many onboardUser calls answer `done: false` first; default 1. */
  onboardingPolls?: number;
  /** Each refresh answers a new refresh token; the old one stops working. */
  rotatesRefreshToken?: boolean;
  /** The refresh token is dead: `invalid_grant`. */
  revoked?: boolean;
  /** The consent page sends the browser back with this error: "access_denied" when its owner says no. */
  consentError?: string;
  /** An exchanged code brings an access token alone, as when Google thinks that the application has a refresh token. */
  withholdsRefreshToken?: boolean;
}

export type Authentication = { type: "account"; account: ServedAccount } | { type: "expired" } | { type: "unknown" };

export interface OAuthClient {
  id: string;
  secret: string;
}

/** The state behind one or several servers ("hosts" of the same service): accounts, tokens, signatures, request ids. */
export interface World {
  readonly accounts: ServedAccount[];
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly signatures: IssuedSignatures;
  readonly seenRequestIds: Set<string>;
  readonly client: OAuthClient;
  readonly now: () => number;
  /** Unique within the world: for ids of calls and responses. */
  nextNumber(): number;
  /** Number of successful refreshes per e-mail. */
  readonly refreshes: Map<string, number>;
  readonly codes: Map<string, IssuedCode>;
  readonly traffic: Traffic;
  readonly cache: PromptCache;
  issueAccessToken(account: ServedAccount): { token: string; expiresInSeconds: number };
  authenticate(token: string): Authentication;
  /** Makes every access token issued so far (of one account) answer 401. */
  expireAccessTokens(email?: string): void;
}

export interface IssuedCode {
  email: string;
  redirectUri: string;
  /** S256 challenge of the PKCE verifier. */
  codeChallenge?: string;
}

export interface WorldOptions {
  accounts?: readonly ServedAccount[];
  models?: readonly ServedModel[];
  client?: OAuthClient;
  accessTokenSeconds?: number;
  now?: () => number;
}

export const DEFAULT_ACCOUNT: Readonly<ServedAccount> = {
  email: "owner@example.test",
  refreshToken: "1//test-refresh-token",
  project: "sample-project-a1b2c",
};

export const DEFAULT_CLIENT: OAuthClient = {
  id: "test-client.apps.example.test",
  secret: "test-client-secret",
};

export function createWorld(options: WorldOptions = {}): World {
  const now = options.now ?? Date.now;
  const accounts = (options.accounts ?? [DEFAULT_ACCOUNT]).map((account) => ({ ...account }));
  const tokens = new Map<string, { account: ServedAccount; expiresAt: number }>();
  let number = 0;
  return {
    accounts,
    nextNumber: () => ++number,
    models: new Map((options.models ?? defaultModels()).map((model) => [model.id, model])),
    signatures: issuedSignatures(),
    seenRequestIds: new Set(),
    client: options.client ?? DEFAULT_CLIENT,
    now,
    refreshes: new Map(),
    codes: new Map(),
    traffic: traffic(),
    cache: promptCache(),
    issueAccessToken(account) {
      const expiresInSeconds = options.accessTokenSeconds ?? 3599;
      const token = `ya29.test-${tokens.size + 1}`;
      tokens.set(token, { account, expiresAt: now() + expiresInSeconds * 1000 });
      return { token, expiresInSeconds };
    },
    authenticate(token) {
      const issued = tokens.get(token);
      if (!issued) return { type: "unknown" };
      return issued.expiresAt > now() ? { type: "account", account: issued.account } : { type: "expired" };
    },
    expireAccessTokens(email) {
      for (const issued of tokens.values()) {
        if (email === undefined || issued.account.email === email) issued.expiresAt = Number.NEGATIVE_INFINITY;
      }
    },
  };
}
