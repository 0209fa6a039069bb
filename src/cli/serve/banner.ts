import { buildInfo } from "../../config/build-info.ts";
import type { Config } from "../../config/load.ts";
import type { ProxyInUse } from "../../config/proxy.ts";
import { accountsNamed } from "../../core/account-name.ts";
import { ACCOUNT_KINDS } from "../../core/account-kind.ts";
import { type Account, isUsable } from "../../core/accounts.ts";
import type { KeysInForce } from "../../core/keys.ts";
import { ADD_ACCOUNT } from "../failure.ts";
import { type Paint, plain } from "../terminal.ts";

export interface Start {
  config: Pick<Config, "accounts" | "apiKey" | "fallback" | "fallbackSwitch" | "lanes" | "oauth" | "paths" | "server">;
  url: string;
  demo: boolean;
  proxy: ProxyInUse | undefined;
  keys: KeysInForce;
  accounts: readonly Account[];
  /** What the process itself lacks. */
  warnings?: readonly (string | undefined)[];
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
export function startWarnings(start: Start): string[] {
  if (start.demo) return [];
  const checks = [
    processWarnings,
    guessableKey,
    uselessKeys,
    unusableAccounts,
    missingClient,
    unusedLanes,
    unknownAccounts,
    fallbackWithoutChain,
  ];
  return checks.flatMap((check) => check(start) ?? []);
}

function processWarnings({ warnings = [] }: Start): string[] {
  return warnings.filter((warning) => warning !== undefined);
}

function guessableKey({ config: { apiKey } }: Start): string | undefined {
  if (apiKey === undefined || apiKey.length >= SHORTEST_KEY) return undefined;
  return `AG_API_KEY has ${apiKey.length} characters, few enough to be guessed: use ${SHORTEST_KEY} random ones or more.`;
}

/** Keys are asked for, and there is none that a client could send. */
function uselessKeys({ keys }: Start): string | undefined {
  if (!keys.asked || keys.fromEnvironment || keys.active > 0) return undefined;
  return "No API key may ask models (any more), so requests will be refused.\nTo make one: ag keys create   (ag keys list shows those there are)";
}

function unusableAccounts({ accounts }: Start): string | undefined {
  if (accounts.length === 0) return `There is no account yet, so requests will be refused.\n${ADD_ACCOUNT}`;
  const troubled = accounts.filter(({ enabled, problem }) => enabled && problem !== undefined).length;
  const need = troubled === 1 ? "1 account needs its owner" : `${troubled} accounts need their owner`;
  if (!accounts.some(isUsable)) {
    const disabled = accounts.length - troubled;
    const why = [...(troubled > 0 ? [need] : []), ...(disabled > 0 ? [`${disabled} disabled`] : [])].join(", ");
    return `No account is usable (${why}), so requests will be refused.\nag accounts list shows what to do.`;
  }
  return troubled === 0 ? undefined : `${need}. ag accounts list shows what to do.`;
}

/** Keys need no OAuth client: with nothing but keys it is not missed. */
function missingClient({ config: { oauth }, accounts }: Start): string | undefined {
  if (oauth.clientId !== undefined && oauth.clientSecret !== undefined) return undefined;
  if (accounts.length > 0 && !accounts.some(({ kind }) => kind === "antigravity")) return undefined;
  const missing = oauth.clientId === undefined ? "client" : "client secret";
  return (
    `No OAuth ${missing} is set and this build carries none, so sign-ins cannot be refreshed.\n` +
    "Set AG_OAUTH_CLIENT_ID and AG_OAUTH_CLIENT_SECRET, or oauth.clientId and oauth.clientSecret in config.jsonc."
  );
}

function unusedLanes({ config: { lanes }, accounts }: Start): string[] {
  return ACCOUNT_KINDS.flatMap((kind) => {
    const count = accounts.filter((account) => account.kind === kind && account.enabled).length;
    if (lanes.includes(kind) || count === 0) return [];
    const what = count === 1 ? "1 account of this kind is" : `${count} accounts of this kind are`;
    return [`lanes in config.jsonc leaves out ${kind}, so ${what} not used.`];
  });
}

function unknownAccounts({ config, accounts }: Start): string | undefined {
  const unknown = config.accounts.flatMap(({ account: name }) =>
    accountsNamed(name, accounts).length === 0 ? [plain(name)] : [],
  );
  if (unknown.length === 0) return undefined;
  const verb = unknown.length === 1 ? "which is no stored account" : "which are no stored accounts";
  return `accounts in config.jsonc names ${unknown.join(", ")}, ${verb}.`;
}

function fallbackWithoutChain({ config: { fallback, fallbackSwitch } }: Start): string | undefined {
  if (fallbackSwitch !== true || Object.values(fallback).some((chain) => chain.length > 0)) return undefined;
  return (
    "FALLBACK is on, but no fallback chain is configured, so no model stands in for another.\n" +
    'In config.jsonc: "fallback": { "MODEL": ["ANOTHER-MODEL"] }'
  );
}

function serverParts(start: Start, paint: Paint): string[] {
  const { config, proxy, accounts } = start;
  const { host } = config.server;
  const facts = [
    ...(isWildcard(host) ? [["host", `${host}: every address of this machine, from other machines too`]] : []),
    ["API key", keyText(start.keys)],
    ["data", config.paths.dataDirectory],
    ["proxy", proxy === undefined ? "none" : `${proxy.display} (${proxy.variable})`],
    ["accounts", accountsText(accounts)],
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
    `This is the demo: ${accounts.length} made-up accounts, made-up answers, no network.`,
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

function keyText({ asked, fromEnvironment, active }: KeysInForce): string {
  if (!asked) return "none required until the first is made: ag keys create";
  const stored = active === 0 ? [] : [active === 1 ? "1 stored key" : `${active} stored keys`];
  const sources = [...(fromEnvironment ? ["AG_API_KEY"] : []), ...stored];
  return `required (${sources.length === 0 ? "none is active" : sources.join(", ")})`;
}

function accountsText(accounts: readonly Account[]): string {
  const ready = accounts.filter(isUsable).length;
  return ready === accounts.length ? String(ready) : `${ready} of ${accounts.length} ready`;
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** An address of this machine that a client can call: the wildcard addresses are for listening only. */
function reachable(url: string): string {
  return url.replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]");
}
