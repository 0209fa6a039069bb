import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { composeStore } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import { freshHome, runAg } from "./support.ts";

// Each archive takes a key derivation that is slow on purpose, in a process of its own.
setDefaultTimeout(30_000);

const A = "1//test-refresh-token-a";
const B = "1//test-refresh-token-b";
const PASSPHRASE = "test passphrase";

/** A home with two accounts, of which the second was stopped for good and disabled, and a file with the passphrase. */
async function homeWithAccounts() {
  const home = freshHome();
  const store = await composeStore(loadConfig({ env: { AG_HOME: join(home.path, "here") }, oauthClient: undefined }));
  await store.accounts.add(
    [
      { kind: "antigravity", secret: A, email: "a@example.org", label: "team", projectId: "project-a", tier: "pro" },
      { kind: "gemini-api-key", secret: "AIza-test-key-of-the-lawful-lane" },
      { kind: "antigravity", secret: B, email: "b@example.org" },
    ],
    1,
    { again: false },
  );
  const [, , last] = await store.accounts.list();
  const problem = { type: "terms-block", message: "Stopped", url: "https://support.google.com/x", since: 5 } as const;
  await store.accounts.update(last?.id ?? "", { enabled: false, problem });
  await store.close();
  writeFileSync(join(home.path, "passphrase"), `${PASSPHRASE}\n`);
  const at =
    (place: string) =>
    (words: string[], stdin = "") =>
      runAg(home.path, ["accounts", ...words], { env: { AG_HOME: join(home.path, place) }, stdin });
  return { path: home.path, here: at("here"), there: at("there"), [Symbol.dispose]: () => home[Symbol.dispose]() };
}

async function accountsAt(home: string, key?: string) {
  const env = { AG_HOME: home, ...(key !== undefined && { AG_SECRET_KEY: key }) };
  const store = await composeStore(loadConfig({ env, oauthClient: undefined }));
  const accounts = await store.accounts.list();
  await store.close();
  return accounts.map(({ id: _, addedAt: __, ...account }) => account);
}

const WITH_PASSPHRASE = ["--passphrase-file", "passphrase"];

describe("ag accounts export", () => {
  test("is the way to another AG_SECRET_KEY, as the refusal of that key says", async () => {
    using home = await homeWithAccounts();
    const data = join(home.path, "keyed");
    const under = (key: string, ...words: string[]) =>
      runAg(home.path, ["accounts", ...words], { env: { AG_HOME: data, AG_SECRET_KEY: key.repeat(32) } });
    await home.here(["export", "here.agx", ...WITH_PASSPHRASE]);
    expect(await under("0a", "import", "here.agx", ...WITH_PASSPHRASE)).toMatchObject({ code: 0 });
    expect(readdirSync(data)).not.toContain("ag.key");

    const refused = await under("0b", "list");
    expect(refused.code).toBe(1);
    expect(refused.stdout).toBe("");
    const steps = ["with the old one run ag accounts export FILE", "move ag.db and", "run ag accounts import FILE"];
    for (const step of steps) expect(refused.stderr.replaceAll(/\s+/g, " ")).toContain(step);

    expect(await under("0a", "export", "keyed.agx", ...WITH_PASSPHRASE)).toMatchObject({ code: 0 });
    for (const name of readdirSync(data).filter((each) => /^ag\.db(-wal|-shm)?$/.test(each))) {
      renameSync(join(data, name), join(home.path, `old-${name}`));
    }
    const listed = await accountsAt(join(home.path, "here"));
    expect(await under("0b", "import", "keyed.agx", ...WITH_PASSPHRASE)).toMatchObject({ code: 0 });
    expect(await accountsAt(data, "0b".repeat(32))).toEqual(listed);
  });

  test("moves every account to another host in the state that it is in", async () => {
    using home = await homeWithAccounts();
    const written = await home.here(["export", "accounts.agx", ...WITH_PASSPHRASE]);
    expect(written).toEqual({
      code: 0,
      stdout: "Wrote 3 accounts to accounts.agx. On the other host: ag accounts import FILE\n",
      stderr: "",
    });
    const taken = await home.there(["import", "accounts.agx", ...WITH_PASSPHRASE]);
    expect(taken).toEqual({
      code: 0,
      stdout: "Added a1  a@example.org  team\nAdded a2\nAdded a3  b@example.org  (disabled)\n",
      stderr: "",
    });
    expect(await accountsAt(join(home.path, "there"))).toEqual(await accountsAt(join(home.path, "here")));
  });

  test("writes a file that only its owner can read, and leaves no other", async () => {
    using home = await homeWithAccounts();
    await home.here(["export", "accounts.agx", ...WITH_PASSPHRASE]);
    expect(statSync(join(home.path, "accounts.agx")).mode & 0o777).toBe(0o600);
    expect(readdirSync(home.path).filter((name) => name.includes("agx"))).toEqual(["accounts.agx"]);
    expect(readFileSync(join(home.path, "accounts.agx"), "utf8")).not.toMatch(/1\/\/|AIza|example/);
  });

  test("writes only the archive to stdout, and imports it from stdin", async () => {
    using home = await homeWithAccounts();
    const { code, stdout, stderr } = await home.here(["export", "-", ...WITH_PASSPHRASE]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ format: "ag-accounts" });
    expect(stderr).toStartWith("Wrote 3 accounts.");
    const taken = await home.there(["import", "-", ...WITH_PASSPHRASE, "--json"], stdout);
    expect(JSON.parse(taken.stdout)).toMatchObject({
      added: [{ state: "ready" }, { state: "ready" }, { state: "disabled" }],
    });
    expect(taken.stdout).not.toMatch(/1\/\/|AIza/);
  });

  test("takes the passphrase from stdin", async () => {
    using home = await homeWithAccounts();
    const { code } = await home.here(["export", "accounts.agx", "--passphrase-file", "-"], `${PASSPHRASE}\n`);
    expect(code).toBe(0);
    expect((await home.there(["import", "accounts.agx", ...WITH_PASSPHRASE])).code).toBe(0);
  });

  test("--json says what was written, without a token", async () => {
    using home = await homeWithAccounts();
    const { stdout } = await home.here(["export", "accounts.agx", ...WITH_PASSPHRASE, "--json"]);
    expect(JSON.parse(stdout)).toEqual({ file: "accounts.agx", accounts: ["a1", "a2", "a3"] });
  });

  test("never writes over a file", async () => {
    using home = await homeWithAccounts();
    writeFileSync(join(home.path, "mine"), "precious");
    const { code, stderr } = await home.here(["export", "mine", ...WITH_PASSPHRASE]);
    expect(code).toBe(1);
    expect(stderr).toStartWith("ag: mine exists already\n");
    expect(readFileSync(join(home.path, "mine"), "utf8")).toBe("precious");
  });
});

