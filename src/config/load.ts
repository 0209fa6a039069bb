import { readFileSync } from "node:fs";
import * as v from "valibot";
import { errorCode } from "../lib/error-code.ts";
import { isJsonObject } from "../lib/json.ts";
import { buildInfo } from "./build-info.ts";
import { ConfigError, type ConfigSource } from "./config-error.ts";
import { readApiKey, readSecretKey, readSwitch } from "./environment.ts";
import { fileError, hintFor, issueKeys, notAnObject, type SettingsIssue, shown } from "./file-error.ts";
import { JsoncError, parseJsonc, type JsoncDocument } from "./jsonc.ts";
import { resolvePaths, type Environment, type Paths } from "./paths.ts";
import { LOG_FORMATS, LOG_LEVELS, settingsSchema, type Settings } from "./schema.ts";
import { knownSettings, listInPlaceOfObject } from "./setting-tree.ts";

export interface Config extends Settings {
  paths: Paths;
  /** AG_API_KEY: a static inference key, for containers. */
  apiKey: string | undefined;
  /** AG_SECRET_KEY: seals the secrets in the database in place of the key file. 32 bytes. */
  secretKey: Uint8Array | undefined;
  /** FALLBACK: `false` turns configured fallback chains off; `true` without any is worth a warning. */
  fallbackSwitch: boolean | undefined;
  /** Dotted name of each setting that is not at its default → "--port", "AG_PORT" or the file's path. */
  origins: ReadonlyMap<string, string>;
}

export interface ConfigInputs {
  env: Environment;
  /** Values of command line flags by name without dashes. */
  flags: Readonly<Record<string, string | undefined>>;
  /** The file's text, or undefined when there is no such file. */
  readFile(path: string): string | undefined;
  workingDirectory: string;
  /** The OAuth client a release build carries; used when none is configured. */
  oauthClient: { id: string; secret: string } | undefined;
}

/** What can be set from outside the file. Variables in order of precedence. */
const OVERRIDES: readonly {
  path: string;
  flag?: string;
  variables: readonly string[];
  read: (text: string) => unknown;
}[] = [
  { path: "server.port", flag: "port", variables: ["AG_PORT", "PORT"], read: numberOrText },
  { path: "server.host", flag: "host", variables: ["AG_HOST", "HOST"], read: plainText },
  { path: "server.allowedHosts", variables: ["AG_ALLOWED_HOSTS"], read: commaList },
  { path: "server.logFormat", flag: "log-format", variables: ["AG_LOG_FORMAT"], read: oneOf(LOG_FORMATS) },
  { path: "server.logLevel", flag: "log-level", variables: ["AG_LOG_LEVEL"], read: oneOf(LOG_LEVELS) },
  { path: "cloudcode.urls", variables: ["AG_CLOUDCODE_URLS"], read: commaList },
  { path: "oauth.clientId", variables: ["AG_OAUTH_CLIENT_ID"], read: plainText },
  { path: "oauth.clientSecret", variables: ["AG_OAUTH_CLIENT_SECRET"], read: plainText },
  { path: "oauth.authorizeUrl", variables: ["AG_OAUTH_AUTHORIZE_URL"], read: plainText },
  { path: "oauth.tokenUrl", variables: ["AG_OAUTH_TOKEN_URL"], read: plainText },
  { path: "oauth.userinfoUrl", variables: ["AG_OAUTH_USERINFO_URL"], read: plainText },
  { path: "gemini.url", variables: ["AG_GEMINI_URL"], read: plainText },
];

/**
 * The effective configuration: flag, else environment, else `config.jsonc`, else default. An empty variable counts as not
 * set. Throws ConfigError naming the flag, the variable or the place in the file that is wrong.
 */
export function loadConfig(inputs: Partial<ConfigInputs> = {}): Config {
  const env = inputs.env ?? process.env;
  const paths = resolvePaths(env, inputs.workingDirectory ?? process.cwd());
  const origins = new Map<string, string>();

  const settings = readSettingsFile(paths.configFile, inputs.readFile ?? readConfigFile, origins);
  for (const override of overrides(env, inputs.flags ?? {})) {
    const [section = "", key = ""] = override.path.split(".");
    settings[section] = { ...(isJsonObject(settings[section]) ? settings[section] : {}), [key]: override.value };
    origins.set(override.path, override.name);
  }
  const parsed = v.safeParse(settingsSchema, settings);
  if (!parsed.success) throw overrideError(parsed.issues[0], origins);

  const oauth = { ...parsed.output.oauth };
  const builtIn = "oauthClient" in inputs ? inputs.oauthClient : buildInfo.oauthClient;
  // Never half of one client and half of another.
  if (builtIn && oauth.clientId === undefined && oauth.clientSecret === undefined) {
    oauth.clientId = builtIn.id;
    oauth.clientSecret = builtIn.secret;
  }
  return {
    ...parsed.output,
    oauth,
    paths,
    apiKey: readApiKey(env),
    secretKey: readSecretKey(env),
    fallbackSwitch: readSwitch(env, "FALLBACK"),
    origins,
  };
}

function readSettingsFile(
  path: string,
  readFile: ConfigInputs["readFile"],
  origins: Map<string, string>,
): Record<string, unknown> {
  const source = readFile(path);
  if (source === undefined || source.trim() === "") return {};
  let document: JsoncDocument;
  try {
    document = parseJsonc(source);
  } catch (cause) {
    if (!(cause instanceof JsoncError)) throw cause;
    throw new ConfigError("file", `${path}:${cause.position.line}:${cause.position.column}: ${cause.message}`, {
      cause,
    });
  }
  const settings = document.value;
  if (!isJsonObject(settings)) throw notAnObject(path, document, []);
  const list = listInPlaceOfObject(settings);
  if (list !== undefined) throw notAnObject(path, document, list);
  const parsed = v.safeParse(settingsSchema, settings);
  if (!parsed.success) throw fileError(path, document, parsed.issues[0]);
  for (const known of knownSettings()) {
    if (document.positionOf(known.split(".")) !== undefined) origins.set(known, path);
  }
  return { ...settings };
}

function* overrides(
  env: Environment,
  flags: ConfigInputs["flags"],
): Generator<{ path: string; name: string; value: unknown }> {
  for (const { path, flag, variables, read } of OVERRIDES) {
    const given = flag === undefined ? undefined : flags[flag];
    if (given !== undefined) {
      yield { path, name: `--${flag}`, value: read(given) };
      continue;
    }
    const variable = variables.find((name) => env[name]?.trim());
    if (variable !== undefined) yield { path, name: variable, value: read((env[variable] ?? "").trim()) };
  }
}

function overrideError(issue: SettingsIssue, origins: ReadonlyMap<string, string>): ConfigError {
  const keys = issueKeys(issue);
  const path = keys.slice(0, 2).join(".");
  const name = origins.get(path) ?? path;
  const source: ConfigSource = name.startsWith("--") ? "flag" : "environment";
  return new ConfigError(source, `${name} ${issue.message}${shown(keys, issue.input)}`, hintFor(keys, issue));
}

function numberOrText(text: string): unknown {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function commaList(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** Case does not count; what is none of the names stays as it was typed, for the message that refuses it. */
function oneOf(names: readonly string[]) {
  return (text: string) => names.find((name) => name === text.toLowerCase()) ?? text;
}

function plainText(text: string): string {
  return text;
}

function readConfigFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = errorCode(cause) ?? "unknown error";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new ConfigError("file", `${path} cannot be read (${code})`, { cause });
  }
}
