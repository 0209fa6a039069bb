/** The processes of a benchmark, each on a core of its own as far as there are cores, and what the kernel says about them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_ACCOUNT } from "../../tests/support/cloudcode/index.ts";
import { gatewayEnvironment } from "../../tests/support/gateway.ts";
import type { AnswerKind, UpstreamAddress } from "./bench-upstream.ts";
import { LISTENS } from "./bench-pipe.ts";
import { startServer } from "./served-binary.ts";

export interface Measured {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

export type Upstreams = Record<AnswerKind, UpstreamAddress>;

/** The core of what is measured; all else runs on another one. */
const MEASURED_CORE = 0;
const OTHER_CORE = 1;
/** What the kernel counts CPU time in: USER_HZ, 100 a second on every Linux that Bun runs on. */
const TICK_MS = 10;
/** As many streams as are measured are more than one account takes by default. */
const CONFIG = { scheduling: { maxConcurrentPerAccount: 1000, maxQueued: 10_000 } };

const taskset = navigator.hardwareConcurrency > 1 ? Bun.which("taskset") : null;

/** Whether what is measured has a core of its own. */
export const isPinned = taskset !== null;

function pinned(command: string[], core: number): string[] {
  return taskset === null ? command : [taskset, "-c", String(core), ...command];
}

/** Moves this process, which asks, away from what is measured. */
export function pinSelf(): void {
  if (taskset !== null) Bun.spawnSync([taskset, "-a", "-p", "-c", String(OTHER_CORE), String(process.pid)]);
}

export async function startUpstreams(): Promise<{ upstreams: Upstreams; stop(): Promise<void> }> {
  const child = Bun.spawn(pinned([process.execPath, join(import.meta.dir, "bench-upstream.ts")], OTHER_CORE), {
    stdout: "pipe",
    stderr: "inherit",
  });
  const line = await firstLine(child.stdout);
  return { upstreams: JSON.parse(line) as Upstreams, stop: () => ended(child) };
}

/** The byte pipe. */
export async function startPipe(): Promise<Measured> {
  const child = Bun.spawn(pinned([process.execPath, join(import.meta.dir, "bench-pipe.ts")], MEASURED_CORE), {
    env: { PATH: process.env.PATH, BUN_CONFIG_MAX_HTTP_REQUESTS: "16384" },
    stdout: "pipe",
    stderr: "inherit",
  });
  const url = (await firstLine(child.stdout)).slice(LISTENS.length).trim().replace(/\/$/, "");
  return { url, pid: child.pid, stop: () => ended(child) };
}

/** A gateway with one account over the given upstream, in a data directory of its own. `command`: the binary. */
export async function startGateway(
  command: string[],
  upstream: UpstreamAddress,
  environment: Record<string, string> = {},
): Promise<Measured> {
  const home = mkdtempSync(join(tmpdir(), "ag-bench-"));
  const env = { ...gatewayEnvironment(upstream, home), AG_LOG_LEVEL: "warn" };
  writeFileSync(join(home, "config.jsonc"), JSON.stringify(CONFIG));
  const tokens = join(home, "tokens");
  writeFileSync(tokens, DEFAULT_ACCOUNT.refreshToken);
  const { exitCode, stderr } = Bun.spawnSync([...command, "accounts", "import", tokens], {
    env: { HOME: home, ...env },
  });
  if (exitCode !== 0) throw new Error(`the account could not be imported: ${stderr.toString()}`);
  const server = await startServer(pinned([...command, "serve"], MEASURED_CORE), home, { ...env, ...environment });
  return {
    url: server.url,
    pid: server.pid,
    async stop() {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** User and system time of all threads of the process, in ms. Linux only. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

export interface Memory {
  residentMb: number;
  /** The most it ever was. */
  peakMb: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return { residentMb: read("VmRSS"), peakMb: read("VmHWM") };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const [line, rest] = text.split("\n", 2);
    if (line !== undefined && rest !== undefined) return line;
  }
  throw new Error("a process of the benchmark did not start");
}

async function ended(child: Bun.Subprocess): Promise<void> {
  child.kill();
  await child.exited;
}
