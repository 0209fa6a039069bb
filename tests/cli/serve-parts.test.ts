import { describe, expect, test } from "bun:test";
import serve from "../../src/cli/commands/serve.ts";
import type { UserError } from "../../src/cli/failure.ts";
import { type Start, startText, startWarnings } from "../../src/cli/serve/banner.ts";
import { listenFailure } from "../../src/cli/serve/listen-failure.ts";
import { isLoopback } from "../../src/cli/serve/loopback.ts";
import { findPortHolder, listeningInode, parseLsof, programName } from "../../src/cli/serve/port-holder.ts";
import { createPaint } from "../../src/cli/terminal.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Account } from "../../src/core/accounts.ts";
import type { KeysInForce } from "../../src/core/keys.ts";
import { demoScenarios } from "../../src/upstreams/demo/index.ts";

const paint = createPaint(false);

describe("only these hosts are loopback", () => {
  const rows: [host: string, expected: boolean][] = [
    ["127.0.0.1", true],
    ["127.1.2.3", true],
    ["localhost", true],
    ["LOCALHOST", true],
    ["::1", true],
    ["0.0.0.0", false],
    ["::", false],
    ["192.168.1.2", false],
    ["127.0.0.1.example.com", false],
    ["example.com", false],
  ];
  for (const [host, expected] of rows) test(host, () => expect(isLoopback(host)).toBe(expected));
});

