/** Seconds by which the event loop was late in the last minute. */
export interface LagReading {
  p50: number;
  p99: number;
  max: number;
}

export interface LoopLag {
  start(): void;
  stop(): void;
  /** Absent: nothing has been measured yet. */
  read(): LagReading | undefined;
}

export interface LagTimers {
  /** Milliseconds on a clock that is never set back. */
  now(): number;
  /** Calls `tick` again and again until the returned function is called; does not keep the process alive. */
  every(ms: number, tick: () => void): () => void;
}

/** Five wake-ups a second cost an idle process nothing that shows, and no stall longer than this goes unseen. */
const SAMPLE_EVERY_MS = 200;
const SAMPLES_KEPT = 60_000 / SAMPLE_EVERY_MS;

export const systemTimers: LagTimers = {
  now: () => performance.now(),
  every(ms, tick) {
    const timer = setInterval(tick, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** How late timers fire: what a request waits for besides its own work. Nothing runs before `start`. */
export function createLoopLag({ now, every }: LagTimers = systemTimers): LoopLag {
  const lateness = new Float64Array(SAMPLES_KEPT);
  let taken = 0;
  let cancel: (() => void) | undefined;
  return {
    start() {
      if (cancel) return;
      let last = now();
      cancel = every(SAMPLE_EVERY_MS, () => {
        const at = now();
        lateness[taken++ % SAMPLES_KEPT] = Math.max(0, at - last - SAMPLE_EVERY_MS) / 1_000;
        last = at;
      });
    },
    stop() {
      cancel?.();
      cancel = undefined;
    },
    read() {
      if (taken === 0) return undefined;
      const sorted = lateness.slice(0, Math.min(taken, SAMPLES_KEPT)).sort();
      const quantile = (part: number) => sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
      return { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) };
    },
  };
}
