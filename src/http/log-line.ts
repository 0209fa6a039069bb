import { isFailed, type RequestRecord } from "../core/record.ts";
import { compact } from "../lib/compact.ts";
import { LogEntry } from "../lib/log-entry.ts";

/** Names and messages can hold what a client sent, of any length. */
const SHOWN_CHARACTERS = 200;

/** The line that a finished request has in the log, for pretty and JSON logs alike. */
export function logEntry(record: RequestRecord): LogEntry {
  return new LogEntry(
    "request",
    () => logFields(record),
    () => logLine(record),
  );
}

/** Calls that ask for no model are routine as long as they succeed; a client that leaves is no failure. */
export function logLevelOf(record: RequestRecord): "debug" | "info" | "warn" | "error" {
  if (record.outcome === "internal") return "error";
  if (isFailed(record)) return "warn";
  return record.protocol === undefined ? "debug" : "info";
}

/**
 * One finished request as fields of a log line. Handles and ids only: nothing of prompts, answers, keys or e-mails. Log
 * collectors know the fields by these names: they are added to, never renamed.
 */
export function logFields(record: RequestRecord) {
  const { protocol, key, model, served, fallback, account, attempts, usage, firstEventMs, reason } = record;
  return compact({
    request: record.id,
    route: oneLine(record.route),
    protocol,
    key,
    model: shown(model),
    served: shown(served),
    fallback,
    account,
    stream: record.stream ?? false,
    status: record.status,
    outcome: record.outcome,
    attempts: attempts.length === 0 ? undefined : attemptsText(record),
    waitedMs: Math.round(record.waitedMs),
    firstEventMs: firstEventMs === undefined ? undefined : Math.round(firstEventMs),
    totalMs: Math.round(record.totalMs),
    inputTokens: usage?.input,
    cachedTokens: usage?.cachedInput,
    outputTokens: usage?.output,
    thinkingTokens: usage?.thinking,
    losses: record.losses.length || undefined,
    reason: shown(reason),
  });
}

const STATUS_WIDTH = 3;
/** Of the usual ones; the few that are longer stand out by it. */
const OUTCOME_WIDTH = 15;
const PROTOCOL_WIDTH = 18;
const DURATION_WIDTH = 7;

/**
 * The same for a person's eyes: what it was and how it ended in columns, then what there is to say of it.
 *
 * `200 ok              anthropic            8.4 s  opus → claude-…-thinking  a1  first 1.2 s  12.3k in (10k cached), 812 out  req_…`
 */
export function logLine(record: RequestRecord): string {
  const { status, outcome, protocol, attempts, waitedMs, firstEventMs, totalMs, usage, reason } = record;
  const columns = [
    (status === 0 ? "-" : String(status)).padEnd(STATUS_WIDTH),
    outcome.padEnd(OUTCOME_WIDTH),
    (protocol ?? "-").padEnd(PROTOCOL_WIDTH),
    durationText(totalMs).padStart(DURATION_WIDTH),
  ];
  const parts = [
    whatText(record),
    record.account,
    ...(attempts.length > 1 ? [`${attempts.length} attempts (${attemptsText(record)})`] : []),
    ...(waitedMs > 0 ? [`waited ${durationText(waitedMs)}`] : []),
    ...(firstEventMs === undefined ? [] : [`first ${durationText(firstEventMs)}`]),
    ...(usage && usage.input + usage.output > 0 ? [usageText(usage)] : []),
    record.id,
  ];
  const what = parts.filter((part) => part !== undefined).join("  ");
  return `${columns.join(" ")}  ${what}${reason === undefined ? "" : `: ${oneLine(reason)}`}`;
}

/** The model asked for and the one that served; without a model, the route. */
function whatText({ route, model, served, fallback }: RequestRecord): string {
  const via = served === undefined || served === model ? "" : ` → ${oneLine(served)}`;
  return `${oneLine(model ?? route)}${via}${fallback ? " (fallback)" : ""}`;
}

/** How each attempt ended, as far as there is room. */
function attemptsText({ attempts, omitted }: RequestRecord): string {
  const text = attempts.map(({ accountHandle, outcome }) => `${accountHandle}:${outcome}`).join(" ");
  return oneLine(omitted?.attempts === undefined ? text : `${text} and ${omitted.attempts} more`);
}

function usageText({ input, cachedInput, output, thinking }: NonNullable<RequestRecord["usage"]>): string {
  const cached = cachedInput > 0 ? ` (${countText(cachedInput)} cached)` : "";
  const thought = thinking > 0 ? ` (${countText(thinking)} thinking)` : "";
  return `${countText(input)} in${cached}, ${countText(output)} out${thought}`;
}

/** "812", "12.3k", "1.2M". */
function countText(count: number): string {
  if (count < 1_000) return String(count);
  const isMillions = count >= 999_950;
  return `${(count / (isMillions ? 1e6 : 1e3)).toFixed(1).replace(/\.0$/, "")}${isMillions ? "M" : "k"}`;
}

/** "812 ms", "8.4 s", "1.7 min": to compare by eye, so rounded to the nearest. */
function durationText(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 99_950) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = ms / 60_000;
  return `${minutes < 9.95 ? minutes.toFixed(1) : Math.round(minutes)} min`;
}

function shown(text: string | undefined): string | undefined {
  return text === undefined ? undefined : oneLine(text);
}

/** Cut before it is looked at: a name may be as long as a body. */
function oneLine(text: string): string {
  const head = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…` : text;
  // The marks of direction too: one would turn the rest of the line around.
  return head.replace(/[\p{Cc}\u2028-\u202E\u2066-\u2069]+/gu, " ");
}
