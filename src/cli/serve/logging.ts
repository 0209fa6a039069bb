// Not the fancy build: its colours and column widths cost 70 ms at start and a tenth of a small request.
import { consola, LogLevels, type ConsolaReporter, type LogType } from "consola/basic";
import type { Settings } from "../../config/schema.ts";
import { stderrPaint, type Paint } from "../terminal.ts";

const LEVELS: Record<Settings["server"]["logLevel"], number> = {
  silent: LogLevels.silent,
  error: LogLevels.error,
  warn: LogLevels.warn,
  info: LogLevels.info,
  debug: LogLevels.debug,
};

/** Log lines are diagnostics: all of them go to stderr, so that stdout holds only what a command was asked for. */
export function configureLogging({ logFormat, logLevel }: Pick<Settings["server"], "logFormat" | "logLevel">): void {
  consola.level = LEVELS[logLevel];
  consola.options.stdout = process.stderr;
  const write = (line: string) => process.stderr.write(line);
  consola.setReporters([logFormat === "json" ? jsonReporter(write) : prettyReporter(write, stderrPaint)]);
}

/** For commands that say themselves what they find: a second time in the log, it would only be in the way. */
export function configureQuietLogging({
  logFormat,
  logLevel,
}: Pick<Settings["server"], "logFormat" | "logLevel">): void {
  const isChosen = logLevel === "debug" || logLevel === "silent";
  configureLogging({ logFormat, logLevel: isChosen ? logLevel : "error" });
}

/** One line for a person: time of day, level where it is not "info", text. */
export function prettyReporter(write: (line: string) => void, paint: Paint): ConsolaReporter {
  return {
    log({ date, type, args }) {
      const level = levelName(type);
      const mark = level === "error" ? paint.red("error ") : level === "warn" ? paint.yellow("warn ") : "";
      const words = args.map((argument) => {
        if (argument instanceof Error) return argument.stack ?? argument.message;
        return typeof argument === "object" ? JSON.stringify(argument) : String(argument);
      });
      write(`${paint.dim(date.toTimeString().slice(0, 8))} ${mark}${words.join(" ")}\n`);
    },
  };
}

/** One JSON object a line. Objects among the arguments become fields; texts and errors make up `message`. */
export function jsonReporter(write: (line: string) => void): ConsolaReporter {
  return {
    log({ date, type, args }) {
      const fields: Record<string, unknown> = {};
      const words: string[] = [];
      for (const argument of args) {
        if (argument instanceof Error) {
          words.push(argument.message);
          fields.stack = argument.stack;
        } else if (typeof argument === "object" && argument !== null && !Array.isArray(argument)) {
          Object.assign(fields, argument);
        } else words.push(String(argument));
      }
      const head = { time: date.toISOString(), level: levelName(type) };
      const message = words.length > 0 ? { message: words.join(" ") } : {};
      write(`${JSON.stringify({ ...head, ...message, ...fields, ...head })}\n`);
    },
  };
}

function levelName(type: LogType): string {
  if (type === "fatal" || type === "fail") return "error";
  return type in LEVELS ? type : "info";
}
