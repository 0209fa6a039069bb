/** How things are measured: in rounds, the floor and the gateway in turn, and the median of the rounds is told. */
import { type Connection, connect, connectAll, drive, type Timing } from "./bench-client.ts";
import { cpuMs, type Measured, type Memory, memoryOf } from "./bench-processes.ts";

const CONCURRENCY = 8;
/** A server runs for days: what its compiler spends on the first few thousand requests is over by then. */
const WARM_UP_ROUNDS = 4;

export interface Load {
  cpuMsPerRequest: number;
  p50Ms: number;
  p99Ms: number;
}

/** A process under measurement and what it is asked. */
export interface Subject {
  process: Pick<Measured, "url" | "pid">;
  request: Uint8Array;
}

/** Each subject `rounds` times, in turn, `CONCURRENCY` requests at a time; warmed up before. The medians, in their order. */
export async function measureLoad(subjects: readonly Subject[], rounds: number, requests: number): Promise<Load[]> {
  const runs = await Promise.all(
    subjects.map(async ({ process, request }) => ({
      process,
      request,
      connections: await connectAll(process.url, CONCURRENCY),
      cpu: [] as number[],
      timings: [] as Timing[],
    })),
  );
  for (const { connections, request } of runs) await drive(connections, request, requests * WARM_UP_ROUNDS);
  for (let round = 0; round < rounds; round++) {
    for (const run of runs) {
      const before = cpuMs(run.process.pid);
      run.timings.push(...(await drive(run.connections, run.request, requests)));
      run.cpu.push((cpuMs(run.process.pid) - before) / requests);
    }
  }
  for (const { connections } of runs) close(connections);
  return runs.map(({ cpu, timings }) => {
    const total = sorted(timings.map(({ totalMs }) => totalMs));
    return { cpuMsPerRequest: at(sorted(cpu), 0.5), p50Ms: at(total, 0.5), p99Ms: at(total, 0.99) };
  });
}

/** The median time to the first byte of the body of each subject, one request at a time, in turn. */
export async function measureFirstByte(subjects: readonly { url: string; request: Uint8Array }[], samples: number) {
  const runs = await Promise.all(
    subjects.map(async ({ url, request }) => ({ connection: await connect(url), request, times: [] as number[] })),
  );
  const warmUp = Math.ceil(samples / 2);
  for (let sample = -warmUp; sample < samples; sample++) {
    for (const { connection, request, times } of runs) {
      const { firstByteMs } = await connection.ask(request);
      if (sample >= 0) times.push(firstByteMs);
    }
  }
  close(runs.map(({ connection }) => connection));
  return runs.map(({ times }) => at(sorted(times), 0.5));
}

export interface Paced {
  streams: number;
  /** CPU per upstream event. */
  cpuMicrosPerEvent: number;
  /** How much later than upstream's own pace a stream ended. */
  lateP50Ms: number;
  lateP99Ms: number;
  memory: Memory;
}

/** `streams` at once, once, which begin over half a second. The last is upstream's pace. */
export async function measurePaced(
  { process, request }: Subject,
  streams: number,
  { events, everyMs }: { events: number; everyMs: number },
): Promise<Paced> {
  const connections = await connectAll(process.url, streams);
  const before = cpuMs(process.pid);
  const late = await Promise.all(
    connections.map(async (connection, index) => {
      await Bun.sleep((index / streams) * 500);
      return (await connection.ask(request)).totalMs - events * everyMs;
    }),
  );
  const cpu = cpuMs(process.pid) - before;
  const memory = memoryOf(process.pid);
  close(connections);
  const times = sorted(late);
  return {
    streams,
    cpuMicrosPerEvent: (cpu * 1000) / (streams * events),
    lateP50Ms: at(times, 0.5),
    lateP99Ms: at(times, 0.99),
    memory,
  };
}

export interface Times {
  medianMs: number;
  p90Ms: number;
  bestMs: number;
}

/** Times `action` alone; what it returns is run afterwards. The first run warms the page cache and does not count. */
export async function measureTimes(runs: number, action: () => Promise<() => Promise<void>>): Promise<Times> {
  const times: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const startedAt = performance.now();
    const cleanUp = await action();
    if (run > 0) times.push(performance.now() - startedAt);
    await cleanUp();
  }
  const inOrder = sorted(times);
  return { medianMs: at(inOrder, 0.5), p90Ms: at(inOrder, 0.9), bestMs: at(inOrder, 0) };
}

function close(connections: readonly Connection[]): void {
  for (const connection of connections) connection.close();
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((left, right) => left - right);
}

function at(inOrder: readonly number[], fraction: number): number {
  return inOrder[Math.min(inOrder.length - 1, Math.floor(inOrder.length * fraction))] ?? Number.NaN;
}
