import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "./served-binary.ts";

/**
 * Runs a freshly built executable: its version and one demo request in each protocol. Returns what is wrong, or undefined.
 * Needed because a failed bytecode step succeeds and ships a binary that behaves like plain `bun`.
 */
export async function smokeTest(binary: string, version: string): Promise<string | undefined> {
  const home = mkdtempSync(join(tmpdir(), "ag-smoke-"));
  try {
    return (await checkVersion(binary, version, home)) ?? (await checkDemo(binary, home));
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function checkVersion(binary: string, version: string, home: string): Promise<string | undefined> {
  const { stdout, exitCode } = Bun.spawnSync([binary, "--version"], {
    cwd: home,
    env: { HOME: home },
    timeout: 10_000,
  });
  const shown = stdout.toString().trim();
  const right = exitCode === 0 && (shown === `ag ${version}` || shown.startsWith(`ag ${version} (`));
  return right ? undefined : `--version printed ${JSON.stringify(shown)} and exited with ${exitCode}`;
}

async function checkDemo(binary: string, home: string): Promise<string | undefined> {
  const server = await startServer([binary, "serve", "--demo", "--port", "0"], home);
  try {
    const messages = [{ role: "user", content: "Hello" }];
    const requests = [
      { path: "/v1/messages", marker: '"type":"message"' },
      { path: "/v1/chat/completions", marker: '"choices"' },
    ];
    for (const { path, marker } of requests) {
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "claude-sonnet-4-6", max_tokens: 64, messages }),
        signal: AbortSignal.timeout(10_000),
        proxy: false,
      });
      const text = await response.text();
      if (response.status !== 200 || !text.includes(marker)) {
        return `POST ${path} answered ${response.status}: ${text.slice(0, 300)}`;
      }
    }
    return undefined;
  } finally {
    await server.stop();
  }
}
