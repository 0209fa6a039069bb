import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import packageJson from "../../package.json";
import { smokeTest } from "../../scripts/lib/smoke-test.ts";

const BUILD = resolve(import.meta.dir, "../../scripts/build.ts");

let directory: string;
let dist: string;
let binary: string;
let log: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ag-build-"));
  dist = join(directory, "dist");
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, BUILD, "--outdir", dist], {
    env: { ...process.env, AG_OAUTH_CLIENT_ID: "test-client-id", AG_OAUTH_CLIENT_SECRET: "test-client-secret" },
  });
  log = stdout.toString() + stderr.toString();
  if (exitCode !== 0) throw new Error(log);
  binary = join(dist, readdirSync(dist).find((name) => name.startsWith("ag-")) ?? "missing");
}, 60_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("a build", () => {
  test("leaves the executable and its checksum, no source map, and has tried it", () => {
    const name = binary.slice(dist.length + 1);
    expect(readdirSync(dist).toSorted()).toEqual(["SHA256SUMS", name]);
    const hash = new Bun.CryptoHasher("sha256").update(readFileSync(binary)).digest("hex");
    expect(readFileSync(join(dist, "SHA256SUMS"), "utf8")).toBe(`${hash}  ${name}\n`);
    expect(log).toContain("smoke test passed");
  });

  test("carries the version", () => {
    const { stdout } = runBinary(["--version"]);
    expect(stdout).toMatch(
      new RegExp(`^ag ${packageJson.version.replaceAll(".", "\\.")}( \\([0-9a-f]+(-dirty)?\\))?\n$`),
    );
  });

  test("carries the OAuth client of the build environment and does not print it", () => {
    expect(readFileSync(binary).includes("test-client-secret")).toBe(true);
    expect(log).toContain("OAuth client embedded");
    expect(log).not.toContain("test-client");
  });

  test("reads neither .env nor bunfig.toml of the directory it is started in", () => {
    const hostile = join(directory, "hostile");
    mkdirSync(hostile);
    writeFileSync(join(hostile, ".env"), "AG_PORT=from-dotenv\n");
    writeFileSync(join(hostile, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(hostile, "preload.ts"), 'console.log("preloaded");\n');
    const { exitCode, stdout, stderr } = runBinary(["accounts", "list", "--json"], hostile);
    expect({ exitCode, stdout: JSON.parse(stdout), stderr }).toEqual({
      exitCode: 0,
      stdout: { accounts: [] },
      stderr: "",
    });
  });
});

describe("the build refuses", () => {
  const rows: [name: string, words: string[], env: Record<string, string>, message: RegExp][] = [
    ["an unknown target", ["--target", "linux-x65"], {}, /Unknown target "linux-x65"\. Known: linux-x64, /],
    ["half an OAuth client", [], { AG_OAUTH_CLIENT_ID: "x", AG_OAUTH_CLIENT_SECRET: "" }, /or neither/],
  ];
  for (const [name, words, env, message] of rows) {
    test(name, () => {
      const { exitCode, stderr } = Bun.spawnSync(
        [process.execPath, BUILD, "--outdir", join(directory, "none"), ...words],
        {
          env: { ...process.env, ...env },
        },
      );
      expect(exitCode).toBe(1);
      expect(stderr.toString()).toMatch(message);
    });
  }
});

describe("the smoke test finds", () => {
  test("a binary that behaves like plain bun", async () => {
    expect(await smokeTest(process.execPath, packageJson.version)).toMatch(/^--version printed "\d/);
  });

  test("a binary that knows its version but does not serve", async () => {
    const fake = join(directory, "fake");
    writeFileSync(fake, '#!/bin/sh\n[ "$1" = --version ] && { echo "ag 9.9.9"; exit 0; }\necho broken >&2; exit 1\n');
    chmodSync(fake, 0o755);
    expect(await smokeTest(fake, "9.9.9")).toBe("the server did not start: broken");
  });
});

function runBinary(words: string[], cwd = directory) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([binary, ...words], { cwd, env: { HOME: directory } });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
