import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../src/config/config-error.ts";
import { type Config, loadConfig } from "../../src/config/load.ts";

interface Given {
  file?: string;
  env?: Record<string, string>;
  flags?: Record<string, string>;
  oauthClient?: { id: string; secret: string };
}

const FILE = "/home/me/.config/ag/config.jsonc";

test("without any setting the defaults hold", () => {
  const { origins, paths, ...settings } = load({});
  expect(settings).toEqual({
    server: {
      port: 48123,
      host: "127.0.0.1",
      allowedHosts: [],
      maxBodyBytes: 104_857_600,
      maxConcurrent: 2000,
      allowedOrigins: [],
      logLevel: "info",
    },
    timeouts: { connectMs: 15_000, firstEventMs: 120_000, idleMs: 300_000, totalMs: 3_600_000, drainMs: 50_000 },
    records: { keepDays: 14, maxBytes: 200 * 1024 ** 2 },
    cloudcode: { clientVersion: "2.9.1" },
    oauth: {
      authorizeUrl: "https://accounts.google.com/o/oauth2/v2/auth",
      tokenUrl: "https://oauth2.googleapis.com/token",
      userinfoUrl: "https://www.googleapis.com/oauth2/v2/userinfo",
    },
    gemini: { url: "https://generativelanguage.googleapis.com" },
    scheduling: {
      strategy: "sticky",
      maxWaitMs: 120_000,
      maxConcurrentPerAccount: 8,
      maxQueued: 256,
      sessionIdleMs: 3_600_000,
    },
    lanes: ["antigravity", "gemini-api-key"],
    accounts: [],
    fallback: {},
    models: { aliases: {} },
    responses: { store: false, keepMs: 604_800_000 },
    media: { fetch: true, maxBytes: 20_971_520, timeoutMs: 15_000 },
    strict: false,
    apiKey: undefined,
    secretKey: undefined,
    fallbackSwitch: undefined,
  });
  expect(origins.size).toBe(0);
  expect(paths.configFile).toBe(FILE);
});

describe("flag before environment before file before default", () => {
  const file = '{"server":{"port":1000,"host":"file","logLevel":"warn"}}';
  const rows: [name: string, given: Given, port: number, origin: string | undefined][] = [
    ["default", {}, 48123, undefined],
    ["file", { file }, 1000, FILE],
    ["PORT over the file", { file, env: { PORT: "2000" } }, 2000, "PORT"],
    ["AG_PORT over PORT", { file, env: { PORT: "2000", AG_PORT: "3000" } }, 3000, "AG_PORT"],
    ["--port over all", { file, env: { AG_PORT: "3000" }, flags: { port: "4000" } }, 4000, "--port"],
    ["an empty variable is not set", { file, env: { AG_PORT: "", PORT: " " } }, 1000, FILE],
    ["port 0 is a value", { file, flags: { port: "0" } }, 0, "--port"],
  ];
  for (const [name, given, port, origin] of rows) {
    test(name, () => {
      const config = load(given);
      expect(config.server.port).toBe(port);
      expect(config.origins.get("server.port")).toBe(origin);
    });
  }

  test("setting one key from outside keeps its neighbours from the file", () => {
    const { server } = load({ file, env: { AG_PORT: "3000" } });
    expect(server).toMatchObject({ port: 3000, host: "file", logLevel: "warn" });
  });
});