describe("what serve prints", () => {
  test("names address, data, proxy and accounts", () => {
    const text = startText(
      start({ accounts: [account(), account()], proxy: { variable: "HTTPS_PROXY", display: "http://p:1" } }),
      paint,
    );
    expect(text).toContain("listens on http://127.0.0.1:48123\n");
    expect(text).toContain("data      /data/ag\n");
    expect(text).toContain("proxy     http://p:1 (HTTPS_PROXY)\n");
    expect(text).toContain("accounts  2\n");
    expect(text).not.toContain("no account");
  });

  test("says whether a key is required, and warns of one that can be guessed", () => {
    expect(startText(start({}), paint)).toContain("API key   none required until the first is made: ag keys create\n");
    const short = startText(start({}, { AG_API_KEY: "sk-ag-test-of-19-ch" }), paint);
    expect(short).toContain("API key   required (AG_API_KEY)\n");
    expect(short).toContain("AG_API_KEY has 19 characters");
    expect(short).not.toContain("sk-ag-test");
    expect(startText(start({}, { AG_API_KEY: "sk-ag-test-of-20-cha" }), paint)).not.toContain("AG_API_KEY has");
  });

  const keyRows: [keys: Partial<KeysInForce>, text: string, isWarned: boolean][] = [
    [{ asked: true, stored: 3, active: 2 }, "required (2 stored keys)", false],
    [{ asked: true, stored: 1, active: 1, fromEnvironment: true }, "required (AG_API_KEY, 1 stored key)", false],
    [{ asked: true, stored: 2, active: 0, fromEnvironment: true }, "required (AG_API_KEY)", false],
    [{ asked: true, stored: 2, active: 0 }, "required (none is active)", true],
  ];
  for (const [keys, expected, isWarned] of keyRows) {
    test(`says "${expected}" of keys${isWarned ? ", and how to make one" : ""}`, () => {
      const given = start({ keys: { ...NO_KEYS, ...keys } });
      expect(startText(given, paint)).toContain(`API key   ${expected}\n`);
      expect(startWarnings(given).some((warning) => warning.includes("ag keys create"))).toBe(isWarned);
    });
  }

  const wildcards: [host: string, printed: string, toPaste: string][] = [
    ["0.0.0.0", "http://0.0.0.0:5000", "http://127.0.0.1:5000"],
    ["::", "http://[::]:5000", "http://[::1]:5000"],
  ];
  for (const [host, url, toPaste] of wildcards) {
    test(`shows an address to paste when the host is ${host}`, () => {
      const text = startText(start({ url }, { AG_HOST: host }), paint);
      expect(text).toContain(`listens on ${toPaste}\n`);
      expect(text).toContain(`host      ${host}: every address`);
    });
  }

  test("says how to add an account when there is none", () => {
    expect(startText(start({ accounts: [] }), paint)).toContain("Sign in: ag accounts add");
  });

  test("says plainly which half of the OAuth client is missing", () => {
    const missingBoth = startText(start({}), paint);
    expect(missingBoth).toContain("No OAuth client is set");
    expect(missingBoth).toContain("AG_OAUTH_CLIENT_ID");
    expect(startText(start({}, { AG_OAUTH_CLIENT_ID: "id" }), paint)).toContain("No OAuth client secret is set");
    const both = startText(start({}, { AG_OAUTH_CLIENT_ID: "id", AG_OAUTH_CLIENT_SECRET: "hush" }), paint);
    expect(both).not.toContain("OAuth");
    expect(both).not.toContain("hush");
  });

  const client = { AG_OAUTH_CLIENT_ID: "id", AG_OAUTH_CLIENT_SECRET: "hush" };
  const key = account({ handle: "a2", kind: "gemini-api-key", label: "Team", email: "me@example.com" });
  const disabled = account({ enabled: false });
  const warnings: [
    name: string,
    given: Partial<Start>,
    env: Record<string, string>,
    file: string,
    expected: RegExp[],
  ][] = [
    ["all is well", { accounts: [account()] }, client, "", []],
    ["keys alone need no OAuth client", { accounts: [key] }, {}, "", []],
    [
      "one account needs its owner",
      { accounts: [account(), troubled()] },
      client,
      "",
      [/^1 account needs its owner\. ag/],
    ],
    [
      "two accounts need their owner",
      { accounts: [account(), troubled(), troubled(), disabled] },
      client,
      "",
      [/^2 accounts need their owner\. ag accounts list/],
    ],
    ["a disabled account needs nobody", { accounts: [account(), troubled({ enabled: false })] }, client, "", []],
    [
      "none is usable",
      { accounts: [troubled(), disabled] },
      client,
      "",
      [
        /^No account is usable \(1 account needs its owner, 1 disabled\), so requests will be refused\.\nag accounts list/,
      ],
    ],
    [
      "FALLBACK=true without a chain",
      {},
      { ...client, FALLBACK: "true" },
      '{"fallback":{"a":[]}}',
      [/^FALLBACK is on, but no/],
    ],
    ["FALLBACK=true with a chain", {}, { ...client, FALLBACK: "true" }, '{"fallback":{"a":["b"]}}', []],
    ["FALLBACK=false without a chain", {}, { ...client, FALLBACK: "false" }, "", []],
    [
      "settings of accounts that are not stored",
      { accounts: [account(), key] },
      client,
      '{"accounts":[{"account":"A1"},{"account":"team"},{"account":"ME@example.com"},{"account":"a9"},{"account":"old"}]}',
      [/^accounts in config\.jsonc names a9, old, which are no stored accounts\.$/],
    ],
    [
      "a lane left out that has accounts",
      { accounts: [account(), key] },
      client,
      '{"lanes":["antigravity"]}',
      [/^lanes in config\.jsonc leaves out gemini-api-key, so 1 account of this kind is not used\.$/],
    ],
    [
      "a lane left out that has none",
      { accounts: [account(), { ...key, enabled: false }] },
      client,
      '{"lanes":["antigravity"]}',
      [],
    ],
  ];
  for (const [name, given, env, file, expected] of warnings) {
    test(`warns of what will not work: ${name}`, () => {
      const found = startWarnings(start(given, env, file));
      expect(found).toHaveLength(expected.length);
      for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
      const text = startText(start(given, env, file), paint);
      for (const warning of found) expect(text).toContain(warning);
      expect(startWarnings(start({ ...given, demo: true }, env, file))).toEqual([]);
    });
  }

  test("counts the accounts that are ready where not all are", () => {
    expect(startText(start({ accounts: [account(), troubled()] }), paint)).toContain("accounts  1 of 2 ready\n");
  });

  test("for the demo is a curl line and Claude Code's settings, at an address that can be called", () => {
    const text = startText(
      start({ demo: true, accounts: [account(), account(), account()], url: "http://0.0.0.0:5000" }),
      paint,
    );
    expect(text).toContain("curl http://127.0.0.1:5000/v1/messages -H 'content-type: application/json' -d '{");
    expect(text).toContain("export ANTHROPIC_BASE_URL=http://127.0.0.1:5000\n");
    expect(text).toContain("3 made-up accounts");
    expect(text).toContain("export ANTHROPIC_AUTH_TOKEN=ag-demo\n");
    expect(text).not.toContain("OAuth");
  });

  test("points at the key in the environment and never shows it", () => {
    const text = startText(start({ demo: true }, { AG_API_KEY: "sk-ag-test" }), paint);
    expect(text).toContain('-H "x-api-key: $AG_API_KEY"');
    expect(text).toContain('ANTHROPIC_AUTH_TOKEN="$AG_API_KEY"');
    expect(text).not.toContain("sk-ag-test");
  });
});

