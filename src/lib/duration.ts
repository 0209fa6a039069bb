import { isJsonObject } from "./json.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, what Go prints
  μs: 1e-3, // U+03BC, what keyboards type
  ms: 1,
  millisecond: 1,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
};

const TERM = /\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zµμ]+)\s*(?:,|and\b)?/iy;

/**
 * Milliseconds, rounded up, of a duration written as Go and protobuf write them ("2h21m25.831s", "479.417207ms",
 * "0.479s"), as people do ("2m 30s", "60 seconds"), or as protobuf's object ({ seconds: "9", nanos: 500000000 }).
 * Negative durations count as 0. `undefined` when the whole value is not a duration: a bare number has no unit.
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === "string") return parseText(value.trim());
  if (!isJsonObject(value) || (value["seconds"] === undefined && value["nanos"] === undefined)) return undefined;
  const seconds = Number(value["seconds"] ?? 0);
  const nanos = Number(value["nanos"] ?? 0);
  return Number.isFinite(seconds) && Number.isFinite(nanos) ? wholeMs(seconds * 1_000 + nanos / 1e6) : undefined;
}

function parseText(text: string): number | undefined {
  const negative = text.startsWith("-");
  let position = negative ? 1 : 0;
  if (position === text.length) return undefined;
  let totalMs = 0;
  while (position < text.length) {
    TERM.lastIndex = position;
    const term = TERM.exec(text);
    const unitMs = term && unitOf(term[2] ?? "");
    if (!term || !unitMs) return undefined;
    totalMs += Number(term[1]) * unitMs;
    position = TERM.lastIndex;
  }
  return negative ? 0 : wholeMs(totalMs);
}

function unitOf(word: string): number | undefined {
  const unit = word.toLowerCase();
  if (Object.hasOwn(UNIT_MS, unit)) return UNIT_MS[unit];
  const singular = unit.endsWith("s") ? unit.slice(0, -1) : unit;
  return singular.length > 1 && Object.hasOwn(UNIT_MS, singular) ? UNIT_MS[singular] : undefined;
}

// Rounding up never lets a caller return too early; the tolerance undoes binary noise such as 0.479 × 1000.
const wholeMs = (ms: number): number => Math.max(0, Math.ceil(ms - 1e-7));
