/**
 * Compiles `ag` into self-contained executables and writes SHA256SUMS beside them.
 *
 *   bun scripts/build.ts                               for this machine
 *   bun scripts/build.ts --target linux-arm64,darwin-x64
 *   bun scripts/build.ts --all --gzip --outdir dist
 *
 * AG_OAUTH_CLIENT_ID and AG_OAUTH_CLIENT_SECRET of the build environment are put into the executable when both are set.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import packageJson from "../package.json";
import { smokeTest } from "./lib/smoke-test.ts";

const TARGETS = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  "windows-x64",
] as const;
type Target = (typeof TARGETS)[number];

const root = resolve(import.meta.dir, "..");
const { values: options } = parseArgs({
  options: {
    target: { type: "string" },
    all: { type: "boolean", default: false },
    gzip: { type: "boolean", default: false },
    outdir: { type: "string", default: "dist" },
  },
});

const outdir = resolve(root, options.outdir);
const targets = options.all ? [...TARGETS] : readTargets(options.target);
const commit = currentCommit();
mkdirSync(outdir, { recursive: true });

console.log(`ag ${packageJson.version}${commit === undefined ? "" : ` (${commit})`}, bun ${Bun.version}`);
console.log(oauthClient() === undefined ? "no OAuth client embedded" : "OAuth client embedded from the environment");
const artifacts: string[] = [];
for (const target of targets) {
  const startedAt = performance.now();
  const file = await compile(target);
  if (target === nativeTarget()) {
    const problem = await smokeTest(file, packageJson.version);
    if (problem !== undefined) {
      rmSync(file);
      fail(`${file} was built but does not work, and was removed: ${problem}`);
    }
  }
  artifacts.push(file);
  if (options.gzip) artifacts.push(compress(file));
  const megabytes = (Bun.file(file).size / 1e6).toFixed(1);
  const checked = target === nativeTarget() ? ", smoke test passed" : "";
  console.log(`${file}  ${megabytes} MB, ${Math.round(performance.now() - startedAt)} ms${checked}`);
}
writeChecksums();

async function compile(target: Target): Promise<string> {
  const file = join(outdir, `ag-${target}${target.startsWith("windows") ? ".exe" : ""}`);
  rmSync(file, { force: true });
  const client = oauthClient();
  const result = await Bun.build({
    entrypoints: [join(root, "src/main.ts")],
    compile: { target: `bun-${target}`, outfile: file, autoloadDotenv: false, autoloadBunfig: false },
    // Lazy commands stay in chunks of their own, as bytecode: `--version` starts in a few milliseconds.
    format: "esm",
    splitting: true,
    bytecode: true,
    minify: true,
    sourcemap: "linked",
    define: {
      ...(commit !== undefined && { AG_BUILD_COMMIT: JSON.stringify(commit) }),
      ...(client && {
        AG_BUILD_OAUTH_CLIENT_ID: JSON.stringify(client.id),
        AG_BUILD_OAUTH_CLIENT_SECRET: JSON.stringify(client.secret),
      }),
    },
    throw: false,
  });
  for (const log of result.logs) console.error(String(log));
  removeSourceMaps();
  if (!result.success || !existsSync(file)) fail(`Building for ${target} failed`);
  if (!containsProgram(file)) fail(`${file} holds no program: it would behave like plain bun`);
  return file;
}

/** Foreign executables cannot be run here, but a text that stands only in our own code must be in them. */
function containsProgram(file: string): boolean {
  return readFileSync(file).includes("AG_CLOUDCODE_URLS");
}

/** The map is inside the executable; the copy beside it would only be shipped by mistake. */
function removeSourceMaps(): void {
  for (const name of readdirSync(outdir)) if (name.endsWith(".map")) rmSync(join(outdir, name));
}

function compress(file: string): string {
  const compressed = `${file}.gz`;
  writeFileSync(compressed, gzipSync(readFileSync(file), { level: 9 }));
  return compressed;
}

/** In the format of `sha256sum`, for exactly what this run built. */
function writeChecksums(): void {
  const lines = artifacts.map((file) => {
    const hash = new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex");
    return `${hash}  ${basename(file)}\n`;
  });
  writeFileSync(join(outdir, "SHA256SUMS"), lines.join(""));
}

function readTargets(list: string | undefined): Target[] {
  if (list === undefined) {
    const native = nativeTarget();
    if (native === undefined) fail(`There is no build for ${process.platform} ${process.arch}`);
    return [native];
  }
  return list.split(",").map((name) => {
    const target = TARGETS.find((known) => known === name.trim());
    return target ?? fail(`Unknown target ${JSON.stringify(name)}. Known: ${TARGETS.join(", ")}`);
  });
}

function nativeTarget(): Target | undefined {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  // By the libc that this very Bun runs on: a musl loader may lie on a glibc system too.
  const musl = process.platform === "linux" && readFileSync("/proc/self/maps", "utf8").includes("ld-musl");
  return TARGETS.find((target) => target === `${platform}-${process.arch}${musl ? "-musl" : ""}`);
}

function currentCommit(): string | undefined {
  const git = (...words: string[]) => {
    const { exitCode, stdout } = Bun.spawnSync(["git", ...words], { cwd: root, stderr: "ignore" });
    return exitCode === 0 ? stdout.toString().trim() : undefined;
  };
  const hash = git("rev-parse", "--short", "HEAD");
  return hash === undefined ? undefined : `${hash}${git("status", "--porcelain") === "" ? "" : "-dirty"}`;
}

function oauthClient(): { id: string; secret: string } | undefined {
  const id = process.env.AG_OAUTH_CLIENT_ID;
  const secret = process.env.AG_OAUTH_CLIENT_SECRET;
  if (Boolean(id) !== Boolean(secret)) fail("Set both AG_OAUTH_CLIENT_ID and AG_OAUTH_CLIENT_SECRET, or neither");
  return id && secret ? { id, secret } : undefined;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
