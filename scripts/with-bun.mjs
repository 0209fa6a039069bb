// Runs Bun with the given arguments in the repository, on a machine that has nothing but Node 20 and npm:
//   node scripts/with-bun.mjs scripts/test.ts
// Bun of the pinned version and the dependencies of bun.lock are fetched first when they are not there yet.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bunVersion = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies.bun;
const stampFile = join(root, "node_modules", ".bun-lock-hash");

try {
  run(prepare(), process.argv.slice(2));
} catch (error) {
  console.error(`with-bun: ${error.message}`);
  process.exitCode = 1;
}

/** The path of a Bun that works, with the dependencies in place. */
function prepare() {
  const lockHash = createHash("sha256")
    .update(readFileSync(join(root, "bun.lock")))
    .digest("hex");
  const upToDate = existsSync(stampFile) && readFileSync(stampFile, "utf8") === lockHash;
  let bun = findBun();
  if (bun !== undefined && upToDate) return bun;

  const first = bun === undefined && !existsSync(stampFile);
  console.error(first ? "Installing dependencies (first run)…" : "Bringing the dependencies up to date with bun.lock…");
  bun ??= installBun();
  const install = spawnSync(bun, ["install", "--frozen-lockfile", "--no-progress"], {
    cwd: root,
    env: installEnvironment(),
    encoding: "utf8",
  });
  if (install.status !== 0) throw new Error(`bun install failed\n${install.stdout}${install.stderr}`);
  writeFileSync(stampFile, lockHash);
  // Installing may have moved the binary.
  return findBun() ?? bun;
}

/** Where npm and Bun put the binary, with and without the bun package's install script. */
function findBun() {
  const suffix = process.platform === "win32" ? ".exe" : "";
  for (const modules of [join(root, "node_modules"), join(root, ".bun", "node_modules")]) {
    const platforms = existsSync(join(modules, "@oven")) ? readdirSync(join(modules, "@oven")) : [];
    const candidates = [
      join(modules, "bun", "bin", "bun.exe"),
      ...platforms.map((name) => join(modules, "@oven", name, "bin", `bun${suffix}`)),
    ];
    const working = candidates.find(isPinnedBun);
    if (working !== undefined) return working;
  }
  return undefined;
}

/** Tried, not guessed: the binary for another libc, or the package's placeholder, does not start. */
function isPinnedBun(path) {
  if (!existsSync(path)) return false;
  const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.trim() === bunVersion;
}

/** Fetches Bun with npm, so that its registry, proxy and certificate settings apply. Runs no install scripts. */
function installBun() {
  const prefix = join(root, ".bun");
  mkdirSync(prefix, { recursive: true });
  writeFileSync(join(prefix, "package.json"), '{ "private": true }\n');
  const options = [
    "--no-save",
    "--ignore-scripts",
    "--no-package-lock",
    "--no-audit",
    "--no-fund",
    "--include=optional",
  ];
  const npm = npmCommand();
  const { status, error, stdout, stderr } = spawnSync(
    npm.command,
    [...npm.prefixArguments, "install", ...options, `bun@${bunVersion}`],
    { cwd: prefix, env: installEnvironment(), encoding: "utf8", shell: npm.shell },
  );
  if (status !== 0) throw new Error(`npm could not install bun@${bunVersion}\n${error?.message ?? stdout + stderr}`);
  const bun = findBun();
  if (bun === undefined) {
    throw new Error(`bun@${bunVersion} has no binary that runs here (${process.platform} ${process.arch})`);
  }
  return bun;
}

/** npm as a script for this very Node where it is known: no shell, hence no trouble with spaces. */
function npmCommand() {
  const script = process.env.npm_execpath;
  if (script !== undefined && basename(script) === "npm-cli.js") {
    return { command: process.execPath, prefixArguments: [script], shell: false };
  }
  return { command: "npm", prefixArguments: [], shell: process.platform === "win32" };
}

/** Development dependencies are wanted whatever the caller's environment says about production. */
function installEnvironment() {
  const unwanted =
    /^(?:NODE_ENV|npm_config_(?:omit|only|production|prefix|global|local_prefix|package_lock_only|dry_run))$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !unwanted.test(name)));
}

function run(bun, words) {
  const running = { child: undefined };
  // Before the child exists: a signal in between would end this process and leave the child behind.
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => running.child?.kill(signal));
  // A terminal sends Ctrl-C to every process of the group itself; passing it on would make it two.
  process.on("SIGINT", () => {
    if (!process.stdin.isTTY) running.child?.kill("SIGINT");
  });
  // A .env file that happens to lie in the repository is nobody's configuration.
  const child = spawn(bun, ["--no-env-file", ...words], { cwd: root, stdio: "inherit" });
  running.child = child;
  child.on("error", (error) => {
    console.error(`with-bun: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
