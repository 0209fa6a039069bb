import { parseDuration } from "../lib/duration.ts";
import type { GoogleError } from "./google-error.ts";

const FLOOR_MS = 1_000;
const CEILING_MS = 7 * 86_400_000;

/** What upstream says about how long to wait. */
export interface StatedDelay {
  ms: number;
  /** Where it says so, as people look for it: "RetryInfo", "quotaResetDelay", "retry-after header", "message". */
  source: string;
}

/**
 * How long upstream says to wait: the first source that names a time still to come, in the order RetryInfo,
 * quotaResetDelay, quotaResetTimeStamp, headers, message. At least 1 s ("reset after 0s" must not become a busy
 * loop), at most 7 days; `undefined` when nothing was said. Absolute times are compared with the response's own Date,
 * so a wrong local clock does no harm, else with `now`.
 */
export function retryDelay(error: GoogleError, headers: Headers | undefined, now: number): StatedDelay | undefined {
  const date = headers?.get("date");
  const servedAt = date ? Date.parse(date) : Number.NaN;
  const reference = Number.isNaN(servedAt) ? now : servedAt;
  const told: Told[] = [
    ["RetryInfo", parseDuration(error.retryDelay)],
    ["quotaResetDelay", parseDuration(error.metadata["quotaResetDelay"])],
    ["quotaResetTimeStamp", untilTime(error.metadata["quotaResetTimeStamp"], reference)],
    ...(headers ? headerDelays(headers, reference) : []),
    ["message", messageDelay(error.message, reference)],
  ];
  const stated = told.flatMap(([source, ms]): StatedDelay[] => (ms === undefined ? [] : [{ ms, source }]));
  const first = stated.find(({ ms }) => ms > 0) ?? stated[0];
  return first && { ms: Math.min(CEILING_MS, Math.max(FLOOR_MS, first.ms)), source: first.source };
}

type Told = [source: string, ms: number | undefined];

function headerDelays(headers: Headers, reference: number): Told[] {
  const retryAfter = headers.get("retry-after");
  const resetAfter = headers.get("x-ratelimit-reset-after");
  const resetAt = number(headers.get("x-ratelimit-reset"));
  return [
    ["retry-after-ms header", number(headers.get("retry-after-ms"))],
    ["retry-after header", milliseconds(number(retryAfter)) ?? untilTime(retryAfter ?? undefined, reference)],
    ["x-ratelimit-reset-after header", milliseconds(number(resetAfter)) ?? parseDuration(resetAfter ?? undefined)],
    ["x-ratelimit-reset header", resetAt === undefined ? undefined : Math.max(0, resetAt * 1_000 - reference)],
  ];
}

// Durations in prose are read only behind words that announce them: other numbers in a message mean other things.
const ANNOUNCED_DURATION =
  /\b(?:reset(?:s)?(?: after| in)|try again (?:in|after)|retry (?:in|after)|available (?:in|after))[:\s]+((?:\d+(?:\.\d+)?\s*[a-zµμ]+[\s,]*)+)/iu;
const ANNOUNCED_TIME = /\breset\w*\b[^\d]{0,20}(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))/i;

function messageDelay(message: string, reference: number): number | undefined {
  const words = ANNOUNCED_DURATION.exec(message)?.[1]?.trim().split(/\s+/) ?? [];
  // "reset after 2h 21m on Monday": as many words as make a duration.
  for (let length = words.length; length > 0; length--) {
    const delay = parseDuration(words.slice(0, length).join(" "));
    if (delay !== undefined) return delay;
  }
  return untilTime(ANNOUNCED_TIME.exec(message)?.[1], reference);
}

function untilTime(text: string | undefined, reference: number): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - reference);
}

function number(text: string | null): number | undefined {
  return text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.ceil(seconds * 1_000);
}
