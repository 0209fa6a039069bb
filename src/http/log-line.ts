import type { GatewayError } from "../core/errors.ts";
import type { FinishedRequest } from "./inference.ts";

/** Names and messages can hold what a client sent, of any length. */
const SHOWN_CHARACTERS = 200;

/** One finished request as fields of a log line. Handles and ids only: nothing of prompts, answers, keys or e-mails. */
export function logFields({ protocol, trace, stream, totalMs, error }: FinishedRequest) {
  return {
    request: trace.requestId,
    protocol,
    model: oneLine(trace.model ?? "-"),
    served: trace.servedModel ?? "-",
    ...(trace.fellBack && { fallback: true }),
    account: trace.accountHandle ?? "-",
    stream,
    attempts: trace.attempts.map(({ accountHandle, outcome }) => `${accountHandle}:${outcome}`).join(" "),
    waitedMs: Math.round(trace.waitedMs),
    totalMs: Math.round(totalMs),
    outcome: error?.kind ?? "ok",
    ...(error && { reason: oneLine(reason(error)) }),
  };
}

/** The same for a person's eyes. */
export function logLine(record: FinishedRequest): string {
  const {
    request,
    protocol,
    model,
    served,
    fallback,
    account,
    attempts,
    totalMs,
    outcome,
    reason: why,
  } = logFields(record);
  const asked = record.trace.model === undefined ? "" : ` ${model}`;
  const via =
    record.trace.servedModel === undefined || served === model ? "" : ` → ${served}${fallback ? " (fallback)" : ""}`;
  const on = record.trace.accountHandle === undefined ? "" : ` on ${account}`;
  const tried = record.trace.attempts.length > 1 ? ` (${attempts})` : "";
  return `${outcome} ${protocol}${asked}${via}${on}${tried} in ${totalMs} ms ${request}${why === undefined ? "" : `: ${why}`}`;
}

/** Our own messages quote nothing; upstream's may quote the prompt, so they go to the client alone. */
function reason({ kind, message, detail }: GatewayError): string {
  const isUpstreams = kind === "invalid-request" || kind === "context-too-long";
  return isUpstreams && detail.upstreamStatus !== undefined ? `upstream answered ${detail.upstreamStatus}` : message;
}

function oneLine(text: string): string {
  return text.slice(0, SHOWN_CHARACTERS).replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}
