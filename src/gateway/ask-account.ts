import { abortError } from "../core/abort.ts";
import type { AccountKind } from "../core/account-kind.ts";
import type { Account } from "../core/accounts.ts";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import type { Trace } from "../core/trace.ts";
import type { Credential, Upstreams } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";
import { beginAttempt, endAttempt } from "./telling.ts";
import { accessWith, type UpstreamAccess } from "./upstream-access.ts";

/** What asking single accounts takes, beside requests: no slot is taken and no limit is kept. */
export interface AskDeps {
  /** The accounts that can be asked. Throws GatewayError("no-account") when there is none. */
  usableAccounts(): Promise<readonly Pick<Account, "id" | "handle" | "kind">[]>;
  /** Kinds of accounts in the order in which they are used; others are not asked. */
  lanes(): readonly AccountKind[];
  credential(accountId: string, signal: AbortSignal): Promise<Credential>;
  /** The next `credential` brings a new access token. */
  renewAccessToken(accountId: string, rejected: Credential): void;
  upstreams: Upstreams;
  clock: Clock;
}

export type Question<T> = (access: UpstreamAccess, signal: AbortSignal) => Promise<T>;

/** Where the attempts of a question are told, and the account's name there. */
export interface Telling {
  trace: Trace;
  handle: string;
}

/** A rejected access token is renewed once. Throws GatewayError. */
export async function askAccount<T>(
  accountId: string,
  ask: Question<T>,
  deps: Pick<AskDeps, "credential" | "renewAccessToken" | "upstreams" | "clock">,
  signal: AbortSignal,
  telling?: Telling,
): Promise<T> {
  for (let isRenewed = false; ; isRenewed = true) {
    const attempt = telling && tellAttempt(telling, deps.clock);
    let credential: Credential | undefined;
    try {
      credential = await deps.credential(accountId, signal);
      attempt?.sent();
      const answer = await ask(accessWith(credential, deps.upstreams), signal);
      attempt?.end();
      return answer;
    } catch (cause) {
      const failure = signal.aborted ? abortError(signal) : asGatewayError(cause);
      attempt?.end(failure);
      if (isRenewed || credential === undefined || failure.kind !== "access-token-rejected") throw cause;
      attempt?.renewed();
      deps.renewAccessToken(accountId, credential);
    }
  }
}

function tellAttempt({ trace, handle }: Telling, clock: Clock) {
  const record = beginAttempt(trace, handle, clock.now());
  return {
    sent: () => void delete record.unsent,
    end: (failure?: GatewayError) => endAttempt(record, trace, clock.now(), failure),
    renewed: () => void Object.assign(record, { next: "again", renewed: "access-token" }),
  };
}

export function inLaneOrder<A extends Pick<Account, "kind">>(
  accounts: readonly A[],
  lanes: readonly AccountKind[],
): A[] {
  return lanes.flatMap((lane) => accounts.filter(({ kind }) => kind === lane));
}
