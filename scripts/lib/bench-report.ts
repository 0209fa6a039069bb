/** The figures of a benchmark as tables, and docs/performance.md. */
import { cpus, loadavg, totalmem } from "node:os";
import packageJson from "../../package.json";
import type { Load, Paced, Times } from "./bench-measure.ts";
import { isPinned, type Memory } from "./bench-processes.ts";
import type { Share } from "./bench-profile.ts";
import type { Group } from "./bench-scenarios.ts";

/** Of this machine before anything was started: a figure much above 0 says that others were working on it. */
const [loadBefore = 0] = loadavg();

export interface Figures {
  loads: { name: string; group: Group; floor: Load; gateway: Load; memory: Memory }[];
  firstByte?: { directMs: number; floorMs: number; gatewayMs: number };
  paced: { streams: number; everyMs: number; floor: Paced; gateway: Paced }[];
  start?: { version: Times; first: Times; firstDemo: Times; atStart: Memory; later: Memory; binaryMb: number };
  /** What the floor and the rest are made of. */
  pieces: {
    floor?: { answer: Load; short: Load; burst: Load };
    profiles?: { name: string; shares: Share[] }[];
  };
}

export function scenarioTable({ loads, paced }: Figures): string {
  const rows = loads.map(({ name, floor, gateway, memory }) => [
    name,
    `${gateway.cpuMsPerRequest.toFixed(3)} ms`,
    `${floor.cpuMsPerRequest.toFixed(3)} ms`,
    `${(gateway.cpuMsPerRequest / floor.cpuMsPerRequest).toFixed(1)}×`,
    `${gateway.p50Ms.toFixed(2)} / ${gateway.p99Ms.toFixed(2)} ms`,
    `${floor.p50Ms.toFixed(2)} / ${floor.p99Ms.toFixed(2)} ms`,
    `${memory.residentMb.toFixed(0)} MB`,
  ]);
  const requests = table(
    ["scenario", "CPU a request", "floor", "ratio", "p50 / p99", "floor's p50 / p99", "memory after"],
    rows,
  );
  if (paced.length === 0) return requests;
  const streams = table(
    ["streams at once", "CPU an event", "floor", "ratio", "late, p50 / p99", "floor's", "memory, peak"],
    paced.map(({ streams: count, everyMs, floor, gateway }) => [
      `${count}, an event every ${everyMs} ms`,
      `${gateway.cpuMicrosPerEvent.toFixed(1)} µs`,
      `${floor.cpuMicrosPerEvent.toFixed(1)} µs`,
      `${(gateway.cpuMicrosPerEvent / floor.cpuMicrosPerEvent).toFixed(1)}×`,
      `${gateway.lateP50Ms.toFixed(0)} / ${gateway.lateP99Ms.toFixed(0)} ms`,
      `${floor.lateP50Ms.toFixed(0)} / ${floor.lateP99Ms.toFixed(0)} ms`,
      `${gateway.memory.peakMb.toFixed(0)} MB`,
    ]),
  );
  return `${requests}\n\n${streams}`;
}

interface Goal {
  what: string;
  most: number;
  unit: "ms" | "MB";
  found(figures: Figures): number | undefined;
}

/** Of several protocols, the dearest counts. */
const dearest =
  (wanted: Group) =>
  ({ loads }: Figures): number | undefined => {
    const found = loads.flatMap(({ group, gateway }) => (group === wanted ? [gateway.cpuMsPerRequest] : []));
    return found.length === 0 ? undefined : Math.max(...found);
  };

const GOALS: readonly Goal[] = [
  { what: "CPU of a small whole answer, dearest protocol", most: 0.25, unit: "ms", found: dearest("small") },
  { what: "CPU of 200 events at once, dearest protocol", most: 0.6, unit: "ms", found: dearest("burst") },
  { what: "CPU of a request with a history of 1 MB", most: 4, unit: "ms", found: dearest("history") },
  { what: "added until the first byte, p50", most: 1, unit: "ms", found: ({ firstByte }) => firstByte?.gatewayMs },
  {
    what: "memory with 1 000 paced streams, peak",
    most: 200,
    unit: "MB",
    found: ({ paced }) => paced.find(({ streams }) => streams === 1000)?.gateway.memory.peakMb,
  },
  { what: "memory after the start", most: 60, unit: "MB", found: ({ start }) => start?.atStart.residentMb },
  { what: "memory after ten idle seconds", most: 60, unit: "MB", found: ({ start }) => start?.later.residentMb },
  { what: "ag --version, median", most: 10, unit: "ms", found: ({ start }) => start?.version.medianMs },
  {
    what: "from the start to the first 200, median",
    most: 40,
    unit: "ms",
    found: ({ start }) => start?.first.medianMs,
  },
  { what: "size of the binary", most: 120, unit: "MB", found: ({ start }) => start?.binaryMb },
];

export function goalTable(figures: Figures): string {
  const rows = GOALS.flatMap(({ what, most, unit, found }) => {
    const figure = found(figures);
    if (figure === undefined) return [];
    const digits = figure < 1 ? 3 : figure < 10 ? 2 : 1;
    return [[what, `≤ ${most} ${unit}`, `${figure.toFixed(digits)} ${unit}`, figure <= most ? "met" : "**not met**"]];
  });
  return table(["goal", "at most", "measured", ""], rows);
}

