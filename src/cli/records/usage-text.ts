import type { UsageGroup, UsageTotal } from "../../core/store.ts";
import { cachedShare, numberText } from "../../explain/numbers.ts";
import { type Column, renderTable } from "../../lib/table.ts";
import { type Paint, plain } from "../terminal.ts";

export interface NamedTotal extends UsageTotal {
  /** The account's label or the key's name. */
  name?: string;
  /** The account was removed, the key revoked. */
  removed?: true;
}

type Sums = Omit<UsageTotal, "group">;

const NOTHING: Sums = { requests: 0, failed: 0, input: 0, cachedInput: 0, output: 0, thinking: 0 };

export function totalOf(groups: readonly Sums[]): Sums {
  return groups.reduce<Sums>(
    (sum, each) => ({
      requests: sum.requests + each.requests,
      failed: sum.failed + each.failed,
      input: sum.input + each.input,
      cachedInput: sum.cachedInput + each.cachedInput,
      output: sum.output + each.output,
      thinking: sum.thinking + each.thinking,
    }),
    NOTHING,
  );
}

export interface UsageTableOptions {
  by: UsageGroup;
  width: number;
  paint: Paint;
}

/** What those are called that belong to no group. */
const NOBODY: Readonly<Record<UsageGroup, string>> = {
  day: "no day",
  model: "no model",
  account: "no account",
  key: "no key",
};

const GAP = 2;

/** One line per group, and where there are several, their sum. */
export function usageTable(groups: readonly NamedTotal[], { by, width, paint }: UsageTableOptions): string {
  const rows: (Sums & { group: string; name?: string })[] = groups.map((each) => {
    const name = [each.name, each.removed && (by === "key" ? "revoked" : "removed")].filter(Boolean).join(", ");
    return { ...each, group: plain(each.group === "" ? NOBODY[by] : each.group), name: plain(name) };
  });
  const all = rows.length > 1 ? [...rows, { ...totalOf(groups), group: "total" }] : rows;
  const numbers = (title: string, of: (row: Sums) => number, spare?: number): Column<Sums> => ({
    title,
    cell: (row) => (of(row) === 0 ? "" : numberText(of(row))),
    align: "right",
    ...(spare !== undefined && { spare }),
  });
  const columns: Column<(typeof all)[number]>[] = [
    { title: by, cell: ({ group }) => group },
    { title: by === "key" ? "name" : "label", cell: ({ name = "" }) => name },
    numbers("requests", ({ requests }) => requests),
    numbers("failed", ({ failed }) => failed, 3),
    numbers("input", ({ input }) => input),
    numbers("cached", ({ cachedInput }) => cachedInput, 2),
    { title: "share", cell: (row) => (row.cachedInput > 0 ? cachedShare(row) : ""), align: "right", spare: 4 },
    numbers("output", ({ output }) => output),
    numbers("thinking", ({ thinking }) => thinking, 1),
  ];
  const lines = renderTable(all, columns, { paintTitle: paint.dim, maxWidth: width, gap: GAP }).split("\n");
  const last = lines.length - 1;
  return lines.map((line, index) => (index === last && all !== rows ? paint.bold(line) : line)).join("\n");
}
