import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import bunfig from "../../bunfig.toml";
import packageJson from "../../package.json";

const ROOT = resolve(import.meta.dir, "../..");

interface Manifest {
  name: string;
  version: string;
  license?: string;
  scripts?: Record<string, string>;
  gypfile?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** What is run when a package comes from a registry; `prepare` is run for those from elsewhere only. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"];

const PERMISSIVE = /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0)$/;

/** Everything that `ag` is made of besides itself, by its folder. */
const runtime = runtimePackages();

describe("what ag is made of", () => {
  test("is seen: what depends on what is followed", () => {
    const names = new Set([...runtime.values()].map(({ name }) => name));
    for (const direct of Object.keys(packageJson.dependencies)) expect(names).toContain(direct);
    expect(names.size).toBeGreaterThan(Object.keys(packageJson.dependencies).length);
  });

  test("runs nothing when it is installed", () => {
    const running = [...runtime].flatMap(([folder, { name, scripts = {}, gypfile }]) => {
      const found = INSTALL_SCRIPTS.filter((script) => scripts[script] !== undefined);
      return found.length > 0 || gypfile || existsSync(join(folder, "binding.gyp")) ? [`${name}: ${found}`] : [];
    });
    expect(running).toEqual([]);
  });

  test("may be passed on with it", () =>
    expect([...runtime.values()].filter(({ license = "" }) => !PERMISSIVE.test(license))).toEqual([]));
});

describe("bun.lock", () => {
  const { packages, trustedDependencies = [] } = lockfile();

  test("names each package's version and digest, and all are from the registry", () => {
    expect(Object.keys(packages).length).toBeGreaterThan(100);
    const loose = Object.values(packages).filter(
      (entry) => !/@\d+\.\d+\.\d+[\w.+-]*$/.test(String(entry[0])) || !String(entry.at(-1)).startsWith("sha512-"),
    );
    expect(loose).toEqual([]);
  });

  test("has the very versions that package.json asks for, which are exact", () => {
    for (const [name, version] of Object.entries({ ...packageJson.dependencies, ...packageJson.devDependencies })) {
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
      expect(packages[name]?.[0]).toBe(`${name}@${version}`);
    }
  });

  test("trusts no package to run a script", () => {
    expect(packageJson).not.toHaveProperty("trustedDependencies");
    expect(trustedDependencies).toEqual([]);
  });
});

describe("an install", () => {
  test("runs no package's scripts, not even those that Bun trusts by itself", () =>
    expect(bunfig.install).toMatchObject({ ignoreScripts: true, exact: true }));

  test("takes what bun.lock says, in CI, in the container and from a clone, all of which go one way", () => {
    expect(read("scripts/with-bun.mjs")).toMatch(/spawnSync\(bun, \["install", "--frozen-lockfile"/);
    const workflows = readdirSync(join(ROOT, ".github/workflows")).map((name) => `.github/workflows/${name}`);
    const ways = [".ci/run", "install.sh", "package.json", "deploy/Dockerfile", ...workflows];
    const others = ways.filter((path) =>
      /\b(?:npm|npx|bun|yarn|pnpm)\s+(?:ci|i|install|add|x|exec)\b/.test(read(path)),
    );
    expect(others).toEqual([]);
  });

  test("is looked up among known vulnerabilities by CI", () =>
    expect(read(".github/workflows/ci.yml")).toMatch(/with-bun\.mjs audit --audit-level=high$/m));
});

function runtimePackages(): Map<string, Manifest> {
  const found = new Map<string, Manifest>();
  const follow = (names: Iterable<string>, from: string) => {
    for (const name of names) {
      const folder = folderOf(name, from);
      if (folder === undefined) throw new Error(`${name} is not installed, which ${from} depends on`);
      if (found.has(folder)) continue;
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
      found.set(folder, manifest);
      follow(dependenciesOf(manifest), folder);
    }
  };
  follow(Object.keys(packageJson.dependencies), ROOT);
  return found;
}

function dependenciesOf({ dependencies, optionalDependencies, peerDependencies, ...manifest }: Manifest): string[] {
  const optional = manifest.peerDependenciesMeta ?? {};
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !optional[name]?.optional);
  return [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers];
}

/** Where an import of the package leads from there. */
function folderOf(name: string, from: string): string | undefined {
  for (let folder = from; folder.startsWith(ROOT); folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
  }
  return undefined;
}

/** JSON but for the commas at the ends of its lists. */
function lockfile(): { packages: Record<string, unknown[]>; trustedDependencies?: string[] } {
  return JSON.parse(read("bun.lock").replace(/,(?=\s*[\]}])/g, ""));
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}
