import { ConfigError } from "./config-error.ts";
import type { Environment } from "./paths.ts";

/** The proxy that upstream and token calls go through. */
export interface ProxyInUse {
  /** The variable that set it. */
  variable: string;
  /** Without user name and password: safe to print. */
  display: string;
}

// The order in which Bun's fetch looks: for https first, since every built-in address is https.
const LOOKUP = [
  ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
  ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
] as const;

/**
 * The proxy that fetch will take from the environment, if any. Throws ConfigError for one it cannot use: fetch ignores a
 * SOCKS address in ALL_PROXY without a word, and the traffic would go out directly.
 */
export function proxyFromEnvironment(env: Environment): ProxyInUse | undefined {
  const [forHttps, forHttp] = LOOKUP.map((variables) => readProxy(env, variables));
  return forHttps ?? forHttp;
}

function readProxy(env: Environment, variables: readonly string[]): ProxyInUse | undefined {
  const variable = variables.find((name) => env[name]?.trim());
  if (variable === undefined) return undefined;
  const value = (env[variable] ?? "").trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase();
  if (scheme?.startsWith("socks")) {
    throw new ConfigError("environment", `${variable} names a SOCKS proxy, which ag cannot use`, {
      hint: `Give the address of an HTTP proxy in HTTPS_PROXY (most SOCKS programs offer an HTTP or "mixed" port too), or unset ${variable}.`,
    });
  }
  const address = scheme === undefined ? `http://${value}` : value;
  if ((scheme !== undefined && scheme !== "http" && scheme !== "https") || !URL.canParse(address)) {
    throw new ConfigError("environment", `${variable} is not the address of an HTTP proxy`, {
      hint: `Write it like http://127.0.0.1:8080, or unset ${variable}.`,
    });
  }
  const { protocol, host } = new URL(address);
  return { variable, display: `${protocol}//${host}` };
}
