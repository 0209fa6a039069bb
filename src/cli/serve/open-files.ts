import type { Config } from "../../config/load.ts";

/** The client's connection, and the one to upstream. */
const FILES_PER_REQUEST = 2;
/** The database, the log, the listener, tokens that are renewed, clients that are told that there is no room. */
const FILES_BESIDE = 96;

/** How many files and sockets this process may hold at once. Bun has raised it as far as it may. Absent: not known here. */
export function openFilesLimit(): number | undefined {
  const report: unknown = process.report?.getReport();
  const { soft } = (report as { userLimits?: { open_files?: { soft?: unknown } } }).userLimits?.open_files ?? {};
  return typeof soft === "number" && Number.isFinite(soft) ? soft : undefined;
}

/** How many requests can be answered at a time with so many files. At least one. */
export function requestsThatFit(openFiles: number): number {
  return Math.max(1, Math.floor((openFiles - FILES_BESIDE) / FILES_PER_REQUEST));
}

/**
 * The configuration with no more concurrent requests than there are files for: one that is told that there is no room can
 * come back, and one that finds no file for its connection upstream fails for no reason of its own. `warning` says so.
 */
export function fitOpenFiles(
  config: Config,
  openFiles: number | undefined = openFilesLimit(),
): { config: Config; warning?: string } {
  const { maxConcurrent } = config.server;
  if (openFiles === undefined || requestsThatFit(openFiles) >= maxConcurrent) return { config };
  const fitting = requestsThatFit(openFiles);
  const needed = maxConcurrent * FILES_PER_REQUEST + FILES_BESIDE;
  return {
    config: { ...config, server: { ...config.server, maxConcurrent: fitting } },
    warning:
      `This process may hold ${openFiles} files and sockets, enough for ${fitting} requests at a time and not for the ${maxConcurrent} of server.maxConcurrent.\n` +
      `Raise the limit to ${needed} or more (ulimit -n ${needed}; LimitNOFILE= in a systemd unit; --ulimit nofile= of Docker), or lower server.maxConcurrent.`,
  };
}
