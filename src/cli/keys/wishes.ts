import { type ApiKey, type NewKey, type Scope, SCOPES } from "../../core/keys.ts";
import { parseDuration } from "../../lib/duration.ts";
import { nearest } from "../../lib/nearest.ts";
import { UsageError } from "../failure.ts";
import { looksLikeSecret, shownWord } from "../secret-shaped.ts";
import { plain } from "../terminal.ts";

/** What `ag keys create` was asked for, as it was typed. */
export interface Wishes {
  name?: string | undefined;
  scope?: string | undefined;
  rpm?: string | undefined;
  concurrency?: string | undefined;
  models?: string | undefined;
  expires?: string | undefined;
}

const LONGEST_NAME = 60;
const MOST_PER_MINUTE = 100_000;
const MOST_AT_ONCE = 16_000;
const WEEK_DAYS = 7;
const DAY_MS = 86_400_000;
/** The last time that has a date. */
const LAST_TIME = 8_640_000_000_000_000;

/** What the key shall be like. Throws UsageError naming the flag. */
export function readWishes(wishes: Wishes, now: number): Omit<NewKey, "digest" | "hint"> {
  const name = readName(wishes.name);
  const scopes = readScopes(wishes.scope);
  const rpm = readCount("--rpm", wishes.rpm, MOST_PER_MINUTE);
  const concurrency = readCount("--concurrency", wishes.concurrency, MOST_AT_ONCE);
  const models = readModels(wishes.models);
  const expiresAt = readExpiry(wishes.expires, now);
  if (!scopes.includes("inference")) refuseLimits(wishes, scopes);
  return {
    scopes,
    models,
    createdAt: now,
    ...(name !== undefined && { name }),
    ...(rpm !== undefined && { rpm }),
    ...(concurrency !== undefined && { concurrency }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

/** What is spelled like a handle cannot be a name: it would name two keys. */
function looksLikeKeyHandle(text: string): boolean {
  return /^k\d+$/i.test(text);
}

function readName(written: string | undefined): string | undefined {
  if (written === undefined) return undefined;
  if (looksLikeSecret(written)) {
    throw new UsageError("--name looks like a key or token: as a name everybody could read it");
  }
  const name = plain(written).trim();
  if (name === "") throw new UsageError("--name must not be empty");
  if (name.length > LONGEST_NAME) {
    throw new UsageError(`--name has at most ${LONGEST_NAME} characters, this one ${name.length}`);
  }
  if (looksLikeKeyHandle(name)) {
    throw new UsageError(`--name must not look like a handle, as ${JSON.stringify(name)} does`);
  }
  return name;
}

function readScopes(written = "inference"): Scope[] {
  const names = commaList("--scope", written).map((name) => name.toLowerCase());
  for (const name of names) {
    if (SCOPES.some((scope) => scope === name)) continue;
    const [meant] = nearest(name, SCOPES);
    const hint = meant === undefined ? undefined : `Did you mean ${meant}?`;
    throw new UsageError(`--scope is made of ${SCOPES.join(", ")}, not ${shownWord(name)}`, hint);
  }
  return SCOPES.filter((scope) => names.includes(scope));
}

function readCount(flag: string, written: string | undefined, most: number): number | undefined {
  if (written === undefined) return undefined;
  const count = /^\d{1,9}$/.test(written.trim()) ? Number(written) : 0;
  if (count < 1 || count > most) {
    throw new UsageError(`${flag} must be a whole number from 1 to ${most}, not ${shownWord(written)}`);
  }
  return count;
}

/** None for all of them. */
function readModels(written: string | undefined): string[] {
  if (written === undefined) return [];
  const patterns = commaList("--models", written);
  return patterns.some((pattern) => /^\*+$/.test(pattern)) ? [] : [...new Set(patterns)];
}

function commaList(flag: string, written: string): string[] {
  const items = written
    .split(",")
    .map((item) => plain(item).trim())
    .filter((item) => item !== "");
  if (items.length === 0) throw new UsageError(`${flag} must not be empty`);
  return items;
}

/** A length of time from now, a date (valid to its end, in the local time zone) or a date with a time. */
function readExpiry(written: string | undefined, now: number): number | undefined {
  if (written === undefined) return undefined;
  const text = written.trim();
  const expiresAt = afterDuration(text, now) ?? endOfDay(text) ?? momentOf(text);
  if (expiresAt === undefined || !(Math.abs(expiresAt) <= LAST_TIME)) {
    throw new UsageError(
      `--expires is a length of time or a date, not ${shownWord(written)}`,
      "Such as 12h, 30d, 6w or 2027-01-31",
    );
  }
  if (expiresAt <= now) throw new UsageError(`--expires ${plain(text)} is over already`);
  return expiresAt;
}

function afterDuration(text: string, now: number): number | undefined {
  const weeks = /^(\d{1,5})\s*w(?:eeks?)?$/i.exec(text)?.[1];
  const lengthMs = weeks === undefined ? parseDuration(text) : Number(weeks) * WEEK_DAYS * DAY_MS;
  return lengthMs === undefined ? undefined : now + lengthMs;
}

function endOfDay(text: string): number | undefined {
  const [, year = 0, month = 0, day = 0] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []).map(Number);
  const start = new Date(year, month - 1, day);
  // What the calendar does not have, as the 30th of February, rolls over.
  if (start.getMonth() !== month - 1 || start.getDate() !== day) return undefined;
  return new Date(year, month - 1, day + 1).getTime();
}

function momentOf(text: string): number | undefined {
  const isMoment = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?$/i.test(text);
  const moment = isMoment ? Date.parse(text) : NaN;
  return Number.isNaN(moment) ? undefined : moment;
}

/** Such limits would look as if they held. */
function refuseLimits({ rpm, concurrency, models }: Wishes, scopes: ApiKey["scopes"]): void {
  const flags = Object.entries({ rpm, concurrency, models }).filter(([, value]) => value !== undefined);
  const [first] = flags.map(([name]) => `--${name}`);
  if (first === undefined) return;
  throw new UsageError(
    `${first} is about requests for models, which a key with ${scopes.join(" and ")} alone cannot send`,
    "Add inference to --scope, or leave the flag out",
  );
}
