import type { Cooldown } from "../core/accounts.ts";
import type { Quota, QuotaBucket, QuotaReading } from "../core/quota.ts";

/** What one account has for one model at one moment. */
export interface Standing {
  /** Its own list does not name the model. */
  lacksModel: boolean;
  /** Why it cannot be asked for the model, and until when. */
  rest?: Cooldown;
  /** Why new conversations leave it alone, and until when: its owner keeps the remainder. */
  reserve?: Cooldown;
  /** What is left of the scarcest window, in [0, 1]; 1 when nothing is known. */
  remaining: number;
}

/** How long a used-up window counts whose reset nobody names. */
const UNDATED_MS = 30 * 60_000;

/**
 * Puts together what refusals and the account's quota reading say about one model. Every window must have room: the model's
 * own and each bucket that covers it. `reserve` is in [0, 1].
 */
export function standingOf(
  model: string,
  cooldown: Cooldown | undefined,
  reading: QuotaReading | undefined,
  reserve: number,
  now: number,
): Standing {
  const standing: Standing = { lacksModel: false, remaining: 1 };
  if (cooldown !== undefined && cooldown.until > now) standing.rest = cooldown;
  if (reading === undefined) return standing;

  const consider = (quota: Quota, window: string) => {
    const until = quota.resetAt ?? reading.readAt + UNDATED_MS;
    if (until <= now) return; // the window has begun anew since
    const left = quota.remainingFraction;
    standing.remaining = Math.min(standing.remaining, left);
    if (left <= 0) standing.rest = later(standing.rest, until, reading.readAt, `quota reading: ${window} used up`);
    else if (left <= reserve) {
      const evidence = `reserve: ${window} at ${Math.floor(left * 100)} %`;
      standing.reserve = later(standing.reserve, until, reading.readAt, evidence);
    }
  };

  // An empty list is no list.
  standing.lacksModel = reading.models.size > 0 && !reading.models.has(model);
  const own = reading.models.get(model);
  if (own) consider(own, "the model's quota");
  for (const bucket of reading.buckets) if (isCovering(bucket, model)) consider(bucket, `${bucket.window} window`);
  return standing;
}

/** Whether the reading says that there is something left for the model; silence about it says nothing. */
export function showsRoom(model: string, reading: QuotaReading, now: number): boolean {
  const isTold = reading.models.get(model) !== undefined || reading.buckets.some((bucket) => isCovering(bucket, model));
  return isTold && isOpen(standingOf(model, undefined, reading, 0, now));
}

/** Whether the account can be asked for the model now, reserve or not. */
export function isOpen({ lacksModel, rest }: Standing): boolean {
  return !lacksModel && rest === undefined;
}

function later(known: Cooldown | undefined, until: number, since: number, evidence: string): Cooldown {
  return known !== undefined && known.until >= until ? known : { kind: "quota-exhausted", until, since, evidence };
}

/** The same division of upstream's ids as into families; a bucket that does not tell what it covers limits nothing. */
function isCovering({ covers }: QuotaBucket, model: string): boolean {
  if (covers === undefined) return false;
  return (covers === "others") === /claude|gpt/.test(model);
}
