const AGE_UNITS = [
  { ms: 86_400_000, name: "d" },
  { ms: 3_600_000, name: "h" },
  { ms: 60_000, name: "min" },
] as const;

/** How long ago something was: "3 d ago", "just now". */
export function ageText(elapsedMs: number): string {
  const unit = AGE_UNITS.find(({ ms }) => elapsedMs >= ms);
  return unit === undefined ? "just now" : `${Math.floor(elapsedMs / unit.ms)} ${unit.name} ago`;
}
