import { consola } from "consola/basic";
import type { GatewayError } from "../core/errors.ts";
import type { RequestRecord } from "../core/record.ts";
import type { RecordStore } from "../core/store.ts";
import { logEntry, logLevelOf } from "../http/log-line.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** Where each finished request goes: a line in the log, a row in the store, the metrics. */
export function composeReporting(
  records: Pick<RecordStore, "append">,
  metrics: Pick<Metrics, "observe">,
): (record: RequestRecord, error: GatewayError | undefined) => void {
  return (record, error) => {
    records.append(record);
    metrics.observe(record);
    consola[logLevelOf(record)](logEntry(record));
    if (error?.kind === "internal") consola.error(error.cause ?? error);
  };
}
