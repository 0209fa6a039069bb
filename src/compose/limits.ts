import type { LimitsDeps, TokenRefresh } from "../http/account-limits.ts";
import { limitsText } from "../limits/text.ts";
import { isUsable } from "../core/accounts.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
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

/** Somebody waits for the page. */
const ROUTE_PATIENCE_MS = 5_000;

/** What the routes about accounts answer from. */
export function limitRoutes(backend: Backend): LimitsDeps {
  const { pool, credentials } = backend;
  const limits = limitsOver(backend, ROUTE_PATIENCE_MS);
  return {
    report: limits.report,
    table: async (signal) => limitsText(await limits.report(signal)),
    async refreshTokens(handle, signal) {
      await pool.sync();
      const accounts = pool.views().map(({ account }) => account);
      const asked = accounts.filter(
        (account) =>
          account.kind === "antigravity" && (handle === undefined ? isUsable(account) : account.handle === handle),
      );
      return Promise.all(
        asked.map(async (account): Promise<TokenRefresh> => {
          if (!account.enabled || account.problem?.type === "terms-block") {
            const message = `Account ${account.handle} is stopped, so Google was not asked: ag accounts list`;
            return { handle: account.handle, failure: new GatewayError("account-unusable", message) };
          }
          try {
            await credentials.refreshNow(account.id, signal);
            return { handle: account.handle };
          } catch (cause) {
            return { handle: account.handle, failure: asGatewayError(cause) };
          }
        }),
      );
    },
  };
}
