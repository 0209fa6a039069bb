import { wrapped } from "./terminal.ts";

export interface TextTableOptions {
  /** Columns of the output. */
  maxWidth: number;
  /** The least width of each column but the last, so that several tables can line up. */
  widths?: readonly number[];
  indent?: string;
}

const GAP = "   ";
/** In a narrower column text is not worth reading, nor where its words do not fit; but one may always be longer, as a link. */
const NARROWEST_TEXT = 24;
const LONGEST_WORD = 40;
const INDENT_BELOW = "    ";

/**
 * Aligned columns, of which the last one is text: it is broken into lines within its own column or, where that would be too
 * narrow, below its row.
 */
export function textTable(rows: readonly (readonly string[])[], options: TextTableOptions): string {
  const { maxWidth, widths = [], indent = "" } = options;
  const last = (rows[0]?.length ?? 1) - 1;
  const columnWidths = Array.from({ length: last }, (_, column) =>
    Math.max(widths[column] ?? 0, ...rows.map((cells) => Bun.stringWidth(cells[column] ?? ""))),
  );
  const room = maxWidth - columnWidths.reduce((sum, width) => sum + width + GAP.length, indent.length);
  const longest = Math.max(
    0,
    ...rows.flatMap((cells) => (cells[last] ?? "").split(" ").map((word) => Bun.stringWidth(word))),
  );
  const isBeside = room >= Math.max(NARROWEST_TEXT, Math.min(longest, LONGEST_WORD));
  const below = indent + INDENT_BELOW;
  const lines = rows.flatMap((cells) => {
    const text = cells[last] ?? "";
    const row = indent + columnWidths.map((width, column) => padded(cells[column] ?? "", width) + GAP).join("");
    if (isBeside) {
      const [first = "", ...more] = wrapped(text, room).split("\n");
      return [row + first, ...more.map((line) => " ".repeat(maxWidth - room) + line)];
    }
    if (text === "") return [row];
    return [
      row,
      ...wrapped(text, Math.max(NARROWEST_TEXT, maxWidth - below.length))
        .split("\n")
        .map((line) => below + line),
    ];
  });
  return lines.map((line) => line.trimEnd()).join("\n");
}

function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
}
