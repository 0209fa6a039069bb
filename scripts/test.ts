/**
 * All tests: `bun test`, then one last line on stdout, `N passed, N failed`. Fails when a test failed, when a file could
 * not be loaded, and when there was nothing to run. Further arguments go to `bun test`.
 */
import { dirname } from "node:path";
import { parseSummary, summaryLine } from "./lib/test-summary.ts";

const color = process.stderr.isTTY && !process.env.NO_COLOR;
/** For what hangs only: a busy machine is no failure, and Bun's five seconds would end the processes of all tests after it. */
const TIME_LIMIT_MS = 60_000;
const limit = ["--timeout", String(TIME_LIMIT_MS)];
const child = Bun.spawn([process.execPath, "--no-env-file", "test", ...limit, ...process.argv.slice(2)], {
  cwd: dirname(import.meta.dir),
  env: { ...process.env, NODE_ENV: "test", ...(color && { FORCE_COLOR: "1" }) },
  stdin: "ignore",
  stdout: "inherit",
  stderr: "pipe",
});

const decoder = new TextDecoder();
let output = "";
for await (const chunk of child.stderr) {
  process.stderr.write(chunk);
  output += decoder.decode(chunk, { stream: true });
}
const exitCode = await child.exited;
const summary = parseSummary(output);
console.log(summaryLine(summary));
process.exit(summary.passed + summary.failed === 0 || summary.failed > 0 ? exitCode || 1 : exitCode);
