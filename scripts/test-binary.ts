/**
 * Builds the executable and runs the end-to-end tests through it instead of through the sources: every recorded client
 * request, both SDKs, bad input. Words after the script name choose test files; default: tests/e2e.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");
const files = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), "ag-binary-"));
try {
  run([join(root, "scripts/build.ts"), "--outdir", directory], {});
  const binary = readdirSync(directory).find((name) => name.startsWith("ag-"));
  if (binary === undefined) throw new Error("the build left no executable");
  // Waits between attempts are real here: the executable has a clock of its own.
  run(["test", "--timeout", "30000", ...(files.length > 0 ? files : ["tests/e2e"])], {
    AG_TEST_BINARY: join(directory, binary),
  });
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function run(words: string[], env: Record<string, string>): void {
  const { exitCode } = Bun.spawnSync([process.execPath, ...words], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) process.exitCode = exitCode;
  if (exitCode !== 0) throw new Error(`${words[0]} failed`);
}
