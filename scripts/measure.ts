/**
 * Prints how fast the built executable starts: `bun scripts/measure.ts [BINARY] [RUNS]`. Asserts nothing: the figures mean
 * something on an idle machine only.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startServer } from "./lib/served-binary.ts";

const dist = resolve(import.meta.dir, "../dist");
const binary = resolve(process.argv[2] ?? nativeBinary());
const runs = Number(process.argv[3] ?? 21);
const home = mkdtempSync(join(tmpdir(), "ag-measure-"));

try {
  console.log(`${binary}, ${runs} runs each`);
  await report("--version", async () => {
    Bun.spawnSync([binary, "--version"], { cwd: home, env: { HOME: home } });
  });
  await report("serve --demo: start to first 200", async () => {
    const server = await startServer([binary, "serve", "--demo", "--port", "0"], home);
    const response = await fetch(`${server.url}/healthz`, { proxy: false });
    await response.text();
    if (response.status !== 200) throw new Error(`GET /healthz answered ${response.status}`);
    return () => server.stop();
  });
} finally {
  rmSync(home, { recursive: true, force: true });
}

/** Times `action`; what it returns is run afterwards, outside the measurement. */
async function report(name: string, action: () => Promise<void | (() => Promise<unknown>)>): Promise<void> {
  const times: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const startedAt = performance.now();
    const cleanUp = await action();
    if (run > 0) times.push(performance.now() - startedAt); // the first run warms the page cache
    await cleanUp?.();
  }
  times.sort((a, b) => a - b);
  const at = (fraction: number) => times[Math.min(times.length - 1, Math.floor(times.length * fraction))]?.toFixed(1);
  console.log(`${name.padEnd(34)} median ${at(0.5)} ms   p90 ${at(0.9)} ms   best ${at(0)} ms`);
}

function nativeBinary(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = readdirSync(dist).find(
    (file) => file.startsWith(`ag-${platform}-${process.arch}`) && !file.endsWith(".gz"),
  );
  if (name === undefined) throw new Error("Nothing is built for this machine yet: bun run build");
  return join(dist, name);
}
