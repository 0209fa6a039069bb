/** More than `server.maxConcurrent` can be: those that renew tokens and read quotas come on top. */
const FETCH_LIMIT = 16_384;
/** What the runtime can count to. */
const LARGEST_LIMIT = 65_535;

/**
 * Bun lets 256 fetches run at a time in one process and queues the rest without a word. The limit is read from the
 * environment once, at the start of the process, so raising it means starting over: same process id, a few milliseconds.
 * Returns when the limit is already set, or cannot be raised here (Windows); what is then to be told is in
 * `fetchLimitWarning`.
 */
export function raiseFetchLimit(): void {
  if (fetchLimitOf(process.env) !== undefined || typeof process.execve !== "function") return;
  const scriptArguments = process.argv.slice(Bun.isStandaloneExecutable ? 2 : 1);
  const env = { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: String(FETCH_LIMIT) };
  try {
    process.execve(process.execPath, [process.execPath, ...process.execArgv, ...scriptArguments], env);
  } catch {
    // The executable was replaced or removed under us: the small limit serves too, and is told of.
  }
}

/** What the runtime was told, when it is a number that it takes. */
export function fetchLimitOf(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const written = env.BUN_CONFIG_MAX_HTTP_REQUESTS ?? "";
  const limit = /^\d{1,5}$/.test(written) ? Number(written) : 0;
  return limit >= 1 && limit <= LARGEST_LIMIT ? limit : undefined;
}

/** Bun's own. */
const DEFAULT_LIMIT = 256;

/** What keeps as many requests from running as the configuration allows, with its remedy. */
export function fetchLimitWarning(
  maxConcurrent: number,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const limit = fetchLimitOf(env);
  if ((limit ?? DEFAULT_LIMIT) >= maxConcurrent) return undefined;
  if (limit === undefined) {
    return (
      `Only ${DEFAULT_LIMIT} requests run at a time, of the ${maxConcurrent} of server.maxConcurrent; further ones wait.\n` +
      `Start ag with BUN_CONFIG_MAX_HTTP_REQUESTS=${FETCH_LIMIT} in its environment.`
    );
  }
  return (
    `BUN_CONFIG_MAX_HTTP_REQUESTS=${limit} lets ${limit} requests run at a time, of the ${maxConcurrent} of server.maxConcurrent; further ones wait.\n` +
    "Unset it, and ag chooses a number that is large enough."
  );
}
