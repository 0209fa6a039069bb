/**
 * Measures the built gateway beside a byte pipe in the same runtime, and writes docs/performance.md:
 *
 *   bun run bench                                everything; some minutes
 *   bun run bench -- --quick                     a first look; the document is left as it is
 *   bun run bench -- --only "small whole"        the scenarios whose names hold this text; the document is left as it is
 *   bun run bench -- --binary dist/ag-linux-x64  that file instead of building one when the sources are newer
 *
 * Linux only: times are read from /proc. Asserts nothing: figures mean something on an idle machine only.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { requestBytes } from "./lib/bench-client.ts";
import { type Load, measureFirstByte, measureLoad, measurePaced, measureTimes } from "./lib/bench-measure.ts";
import {
  type Measured,
  memoryOf,
  pinSelf,
  startGateway,
  startPipe,
  startUpstreams,
  type Upstreams,
} from "./lib/bench-processes.ts";
import { profile } from "./lib/bench-profile.ts";
import { type Figures, goalTable, performanceDocument, scenarioTable } from "./lib/bench-report.ts";
import { question, type Scenario, scenarios } from "./lib/bench-scenarios.ts";
import { CALL_PATH, PACES } from "./lib/bench-upstream.ts";
import { startServer } from "./lib/served-binary.ts";

const root = resolve(import.meta.dir, "..");
const { values: options } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== "--"), // npm's separator
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    binary: { type: "string" },
  },
});
if (process.platform !== "linux") {
  console.error("The benchmark reads CPU times and memory from /proc, which only Linux has");
  process.exit(1);
}

const rounds = options.quick ? 2 : 5;
const binary = resolve(options.binary ?? upToDateBinary());
const wanted = (name: string) => name.includes(options.only);
const part = (count: number) => Math.ceil(count / (options.quick ? 4 : 1));

pinSelf();
const { upstreams, stop: stopUpstreams } = await startUpstreams();
const pipe = await startPipe();
const figures: Figures = { loads: [], paced: [], pieces: {} };
try {
  for (const scenario of scenarios()) if (wanted(scenario.name)) await measureScenario(scenario);
  if (wanted("first byte")) await measureDelay();
  if (wanted("500 paced streams")) await measureStreams(500, "paced");
  if (wanted("1000 paced streams")) await measureStreams(1000, "slow");
  if (wanted("floor")) await measureFloor();
  if (wanted("start")) await measureStart();
  if (!options.quick && wanted("profile")) await measureProfiles();
} finally {
  await pipe.stop();
  await stopUpstreams();
}

console.log(`\n${scenarioTable(figures)}\n\n${goalTable(figures)}`);
if (!options.quick && options.only === "") {
  const document = join(root, "docs/performance.md");
  writeFileSync(document, performanceDocument(figures));
  Bun.spawnSync([process.execPath, "fmt", document], { cwd: root });
  console.log(`\nwritten: ${relative(process.cwd(), document)}`);
}

async function measureScenario({ name, group, answer, request, requests }: Scenario): Promise<void> {
  const [floor, gateway, memory] = await withGateway(upstreams[answer], async (served) => {
    const subjects = [
      { process: pipe, request: pipeRequest(answer, request) },
      { process: served, request },
    ];
    const [floorLoad, load] = await measureLoad(subjects, rounds, part(requests));
    return [floorLoad, load, memoryOf(served.pid)] as const;
  });
  if (!floor || !gateway) throw new Error("nothing was measured");
  figures.loads.push({ name, group, floor, gateway, memory });
  tell(name, `${ms(gateway)}, floor ${ms(floor)}; p50 ${gateway.p50Ms.toFixed(2)} ms`);
}

/** What the way through the gateway adds to the time until the first byte of a stream. */
async function measureDelay(): Promise<void> {
  const request = question("messages", true);
  await withGateway(upstreams.short, async (served) => {
    const subjects = [
      { url: upstreams.short.url, request: requestBytes(CALL_PATH, bodyOf(request)) },
      { url: pipe.url, request: pipeRequest("short", request) },
      { url: served.url, request },
    ];
    const [direct = 0, floor = 0, gateway = 0] = await measureFirstByte(subjects, part(2000));
    figures.firstByte = { directMs: direct, floorMs: floor - direct, gatewayMs: gateway - direct };
    tell("first byte added", `${(gateway - direct).toFixed(2)} ms, floor ${(floor - direct).toFixed(2)} ms`);
  });
}

