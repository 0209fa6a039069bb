import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { readPath } from "../../src/cli/import/sources.ts";
import { entry, message, tokenInfo, topic } from "../accounts/import/support.ts";
import { freshHome, runAg } from "./support.ts";

setDefaultTimeout(30_000); // many processes at once, on whatever machine

const A = "1//test-refresh-token-a";
const B = "1//test-refresh-token-b";
const C = "1//test-refresh-token-c";

const APP = ".config/Antigravity/User/globalStorage/state.vscdb";

/** The app's database, as it is while the app runs. */
function writeAppState(path: string, refresh: string, email: string): void {
  mkdirSync(dirname(path), { recursive: true });
  using database = new Database(path);
  database.run("create table ItemTable (key text unique on conflict replace, value blob)");
  const insert = database.query("insert into ItemTable values (?, ?)");
  insert.run(
    "antigravityUnifiedStateSync.oauthToken",
    topic(entry("oauthTokenInfoSentinelKey", tokenInfo({ refresh }))),
  );
  insert.run("antigravityUnifiedStateSync.userStatus", topic(entry("userStatusSentinelKey", message([7, email]))));
}

function write(home: string, path: string, value: unknown): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), typeof value === "string" ? value : JSON.stringify(value));
}

function writeCliProxy(home: string): void {
  write(home, ".cli-proxy-api/antigravity-b.json", { type: "antigravity", refresh_token: B, email: "b@example.org" });
  write(home, ".cli-proxy-api/codex-x.json", { type: "codex", refresh_token: "rt-test", email: "x@example.org" });
}

function writeManager(home: string): void {
  const file = (id: string, refresh: string) => ({
    id,
    email: `${id}@example.org`,
    token: { access_token: "ya29.test", refresh_token: refresh },
    disabled: false,
  });
  const accounts = [{ id: "c", email: "c@example.org", created_at: 1, last_used: 2 }];
  write(home, ".antigravity_tools/accounts.json", { version: "2.0", accounts, current_account_id: "c" });
  write(home, ".antigravity_tools/accounts/c.json", file("c", C));
  write(home, ".antigravity_tools/accounts/gone.json", file("gone", A));
  write(home, ".antigravity_tools/gui_config.json", { language: "en" });
}

function writeProxy(home: string): void {
  const accounts = [
    { email: "a@example.org", source: "oauth", enabled: true, refreshToken: A, projectId: "project-a" },
  ];
  write(home, ".config/antigravity-proxy/accounts.json", { accounts, settings: {}, activeIndex: 0 });
}

/** Every file of the other tools, with what is in it. */
function snapshot(home: string): Record<string, string> {
  const names = readdirSync(home, { recursive: true, withFileTypes: true });
  const files = names.filter((name) => name.isFile()).map((name) => relative(home, join(name.parentPath, name.name)));
  const theirs = files.filter((path) => /^\.(?:config|antigravity_tools|cli-proxy-api)/.test(path));
  return Object.fromEntries(
    theirs.toSorted().map((path) => [path, Bun.hash(readFileSync(join(home, path))).toString(36)]),
  );
}

