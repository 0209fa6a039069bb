import type { AccountKind } from "../core/account-kind.ts";
import type { Account } from "../core/accounts.ts";
import { asGatewayError } from "../core/errors.ts";
import type { Credential, Upstreams } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import { accessWith, type UpstreamAccess } from "./upstream-access.ts";

/** What asking single accounts takes, beside requests: no slot is taken and no limit is kept. */
export interface AskDeps {
  /** The accounts that can be asked. Throws GatewayError("no-account") when there is none. */
  usableAccounts(): Promise<readonly Pick<Account, "id" | "kind">[]>;
  /** Kinds of accounts in the order in which they are used; others are not asked. */
  lanes(): readonly AccountKind[];
  credential(accountId: string, signal: AbortSignal): Promise<Credential>;
  /** The next `credential` brings a new access token. */
  renewAccessToken(accountId: string, rejected: Credential): void;
  upstreams: Upstreams;
  clock: Clock;
}

export type Question<T> = (access: UpstreamAccess, signal: AbortSignal) => Promise<T>;

/** A rejected access token is renewed once. Throws GatewayError. */
export async function askAccount<T>(
  accountId: string,
  ask: Question<T>,
  deps: Pick<AskDeps, "credential" | "renewAccessToken" | "upstreams">,
  signal: AbortSignal,
): Promise<T> {
  const credential = await deps.credential(accountId, signal);
  try {
    return await ask(accessWith(credential, deps.upstreams), signal);
  } catch (cause) {
    if (asGatewayError(cause).kind !== "access-token-rejected") throw cause;
    deps.renewAccessToken(accountId, credential);
    return ask(accessWith(await deps.credential(accountId, signal), deps.upstreams), signal);
  }
}

export function inLaneOrder<A extends Pick<Account, "kind">>(
  accounts: readonly A[],
  lanes: readonly AccountKind[],
): A[] {
  return lanes.flatMap((lane) => accounts.filter(({ kind }) => kind === lane));
}
