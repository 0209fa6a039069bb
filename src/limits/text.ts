import { durationText } from "../lib/duration-text.ts";
import { type Column, renderTable } from "../lib/table.ts";
import type { AccountLimits, LimitReason, LimitsReport, ModelLimits } from "./report.ts";
import { type ZoneTimes, zoneTimes } from "./zone-times.ts";

export interface LimitsPaint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
}

export interface TextOptions {
  /** IANA name; absent: the machine's zone. */
  timeZone?: string;
  /** Columns there is room for; at least some 60 are needed. */
  width?: number;
  /** Absent: no colours. */
  paint?: LimitsPaint;
}

const USUAL_WIDTH = 80;
const INDENT = "  ";
/** Narrower than usual: five columns and a long model id shall fit 80. */
const GAP = 2;
const BAR_CELLS = 10;
const JUST_NOW_MS = 2_000;
/** Below this share of a window the bar is painted as a warning. */
const LOW_FRACTION = 0.2;

const same = (text: string) => text;
const noPaint: LimitsPaint = { bold: same, dim: same, red: same, yellow: same };

/** Whatever is needed to write one account's part. */
interface Page {
  now: number;
  times: ZoneTimes;
  width: number;
  paint: LimitsPaint;
}

/** The report for people: per account its shared windows, its models, and what keeps which of them from being used. */
export function limitsText(report: LimitsReport, options: TextOptions = {}): string {
  const { timeZone, width = USUAL_WIDTH, paint = noPaint } = options;
  if (report.accounts.length === 0) return "There are no accounts.";
  const page: Page = { now: Date.parse(report.at), times: zoneTimes(timeZone), width, paint };
  const title = paint.dim(`Limits on ${page.times.full(page.now)} (${page.times.zone})`);
  const tables = quotaTables(report.accounts, page);
  return [title, ...report.accounts.map((account, index) => accountText(account, tables[index] ?? [], page))].join(
    "\n\n",
  );
}

function accountText(account: AccountLimits, table: readonly string[], page: Page): string {
  const lines = [...heading(account, page), ...trouble(account, page)];
  if (isReady(account)) {
    if (table.length > 0) lines.push("", ...table.map((line) => INDENT + line));
    const notes = [...limitNotes(account, page), ...unknownNote(account)];
    if (notes.length > 0)
      lines.push("", ...notes.flatMap((note) => wrapped(note, page.width, INDENT, INDENT + INDENT)));
  }
  return lines.join("\n");
}

function heading({ handle, label, kind, tier, state, inFlight, ...account }: AccountLimits, page: Page): string[] {
  const { paint, now } = page;
  const { readAt } = account;
  const facts = [
    ...(label === null ? [] : [plain(label)]),
    plain(kind),
    ...(tier === null ? [] : [plain(tier)]),
    plain(state),
    ...(inFlight > 0 ? [`${inFlight} running`] : []),
    ...(readAt === null ? [] : [`read ${ageText(now - Date.parse(readAt))}`]),
  ];
  const [first = "", ...more] = wrapped([plain(handle), ...facts].join(" · "), page.width, "", INDENT);
  const name = plain(handle);
  return [paint.bold(name) + first.slice(name.length), ...more];
}

/** What the owner must know or do before anything else. */
function trouble(account: AccountLimits, { paint, width, now }: Page): string[] {
  const { state, reason, url, readAt, readFailure } = account;
  const lines: string[] = [];
  if (reason !== null && state !== "disabled") lines.push(...wrapped(plain(reason), width, INDENT).map(paint.yellow));
  if (url !== null) lines.push(paint.yellow(`${INDENT}Its owner must open ${plain(url)}`));
  if (readFailure !== null) {
    const since = readAt === null ? "" : `; this is from ${ageText(now - Date.parse(readAt))}`;
    lines.push(
      ...wrapped(`What is left could not be read${since}: ${plain(readFailure)}`, width, INDENT).map(paint.yellow),
    );
  } else if (isReady(account) && readAt === null) {
    lines.push(paint.dim(`${INDENT}What is left has not been read yet.`));
  }
  return lines;
}

function ageText(ms: number): string {
  return ms < JUST_NOW_MS ? "just now" : `${durationText(ms)} ago`;
}

interface Row {
  name: string;
  remainingFraction: number | null;
  resetAt: string | null;
  limited: boolean;
}