describe.concurrent("ag accounts export", () => {
  const refused: [what: string, words: string[], code: number, message: RegExp][] = [
    ["without a passphrase where nobody can be asked", ["x.agx"], 2, /no terminal.*\n.*--passphrase-file/],
    ["with a short passphrase", ["x.agx", "--passphrase-file", "short"], 1, /at least 8 characters/],
    ["with an empty passphrase file", ["x.agx", "--passphrase-file", "empty"], 1, /there is no passphrase in it/],
    ["without the passphrase file", ["x.agx", "--passphrase-file", "nope"], 1, /nope does not exist/],
    ["into a folder that is not there", ["no/x.agx", ...WITH_PASSPHRASE], 1, /its folder does not exist/],
    ["to stdout together with --json", ["-", "--json", ...WITH_PASSPHRASE], 2, /--json does not go with -/],
    ["without a file", [], 2, /FILE is missing/],
  ];
  for (const [what, words, code, message] of refused) {
    test(`does not work ${what}`, async () => {
      using home = await homeWithAccounts();
      writeFileSync(join(home.path, "short"), "seven77\n");
      writeFileSync(join(home.path, "empty"), "\n");
      const outcome = await home.here(["export", ...words]);
      expect(outcome).toMatchObject({ code, stdout: "" });
      expect(outcome.stderr).toMatch(message);
      expect(outcome.stderr).not.toContain("seven77");
      expect(existsSync(join(home.path, "x.agx"))).toBe(false);
    });
  }

  test("has nothing to write without accounts, and exits with 3", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["accounts", "export", "x.agx"]);
    expect(code).toBe(3);
    expect(stderr).toContain("ag accounts add");
  });
});

describe("ag accounts import of an archive", () => {
  test("imports nothing with a wrong passphrase, and says so in a sentence", async () => {
    using home = await homeWithAccounts();
    await home.here(["export", "accounts.agx", ...WITH_PASSPHRASE]);
    writeFileSync(join(home.path, "wrong"), "another passphrase\n");
    const outcome = await home.there(["import", "accounts.agx", "--passphrase-file", "wrong"]);
    expect(outcome).toEqual({
      code: 1,
      stdout: "",
      stderr: "ag: The passphrase is wrong, or the archive was changed after it was made\n",
    });
    expect(await accountsAt(join(home.path, "there"))).toEqual([]);
  });

  test("wants a passphrase file when the archive comes from stdin, and no --from", async () => {
    using home = await homeWithAccounts();
    const { stdout: archive } = await home.here(["export", "-", ...WITH_PASSPHRASE]);
    expect(await home.there(["import", "-"], archive)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--passphrase-file"),
    });
    expect(await home.there(["import", "-", "--from", "cliproxyapi"], archive)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Leave --from out"),
    });
  });

  test("does not set an account going again that is stopped on this host", async () => {
    using home = await homeWithAccounts();
    mkdirSync(join(home.path, "there"));
    await home.there(["import", "-"], JSON.stringify({ refresh_token: B, email: "b@example.org" }));
    await home.here(["export", "accounts.agx", ...WITH_PASSPHRASE]);
    await home.there(["import", "accounts.agx", ...WITH_PASSPHRASE]);
    const [stopped] = await accountsAt(join(home.path, "there"));
    expect(stopped).toMatchObject({ email: "b@example.org", enabled: true, problem: { type: "terms-block" } });
  });
});
