import { readdirSync, readFileSync } from "node:fs";
import type { ProcessUsage } from "../metrics/metrics.ts";

const startedAt = Date.now() / 1_000 - process.uptime();

/** What this process uses. Costs a fraction of a millisecond: for whoever asks, not for every request. */
export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    startedAt,
    ...openFiles(),
  };
}

function openFiles(): Pick<ProcessUsage, "openFiles" | "maxFiles"> {
  try {
    const openFiles = readdirSync("/proc/self/fd").length - 1; // but for the one it is read through
    const limit = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return { openFiles, ...(limit !== undefined && { maxFiles: Number(limit) }) };
  } catch {
    return {}; // no Linux
  }
}
