import { defineCommand } from "citty";
import { consola } from "consola/basic";
import { loadConfig, type Config } from "../../config/load.ts";
import { proxyFromEnvironment } from "../../config/proxy.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../../config/schema.ts";
import { UsageError, UserError } from "../failure.ts";
import { startText, startWarnings } from "../serve/banner.ts";
import { surviveFaults } from "../serve/faults.ts";
import { fetchLimitWarning, raiseFetchLimit } from "../serve/fetch-limit.ts";
import { listenFailure } from "../serve/listen-failure.ts";
import { configureLogging } from "../serve/logging.ts";
import { isLoopback } from "../serve/loopback.ts";
import { fitOpenFiles } from "../serve/open-files.ts";
import { stopRequested } from "../serve/stop.ts";
import { print, stdoutPaint } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "serve",
    description: `Run the gateway

Settings come from flags, then the environment (AG_PORT, AG_HOST, …), then config.jsonc.
Ctrl-C lets running requests finish; a second Ctrl-C stops at once.

Scenarios of the demo:
  quota    one account has used up its quota, the next ones step in; after
           5 answers they have too: 429 with Retry-After, for two hours
  rate     one account is limited for 15 s at the start, the others after
           2 answers each, and so on: quick requests wait for the first that is free
  stall    answers begin with headers and then say nothing for an hour
  cut      the connection breaks in the middle of each answer
  empty    the first attempt at each request brings nothing, the second an answer
  verify   one account must be verified by its owner
  terms    one account is blocked for a breach of terms
  slow     every event takes 200 ms

Examples:
  ag serve --demo                    try everything offline, without an account
  ag serve --demo --scenario rate    the same, with accounts that run into limits
  ag serve --port 8080`,
  },
  args: {
    port: { type: "string", alias: "p", valueHint: "PORT", description: "TCP port (48123); 0 takes any free one" },
    host: { type: "string", valueHint: "HOST", description: "address to listen on (127.0.0.1)" },
    demo: { type: "boolean", description: "answer from an embedded upstream with made-up accounts: no network" },
    scenario: {
      type: "enum",
      options: ["quota", "rate", "stall", "cut", "empty", "verify", "terms", "slow"],
      valueHint: "NAME",
      description: "with --demo: let something go wrong",
    },
    "log-format": { type: "enum", options: [...LOG_FORMATS], valueHint: "FORMAT", description: "how log lines look" },
    "log-level": {
      type: "enum",
      options: [...LOG_LEVELS],
      valueHint: "LEVEL",
      description: "least important log lines to write",
    },
  },
  async run({ args }) {
    const demo = args.demo === true;
    if (args.scenario !== undefined && !demo) {
      throw new UsageError("--scenario needs --demo", "Only the demo upstream can play a scenario");
    }
    const configured = loadConfig({
      flags: { port: args.port, host: args.host, "log-format": args["log-format"], "log-level": args["log-level"] },
    });
    const { config, warning: filesWarning } = fitOpenFiles(configured);
    await refuseOpenGateway(config, demo);
    // The demo opens no connection, so no proxy can be wrong for it.
    const proxy = demo ? undefined : proxyFromEnvironment(process.env);
    raiseFetchLimit();
    configureLogging(config.server);
    surviveFaults((message, thrown) => consola.error(message, thrown));

    const { composeGateway } = await import("../../compose.ts");
    const gateway = await composeGateway(config, {
      demo,
      ...(args.scenario !== undefined && { scenario: args.scenario }),
    });
    const stop = stopRequested();
    try {
      const { url: printedUrl } = await gateway.listen().catch((cause: unknown) => {
        throw listenFailure(cause, config);
      });
      const url = printedUrl.replace(/\/$/, "");
      const warnings = [filesWarning, fetchLimitWarning(config.server.maxConcurrent, process.env)];
      const keys = await gateway.keys();
      const start = { config, url, demo, proxy, keys, accounts: gateway.accounts(), warnings };
      if (config.server.logFormat === "json") {
        consola.info("listening", {
          url,
          ...(!demo && { data: config.paths.dataDirectory }), // the demo's is in memory
          keyRequired: keys.asked,
          proxy: proxy?.display,
          accounts: start.accounts.length,
        });
        for (const warning of startWarnings(start)) consola.warn(warning);
      } else {
        await print(startText(start, stdoutPaint));
      }
      const signal = await stop.first;
      const isBusy = gateway.status().running > 0;
      consola.info(
        `${signal}: ${isBusy ? "letting running requests finish (once more stops at once)" : "no request is running, stopping"}`,
      );
    } finally {
      await stop.patiently(gateway.close(stop.hurry));
    }
    return stop.exitCode();
  },
});

/** Beyond this machine only with a key that clients can have. */
async function refuseOpenGateway(config: Config, demo: boolean): Promise<void> {
  if (config.apiKey !== undefined || isLoopback(config.server.host)) return;
  const origin = config.origins.get("server.host");
  const where = `Listening on ${config.server.host}${origin ? ` (${origin})` : ""}`;
  const orStay = "AG_API_KEY=sk-ag-… (32 random characters). Or listen on 127.0.0.1";
  if (demo) {
    // Its data is in memory, so there is no stored key.
    throw new UserError(
      `${where} would let anyone who reaches it make this machine work for them, since no API key is set`,
      { hint: `Set a key that clients must send: ${orStay}` },
    );
  }
  const { composeKeysInForce } = await import("../../compose.ts");
  const keys = await composeKeysInForce(config, Date.now());
  if (keys.active > 0) return;
  if (keys.asked) {
    throw new UserError(`${where} would serve nobody: no API key in the store may ask models (any more)`, {
      hint: "Make one: ag keys create   (ag keys list shows those there are)",
    });
  }
  throw new UserError(`${where} would let anyone who reaches it use your accounts, since there is no API key`, {
    hint: `Make one that clients must send: ag keys create, or set ${orStay}`,
  });
}
