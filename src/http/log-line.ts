import type { FinishedRequest } from "./inference.ts";

/** One finished request as fields of a log line. Handles and ids only: nothing of prompts, answers, keys or e-mails. */
export function logFields({ protocol, trace, stream, totalMs, error }: FinishedRequest) {
  return {
    request: trace.requestId,
    protocol,
    model: trace.model ?? "-",
    served: trace.servedModel ?? "-",
    account: trace.accountHandle ?? "-",
    stream,
    attempts: trace.attempts.map(({ accountHandle, outcome }) => `${accountHandle}:${outcome}`).join(" "),
    waitedMs: Math.round(trace.waitedMs),
    totalMs: Math.round(totalMs),
    outcome: error?.kind ?? "ok",
  };
}

/** The same for a person's eyes. */
export function logLine(record: FinishedRequest): string {
  const { request, protocol, model, served, account, attempts, totalMs, outcome } = logFields(record);
  const via = served === model ? model : `${model} → ${served}`;
  const tried = record.trace.attempts.length > 1 ? ` (${attempts})` : "";
  const why = record.error ? `: ${record.error.message}` : "";
  return `${outcome} ${protocol} ${via} on ${account}${tried} in ${totalMs} ms ${request}${why}`;
}
