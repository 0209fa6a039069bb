import { isFailed, type RequestRecord } from "../../src/core/record.ts";
import type { UsageGroup, UsageTotal } from "../../src/core/store.ts";

/** What the totals must be, from the records themselves. */
export function usageOf(records: readonly RequestRecord[], by: UsageGroup): Map<string, UsageTotal> {
  const totals = new Map<string, UsageTotal>();
  for (const record of records) {
    if (record.protocol === undefined) continue;
    const { at, served = "", account = "", key = "", usage } = record;
    const group = { day: new Date(at).toISOString().slice(0, 10), model: served, account, key }[by];
    const none = { requests: 0, failed: 0, input: 0, cachedInput: 0, output: 0, thinking: 0 };
    const total = totals.get(group) ?? { group, ...none };
    total.requests++;
    if (isFailed(record)) total.failed++;
    for (const name of ["input", "cachedInput", "output", "thinking"] as const) total[name] += usage?.[name] ?? 0;
    totals.set(group, total);
  }
  return totals;
}
