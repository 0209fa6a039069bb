import { defineCommand } from "citty";
import { type Config, loadConfig } from "../../config/load.ts";
import { proxyFromEnvironment } from "../../config/proxy.ts";
import { systemClock } from "../../lib/clock.ts";
import type { LimitsReport } from "../../limits/report.ts";
import { limitsText } from "../../limits/text.ts";
import { ADD_ACCOUNT, describeFailure, EXIT, UsageError, UserError } from "../failure.ts";
import { askServer, configuredUrl, credentialsFrom, givenUrl } from "../limits/server.ts";
import { appendingScreen, interruption, terminalScreen, watch } from "../limits/watch.ts";
import { configureQuietLogging } from "../serve/logging.ts";
import { outputWidth, print, printError, printJson, stdoutPaint } from "../terminal.ts";

const WATCH_EVERY_MS = 5_000;
const NARROWEST = 60;

export default defineCommand({
  meta: {
    name: "limits",
    description: `Show what is left of each account's quota, per model, and when it comes back

Asks the running server, which also knows of live limits and running requests. When none runs, the accounts
are asked directly. The server's address is the configured one. Where it asks for keys, none is needed on its own machine;
elsewhere AG_API_KEY must hold one with the scope admin.

Examples:
  ag limits --watch                            until Ctrl-C
  ag limits --json | jq '.accounts[].models[] | select(.limited)'
  ag limits --url http://gateway.lan:48123     of a server elsewhere`,
  },
  args: {
    table: { type: "boolean", description: "bars and times for people (the default)" },
    json: { type: "boolean", description: "one JSON document; with --watch one a line" },
    watch: { type: "boolean", alias: "w", description: "again every 5 s, until Ctrl-C" },
    url: { type: "string", valueHint: "URL", description: "the server to ask, in place of the configured one" },
    demo: { type: "boolean", description: "the accounts of the demo upstream, without network" },
  },
  async run({ args }) {
    if (args.json && args.table) throw new UsageError("--json and --table exclude each other");
    if (args.url !== undefined && args.demo) throw new UsageError("--url and --demo exclude each other");
    const source = limitsSource(loadConfig(), { url: args.url, demo: args.demo === true });
    try {
      if (args.watch) return await watchLimits(source, args.json === true);
      const report = await source.report(new AbortController().signal);
      if (args.json) await printJson(report);
      else if (report.accounts.length > 0) await print(limitsText(report, terminalText()));
      if (report.accounts.length > 0) return EXIT.done;
      await printError(`There are no accounts yet. ${ADD_ACCOUNT}`);
      return EXIT.nothingUsable;
    } finally {
      await source.close();
    }
  },
});

interface LimitsSource {
  report(signal: AbortSignal): Promise<LimitsReport>;
  close(): Promise<void>;
}

/** The server, or where none listens the accounts themselves. */
function limitsSource(config: Config, { url, demo }: { url: string | undefined; demo: boolean }): LimitsSource {
  const server = url === undefined ? configuredUrl(config.server) : givenUrl(url);
  const credentials = credentialsFrom(config);
  let direct: Promise<LimitsSource> | undefined;

  async function openDirect(): Promise<LimitsSource> {
    if (!demo) {
      proxyFromEnvironment(process.env);
      configureQuietLogging(config.server);
      await printError(
        `No server listens${server === undefined ? "" : ` on ${server}`}: asking the accounts directly.`,
      );
    }
    const { composeLimits } = await import("../../compose.ts");
    return composeLimits(config, { demo });
  }

  return {
    async report(signal) {
      const asked =
        demo || server === undefined ? undefined : await askServer(server, await credentials(server), signal);
      if (asked !== undefined) return asked;
      if (url !== undefined) {
        throw new UserError(`Nothing listens on ${server}`, { hint: "Start it with ag serve, or leave --url out" });
      }
      return (await (direct ??= openDirect())).report(signal);
    },
    close: async () => (await direct)?.close(),
  };
}

async function watchLimits(source: LimitsSource, json: boolean): Promise<number> {
  const stop = interruption();
  const write = (text: string) => Bun.write(Bun.stdout, text);
  const isScreen = process.stdout.isTTY && process.env.TERM !== "dumb" && !json;
  const footer = stdoutPaint.dim("Every 5 s. Stop with Ctrl-C.");
  const screen = isScreen ? terminalScreen(write, () => process.stdout.rows || 24, footer) : appendingScreen(write);
  let hasShown = false;

  const frame = async (signal: AbortSignal) => {
    const report = await source.report(signal);
    hasShown = true;
    if (json) return JSON.stringify(report);
    const text = limitsText(report, terminalText());
    return isScreen ? text : `${text}\n`;
  };

  /** A server that is being restarted does not end the watch. */
  const lastingFrame = async (signal: AbortSignal) => {
    try {
      return await frame(signal);
    } catch (cause) {
      if (!hasShown || signal.aborted) throw cause;
      const { message } = describeFailure(cause);
      if (isScreen) return `ag: ${message}`;
      await printError(`ag: ${message}`);
      return "";
    }
  };

  await watch({ frame: lastingFrame, screen, everyMs: WATCH_EVERY_MS, clock: systemClock }, stop.signal);
  return stop.exitCode();
}

function terminalText() {
  return { paint: stdoutPaint, width: Math.max(NARROWEST, outputWidth()) };
}
