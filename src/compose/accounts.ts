import { type Verification, type VerifyOptions, verifyAccount } from "../accounts/verify.ts";
import { createSignIn } from "../auth/login.ts";
import type { Config } from "../config/load.ts";
import { GatewayError } from "../core/errors.ts";
import type { SignIn } from "../core/sign-in.ts";
import type { Store } from "../core/store.ts";
import type { Limits } from "../limits/limits.ts";
import { readItemTable } from "../store/item-table.ts";
import { type Backend, type BackendOptions, composeBackend, composeStore } from "./backend.ts";
import { limitsOver } from "./limits.ts";

/** Without a server there are no earlier readings to fall back on. */
const LIMITS_PATIENCE_MS = 30_000;

/** What commands need that talk to Google about accounts. */
export interface AccountsBench {
  store: Store;
  signIn: SignIn;
  /** Asks Google about one account; see accounts/verify.ts. */
  verify(accountId: string, signal: AbortSignal, options?: VerifyOptions): Promise<Verification>;
  /** Asks the official API with a key that is not stored yet. Throws GatewayError. */
  checkKey(apiKey: string, signal: AbortSignal): Promise<{ models: number }>;
  close(): Promise<void>;
}

export async function composeAccounts(config: Config): Promise<AccountsBench> {
  const backend = await composeBackend(config, { demo: false });
  const { store, tokens, client, clock, upstreams, close } = backend;
  return {
    store,
    signIn: createSignIn({
      tokens,
      accounts: store.accounts,
      authorizeUrl: config.oauth.authorizeUrl,
      client,
      clock,
      randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    }),
    verify: (accountId, signal, options) => verify(accountId, backend, signal, options),
    async checkKey(apiKey, signal) {
      const credential = { kind: "gemini-api-key", accountId: "", apiKey } as const;
      const { models } = await upstreams["gemini-api-key"].discoverModels(credential, signal);
      return { models: models.length };
    },
    close,
  };
}

async function verify(
  accountId: string,
  backend: Backend,
  signal: AbortSignal,
  options?: VerifyOptions,
): Promise<Verification> {
  const { store, credentials, troubledDiscovery, rediscoverProject, clock } = backend;
  const account = (await store.accounts.list()).find(({ id }) => id === accountId);
  if (account === undefined) throw new GatewayError("account-unusable", "The account was removed");
  const { readAccount } = troubledDiscovery;
  return verifyAccount(
    account,
    { accounts: store.accounts, credentials, readAccount, rediscoverProject, clock },
    signal,
    options,
  );
}

/** For commands that take accounts over from elsewhere. */
export async function composeImport(config: Config) {
  const store = await composeStore(config);
  return { store, readItemTable, close: () => store.close() };
}

/** The limits, for a command that finds no server to ask. */
export async function composeLimits(
  config: Config,
  options: BackendOptions,
): Promise<Limits & { close(): Promise<void> }> {
  const backend = await composeBackend(config, options);
  return { ...limitsOver(backend, LIMITS_PATIENCE_MS), close: backend.close };
}

/** The models all accounts can use and the rules of their names, for commands that run without a server. */
export async function composeCatalog(config: Config, options: BackendOptions) {
  const { catalog, close } = await composeBackend(config, options);
  return { ...catalog, close };
}
