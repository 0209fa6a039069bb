import { buildInfo } from "../../config/build-info.ts";
import type { Config } from "../../config/load.ts";
import type { ProxyInUse } from "../../config/proxy.ts";
import { ADD_ACCOUNT } from "../failure.ts";
import type { Paint } from "../terminal.ts";

export interface Start {
  config: Pick<Config, "apiKey" | "oauth" | "paths" | "server">;
  url: string;
  demo: boolean;
  proxy: ProxyInUse | undefined;
  accounts: number;
}

/** A model that the demo has and that Claude Code knows how to use. */
const DEMO_MODEL = "sonnet";

/** Shorter ones can be guessed. */
const SHORTEST_KEY = 20;

/** What `ag serve` prints when it is ready. */
export function startText(start: Start, paint: Paint): string {
  const title = `ag ${buildInfo.version} listens on ${paint.bold(reachable(start.url))}`;
  const parts = start.demo ? demoParts(start, paint) : serverParts(start, paint);
  return `\n${[title, ...parts, paint.dim("Stop with Ctrl-C.")].join("\n\n")}\n`;
}

/** What will not work as things stand, each with its remedy. */
export function startWarnings({ config, demo, accounts }: Start): string[] {
  if (demo) return [];
  const warnings = [];
  if (config.apiKey !== undefined && config.apiKey.length < SHORTEST_KEY) {
    warnings.push(
      `AG_API_KEY has ${config.apiKey.length} characters, few enough to be guessed: use ${SHORTEST_KEY} random ones or more.`,
    );
  }
  if (accounts === 0) warnings.push(`There is no account yet, so requests will be refused.\n${ADD_ACCOUNT}`);
  if (config.oauth.clientId === undefined || config.oauth.clientSecret === undefined) {
    const missing = config.oauth.clientId === undefined ? "client" : "client secret";
    warnings.push(
      `No OAuth ${missing} is set and this build carries none, so sign-ins cannot be refreshed.\n` +
        "Set AG_OAUTH_CLIENT_ID and AG_OAUTH_CLIENT_SECRET, or oauth.clientId and oauth.clientSecret in config.jsonc.",
    );
  }
  return warnings;
}

function serverParts(start: Start, paint: Paint): string[] {
  const { config, proxy, accounts } = start;
  const { host } = config.server;
  const facts = [
    ...(isWildcard(host) ? [["host", `${host}: every address of this machine, from other machines too`]] : []),
    ["API key", config.apiKey === undefined ? "none required" : "required (AG_API_KEY)"],
    ["data", config.paths.dataDirectory],
    ["proxy", proxy === undefined ? "none" : `${proxy.display} (${proxy.variable})`],
    ["accounts", String(accounts)],
  ];
  return [
    facts.map(([name = "", value = ""]) => `  ${paint.dim(name.padEnd(9))} ${value}`).join("\n"),
    ...startWarnings(start).map((warning) => paint.yellow(warning)),
  ];
}

function demoParts({ config, url, accounts }: Start, paint: Paint): string[] {
  const base = reachable(url);
  const locked = config.apiKey !== undefined;
  const key = locked ? ` -H "x-api-key: $AG_API_KEY"` : "";
  const body = JSON.stringify({
    model: DEMO_MODEL,
    max_tokens: 256,
    messages: [{ role: "user", content: "Hello" }],
  });
  return [
    `This is the demo: ${accounts} made-up accounts, made-up answers, no network.`,
    `${paint.bold("Try it:")}\n\n  curl ${base}/v1/messages${key} -H 'content-type: application/json' -d '${body}'`,
    [
      paint.bold("Claude Code:"),
      "",
      `  export ANTHROPIC_BASE_URL=${base}`,
      `  export ANTHROPIC_AUTH_TOKEN=${locked ? '"$AG_API_KEY"' : "ag-demo"}`,
      `  export ANTHROPIC_MODEL=${DEMO_MODEL}`,
      "  claude",
    ].join("\n"),
  ];
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** An address of this machine that a client can call: the wildcard addresses are for listening only. */
function reachable(url: string): string {
  return url.replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]");
}
