const UNITS = [
  { name: "d", ms: 86_400_000, next: { name: "h", ms: 3_600_000 } },
  { name: "h", ms: 3_600_000, next: { name: "min", ms: 60_000 } },
  { name: "min", ms: 60_000 },
  { name: "s", ms: 1_000 },
] as const;

/**
 * A length of time for people: "45 s", "33 min", "2 h 21 min", "4 d 11 h". Rounded up, so that nobody comes back too early;
 * nothing and less than nothing is "0 s".
 */
export function durationText(ms: number): string {
  const rounded = UNITS.reduceRight(
    (length, unit) => (length >= unit.ms ? roundedUp(length, unit) : length),
    roundedUp(ms, { ms: 1_000 }),
  );
  const unit = UNITS.find(({ ms: size }) => rounded >= size);
  if (unit === undefined) return "0 s";
  const main = `${Math.floor(rounded / unit.ms)} ${unit.name}`;
  const rest = "next" in unit ? Math.floor((rounded % unit.ms) / unit.next.ms) : 0;
  return "next" in unit && rest > 0 ? `${main} ${rest} ${unit.next.name}` : main;
}

/** To the smallest unit that is shown of it. */
function roundedUp(ms: number, unit: { ms: number; next?: { ms: number } }): number {
  const step = unit.next?.ms ?? unit.ms;
  return Math.ceil(Math.max(0, ms) / step) * step;
}
