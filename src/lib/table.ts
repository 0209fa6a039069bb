export interface Column<Row> {
  title: string;
  cell(row: Row): string;
  align?: "right";
  /** May be left out where the table is wider than its place; the lowest number goes first. */
  spare?: number;
}

const USUAL_GAP = 3;

export interface TableOptions {
  paintTitle?: (title: string) => string;
  /** Columns of the terminal. Absent: any width will do. */
  maxWidth?: number;
  /** Spaces between columns; absent: 3. */
  gap?: number;
}

/** Plain columns; those in which no row has anything are left out, and spare ones where there is no room for them. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { paintTitle = (title) => title, maxWidth = Infinity, gap = USUAL_GAP }: TableOptions = {},
): string {
  const filled = columns.flatMap((column) => {
    const cells = rows.map((row) => column.cell(row));
    if (cells.every((cell) => cell === "")) return [];
    return [{ ...column, cells, width: Math.max(...[column.title, ...cells].map((text) => Bun.stringWidth(text))) }];
  });
  const shown = fitting(filled, maxWidth, gap);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => pad(text, shown[index]?.width ?? 0, shown[index]?.align))
      .join(" ".repeat(gap))
      .trimEnd();
  const titles = paintTitle(line(shown.map(({ title }) => title.toUpperCase())));
  return [titles, ...rows.map((_, row) => line(shown.map(({ cells }) => cells[row] ?? "")))].join("\n");
}

function fitting<Sized extends { width: number; spare?: number }>(
  columns: readonly Sized[],
  maxWidth: number,
  gap: number,
): Sized[] {
  let shown = [...columns];
  const spare = columns
    .filter((column) => column.spare !== undefined)
    .toSorted((left, right) => (left.spare ?? 0) - (right.spare ?? 0));
  for (const column of spare) {
    const width = shown.reduce((sum, each) => sum + each.width, gap * (shown.length - 1));
    if (width <= maxWidth) break;
    shown = shown.filter((each) => each !== column);
  }
  return shown;
}

function pad(text: string, width: number, align: "right" | undefined): string {
  const space = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  return align === "right" ? space + text : text + space;
}
