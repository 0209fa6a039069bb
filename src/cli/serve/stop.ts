const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/** One Ctrl-C can arrive several times: from the terminal and again through npm or another parent. */
const SAME_KEYPRESS_MS = 300;

export interface Stop {
  /** Resolves at the first SIGINT or SIGTERM. */
  first: Promise<StopSignal>;
  /** Resolves at the next one: the owner does not want to wait. */
  second: Promise<StopSignal>;
  /** 0 after a clean stop; 128 + signal number when the owner did not wait for it. */
  exitCode(): number;
}

/** Listens for the signals that end a server. From here on they no longer kill the process. */
export function stopRequested(): Stop {
  const first = Promise.withResolvers<StopSignal>();
  const second = Promise.withResolvers<StopSignal>();
  let firstAt: number | undefined;
  let impatient: StopSignal | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (firstAt === undefined) {
        firstAt = performance.now();
        first.resolve(signal);
      } else if (performance.now() - firstAt > SAME_KEYPRESS_MS) {
        impatient ??= signal;
        second.resolve(signal);
      }
    });
  }
  return {
    first: first.promise,
    second: second.promise,
    exitCode: () => (impatient === undefined ? 0 : EXIT_CODES[impatient]),
  };
}
