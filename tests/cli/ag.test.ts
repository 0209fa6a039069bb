import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json";
import { openStore } from "../../src/store/open-store.ts";
import { freshHome, runAg } from "./support.ts";

setDefaultTimeout(30_000); // many processes at once, on whatever machine

const TOKEN_A = "1//test-refresh-token-of-the-first-account";
const TOKEN_B = "1//test-refresh-token-of-the-second-account";

describe.concurrent("ag", () => {
  test("--version prints one line", async () => {
    using home = freshHome();
    const outcome = await runAg(home.path, ["--version"]);
    expect(outcome).toEqual({ code: 0, stdout: `ag ${packageJson.version}\n`, stderr: "" });
  });

  test("--version --json is one document", async () => {
    using home = freshHome();
    const { stdout } = await runAg(home.path, ["--version", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ name: "ag", version: packageJson.version, bun: Bun.version });
  });

  test("alone shows help on stdout, without colour in a pipe", async () => {
    using home = freshHome();
    const { code, stdout, stderr } = await runAg(home.path, []);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Usage: ag COMMAND");
    expect(stdout).not.toContain("\u001B");
  });

  test("wrong usage is one line with the nearest name and a hint, and exits with 2", async () => {
    using home = freshHome();
    const { code, stdout, stderr } = await runAg(home.path, ["serve", "--prot", "1"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe("ag: Unknown flag --prot. Did you mean --port?\n    See ag serve --help\n");
  });

  test("a wrong value is refused by the name it was given under", async () => {
    using home = freshHome();
    const flag = await runAg(home.path, ["serve", "--port", "99999"]);
    expect(flag.code).toBe(2);
    expect(flag.stderr).toStartWith("ag: --port must be a whole number");
    const variable = await runAg(home.path, ["serve"], { env: { AG_PORT: "no" } });
    expect(variable.code).toBe(1);
    expect(variable.stderr).toStartWith("ag: AG_PORT must be a whole number");
    const name = await runAg(home.path, ["accounts", "list"], { env: { AG_LOG_LEVEL: "LOUD" } });
    expect(name.stderr).toEndWith('not "LOUD"\n');
  });

  test("a broken configuration file is named with line and column, without a stack", async () => {
    using home = freshHome();
    mkdirSync(join(home.path, ".config/ag"), { recursive: true });
    writeFileSync(join(home.path, ".config/ag/config.jsonc"), '{\n  "server": { "port" 1 }\n}');
    const { code, stderr } = await runAg(home.path, ["accounts", "list"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ag: .*config\.jsonc:2:22: Expected ":" after the key "port" but found "1"\n$/);
  });

  test("a configuration file that cannot be read is said to be so", async () => {
    using home = freshHome();
    mkdirSync(join(home.path, ".config/ag/config.jsonc"), { recursive: true });
    const { code, stderr } = await runAg(home.path, ["accounts", "list"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ag: .*config\.jsonc cannot be read \(EISDIR\)\n$/);
  });

  test("a data directory that cannot be made is a plain failure", async () => {
    using home = freshHome();
    writeFileSync(join(home.path, "file"), "");
    const { code, stderr } = await runAg(home.path, ["accounts", "list"], {
      env: { AG_HOME: join(home.path, "file/ag") },
    });
    expect(code).toBe(1);
    expect(stderr).toStartWith("ag: ");
    expect(stderr).not.toMatch(/Unexpected failure|\n\s+at /);
  });
});

describe.concurrent("ag accounts", () => {
  test("imports from stdin, lists without tokens, and knows an account again", async () => {
    using home = freshHome();
    const imported = await runAg(home.path, ["accounts", "import", "-", "--label", "team"], {
      stdin: `${TOKEN_A}\n# a comment\n${TOKEN_B}\n`,
    });
    expect(imported).toEqual({ code: 0, stdout: "Added a1  team\nAdded a2  team\n", stderr: "" });

    const list = await runAg(home.path, ["accounts", "list"]);
    expect(list.stdout).toContain("a1");
    const json = await runAg(home.path, ["accounts", "list", "--json"]);
    const { accounts } = JSON.parse(json.stdout) as { accounts: Record<string, unknown>[] };
    expect(accounts.map(({ handle, label, state }) => ({ handle, label, state }))).toEqual([
      { handle: "a1", label: "team", state: "ready" },
      { handle: "a2", label: "team", state: "ready" },
    ]);
    expect(list.stdout + json.stdout).not.toContain("1//");

    const again = await runAg(home.path, ["accounts", "import", "-"], { stdin: TOKEN_B });
    expect(again).toEqual({ code: 0, stdout: "Already known: a2\n", stderr: "" });
  });

  test("imports from a file, and what it stores only its owner can read", async () => {
    using home = freshHome();
    const data = join(home.path, "data");
    writeFileSync(
      join(home.path, "tokens.json"),
      JSON.stringify([{ refresh_token: TOKEN_A, email: "me@example.com" }]),
    );
    const outcome = await runAg(home.path, ["accounts", "import", "tokens.json"], { env: { AG_HOME: data } });
    expect(outcome).toEqual({ code: 0, stdout: "Added a1  me@example.com\n", stderr: "" });
    expect(statSync(data).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(data)) expect(statSync(join(data, name)).mode & 0o777).toBe(0o600);
  });

  test("says which account got a new token or is in order again, and which were known as they are", async () => {
    using home = freshHome();
    const run = (lines: unknown[]) => {
      const stdin = lines.map((line) => JSON.stringify(line)).join("\n");
      return runAg(home.path, ["accounts", "import", "-"], { env: { AG_HOME: home.path }, stdin });
    };
    const first = { refresh_token: TOKEN_A, email: "me@example.com" };
    const third = "1//test-refresh-token-of-the-third-account";
    await run([first, TOKEN_B, third]);
    const store = openStore(join(home.path, "ag.db"));
    const accounts = await store.accounts.list();
    const problem = { type: "needs-login", message: "Sign in again", since: 1 } as const;
    await store.accounts.update(accounts[1]?.id ?? "", { problem });
    await store.close();
    const again = await run([{ ...first, refresh_token: "1//test-refresh-token-after-a-new-sign-in" }, TOKEN_B, third]);
    expect(again).toEqual({
      code: 0,
      stdout: "Updated a1  me@example.com\nUpdated a2\nAlready known: a3\n",
      stderr: "",
    });
    expect((await run([TOKEN_B])).stdout).toBe("Already known: a2\n");
  });

  for (const token of [TOKEN_A, "1//0abc", "1%2F%2F0abc"]) {
    test(`refuses a token of ${token.length} characters on the command line without repeating it`, async () => {
      using home = freshHome();
      const { code, stdout, stderr } = await runAg(home.path, ["accounts", "import", token]);
      expect(code).toBe(2);
      expect(stderr).toContain("from a file or from stdin");
      expect(stdout + stderr).not.toContain("0abc");
      expect(stdout + stderr).not.toContain("1//");
    });
  }

  test("imports nothing when one line is bad, and says so", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["accounts", "import", "-"], { stdin: `${TOKEN_A}\nhush hush\n` });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ag: Line 2 .*\n +Nothing was imported/);
    expect((await runAg(home.path, ["accounts", "list"])).stdout).toContain("No accounts yet");
  });

  const failures: [name: string, words: string[], stdin: string, message: RegExp][] = [
    ["an empty input", ["accounts", "import", "-"], "\n# nothing\n", /^ag: There is no refresh token in the input\n/],
    ["a missing file", ["accounts", "import", "nope.txt"], "", /^ag: nope\.txt does not exist\n/],
    ["a directory", ["accounts", "import", "."], "", /^ag: \. holds no accounts of a tool that is known\n/],
    ["what is no token", ["accounts", "import", "-"], "hush hush\n", /^ag: Line 1 /],
  ];
  for (const [name, words, stdin, message] of failures) {
    test(`${name} is a plain failure`, async () => {
      using home = freshHome();
      const { code, stderr } = await runAg(home.path, words, { stdin });
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
      expect(stderr).not.toContain("hush");
    });
  }

  test("a file beyond 1 MiB is refused by its size", async () => {
    using home = freshHome();
    writeFileSync(join(home.path, "disk.img"), `${TOKEN_A}\n`.repeat(30_000));
    const { code, stdout, stderr } = await runAg(home.path, ["accounts", "import", "disk.img"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ag: disk\.img holds more than 1 MiB.*\n +Nothing was imported\n$/);
  });

  test("an empty list says how to add one, and is an empty JSON list", async () => {
    using home = freshHome();
    expect((await runAg(home.path, ["accounts", "list"])).stdout).toContain("Sign in: ag accounts add ");
    expect(JSON.parse((await runAg(home.path, ["accounts", "list", "--json"])).stdout)).toEqual({ accounts: [] });
  });
});

describe.concurrent("ag models list", () => {
  test("--demo lists without network, even behind a proxy that cannot be used", async () => {
    using home = freshHome();
    const env = { ALL_PROXY: "socks5://127.0.0.1:1" };
    const { code, stdout, stderr } = await runAg(home.path, ["models", "list", "--demo", "--json"], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { models } = JSON.parse(stdout) as { models: { id: string }[] };
    expect(models.length).toBeGreaterThan(0);
    expect(existsSync(join(home.path, ".local/share/ag"))).toBe(false);
  });

  test("without an account exits with 3 and says how to add one", async () => {
    using home = freshHome();
    const { code, stdout, stderr } = await runAg(home.path, ["models", "list"]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("ag accounts add");
  });

  test("without an OAuth client exits with 3 and says how to set one, not how to add an account", async () => {
    using home = freshHome();
    await runAg(home.path, ["accounts", "import", "-"], { stdin: TOKEN_A });
    const { code, stdout, stderr } = await runAg(home.path, ["models", "list"]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("AG_OAUTH_CLIENT_ID");
    expect(stderr).not.toContain("import");
  });

  test("fits a terminal of 80 columns", async () => {
    using home = freshHome();
    const { stdout } = await runAg(home.path, ["models", "list", "--demo"]);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("refuses a SOCKS proxy instead of going out directly", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["models", "list"], { env: { ALL_PROXY: "socks5://127.0.0.1:1" } });
    expect(code).toBe(1);
    expect(stderr).toStartWith("ag: ALL_PROXY names a SOCKS proxy");
  });
});
