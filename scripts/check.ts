/** Everything that must hold before a change is done; two steps at a time, the output of those that fail, and a table. */
import { join, resolve } from "node:path";

interface Step {
  name: string;
  command: string[];
}

interface Outcome {
  name: string;
  passed: boolean;
  elapsedMs: number;
  output: string;
}

const LANES = 2;
const root = resolve(import.meta.dir, "..");
const bun = process.execPath;

// Slowest first, so that the lanes end together.
const steps: Step[] = [
  { name: "tests", command: [bun, "scripts/test.ts", "--only-failures"] },
  { name: "types", command: [bun, tool("typescript/bin/tsc"), "--noEmit", "--pretty", "false"] },
  { name: "boundaries", command: [bun, "scripts/boundaries.ts"] },
  { name: "dead code", command: [bun, tool("knip/bin/knip.js"), "--config", "scripts/knip.json", "--no-progress"] },
  { name: "lint", command: [bun, tool("oxlint/bin/oxlint"), "-c", "scripts/oxlint.json", "src", "scripts", "tests"] },
  { name: "format", command: [bun, "fmt", "--check"] },
];

const startedAt = performance.now();
const queue = [...steps];
const outcomes = new Map<string, Outcome>();
await Promise.all(Array.from({ length: LANES }, runLane));

for (const { name, passed, output } of outcomes.values()) {
  if (!passed) console.log(`\n──── ${name} ────\n${output.trim()}`);
}
console.log("");
for (const { name } of steps) {
  const outcome = outcomes.get(name);
  if (outcome === undefined) continue;
  const lastLine = outcome.passed ? (outcome.output.trim().split("\n").at(-1) ?? "") : "";
  const note = name === "tests" || name === "boundaries" ? lastLine : "";
  console.log(
    `${outcome.passed ? "ok    " : "FAILED"}  ${name.padEnd(11)} ${seconds(outcome.elapsedMs)}   ${note}`.trimEnd(),
  );
}
const failed = [...outcomes.values()].filter(({ passed }) => !passed).length;
console.log(
  `\n${steps.length - failed} of ${steps.length} checks passed in ${seconds(performance.now() - startedAt).trim()}`,
);
process.exit(failed > 0 ? 1 : 0);

async function runLane(): Promise<void> {
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
    outcomes.set(step.name, await runStep(step));
  }
}

async function runStep({ name, command }: Step): Promise<Outcome> {
  const begin = performance.now();
  const child = Bun.spawn(command, {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { name, passed: exitCode === 0, elapsedMs: performance.now() - begin, output: `${stderr}${stdout}` };
}

function tool(path: string): string {
  return join(root, "node_modules", path);
}

function seconds(elapsedMs: number): string {
  return `${(elapsedMs / 1000).toFixed(1).padStart(6)} s`;
}