describe("every variable reaches its setting", () => {
  const rows: [variable: string, value: string, read: (config: Config) => unknown, expected: unknown][] = [
    ["AG_HOST", "::1", ({ server }) => server.host, "::1"],
    ["AG_HOST", "[::1]", ({ server }) => server.host, "::1"],
    ["HOST", "0.0.0.0", ({ server }) => server.host, "0.0.0.0"],
    ["AG_ALLOWED_HOSTS", "Ag, gateway.lan", ({ server }) => server.allowedHosts, ["ag", "gateway.lan"]],
    ["AG_LOG_LEVEL", "DEBUG", ({ server }) => server.logLevel, "debug"],
    ["AG_LOG_FORMAT", "json", ({ server }) => server.logFormat, "json"],
    ["AG_CLOUDCODE_URLS", "http://a:1/ ,,https://b", ({ cloudcode }) => cloudcode.urls, ["http://a:1", "https://b"]],
    ["AG_OAUTH_CLIENT_ID", "id", ({ oauth }) => oauth.clientId, "id"],
    ["AG_OAUTH_CLIENT_SECRET", "secret", ({ oauth }) => oauth.clientSecret, "secret"],
    ["AG_OAUTH_TOKEN_URL", "http://a/t", ({ oauth }) => oauth.tokenUrl, "http://a/t"],
    ["AG_OAUTH_USERINFO_URL", "http://a/u", ({ oauth }) => oauth.userinfoUrl, "http://a/u"],
    ["AG_OAUTH_AUTHORIZE_URL", "http://a/o", ({ oauth }) => oauth.authorizeUrl, "http://a/o"],
    ["AG_GEMINI_URL", "http://a/", ({ gemini }) => gemini.url, "http://a"],
    ["AG_SECRET_KEY", "0a".repeat(32), ({ secretKey }) => secretKey?.length, 32],
    ["AG_SECRET_KEY", Buffer.alloc(32, 1).toString("base64"), ({ secretKey }) => secretKey?.[31], 1],
    ["AG_SECRET_KEY", Buffer.alloc(32, 1).toString("base64url"), ({ secretKey }) => secretKey?.[31], 1],
    ["AG_SECRET_KEY", " ", ({ secretKey }) => secretKey, undefined],
    ["FALLBACK", "true", ({ fallbackSwitch }) => fallbackSwitch, true],
    ["FALLBACK", "0", ({ fallbackSwitch }) => fallbackSwitch, false],
    ["FALLBACK", "", ({ fallbackSwitch }) => fallbackSwitch, undefined],
    ["AG_API_KEY", " sk-ag-test ", ({ apiKey }) => apiKey, "sk-ag-test"],
    ["AG_API_KEY", "  ", ({ apiKey }) => apiKey, undefined],
  ];
  for (const [variable, value, read, expected] of rows) {
    test(`${variable}=${JSON.stringify(value)}`, () =>
      expect(read(load({ env: { [variable]: value } }))).toEqual(expected));
  }
});

test("accounts, lanes and fallback chains are read from the file", () => {
  const { accounts, lanes, fallback, origins } = load({
    file: `{
      "accounts": [{ "account": "a1", "reserve": 0.2 }, { "account": "me@example.com" }],
      "lanes": ["gemini-api-key"],
      "fallback": { "model-a": ["model-b", { "model": "model-c", "crossFamily": true }], "model-b": ["model-a"] }
    }`,
  });
  expect(accounts).toEqual([
    { account: "a1", reserve: 0.2 },
    { account: "me@example.com", reserve: 0 },
  ]);
  expect(lanes).toEqual(["gemini-api-key"]);
  expect(fallback).toEqual({
    "model-a": ["model-b", { model: "model-c", crossFamily: true }],
    "model-b": ["model-a"],
  });
  expect([...origins.keys()]).toEqual(["lanes", "accounts", "fallback"]);
});

