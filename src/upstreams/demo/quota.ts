import type { JsonObject } from "../../lib/json.ts";
import type { DemoModel } from "./catalogue.ts";

const HOUR = 3_600_000;
/** No number of answers leaves less: the demo itself must not run dry. */
const FLOOR = 0.01;

/** Each group of models has a short and a long window; `decay` is what one answer leaves of it. */
const WINDOWS = {
  "5h": { lengthMs: 5 * HOUR, decay: 0.985 },
  weekly: { lengthMs: 7 * 24 * HOUR, decay: 0.996 },
} as const;

type WindowName = keyof typeof WINDOWS;
type Group = DemoModel["quotaGroup"];

/** In the order of the summary. */
const GROUPS: readonly { group: Group; prefix: string; displayName: string }[] = [
  { group: "gemini", prefix: "gemini", displayName: "Gemini" },
  { group: "other", prefix: "3p", displayName: "Other models" },
];

/** What is left of each window when the demo starts, from 0 to 1. */
export type Remaining = Record<Group, Record<WindowName, number>>;

/** The quotas of one made-up account. */
export interface DemoQuota {
  /** Takes one answer's worth from the model's windows. */
  spend(model: DemoModel): void;
  /** The catalogue's `quotaInfo`, of the short window: as upstream, without `remainingFraction` when nothing is left. */
  info(model: DemoModel): JsonObject;
  /** The reply to retrieveUserQuotaSummary. */
  summary(): JsonObject;
  /** Nothing is left of any short window until then (Unix ms). */
  exhaustUntil(time: number): void;
}

/** `age` says how long the windows have been running: the short ones so many hours, those of others half as long. */
export function demoQuota(remaining: Remaining, age: number, now: () => number): DemoQuota {
  const started = now();
  const windows: Record<Group, readonly Window[]> = {
    gemini: startWindows(remaining.gemini, started, age),
    other: startWindows(remaining.other, started, age / 2),
  };
  let exhaustedUntil = 0;

  function shown(window: Window): JsonObject {
    if (window.name === "5h" && now() < exhaustedUntil) return { resetTime: new Date(exhaustedUntil).toISOString() };
    refill(window, now());
    const remainingFraction = Math.round(window.remaining * 1e4) / 1e4;
    return { remainingFraction, resetTime: new Date(window.resetAt).toISOString() };
  }

  return {
    spend(model) {
      for (const window of windows[model.quotaGroup]) {
        refill(window, now());
        window.remaining = Math.max(FLOOR, window.remaining * WINDOWS[window.name].decay);
      }
    },
    info(model) {
      const short = windows[model.quotaGroup].find(({ name }) => name === "5h");
      return short ? shown(short) : {};
    },
    summary: () => ({
      groups: GROUPS.map(({ group, prefix, displayName }) => ({
        displayName,
        buckets: windows[group].map((window) => ({
          bucketId: `${prefix}-${window.name}`,
          window: window.name,
          ...shown(window),
        })),
      })),
    }),
    exhaustUntil(time) {
      exhaustedUntil = time;
    },
  };
}

interface Window {
  name: WindowName;
  remaining: number;
  /** Unix ms. */
  resetAt: number;
}

function startWindows(remaining: Record<WindowName, number>, now: number, ageHours: number): Window[] {
  const start = (name: WindowName, ageMs: number): Window => {
    return { name, remaining: remaining[name], resetAt: now + WINDOWS[name].lengthMs - ageMs };
  };
  // Long windows began a day and a half ago for each hour that the short ones did.
  return [start("5h", ageHours * HOUR), start("weekly", ageHours * 36 * HOUR)];
}

/** A window that is over begins anew, full. */
function refill(window: Window, now: number): void {
  if (now < window.resetAt) return;
  const { lengthMs } = WINDOWS[window.name];
  window.remaining = 1;
  window.resetAt += lengthMs * (Math.floor((now - window.resetAt) / lengthMs) + 1);
}