/** One table over all accounts, cut up again, so that their columns stand under each other. */
function quotaTables(accounts: readonly AccountLimits[], page: Page): string[][] {
  const groups = accounts.map((account) => (isReady(account) ? quotaRows(account) : []));
  const rendered = renderTable(groups.flat(), quotaColumns(page), { maxWidth: page.width - INDENT.length, gap: GAP });
  const [title = "", ...lines] = rendered.split("\n");
  let next = 0;
  return groups.map((rows) => {
    const own = lines.slice(next, (next += rows.length));
    return rows.length === 0 ? [] : [page.paint.dim(title), ...own];
  });
}

function quotaRows({ buckets, models }: AccountLimits): Row[] {
  return [
    ...buckets.map((bucket) => ({ ...bucket, name: `${bucket.group} ${bucket.window}`, limited: false })),
    ...models.filter((model) => !isUnknown(model)).map((model) => ({ ...model, name: model.id })),
  ];
}

function quotaColumns({ paint, times, now }: Page): Column<Row>[] {
  return [
    { title: "quota", cell: ({ name }) => plain(name) },
    { title: "left", cell: ({ remainingFraction }) => leftText(remainingFraction, paint) },
    {
      title: "resets",
      cell: ({ resetAt }) => (resetAt === null ? "" : times.short(Date.parse(resetAt), now)),
      spare: 2,
    },
    { title: "in", cell: ({ resetAt }) => (resetAt === null ? "" : durationText(Date.parse(resetAt) - now)) },
    // The notes below say so too.
    { title: "now", cell: ({ limited }) => (limited ? paint.red("limited") : ""), spare: 1 },
  ];
}

function leftText(fraction: number | null, paint: LimitsPaint): string {
  if (fraction === null) return "unknown";
  const cells = inParts(fraction, BAR_CELLS);
  const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
  const text = `${bar} ${String(inParts(fraction, 100)).padStart(3)}%`;
  if (fraction <= 0) return paint.red(text);
  return fraction < LOW_FRACTION ? paint.yellow(text) : text;
}

/** Rounded, but all only when nothing is missing, and none only when nothing is left. */
function inParts(fraction: number, parts: number): number {
  if (fraction <= 0) return 0;
  return fraction >= 1 ? parts : Math.min(parts - 1, Math.max(1, Math.round(fraction * parts)));
}

/** Models that are limited until the same time for the same reason share a sentence. */
function limitNotes({ models }: AccountLimits, { times, now, paint }: Page): string[] {
  const limited = models.filter((model) => model.limited);
  const notes = Map.groupBy(
    limited,
    ({ freeAt, why }) => `${endText(freeAt)}\n${plain(bindingReason(why)?.text ?? "")}`,
  );
  return [...notes].map(([key, group]) => {
    const [end = "", why = ""] = key.split("\n");
    return `${paint.red("Limited")} ${end}: ${group.length === models.length && group.length > 1 ? "all models" : names(group)}.${why === "" ? "" : ` Why: ${why}`}`;
  });

  function endText(freeAt: string | null): string {
    if (freeAt === null) return "for a time that is not known";
    const end = Date.parse(freeAt);
    return `until ${times.short(end, now)} (${durationText(end - now)})`;
  }
}

/** Of all that limits a model the one that does so longest; the first of those that end together. */
function bindingReason(why: readonly LimitReason[]): LimitReason | undefined {
  const endOf = ({ until }: LimitReason) => (until === null ? Infinity : Date.parse(until));
  return why.toSorted((left, right) => (endOf(left) === endOf(right) ? 0 : endOf(right) - endOf(left)))[0];
}

function unknownNote({ models }: AccountLimits): string[] {
  const unknown = models.filter(isUnknown);
  return unknown.length === 0 ? [] : [`How much is left is unknown: ${names(unknown)}`];
}

function isUnknown({ remainingFraction, limited }: ModelLimits): boolean {
  return remainingFraction === null && !limited;
}

function isReady({ state }: AccountLimits): boolean {
  return state === "ready";
}

function names(models: readonly ModelLimits[]): string {
  return models.map(({ id }) => plain(id)).join(", ");
}

/** Broken at spaces; a word that is too long, such as a link, stays whole. */
function wrapped(text: string, width: number, indent: string, laterIndent = indent): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const start = lines.length === 0 ? indent : laterIndent;
    const longer = line === "" ? start + word : `${line} ${word}`;
    if (line === "" || Bun.stringWidth(longer) <= width) {
      line = longer;
    } else {
      lines.push(line);
      line = laterIndent + word;
    }
  }
  return [...lines, line];
}

/** Labels and messages come from outside: without control characters, which could repaint a terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
