import { isUsable } from "../core/accounts.ts";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import { createLimits, type Limits } from "../limits/limits.ts";
import { familyOf } from "../models/profile.ts";
import { isOffered } from "../models/shipped.ts";
import type { Backend } from "./backend.ts";

/** How long somebody who asks for the limits waits for fresh ones. */
const PATIENCE_MS = 5_000;

export function limitsOver({ pool, discovery, clock }: Backend): Limits {
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

  return createLimits({ views, freshen, models: { isOffered, familyOf }, clock, patienceMs: PATIENCE_MS });
}
