import { asGatewayError } from "../core/errors.ts";
import type { Discovery } from "../core/models.ts";
import type { Credential, Upstream } from "../core/upstream.ts";
import type { Clock } from "../lib/clock.ts";

export interface DiscoverDeps {
  /** Ids of the accounts that can be asked. Throws GatewayError("no-account") when there is none. */
  usableAccounts(): Promise<readonly string[]>;
  credential(accountId: string, signal: AbortSignal): Promise<Credential>;
  /** The next `credential` brings a new access token. */
  renewAccessToken(accountId: string, rejected: Credential): void;
  upstream: Pick<Upstream, "discoverModels">;
  clock: Clock;
}

/** Once one account has answered, the others have this much longer. */
const GRACE_MS = 1_000;

/**
 * The union of what the usable accounts can use. One slow account holds nobody up: those that miss the grace time are
 * asked again at the next refresh. Throws the first account's failure when none answers. The signal should abort when
 * the caller is done: what has not answered by then is still under way.
 */
export async function discoverModels(deps: DiscoverDeps, signal: AbortSignal): Promise<Discovery> {
  /** By account, so that the order of the union does not depend on who answers first. */
  const answers: (Discovery | undefined)[] = [];
  const asked = (await deps.usableAccounts()).map(async (accountId, index) => {
    answers[index] = await discoverFor(accountId, deps, signal);
  });
  try {
    await Promise.any(asked);
  } catch (cause) {
    throw asGatewayError(cause instanceof AggregateError ? cause.errors[0] : cause);
  }
  const grace = new AbortController();
  await Promise.race([
    Promise.allSettled(asked),
    deps.clock.sleep(GRACE_MS, grace.signal).catch(() => {}), // aborted: all have answered
  ]);
  grace.abort();
  const found = answers.flatMap((answer) => answer ?? []);
  return {
    models: [...new Map(found.flatMap(({ models }) => models.map((model) => [model.id, model]))).values()],
    replacedIds: Object.fromEntries(found.flatMap(({ replacedIds }) => Object.entries(replacedIds))),
  };
}

async function discoverFor(accountId: string, deps: DiscoverDeps, signal: AbortSignal): Promise<Discovery> {
  const credential = await deps.credential(accountId, signal);
  try {
    return await deps.upstream.discoverModels(credential, signal);
  } catch (cause) {
    if (asGatewayError(cause).kind !== "access-token-rejected") throw cause;
    deps.renewAccessToken(accountId, credential);
    return deps.upstream.discoverModels(await deps.credential(accountId, signal), signal);
  }
}
