/** What the operating system says of this process. Absent: it does not say. */
export interface ProcessUsage {
  /** Since its start, user and system together. */
  cpuSeconds: number;
  residentBytes: number;
  /** Unix seconds. */
  startedAt: number;
  openFiles?: number;
  maxFiles?: number;
}
