import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const SCRIPT = resolve(import.meta.dir, "../../scripts/with-bun.mjs");

/** Knows its version, notes every other call, and ends as the words it is given say. */
const FAKE_BUN = `#!/bin/sh
[ "$1" = --version ] && { echo "$FAKE_VERSION"; exit 0; }
printf '%s|' "$PWD" "NODE_ENV=\${NODE_ENV:-}" "$@" >> "$CALLS"; echo >> "$CALLS"
case "$*" in
  install*) mkdir -p node_modules; exit "\${FAKE_INSTALL:-0}" ;;
  *exit-7*) exit 7 ;;
  *wait*) trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done ;;
esac
`;

/** Puts the fake binary where the real npm puts the real one, and notes its words. */
const FAKE_NPM = `
const { mkdirSync, writeFileSync, appendFileSync } = require("node:fs");
appendFileSync(process.env.CALLS, "npm|" + process.cwd() + "|" + process.argv.slice(2).join("|") + "\\n");
if (process.env.FAKE_NPM_FAILS) { console.error("npm error network"); process.exit(1); }
mkdirSync("node_modules/@oven/bun-fake/bin", { recursive: true });
writeFileSync("node_modules/@oven/bun-fake/bin/bun", process.env.FAKE_BUN, { mode: 0o755 });
`;

let root: string;
let calls: string;

beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), "ag with bun ")), "my checkout");
  calls = join(dirname(root), "calls");
  write("package.json", JSON.stringify({ devDependencies: { bun: "1.2.3" } }));
  write("bun.lock", "lock 1");
  mkdirSync(join(root, "scripts"));
  copyFileSync(SCRIPT, join(root, "scripts/with-bun.mjs"));
  mkdirSync(join(dirname(root), "npm/bin"), { recursive: true });
  writeFileSync(join(dirname(root), "npm/bin/npm-cli.js"), FAKE_NPM);
  writeFileSync(calls, "");
});
afterEach(() => rmSync(dirname(root), { recursive: true, force: true }));

describe("on a machine with Node and npm alone", () => {
  test("the pinned Bun is fetched without install scripts, then the frozen dependencies, then the program runs", async () => {
    const { code, stderr } = await run(["scripts/x.ts", "two words"]);
    expect(code).toBe(0);
    expect(stderr).toBe("Installing dependencies (first run)…\n");
    const [npm = "", install, program, ...rest] = seen();
    expect(npm).toStartWith(`npm|${root}/.bun|install|--no-save|--ignore-scripts|`);
    expect(npm).toEndWith("|bun@1.2.3");
    expect(install).toBe(`${root}|NODE_ENV=|install|--frozen-lockfile|--no-progress|`);
    expect(program).toBe(`${root}|NODE_ENV=|--no-env-file|scripts/x.ts|two words|`);
    expect(rest).toEqual([]);
  });

  test("a second run installs nothing and says nothing", async () => {
    await run(["x"]);
    writeFileSync(calls, "");
    const { stderr } = await run(["x"]);
    expect(stderr).toBe("");
    expect(seen()).toEqual([`${root}|NODE_ENV=|--no-env-file|x|`]);
  });

  test("NODE_ENV=production reaches the program, but development dependencies are installed", async () => {
    await run(["x"], { NODE_ENV: "production", npm_config_omit: "dev" });
    expect(seen().slice(1)).toEqual([
      `${root}|NODE_ENV=|install|--frozen-lockfile|--no-progress|`,
      `${root}|NODE_ENV=production|--no-env-file|x|`,
    ]);
  });

  test("when npm fails its words are shown, and nothing is run", async () => {
    const { code, stderr } = await run(["x"], { FAKE_NPM_FAILS: "1" });
    expect(code).toBe(1);
    expect(stderr).toContain("npm could not install bun@1.2.3");
    expect(stderr).toContain("npm error network");
    expect(seen()).toHaveLength(1);
  });

  test("when the dependencies cannot be installed it is tried again the next time", async () => {
    expect((await run(["x"], { FAKE_INSTALL: "1" })).code).toBe(1);
    expect(existsSync(join(root, "node_modules/.bun-lock-hash"))).toBe(false);
    expect((await run(["x"])).code).toBe(0);
  });
});

describe("with Bun in place", () => {
  beforeEach(() => {
    write("node_modules/bun/bin/bun.exe", FAKE_BUN);
    chmodSync(join(root, "node_modules/bun/bin/bun.exe"), 0o755);
  });

  test("a changed bun.lock brings the dependencies up to date, without npm", async () => {
    await run(["x"]);
    write("bun.lock", "lock 2");
    writeFileSync(calls, "");
    const { stderr } = await run(["x"]);
    expect(stderr).toBe("Bringing the dependencies up to date with bun.lock…\n");
    expect(seen().map((call) => call.split("|")[2])).toEqual(["install", "--no-env-file"]);
  });

  test("of another version it is not used", async () => {
    write("package.json", JSON.stringify({ devDependencies: { bun: "1.2.4" } }));
    const { code, stderr } = await run(["x"]);
    expect(code).toBe(1);
    expect(stderr).toContain("bun@1.2.4 has no binary that runs here");
  });

  test("the program's exit code is passed on", async () => expect((await run(["exit-7"])).code).toBe(7));

  test("SIGTERM reaches the program, which decides how to end", async () => {
    const child = start(["wait"]);
    for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("ready")) break;
    child.kill("SIGTERM");
    expect(await child.exited).toBe(42);
  });
});

async function run(words: string[], env: Record<string, string> = {}) {
  const child = start(words, env);
  const [stderr, code] = await Promise.all([child.stderr.text(), child.exited]);
  return { code, stderr };
}

/** From another directory than the checkout's. */
function start(words: string[], env: Record<string, string> = {}) {
  return Bun.spawn(["node", join(root, "scripts/with-bun.mjs"), ...words], {
    cwd: tmpdir(),
    env: {
      PATH: process.env.PATH,
      npm_execpath: join(dirname(root), "npm/bin/npm-cli.js"),
      CALLS: calls,
      FAKE_BUN,
      FAKE_VERSION: "1.2.3",
      ...env,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

function seen(): string[] {
  return readFileSync(calls, "utf8").trimEnd().split("\n");
}

function write(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}
