export interface Column<Row> {
  title: string;
  cell(row: Row): string;
  align?: "right";
}

const GAP = "   ";

/** Plain columns, two spaces apart or more; columns in which no row has anything are left out. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  paintTitle: (title: string) => string = (title) => title,
): string {
  const filled = columns
    .map((column) => ({ ...column, cells: rows.map((row) => column.cell(row)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  const widths = filled.map(({ title, cells }) => Math.max(...[title, ...cells].map((text) => Bun.stringWidth(text))));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => pad(text, widths[index] ?? 0, filled[index]?.align))
      .join(GAP)
      .trimEnd();
  const titles = paintTitle(line(filled.map(({ title }) => title.toUpperCase())));
  return [titles, ...rows.map((_, row) => line(filled.map(({ cells }) => cells[row] ?? "")))].join("\n");
}

function pad(text: string, width: number, align: "right" | undefined): string {
  const space = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  return align === "right" ? space + text : text + space;
}