export function performanceDocument(figures: Figures): string {
  return `${[
    `# Performance

Written by \`bun run bench\`; do not edit. ${pinning()}`,
    machine(),
    `## Goals

${goalTable(figures)}`,
    `## Against the floor

The floor is a byte pipe in the same runtime: it takes the request, sends the same bytes on with \`fetch\` and passes the
answer's bytes through, parsing nothing. CPU is that of the whole process, all threads, from \`/proc/PID/stat\`, at 8 requests
at a time; floor and gateway take turns, and the median of five rounds is told. Latencies are those seen by the client at that
load, so they contain the queue of 8.

${scenarioTable(figures)}`,
    delay(figures),
    starting(figures),
    floorPieces(figures),
    ...profiles(figures),
    `## How it is measured

\`\`\`
bun run bench               # everything, some minutes; writes this file
bun run bench -- --quick    # a first look
\`\`\`

Upstream is the fast mode of the tests' strict server in a process of its own: ready bytes, nothing checked. Requests come
from a bare socket client that looks at nothing but the framing of answers. The gateway is the compiled binary with one
account, its data on disk, and log level \`warn\`. Streams of the second table last four
to five seconds and begin over half a second; "late" is how much later than upstream's own pace they ended. A thousand that
write every 20 ms would be more than one core can pass on here, so that is measured at 50 ms.`,
  ]
    .filter((text) => text !== "")
    .join("\n\n")}\n`;
}

function pinning(): string {
  return isPinned
    ? "The measured process has one core to itself; upstream and the load generator share another."
    : "All processes shared the cores.";
}

function machine(): string {
  const [cpu] = cpus();
  const memoryGb = (totalmem() / 1024 ** 3).toFixed(0);
  const date = new Date().toISOString().slice(0, 10);
  return `- ${cpu?.model.trim()}, ${cpus().length} cores, ${memoryGb} GB, ${process.platform} ${process.arch}
- Bun ${Bun.version}, ag ${packageJson.version}
- load before: ${loadBefore.toFixed(1)}
- ${date}`;
}

function delay({ firstByte }: Figures): string {
  if (!firstByte) return "";
  const { directMs, floorMs, gatewayMs } = firstByte;
  return `Asked directly, one request at a time, upstream's first byte comes after ${directMs.toFixed(2)} ms (p50). The pipe adds
${floorMs.toFixed(2)} ms to that, the gateway ${gatewayMs.toFixed(2)} ms.`;
}

function starting({ start }: Figures): string {
  if (!start) return "";
  const { version, first, firstDemo, atStart, later, binaryMb } = start;
  const row = (what: string, { medianMs, p90Ms, bestMs }: Times) => [
    what,
    `${medianMs.toFixed(1)} ms`,
    `${p90Ms.toFixed(1)} ms`,
    `${bestMs.toFixed(1)} ms`,
  ];
  return `## Start

${table(
  ["", "median", "p90", "best"],
  [
    row("`ag --version`", version),
    row("`ag serve`, from its start to the first 200", first),
    row("`ag serve --demo`, the same", firstDemo),
  ],
)}

Memory: ${atStart.residentMb.toFixed(1)} MB after the first answer, ${later.residentMb.toFixed(1)} MB ten seconds later. Binary: ${binaryMb.toFixed(1)} MB.`;
}

function floorPieces({ pieces, loads, paced }: Figures): string {
  if (!pieces.floor) return "";
  const { answer, short, burst } = pieces.floor;
  const bare = answer.cpuMsPerRequest;
  const fetching = short.cpuMsPerRequest - bare;
  const events = burst.cpuMsPerRequest - short.cpuMsPerRequest;
  const rows = [
    ["a request read and answered from ready bytes (`Bun.serve`)", `${bare.toFixed(3)} ms`],
    ["`fetch` to upstream and its body handed on", `${fetching.toFixed(3)} ms`],
    ["200 more events in that body, which arrive at once", `${events.toFixed(3)} ms`],
    ...paced.map(({ streams, floor }) => [
      `one event of ${streams} paced streams: read from one socket, written to another`,
      `${(floor.cpuMicrosPerEvent / 1000).toFixed(4)} ms`,
    ]),
    ...own(loads, short, burst),
  ];
  return `## What the floor is made of

${table(["piece", "CPU"], rows)}`;
}

/** What is left for the gateway itself, of the protocol that is asked for first. */
function own(loads: Figures["loads"], short: Load, burst: Load): string[][] {
  const find = (wanted: Group) => loads.find(({ group }) => group === wanted)?.gateway.cpuMsPerRequest;
  const [small, stream] = [find("small"), find("burst")];
  return [
    ...(small === undefined
      ? []
      : [["the gateway's own part of a small whole answer", `${(small - short.cpuMsPerRequest).toFixed(3)} ms`]]),
    ...(stream === undefined
      ? []
      : [["the gateway's own part of 200 events at once", `${(stream - burst.cpuMsPerRequest).toFixed(3)} ms`]]),
  ];
}

function profiles({ pieces }: Figures): string[] {
  return (pieces.profiles ?? []).map(({ name, shares }) => {
    const told = shares.filter(({ share }) => share >= 0.01).slice(0, 20);
    return `## Where the time goes: ${name}

Samples of the main thread while it runs JavaScript, from the sources; what Bun does in native code stands under the call that
led to it, and work on other threads (sockets of \`fetch\`, garbage collection) is not in it.

${table(
  ["part", "share"],
  told.map(({ part, share }) => [part, `${(share * 100).toFixed(1)} %`]),
)}`;
  });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}
