import { isUsable } from "../core/accounts.ts";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import { createLimits, type Limits } from "../limits/limits.ts";
import { familyOf } from "../models/profile.ts";
import { isOffered } from "../models/shipped.ts";
import type { Backend } from "./backend.ts";

/** `patienceMs`: how long somebody who asks waits for fresh readings before being given the last ones. */
export function limitsOver({ pool, discovery, clock }: Backend, patienceMs: number): Limits {
  const views = async () => {
    await pool.sync();
    return pool.views();
  };

  const freshen = async (signal: AbortSignal): Promise<ReadonlyMap<string, GatewayError>> => {
    const failures = new Map<string, GatewayError>();
    const usable = (await views()).filter(({ account }) => isUsable(account));
    await Promise.all(
      usable.map(async ({ account }) => {
        try {
          await discovery.readAccount(account.id, signal);
        } catch (cause) {
          failures.set(account.id, asGatewayError(cause));
        }
      }),
    );
    return failures;
  };

  return createLimits({ views, freshen, models: { isOffered, familyOf }, clock, patienceMs });
}