describe.concurrent("ag accounts import", () => {
  const gone = "gone.json is not in that tool's own list of accounts any more";
  const codex = "codex-x.json (x@example.org) is a sign-in of another provider";
  const rows: [what: string, words: string[], lines: string[]][] = [
    ["the installed app by its name", ["--from", "antigravity"], ["Added a1  app@example.org"]],
    ["the installed app's file, told by itself", [APP], ["Added a1  app@example.org"]],
    ["the installed app's folder", [".config/Antigravity"], ["Added a1  app@example.org"]],
    ["antigravity-claude-proxy by its name", ["--from", "antigravity-claude-proxy"], ["Added a1  a@example.org"]],
    ["antigravity-claude-proxy's file", [".config/antigravity-proxy/accounts.json"], ["Added a1  a@example.org"]],
    ["Antigravity-Manager's folder", [".antigravity_tools"], ["Added a1  c@example.org", `Left out: ${gone}`]],
    [
      "Antigravity-Manager's list",
      [".antigravity_tools/accounts.json"],
      ["Added a1  c@example.org", `Left out: ${gone}`],
    ],
    [
      "Antigravity-Manager's accounts",
      [".antigravity_tools/accounts"],
      ["Added a1  c@example.org", `Left out: ${gone}`],
    ],
    ["one file of Antigravity-Manager's", [".antigravity_tools/accounts/c.json"], ["Added a1  c@example.org"]],
    ["CLIProxyAPI's folder", [".cli-proxy-api"], ["Added a1  b@example.org", `Left out: ${codex}`]],
    ["one file of CLIProxyAPI's", [".cli-proxy-api/antigravity-b.json"], ["Added a1  b@example.org"]],
  ];
  for (const [what, words, lines] of rows) {
    test(`reads ${what}, and changes nothing there`, async () => {
      using home = freshHome();
      writeAppState(join(home.path, APP), A, "app@example.org");
      writeProxy(home.path);
      writeManager(home.path);
      writeCliProxy(home.path);
      const before = snapshot(home.path);
      const outcome = await runAg(home.path, ["accounts", "import", ...words], {
        env: { AG_HOME: join(home.path, "ag") },
      });
      expect(outcome).toEqual({ code: 0, stdout: `${lines.join("\n")}\n`, stderr: "" });
      expect(snapshot(home.path)).toEqual(before);
    });
  }

  test("without anything to import lists what it found and how to take it, and exits with 2", async () => {
    using home = freshHome();
    writeCliProxy(home.path);
    writeProxy(home.path);
    const { code, stdout, stderr } = await runAg(home.path, ["accounts", "import"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      [
        "ag: FILE is missing: say what to import",
        "    These were found:",
        `      antigravity-claude-proxy: ${home.path}/.config/antigravity-proxy/accounts.json`,
        `      CLIProxyAPI: ${home.path}/.cli-proxy-api`,
        "    ag accounts import --from antigravity-claude-proxy",
        "    ag accounts import --from cliproxyapi",
        "",
      ].join("\n"),
    );
    expect(readdirSync(home.path).toSorted()).not.toContain(".local");
  });

  test("finds nothing on a machine without other tools, and says where it looked", async () => {
    using home = freshHome();
    const bare = await runAg(home.path, ["accounts", "import"]);
    expect(bare.code).toBe(2);
    expect(bare.stderr).toContain("no accounts of other tools were found");
    const named = await runAg(home.path, ["accounts", "import", "--from", "cliproxyapi"]);
    expect(named.code).toBe(1);
    expect(named.stderr).toContain(`${home.path}/.cli-proxy-api\n`);
  });

  test("of two places takes what the readable one has, and names the other", async () => {
    using home = freshHome();
    writeAppState(join(home.path, APP), A, "app@example.org");
    write(home.path, ".config/Antigravity IDE/User/globalStorage/state.vscdb", "garbage");
    const { code, stdout } = await runAg(home.path, ["accounts", "import", "--from", "antigravity"]);
    expect(code).toBe(0);
    expect(stdout).toStartWith("Added a1  app@example.org\nLeft out: ");
    expect(stdout).toContain("Antigravity IDE/User/globalStorage/state.vscdb");
  });

  test("does not bring back what was removed, unless it is told to", async () => {
    using home = freshHome();
    writeCliProxy(home.path);
    const file = ".cli-proxy-api/antigravity-b.json";
    await runAg(home.path, ["accounts", "import", file]);
    expect((await runAg(home.path, ["accounts", "remove", "a1", "--yes"])).code).toBe(0);
    const left = await runAg(home.path, ["accounts", "import", file]);
    expect(left).toEqual({
      code: 0,
      stdout: "Left out, because you removed them: a1. The same command with --again takes them back\n",
      stderr: "",
    });
    const again = await runAg(home.path, ["accounts", "import", file, "--again"]);
    expect(again.stdout).toBe("Added a2  b@example.org\n");
  });

  test("--json is one document without a token", async () => {
    using home = freshHome();
    writeCliProxy(home.path);
    const { code, stdout, stderr } = await runAg(home.path, ["accounts", "import", ".cli-proxy-api", "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      added: [expect.objectContaining({ handle: "a1", kind: "antigravity", email: "b@example.org", state: "ready" })],
      updated: [],
      known: [],
      removed: [],
      skipped: [{ place: "codex-x.json", email: "x@example.org", reason: "is a sign-in of another provider" }],
    });
    expect(stdout).not.toContain("1//");
  });

  const refused: [what: string, words: string[], stdin: string, message: RegExp][] = [
    [
      "a store of another tool",
      [".cli-proxy-api/antigravity-b.json", "--from", "antigravity-manager"],
      "",
      /is a store of cliproxyapi, not of/,
    ],
    [
      "a store with nothing for us",
      [".cli-proxy-api/codex-x.json"],
      "",
      /^ag: The input is a sign-in of another provider/,
    ],
    ["a folder without accounts", ["."], "", /^ag: \. holds no accounts of a tool that is known/],
    [
      "a database as the store of a tool without one",
      [APP, "--from", "cliproxyapi"],
      "",
      /is a database, no store of cliproxyapi/,
    ],
    ["an API key, naming the way to add it", ["-"], "AIza-test-hush-hush-hush", /ag accounts add --gemini-key/],
  ];
  for (const [what, words, stdin, message] of refused) {
    test(`refuses ${what}`, async () => {
      using home = freshHome();
      writeCliProxy(home.path);
      writeAppState(join(home.path, APP), A, "app@example.org");
      const { code, stdout, stderr } = await runAg(home.path, ["accounts", "import", ...words], { stdin });
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/1\/\/|hush/);
    });
  }

  test.skipIf(process.platform === "win32")("reads all of a pipe, as <(command) is one", async () => {
    using home = freshHome();
    const path = join(home.path, "pipe");
    Bun.spawnSync(["mkfifo", path]);
    Bun.spawn(["sh", "-c", 'echo "$0" > "$1"', A, path]);
    const noDatabase = () => Promise.reject(new Error("it is none"));
    const source = await readPath(path, { format: undefined, readItems: noDatabase });
    expect(source).toMatchObject({ reading: { accounts: [{ secret: A }] } });
  });

  test("a label is one that ag accounts label would take", async () => {
    using home = freshHome();
    for (const label of ["a1", "x".repeat(61)]) {
      const { code, stderr } = await runAg(home.path, ["accounts", "import", "-", "--label", label], { stdin: A });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^ag: A label /) as string });
    }
    expect((await runAg(home.path, ["accounts", "list"])).stdout).toContain("No accounts yet");
  });

  test("refuses an API key in the place of the file without repeating it", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["accounts", "import", "AIza-test-hush"]);
    expect(code).toBe(2);
    expect(stderr).not.toContain("hush");
  });

  test("refuses a format that it does not know", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["accounts", "import", "x", "--from", "cliproxy"]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      "--from must be one of antigravity, antigravity-claude-proxy, antigravity-manager, cliproxyapi",
    );
  });
});