describe("a value that cannot be used is refused by the name it was given under", () => {
  type Refused = [name: string, given: Given, source: string, message: RegExp, hint?: string];
  const rows: Refused[] = [
    ["flag", { flags: { port: "70000" } }, "flag", /^--port must be a whole number from 0 to 65535, not 70000$/],
    ["flag text", { flags: { port: "80a" } }, "flag", /^--port must be a whole number .* not "80a"$/],
    ["variable", { env: { AG_PORT: "1.5" } }, "environment", /^AG_PORT must be a whole number/],
    ["old variable", { env: { PORT: "x" } }, "environment", /^PORT must be a whole number/],
    [
      "list",
      { env: { AG_CLOUDCODE_URLS: "https://a,ftp://b" } },
      "environment",
      /^AG_CLOUDCODE_URLS .* not "ftp:\/\/b"$/,
    ],
    ["empty list", { env: { AG_CLOUDCODE_URLS: "," } }, "environment", /^AG_CLOUDCODE_URLS must hold at least one URL/],
    ["choice", { env: { AG_LOG_LEVEL: "loud" } }, "environment", /^AG_LOG_LEVEL must be one of silent, error/],
    ["host with scheme", { env: { AG_HOST: "http://x" } }, "environment", /^AG_HOST must be a host name/],
    ["URL", { env: { AG_OAUTH_TOKEN_URL: "token" } }, "environment", /^AG_OAUTH_TOKEN_URL must be a URL/],
    [
      "file type",
      { file: '{\n "server": {\n  "port": "x"}}' },
      "file",
      /config\.jsonc:3:3: server\.port must be .* not "x"$/,
    ],
    [
      "file list item",
      { file: '{"cloudcode":{"urls":["a"]}}' },
      "file",
      /config\.jsonc:1:23: cloudcode\.urls\[0\] must be/,
    ],
    ["file section", { file: '{"server":1}' }, "file", /:1:2: server must be an object/],
    ["file section as list", { file: '{"server":[]}' }, "file", /:1:2: server must be an object/],
    ["file as list", { file: "[]" }, "file", /:1:1: the configuration must be an object/],
    ["file as null", { file: "null" }, "file", /:1:1: the configuration must be an object/],
    ["file alias", { file: '{"models":{"aliases":{"a":""}}}' }, "file", /models\.aliases\.a must be the id of a model/],
    ["file syntax", { file: '{\n"a" 1}' }, "file", /config\.jsonc:2:5: Expected ":" after the key "a"/],
    ["key", { file: '{"server":{"prot":1}}' }, "file", /:1:12: Unknown key server\.prot$/, "Did you mean server.port?"],
    ["key elsewhere", { file: '{"port":1}' }, "file", /Unknown key port$/, "Did you mean server.port?"],
    ["section", { file: '{"sever":{}}' }, "file", /Unknown key sever$/, "Did you mean server?"],
    ["strange key", { file: '{"models":{"zz":1}}' }, "file", /Unknown key models\.zz$/, "Known here: aliases."],
    ["choice nearly right", { env: { AG_LOG_LEVEL: "dbug" } }, "environment", /not "dbug"$/, "Did you mean debug?"],
    ["switch", { env: { FALLBACK: "maybe" } }, "environment", /^FALLBACK must be true or false, not "maybe"$/],
    ...["0a".repeat(31), "hush", Buffer.alloc(31).toString("base64"), "0g".repeat(32)].map((key): Refused => {
      const message = /^AG_SECRET_KEY must be 32 random bytes in hex or base64$/;
      return [
        `secret key ${key}`,
        { env: { AG_SECRET_KEY: key } },
        "environment",
        message,
        "Make one: openssl rand -hex 32",
      ];
    }),
    [
      "key in a list",
      { file: '{"accounts":[{"account":"a1"},\n{"account":"a2","resrve":1}]}' },
      "file",
      /:2:17: Unknown key accounts\[1\]\.resrve$/,
      "Did you mean accounts[1].reserve?",
    ],
    [
      "strange key in a list",
      { file: '{"accounts":[{"account":"a1","zz":1}]}' },
      "file",
      /Unknown key accounts\[0\]\.zz$/,
      "Known here: account, reserve.",
    ],
    [
      "missing in a list",
      { file: '{"accounts":[{"reserve":1}]}' },
      "file",
      /:1:14: accounts\[0\]\.account is missing$/,
    ],
    ["text in a list", { file: '{"accounts":["a1"]}' }, "file", /:1:14: accounts\[0\] must be an object in \{ \}$/],
    ["list in a list", { file: '{"accounts":[[]]}' }, "file", /accounts\[0\] must be an object in \{ \}$/],
    [
      "reserve in percent",
      { file: '{"accounts":[{"account":"a1","reserve":20}]}' },
      "file",
      /accounts\[0\]\.reserve must be a number from 0 to 1, not 20$/,
    ],
    [
      "object for accounts",
      { file: '{"accounts":{"a1":{}}}' },
      "file",
      /accounts must be a list such as \[\{ "account"/,
    ],
    [
      "lane",
      { file: '{"lanes":["antigravity","gemini-key"]}' },
      "file",
      /:1:25: lanes\[1\] must be one of antigravity, gemini-api-key, not "gemini-key"$/,
      "Did you mean gemini-api-key?",
    ],
    ["no lane", { file: '{"lanes":[]}' }, "file", /lanes must name at least one kind of account/],
    ["lane twice", { file: '{"lanes":["antigravity","antigravity"]}' }, "file", /lanes must not name a kind twice/],
    [
      "strategy",
      { file: '{"scheduling":{"strategy":"round robin"}}' },
      "file",
      /scheduling\.strategy must be one of sticky, round-robin, least-used, not "round robin"$/,
      "Did you mean round-robin?",
    ],
    [
      "fallback to a text",
      { file: '{"fallback":{"a":"b"}}' },
      "file",
      /fallback\.a must be a list of models, not "b"$/,
    ],
    ["fallback as list", { file: '{"fallback":[]}' }, "file", /:1:2: fallback must be an object in \{ \}$/],
    ["aliases as list", { file: '{"models":{"aliases":[]}}' }, "file", /models\.aliases must be an object in \{ \}$/],
    [
      "fallback to a number",
      { file: '{"fallback":{"a":[1]}}' },
      "file",
      /fallback\.a\[0\] must be the id of a model, or/,
    ],
    ["fallback to a list", { file: '{"fallback":{"a":[[]]}}' }, "file", /fallback\.a\[0\] must be an object in \{ \}$/],
    [
      "fallback key",
      { file: '{"fallback":{"a":[{"model":"b","crossfamily":true}]}}' },
      "file",
      /:1:32: Unknown key fallback\.a\[0\]\.crossfamily$/,
      "Did you mean fallback.a[0].crossFamily?",
    ],
    [
      "fallback switch",
      { file: '{"fallback":{"a":[{"model":"b","crossFamily":1}]}}' },
      "file",
      /crossFamily must be true/,
    ],
    [
      "fallback model",
      { file: '{"fallback":{"a":[{"crossFamily":true}]}}' },
      "file",
      /fallback\.a\[0\]\.model is missing$/,
    ],
    [
      "file under a good flag",
      { file: '{"server":{"port":-1}}', flags: { port: "1" } },
      "file",
      /server\.port must be/,
    ],
  ];
  for (const [name, given, source, message, hint] of rows) {
    test(name, () => {
      const error = refusal(given);
      expect(error.message).toMatch(message);
      expect({ source: error.source, hint: error.hint }).toEqual({ source: source as never, hint });
    });
  }

  test("a secret is never repeated", () => {
    const { message } = refusal({ file: '{"oauth":{"clientSecret":{"value":"hush"}}}' });
    expect(message).toContain("oauth.clientSecret");
    expect(message).not.toContain("hush");
  });
});

describe("the OAuth client of the build", () => {
  const oauthClient = { id: "built-id", secret: "built-secret" };

  test("is used when none is configured", () => {
    expect(load({ oauthClient }).oauth).toMatchObject({ clientId: "built-id", clientSecret: "built-secret" });
  });

  test("gives way to a configured one as a whole, never half of each", () => {
    const { oauth } = load({ oauthClient, env: { AG_OAUTH_CLIENT_ID: "mine" } });
    expect(oauth.clientId).toBe("mine");
    expect(oauth.clientSecret).toBeUndefined();
  });

  test("can be configured with the id in the file and the secret in the environment", () => {
    const { oauth } = load({ file: '{"oauth":{"clientId":"mine"}}', env: { AG_OAUTH_CLIENT_SECRET: "hush" } });
    expect(oauth).toMatchObject({ clientId: "mine", clientSecret: "hush" });
  });
});

test("a file that is empty or only a comment away from it does no harm", () => {
  expect(load({ file: "" }).server.port).toBe(48123);
  expect(load({ file: "  \n" }).server.port).toBe(48123);
  expect(load({ file: "{ /* nothing */ }" }).server.port).toBe(48123);
});

function load({ file, env = {}, flags = {}, oauthClient }: Given): Config {
  return loadConfig({
    env: { HOME: "/home/me", ...env },
    flags,
    readFile: (path) => (path === FILE ? file : undefined),
    workingDirectory: "/work-directory",
    oauthClient,
  });
}

function refusal(given: Given): ConfigError {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("The configuration was accepted");
}
