/** The fields that every record has. */
export const ALWAYS_THERE = [
  "id",
  "at",
  "route",
  "choices",
  "waits",
  "attempts",
  "losses",
  "waitedMs",
  "totalMs",
  "status",
  "outcome",
] as const;
