import { errorCode } from "../../lib/error-code.ts";
import type { Clock } from "../../lib/clock.ts";

/** Where something is shown again and again. */
export interface Screen {
  /** Resolves to false when nobody reads any more. */
  show(text: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface WatchDeps {
  /** What is to be shown now. A failure ends the watch. */
  frame(signal: AbortSignal): Promise<string>;
  screen: Screen;
  everyMs: number;
  clock: Clock;
}

/** Shows a new frame at each interval until the signal aborts or nobody reads any more; the screen is closed in any case. */
export async function watch({ frame, screen, everyMs, clock }: WatchDeps, stop: AbortSignal): Promise<void> {
  try {
    while (!stop.aborted && (await screen.show(await frame(stop)))) await clock.sleep(everyMs, stop);
  } catch (cause) {
    if (!stop.aborted) throw cause;
  } finally {
    await screen.close();
  }
}

type Write = (text: string) => Promise<unknown>;

/** Each text after the last: for a file or a pipe. */
export function appendingScreen(write: Write): Screen {
  return {
    async show(text) {
      try {
        await write(`${text}\n`);
        return true;
      } catch (cause) {
        if (errorCode(cause) === "EPIPE") return false;
        throw cause;
      }
    },
    async close() {},
  };
}

const ENTER = "\u001B[?1049h\u001B[?25l\u001B[?7l"; // second screen, no cursor, long lines are cut
const LEAVE = "\u001B[?7h\u001B[?25h\u001B[?1049l";
const HOME = "\u001B[H";
const CLEAR_LINE_END = "\u001B[K";
const CLEAR_BELOW = "\u001B[J";

/**
 * One text in place of the last, on a terminal's second screen, so that what stood on the first is there again afterwards. The
 * footer is always in sight, however little room there is for the text.
 */
export function terminalScreen(write: Write, rows: () => number, footer?: string): Screen {
  let isOpen = false;
  return {
    async show(text) {
      const opening = isOpen ? "" : ENTER;
      isOpen = true;
      const below = footer === undefined ? [] : ["", footer];
      const shown = [...fitting(text.split("\n"), Math.max(1, rows() - below.length)), ...below];
      const lines = shown.map((line) => line + CLEAR_LINE_END);
      await write(opening + HOME + lines.join("\n") + CLEAR_BELOW);
      return true;
    },
    async close() {
      if (isOpen) await write(LEAVE);
      isOpen = false;
    },
  };
}

function fitting(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines;
  return [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines; a taller window shows them`];
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Aborts at Ctrl-C or SIGTERM, which from here on no longer kill the process. */
export function interruption(): { signal: AbortSignal; exitCode(): number } {
  const stop = new AbortController();
  let exitCode = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      exitCode ||= EXIT_CODES[signal];
      stop.abort();
    });
  }
  return { signal: stop.signal, exitCode: () => exitCode };
}
