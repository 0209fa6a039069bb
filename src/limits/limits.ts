import { untilAborted, within } from "../core/abort.ts";
import { type AccountView, isUsable } from "../core/accounts.ts";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { type LimitsReport, limitsReport, type ReportContext } from "./report.ts";

export interface LimitsDeps {
  /** Every account as it is now, those of other processes' making included. */
  views(): Promise<readonly AccountView[]>;
  /**
   * Asks upstream what is left of every usable account; the views show it afterwards. Resolves with those that could not be
   * asked, by account id; rejects when nobody could.
   */
  freshen(signal: AbortSignal): Promise<ReadonlyMap<string, GatewayError>>;
  models: Pick<ReportContext, "isOffered" | "familyOf">;
  clock: Clock;
  /** How long a caller waits for fresh readings before being given the last ones. */
  patienceMs: number;
}

export interface Limits {
  /** What is left, read from upstream anew when the last reading is older than a minute. Throws GatewayError. */
  report(signal: AbortSignal): Promise<LimitsReport>;
}

/** A reading is good for this long, and so is a failure to have one. */
const FRESH_MS = 60_000;
const FRESHEN_LIMIT_MS = 30_000;

export function createLimits({ views, freshen, models, clock, patienceMs }: LimitsDeps): Limits {
  let reading: Promise<void> | undefined;
  /** Unix ms of the last attempt, by account id. */
  let askedAt: ReadonlyMap<string, number> = new Map();
  let readFailures: ReadonlyMap<string, string> = new Map();

  const isDue = ({ account, quota }: AccountView) => {
    const last = Math.max(quota?.readAt ?? -Infinity, askedAt.get(account.id) ?? -Infinity);
    return isUsable(account) && clock.now() - last >= FRESH_MS;
  };

  const ask = async (asked: readonly AccountView[]): Promise<void> => {
    const ids = asked.filter(({ account }) => isUsable(account)).map(({ account }) => account.id);
    askedAt = new Map(ids.map((id) => [id, clock.now()]));
    try {
      const failed = await within(FRESHEN_LIMIT_MS, "Reading the quota", clock, freshen);
      readFailures = new Map([...failed].map(([id, { message }]) => [id, message]));
    } catch (cause) {
      const { message } = asGatewayError(cause);
      readFailures = new Map(ids.map((id) => [id, message]));
    }
  };

  const awaitPatiently = async (work: Promise<void>): Promise<void> => {
    const timer = new AbortController();
    const patience = clock.sleep(patienceMs, timer.signal).catch(() => {}); // aborted: nobody waits any more
    await Promise.race([work, patience]);
    timer.abort();
  };

  return {
    async report(signal) {
      const before = await views();
      if (before.some(isDue)) reading ??= ask(before).finally(() => (reading = undefined));
      if (reading !== undefined) await untilAborted(awaitPatiently(reading), signal);
      const now = await views();
      return limitsReport(now, { now: clock.now(), ...models, readFailures });
    },
  };
}
