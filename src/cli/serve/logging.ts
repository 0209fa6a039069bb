// Not the fancy build: its colours and column widths cost 70 ms at start and a tenth of a small request.
import { consola, LogLevels, type ConsolaReporter, type LogType } from "consola/basic";
import type { Settings } from "../../config/schema.ts";
import { LogEntry } from "../../lib/log-entry.ts";
import { redact, redactJson } from "../../lib/redact.ts";
import { stderrPaint, type Paint } from "../terminal.ts";
import { createLogWriter, terminalStream } from "./log-writer.ts";

const LEVELS: Record<Settings["server"]["logLevel"], number> = {
  silent: LogLevels.silent,
  error: LogLevels.error,
  warn: LogLevels.warn,
  info: LogLevels.info,
  debug: LogLevels.debug,
};

type LogSettings = Pick<Settings["server"], "logFormat" | "logLevel">;

/**
 * Log lines are diagnostics: all of them go to stderr, so that stdout holds only what a command was asked for. Where no format
 * was chosen, it is the one for people on a terminal and JSON elsewhere.
 */
export function configureLogging({ logFormat, logLevel }: LogSettings): void {
  consola.level = LEVELS[logLevel];
  consola.options.stdout = process.stderr;
  // No line is held back because it is like the one before; finding out would also cost more than writing it.
  consola.options.throttle = 0;
  const isTerminal = process.stderr.isTTY;
  const format = logFormat ?? (isTerminal ? "pretty" : "json");
  const write = createLogWriter(isTerminal ? terminalStream() : process.stderr, (lines) => {
    consola.warn(`${lines} log lines were dropped: whoever reads them was too slow`);
  });
  consola.setReporters([format === "json" ? jsonReporter(write) : prettyReporter(write, stderrPaint)]);
}

/**
 * For commands that say themselves what they find: a second time in the log, it would only be in the way. A person reads what
 * is left of it, unless JSON was asked for.
 */
export function configureQuietLogging({ logFormat = "pretty", logLevel }: LogSettings): void {
  const isChosen = logLevel === "debug" || logLevel === "silent";
  configureLogging({ logFormat, logLevel: isChosen ? logLevel : "error" });
}

/** For a person: time of day, level where it is not "info", text. Lines that go on are indented, and nothing repaints the terminal. */
export function prettyReporter(write: (line: string) => void, paint: Paint): ConsolaReporter {
  return {
    log({ date, type, args }) {
      const level = levelName(type);
      const mark = level === "error" ? paint.red("error ") : level === "warn" ? paint.yellow("warn ") : "";
      const text = redact(args.map(prettyText).join(" "));
      write(`${paint.dim(date.toTimeString().slice(0, 8))} ${mark}${tame(text)}\n`);
    },
  };
}

function prettyText(argument: unknown): string {
  if (argument instanceof LogEntry) return argument.text();
  if (argument instanceof Error) return argument.stack ?? argument.message;
  return typeof argument === "object" ? safeJson(argument) : String(argument);
}

/** Without control characters but line breaks; nothing from outside begins a line that looks like one of ours. */
function tame(text: string): string {
  return text.replace(/(?:(?![\n\t])[\p{Cc}\u2028\u2029])+/gu, " ").replace(/\n(?!\s)/g, "\n  ");
}

/** One JSON object a line. Objects among the arguments become fields; texts and errors make up `message`. */
export function jsonReporter(write: (line: string) => void): ConsolaReporter {
  return {
    log({ date, type, args }) {
      const fields: Record<string, unknown> = {};
      const words: string[] = [];
      for (const argument of args) {
        if (argument instanceof LogEntry) {
          words.push(argument.name);
          Object.assign(fields, argument.fields());
        } else if (argument instanceof Error) {
          words.push(argument.message);
          fields.stack = argument.stack;
        } else if (typeof argument === "object" && argument !== null && !Array.isArray(argument)) {
          Object.assign(fields, argument);
        } else words.push(String(argument));
      }
      const head = { time: date.toISOString(), level: levelName(type) };
      const message = words.length > 0 ? { message: words.join(" ") } : {};
      const line = safeJson({ ...head, ...message, ...fields, ...head }, (detail) => ({ ...head, ...message, detail }));
      write(`${redactJson(line)}\n`);
    },
  };
}

/** What cannot be written as JSON, because it holds itself for example, must not keep a failure from being told. */
function safeJson(value: unknown, instead = (inspected: string): unknown => inspected): string {
  try {
    return JSON.stringify(value);
  } catch {
    return JSON.stringify(instead(Bun.inspect(value, { depth: 3 })));
  }
}

function levelName(type: LogType): string {
  if (type === "fatal" || type === "fail") return "error";
  return type in LEVELS ? type : "info";
}