describe("a port that cannot be had", () => {
  const at = (port: number, host = "127.0.0.1") => ({ server: { ...loadConfig(inputs({})).server, port, host } });

  test("is named with the process that holds it and the way to another", () => {
    using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const failure = listenFailure(systemError("EADDRINUSE"), at(server.port)) as UserError;
    expect(failure.message).toStartWith(`Port ${server.port} on 127.0.0.1 is taken by `);
    if (process.platform === "linux") expect(failure.message).toContain(`(process ${process.pid})`);
    expect(failure.hint).toContain(`--port ${server.port + 1}`);
  });

  const rows: [code: string, message: RegExp][] = [
    ["EACCES", /^No permission to listen on port 80$/],
    ["EADDRNOTAVAIL", /is not an address of this machine$/],
    ["ENOTTY", /^Cannot listen on 127\.0\.0\.1 port 80 \(ENOTTY\)$/],
  ];
  for (const [code, message] of rows) {
    test(code, () => expect((listenFailure(systemError(code), at(80)) as UserError).message).toMatch(message));
  }

  test("no other failure is taken for one", () => {
    const other = new TypeError("x");
    expect(listenFailure(other, at(80))).toBe(other);
    const file = Object.assign(new Error("x"), { code: "ENOENT", syscall: "open" });
    expect(listenFailure(file, at(80))).toBe(file);
  });
});

describe("finding the process that holds a port", () => {
  test("a free port is held by none", () => expect(findPortHolder(1)).toBeUndefined());

  test("a listener in /proc/net/tcp is read by port and state", () => {
    const listener =
      "   1: 0100007F:BBFB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 424242 1 0 100 0";
    expect(listeningInode(listener, 48123)).toBe("424242");
    expect(listeningInode(listener, 48124)).toBeUndefined();
    expect(listeningInode(listener.replace(" 0A ", " 01 "), 48123)).toBeUndefined();
    expect(listeningInode("  sl  local_address rem_address   st", 48123)).toBeUndefined();
  });

  test("lsof's fields are read", () => {
    expect(parseLsof("p4242\ncnode\nf12\n")).toEqual({ pid: 4242, name: "node" });
    expect(parseLsof("")).toBeUndefined();
  });

  test("a script is named with its interpreter, a program alone, and code on the command line not at all", () => {
    expect(programName(["/usr/bin/node", "/opt/proxy/index.js", "--secret", "x"])).toBe("node /opt/proxy/index.js");
    expect(programName(["/usr/sbin/nginx", "-g"])).toBe("nginx");
    expect(programName(["python3.11", "-c", "print(1)"])).toBe("python3.11");
    expect(programName([""])).toBe("");
  });
});

function account(given: Partial<Account> = {}): Account {
  const common = { id: "id", secret: "1//test-refresh-token", enabled: true, addedAt: 0 };
  return { ...common, handle: "a1", kind: "antigravity", ...given };
}

function troubled(given: Partial<Account> = {}): Account {
  return account({ problem: { type: "needs-login", message: "Sign in again", since: 0 }, ...given });
}

const NO_KEYS: KeysInForce = { asked: false, fromEnvironment: false, stored: 0, active: 0 };

function start(given: Partial<Start>, env: Record<string, string> = {}, file?: string): Start {
  const config = loadConfig({ ...inputs({ XDG_DATA_HOME: "/data", ...env }), readFile: () => file });
  const isClosed = config.apiKey !== undefined;
  return {
    config,
    keys: { ...NO_KEYS, asked: isClosed, fromEnvironment: isClosed },
    url: "http://127.0.0.1:48123",
    demo: false,
    proxy: undefined,
    accounts: [account()],
    ...given,
  };
}

function inputs(env: Record<string, string>) {
  return { env: { HOME: "/home/me", ...env }, readFile: () => undefined, oauthClient: undefined };
}

function systemError(code: string): Error {
  return Object.assign(new Error(`Failed to listen: ${code}`), { code, syscall: "listen" });
}

test("--scenario offers exactly the scenarios the demo can play", () => {
  const definitions = serve.args as { scenario: { options: string[] } };
  expect(["normal", ...definitions.scenario.options]).toEqual([...demoScenarios]);
});
