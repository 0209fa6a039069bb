import { type LogRow, logRow } from "../../explain/log-row.ts";
import type { RequestRecord } from "../../core/record.ts";
import { type Paint, plain } from "../terminal.ts";
import type { ClockText } from "./clock-text.ts";

interface Column {
  title: string;
  cell(row: TimedRow): string;
  /** What it needs for most of what may still come. */
  usual: number;
  align?: "right";
  paint?(row: TimedRow, paint: Paint): (text: string) => string;
  /** May be left out where there is no room; the lowest number goes first. */
  spare?: number;
}

interface TimedRow extends LogRow {
  time: string;
}

const GAP = "  ";
const same = (text: string) => text;
const TONES: Readonly<Record<LogRow["tone"], (paint: Paint) => (text: string) => string>> = {
  success: () => same,
  left: ({ yellow }) => yellow,
  failure: ({ red }) => red,
};

/** In 80 columns there is room for those without `spare`: what happened when, and the id that `ag why` takes. */
const COLUMNS: readonly Column[] = [
  { title: "time", cell: ({ time }) => time, usual: 8, paint: (_, { dim }) => dim },
  { title: "status", cell: ({ status }) => status, usual: 6, paint: ({ tone }, paint) => TONES[tone](paint) },
  {
    title: "outcome",
    cell: ({ outcome }) => outcome,
    usual: 15,
    spare: 11,
    paint: ({ tone }, paint) => TONES[tone](paint),
  },
  { title: "protocol", cell: ({ protocol }) => protocol, usual: 11, spare: 3 },
  { title: "model", cell: ({ model }) => model, usual: 24 },
  { title: "asked as", cell: ({ asked }) => asked, usual: 12, spare: 4 },
  { title: "on", cell: ({ account }) => account, usual: 3, spare: 10 },
  { title: "tries", cell: ({ attempts }) => attempts, usual: 5, align: "right", spare: 5 },
  { title: "key", cell: ({ key }) => key, usual: 5, spare: 1 },
  { title: "waited", cell: ({ waited }) => waited, usual: 6, align: "right", spare: 6 },
  { title: "first", cell: ({ firstEvent }) => firstEvent, usual: 6, align: "right", spare: 2 },
  { title: "took", cell: ({ total }) => total, usual: 6, align: "right", spare: 12 },
  { title: "in", cell: ({ input }) => input, usual: 4, align: "right", spare: 8 },
  { title: "cached", cell: ({ cached }) => cached, usual: 6, align: "right", spare: 7 },
  { title: "out", cell: ({ output }) => output, usual: 4, align: "right", spare: 9 },
  { title: "id", cell: ({ id }) => id, usual: 28 },
];

export interface LogTable {
  /** The titles, painted. */
  head: string;
  /** A request that may have come after the table was laid out. */
  line(record: RequestRecord): string;
}

export interface LogTableOptions {
  width: number;
  paint: Paint;
  clock: ClockText;
  now(): number;
  /** More rows will come: columns keep room for them. */
  isGrowing: boolean;
}

/** Columns for these requests, laid out once. Those in which none has anything, and for which there is no room, are left out. */
export function logTable(records: readonly RequestRecord[], options: LogTableOptions): LogTable {
  const { width, paint, clock, now, isGrowing } = options;
  const rowOf = (record: RequestRecord): TimedRow => ({ ...logRow(record), time: clock.short(record.at, now()) });
  const rows = records.map(rowOf);
  const sized = COLUMNS.flatMap((column) => {
    const cells = rows.map((row) => Bun.stringWidth(plain(column.cell(row))));
    const widest = Math.max(0, ...cells);
    if (!isGrowing && widest === 0) return [];
    return [{ ...column, width: Math.max(column.title.length, widest, isGrowing ? column.usual : 0) }];
  });
  const shown = fitting(sized, width);
  const line = (text: (column: Column) => string, painted: (column: Column) => (text: string) => string) =>
    shown
      .map((column) => aligned(text(column), painted(column), column))
      .join(GAP)
      .trimEnd();
  return {
    head: paint.dim(
      line(
        ({ title }) => title.toUpperCase(),
        () => same,
      ),
    ),
    line(record) {
      const row = rowOf(record);
      return line(
        (column) => plain(column.cell(row)),
        (column) => column.paint?.(row, paint) ?? same,
      );
    },
  };
}

function fitting<Sized extends { width: number; spare?: number }>(columns: readonly Sized[], width: number): Sized[] {
  let shown = [...columns];
  for (const least of columns.flatMap(({ spare }) => (spare === undefined ? [] : [spare])).toSorted((a, b) => a - b)) {
    const taken = shown.reduce((sum, column) => sum + column.width, GAP.length * (shown.length - 1));
    if (taken <= width) break;
    shown = shown.filter(({ spare }) => spare !== least);
  }
  return shown;
}

function aligned(
  text: string,
  paint: (text: string) => string,
  { width, align }: { width: number; align?: "right" },
): string {
  const space = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  const shown = text === "" ? "" : paint(text);
  return align === "right" ? space + shown : shown + space;
}
