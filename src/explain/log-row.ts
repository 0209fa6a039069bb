import type { RequestRecord } from "../core/record.ts";
import { spentText } from "../lib/spent-text.ts";
import { cachedShare, hasTokens, shortNumber } from "./numbers.ts";
import { nameText } from "./words.ts";

/** One request as a row: short texts, "" for what there is nothing to say of. */
export interface LogRow {
  tone: "success" | "left" | "failure";
  /** "200"; "left": the client went away; "cut": failed after this status was sent. */
  status: string;
  /** The record's own word for it. */
  outcome: string;
  protocol: string;
  key: string;
  /** The model that served or was to serve; for other requests what was asked for. */
  model: string;
  /** The client's name for it, where that is another. */
  asked: string;
  account: string;
  attempts: string;
  waited: string;
  firstEvent: string;
  total: string;
  input: string;
  cached: string;
  output: string;
  id: string;
}

/** What clients made up must not push the other columns out. */
const NAME_LENGTH = 40;

export function logRow(record: RequestRecord): LogRow {
  const {
    id,
    route,
    protocol,
    key = "",
    model,
    served,
    account = "",
    attempts,
    waitedMs,
    firstEventMs,
    usage,
  } = record;
  const tokens = usage && hasTokens(usage) ? usage : undefined;
  const shown = served ?? (model === undefined ? undefined : nameText(model, NAME_LENGTH));
  return {
    ...verdictOf(record),
    protocol: protocol ?? "",
    key,
    model: shown ?? nameText(route, NAME_LENGTH),
    asked: served === undefined || model === undefined || served === model ? "" : nameText(model, NAME_LENGTH),
    account,
    attempts: attempts.length === 0 ? "" : String(attempts.length),
    waited: waitedMs > 0 ? spentText(waitedMs) : "",
    firstEvent: firstEventMs === undefined ? "" : spentText(firstEventMs),
    total: spentText(record.totalMs),
    input: tokens ? shortNumber(tokens.input) : "",
    cached: tokens && tokens.cachedInput > 0 ? cachedShare(tokens) : "",
    output: tokens ? shortNumber(tokens.output) : "",
    id,
  };
}

function verdictOf({ outcome, status, fallback }: RequestRecord): Pick<LogRow, "tone" | "status" | "outcome"> {
  if (outcome === "ok") return { tone: "success", status: String(status), outcome: fallback ? "ok, fallback" : "ok" };
  if (outcome === "client-closed" || outcome === "cancelled") return { tone: "left", status: "left", outcome };
  return { tone: "failure", status: status >= 400 ? String(status) : "cut", outcome };
}
