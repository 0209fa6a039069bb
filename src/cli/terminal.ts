import { stripVTControlCharacters } from "node:util";
import { errorCode } from "../lib/error-code.ts";

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
}

/** Colour only on a terminal, and never with NO_COLOR, whatever its value. */
export function wantsColor(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

export function createPaint(color: boolean): Paint {
  const style = (open: number, close: number) => (text: string) =>
    color ? `\u001B[${open}m${text}\u001B[${close}m` : text;
  return { bold: style(1, 22), dim: style(2, 22), red: style(31, 39), yellow: style(33, 39) };
}

export const stdoutPaint = createPaint(wantsColor(process.stdout, process.env));
export const stderrPaint = createPaint(wantsColor(process.stderr, process.env));

/** Writes to stdout and resolves when it is written; a reader that went away (`| head`) is no failure. */
export async function print(text: string): Promise<void> {
  await write(Bun.stdout, `${text}\n`);
}

/** Diagnostics: to stderr. */
export async function printError(text: string): Promise<void> {
  await write(Bun.stderr, `${text}\n`);
}

/** One JSON document and nothing else. */
export async function printJson(value: unknown): Promise<void> {
  await print(JSON.stringify(value, undefined, 2));
}

/** Text from outside, fit for a terminal: without what could repaint it or turn the rest of a line around. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\u2028-\u202E\u2066-\u2069]+/gu, " ");
}

/** Columns to write tables and paragraphs for: those of the terminal, else what COLUMNS asks for, else the usual 80. */
export function outputWidth(): number {
  return process.stdout.columns || Number(/^[1-9]\d{1,3}$/.exec(process.env.COLUMNS ?? "")?.[0] ?? 80);
}

/** Paragraphs, one a line, for the width of the output, but not wider than is good to read. Indented lines stay as they are. */
export function paragraphs(text: string, width = outputWidth()): string {
  return text
    .split("\n")
    .map((line) => (line.startsWith(" ") ? line : wrapped(line, Math.min(width, WIDEST_PROSE))))
    .join("\n");
}

export const WIDEST_PROSE = 100;

/** Whether somebody sits at both ends: can be asked, and sees the question, on a terminal that can be drawn on. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.TERM !== "dumb";
}

/** Breaks a paragraph into lines of at most `width`, all but the first indented; a longer word, such as a link, stays whole and where it is. */
export function wrapped(text: string, width: number, indent = ""): string {
  const lines: string[] = [];
  const [first = "", ...words] = text.split(" ");
  let line = first;
  for (const word of words) {
    const longer = `${line} ${word}`;
    // A word that fits no line, such as a link, gains nothing by a line of its own.
    const fitsNowhere = Bun.stringWidth(word) > width;
    if (line.trim() === "" || fitsNowhere || Bun.stringWidth(longer) <= width) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = indent + word;
  }
  return [...lines, line].join("\n");
}

async function write(stream: Bun.BunFile, text: string): Promise<void> {
  try {
    await Bun.write(stream, text);
  } catch (cause) {
    if (errorCode(cause) !== "EPIPE") throw cause;
  }
}
