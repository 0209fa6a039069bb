import { BoundedMap } from "../../lib/bounded-map.ts";

/** The same failure is written again after this long, with how often it came meanwhile. */
const AGAIN_AFTER_MS = 60_000;
const TOLD_APART = 100;

type Log = (message: string, thrown: unknown) => void;

/**
 * Keeps the server alive through defects in what nobody waits for: a promise that nobody looks at, a listener, a timer. One
 * of these says nothing about the requests that are being answered, and what lasts is in the database, whose transactions
 * hold by themselves; to exit would end every stream for the sake of one. So it is logged, and all goes on.
 */
export function surviveFaults(log: Log): void {
  const tell = faultTeller(log, () => performance.now());
  process.on("unhandledRejection", tell);
  process.on("uncaughtException", tell);
  // The terminal was closed, or whoever read the log has gone: nothing can be told any more, and serving goes on.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
}

/** Tells of each failure at once, but of one that keeps coming only once a minute. Never throws. */
export function faultTeller(log: Log, now: () => number): (thrown: unknown) => void {
  const told = new BoundedMap<{ at: number; since: number }>(TOLD_APART);
  return (thrown) => {
    try {
      const key = keyOf(thrown);
      const before = told.get(key);
      if (before !== undefined && now() - before.at < AGAIN_AFTER_MS) {
        before.since++;
        return;
      }
      told.set(key, { at: now(), since: 0 });
      const times =
        before === undefined || before.since === 0 ? "" : ` (${before.since} more times since it was last told)`;
      log(`An unexpected failure in the background; ag goes on${times}:`, thrown);
    } catch {
      // What is thrown while a failure is told of must not end the process either.
    }
  };
}

/** By the place where it was thrown: messages may differ each time. */
function keyOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown === "string" ? thrown : typeof thrown;
  const place = thrown.stack?.split("\n").find((line) => line.trimStart().startsWith("at "));
  return `${thrown.name} ${place ?? thrown.message}`;
}
