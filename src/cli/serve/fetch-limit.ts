/**
 * Bun lets 256 fetches run at a time in one process and queues the rest without a word. The limit is read from the
 * environment once, at the start of the process, so raising it means starting over: same process id, a few milliseconds.
 * Returns when the limit is already set, or cannot be raised here (Windows).
 */
export function raiseFetchLimit(): void {
  if (process.env.BUN_CONFIG_MAX_HTTP_REQUESTS || typeof process.execve !== "function") return;
  const scriptArguments = process.argv.slice(Bun.isStandaloneExecutable ? 2 : 1);
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...scriptArguments], {
    ...process.env,
    BUN_CONFIG_MAX_HTTP_REQUESTS: "16384",
  });
}