async function measureStreams(streams: number, pace: keyof typeof PACES): Promise<void> {
  const request = question("messages", true);
  const floor = await measurePaced({ process: pipe, request: pipeRequest(pace, request) }, streams, PACES[pace]);
  await withGateway(upstreams[pace], async (served) => {
    await measurePaced({ process: served, request }, 50, PACES[pace]); // warms up
    const gateway = await measurePaced({ process: served, request }, streams, PACES[pace]);
    figures.paced.push({ streams, everyMs: PACES[pace].everyMs, floor, gateway });
    const { cpuMicrosPerEvent, memory, lateP99Ms } = gateway;
    tell(
      `${streams} paced streams`,
      `${cpuMicrosPerEvent.toFixed(1)} µs CPU an event, floor ${floor.cpuMicrosPerEvent.toFixed(1)}; ` +
        `p99 ${lateP99Ms.toFixed(0)} ms late; ${memory.peakMb.toFixed(0)} MB`,
    );
  });
}

/** What the floor is made of. */
async function measureFloor(): Promise<void> {
  const request = question("messages", false);
  const subjects = [
    { process: pipe, request: requestBytes("/ready", bodyOf(request)) },
    { process: pipe, request: pipeRequest("short", request) },
    { process: pipe, request: pipeRequest("burst", request) },
  ];
  const [answer, short, burst] = await measureLoad(subjects, rounds, part(3000));
  if (!answer || !short || !burst) throw new Error("nothing was measured");
  figures.pieces.floor = { answer, short, burst };
  tell("floor", `ready answer ${ms(answer)}, piped ${ms(short)}, piped 200 events ${ms(burst)}`);
}

async function measureStart(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "ag-bench-"));
  const runs = part(40);
  try {
    const version = await measureTimes(runs, async () => {
      Bun.spawnSync([binary, "--version"], { cwd: home, env: { HOME: home } });
      return async () => {};
    });
    const start = async (words: string[]) => {
      const server = await startServer([binary, "serve", "--port", "0", ...words], home);
      const response = await fetch(`${server.url}/healthz`, { proxy: false });
      await response.text();
      if (response.status !== 200) throw new Error(`GET /healthz answered ${response.status}`);
      return server;
    };
    const stopLater = async (words: string[]) => {
      const server = await start(words);
      return async () => void (await server.stop());
    };
    const firstDemo = await measureTimes(runs, () => stopLater(["--demo"]));
    const first = await measureTimes(runs, () => stopLater([]));
    const server = await start([]);
    const atStart = memoryOf(server.pid);
    await Bun.sleep(options.quick ? 1_000 : 10_000);
    const later = memoryOf(server.pid);
    await server.stop();
    const binaryMb = statSync(binary).size / 1e6;
    figures.start = { version, first, firstDemo, atStart, later, binaryMb };
    tell("start", `--version ${version.medianMs.toFixed(1)} ms, first 200 after ${first.medianMs.toFixed(1)} ms`);
    tell("idle", `${atStart.residentMb.toFixed(0)} MB, later ${later.residentMb.toFixed(0)} MB`);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function measureProfiles(): Promise<void> {
  figures.pieces.profiles = [
    {
      name: "small whole, messages",
      shares: await profile(upstreams.short, question("messages", false), 12_000),
    },
    {
      name: "200 events at once, messages",
      shares: await profile(upstreams.burst, question("messages", true), 5_000),
    },
  ];
}

async function withGateway<T>(
  upstream: Upstreams[keyof Upstreams],
  work: (served: Measured) => Promise<T>,
): Promise<T> {
  const served = await startGateway([binary], upstream);
  try {
    return await work(served);
  } finally {
    await served.stop();
  }
}

/** The same body, for the pipe to pass on. */
function pipeRequest(answer: keyof Upstreams, request: Uint8Array): Uint8Array {
  return requestBytes(`/${new URL(upstreams[answer].url).port}`, bodyOf(request));
}

function bodyOf(request: Uint8Array): string {
  const text = new TextDecoder().decode(request);
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

function ms({ cpuMsPerRequest }: Load): string {
  return `${cpuMsPerRequest.toFixed(3)} ms CPU`;
}

function tell(name: string, text: string): void {
  console.log(`${name.padEnd(32)} ${text}`);
}

/** The executable for this machine in dist/, built anew when a source is newer. */
function upToDateBinary(): string {
  const find = () => {
    const names = existsSync(join(root, "dist")) ? readdirSync(join(root, "dist")) : [];
    const name = names.find((file) => file.startsWith(`ag-linux-${process.arch}`) && !file.endsWith(".gz"));
    return name === undefined ? undefined : join(root, "dist", name);
  };
  const built = find();
  if (built !== undefined && statSync(built).mtimeMs >= newestSourceMs()) return built;
  console.log("building…");
  const { exitCode } = Bun.spawnSync([process.execPath, join(root, "scripts/build.ts")], {
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
  });
  const fresh = find();
  if (exitCode === 0 && fresh !== undefined) return fresh;
  console.error("There is no binary to measure: bun run build");
  process.exit(1);
}

function newestSourceMs(): number {
  const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true });
  return Math.max(
    ...["bun.lock", "scripts/build.ts"].map((name) => statSync(join(root, name)).mtimeMs),
    ...files.filter((file) => file.isFile()).map((file) => statSync(join(file.parentPath, file.name)).mtimeMs),
  );
}
