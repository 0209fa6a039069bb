import { readFileSync } from "node:fs";

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/** One Ctrl-C can arrive several times: from the terminal and again through npm or another parent. */
const SAME_KEYPRESS_MS = 300;

/** What has not ended this long after the owner lost patience does not end by itself. */
const LAST_PATIENCE_MS = 1_500;

const SIGHUP_BIT = 1n;

export interface Stop {
  /** Resolves at the first SIGINT or SIGTERM, or when the terminal is closed. */
  first: Promise<StopSignal>;
  /** Aborts at the next one: the owner does not want to wait. */
  hurry: AbortSignal;
  /** Waits for the work, but not much longer than its owner does. */
  patiently(work: Promise<unknown>): Promise<void>;
  /** 0 after a clean stop; 128 + signal number when the owner did not wait for it. */
  exitCode(): number;
}

/** Listens for the signals that end a server. From here on they no longer kill the process. */
export function stopRequested(): Stop {
  const first = Promise.withResolvers<StopSignal>();
  const overdue = Promise.withResolvers<void>();
  const hurry = new AbortController();
  let firstAt: number | undefined;
  let impatient: StopSignal | undefined;

  const onSignal = (signal: StopSignal) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      return first.resolve(signal);
    }
    // Nobody who closes a terminal is impatient; the shell and the kernel may both tell of it.
    if (signal === "SIGHUP" || performance.now() - firstAt <= SAME_KEYPRESS_MS) return;
    impatient ??= signal;
    hurry.abort();
    setTimeout(overdue.resolve, LAST_PATIENCE_MS);
  };
  const signals: StopSignal[] = isHangUpIgnored() ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, () => onSignal(signal));

  return {
    first: first.promise,
    hurry: hurry.signal,
    async patiently(work) {
      await Promise.race([work, overdue.promise]);
    },
    exitCode: () => (impatient === undefined ? 0 : EXIT_CODES[impatient]),
  };
}

/** Whether this process was started to outlive its terminal (`nohup`): a listener of ours would undo that. */
function isHangUpIgnored(): boolean {
  // Elsewhere the mask cannot be read; nohup leaves neither output on the terminal.
  if (process.platform !== "linux") return !process.stdout.isTTY && !process.stderr.isTTY;
  try {
    return ignoresHangUp(readFileSync("/proc/self/status", "utf8"));
  } catch {
    return false; // no /proc: the terminal's end is then taken for a wish to stop
  }
}

/** Reads the mask of ignored signals of /proc/PID/status: bit 0 is signal 1. */
export function ignoresHangUp(status: string): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & SIGHUP_BIT) !== 0n;
}
