/**
 * Wears the gateway down for some minutes and tells what is left over:
 *   bun scripts/soak.ts [--minutes 3] [--streams 1000] [--aborts 10000] [--faults 8] [--source | --binary PATH]
 * Each round has so many paced streams at once, so many requests that are broken off at random moments by FIN, RST and
 * half-close, and every fault of upstream and of clients so often; then every slot is filled. Default: the binary in dist/,
 * else the sources. Exit code 1: slots or connections were lost, or somebody got no answer. Growth of memory is printed, and
 * for people to judge. Linux only: what it tells is read from /proc.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type RoundReport, soak } from "./lib/soak-run.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    streams: { type: "string", default: "1000" },
    aborts: { type: "string", default: "10000" },
    faults: { type: "string", default: "8" },
    binary: { type: "string" },
    source: { type: "boolean", default: false },
  },
});

const binary = values.source ? undefined : values.binary === undefined ? builtBinary() : resolve(values.binary);
console.log(
  `${binary ?? "from source"}, ${values.streams} streams, ${values.aborts} broken off, in rounds for ${values.minutes} min`,
);

const totals = new Map<string, number>();
const { baseline, rounds, problems, exitCode } = await soak({
  streams: Number(values.streams),
  events: 100,
  aborts: Number(values.aborts),
  faults: Number(values.faults),
  forMs: Number(values.minutes) * 60_000,
  slotsPerAccount: 24,
  firstEventMs: 15_000,
  idleMs: 10_000,
  keepsConnections: true,
  ...(binary !== undefined && { binary }),
  onRound,
});

console.log("\nwhat came of what, over all rounds:");
for (const [what, times] of [...totals].sort(([one], [other]) => one.localeCompare(other))) {
  console.log(`  ${String(times).padStart(7)}  ${what}`);
}
const last = rounds.at(-1)?.reading ?? baseline;
const firstRound = rounds[0]?.reading ?? baseline;
console.log(`
at the end
  RSS              ${megabytes(last.rssBytes)} (idle at the start ${megabytes(baseline.rssBytes)}, after the first round ${megabytes(firstRound.rssBytes)})
  descriptors      ${last.descriptors.total} (at the start ${baseline.descriptors.total})
  lost slots       ${rounds.reduce((sum, { slots, filled }) => sum + slots - filled, 0)}
  database         ${megabytes(last.databaseBytes)} (at the start ${megabytes(baseline.databaseBytes)})
  stray files      ${last.strayFiles.length}
  exit code        ${exitCode}`);
for (const problem of problems) console.log(`  PROBLEM  ${problem}`);
console.log(problems.length === 0 ? "\nVERDICT: nothing was lost" : `\nVERDICT: ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);

function onRound({
  round,
  ms,
  reading,
  inFlight,
  openCalls,
  slots,
  filled,
  outcomes,
  problems: found,
}: RoundReport): void {
  for (const [what, times] of outcomes) totals.set(what, (totals.get(what) ?? 0) + times);
  const { descriptors } = reading;
  const requests = outcomes.values().reduce((sum, times) => sum + times, 0);
  console.log(
    [
      `round ${round}: ${(ms / 1000).toFixed(0)} s, ${requests} requests`,
      `RSS ${megabytes(reading.rssBytes)}`,
      `descriptors ${descriptors.total} (clients ${descriptors.clients}, upstream ${descriptors.upstream}, other ${descriptors.other})`,
      `in flight ${inFlight}`,
      `upstream calls ${openCalls}`,
      `slots filled again ${filled} of ${slots}`,
      `database ${megabytes(reading.databaseBytes)}`,
      `problems ${found.length}`,
    ].join(" · "),
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function builtBinary(): string | undefined {
  const dist = resolve(import.meta.dir, "../dist");
  const name = existsSync(dist) ? readdirSync(dist).find((file) => /^ag-[a-z]+-[a-z0-9-]+$/.test(file)) : undefined;
  return name === undefined ? undefined : join(dist, name);
}
