import { expect, test } from "bun:test";
import { resolve } from "node:path";

const SCRIPT = resolve(import.meta.dir, "../../scripts/test-binary.ts");

// The whole of tests/e2e takes minutes this way, because a binary's waits are real: npm run test:binary.
const FILES = ["recordings", "anthropic-tools", "openai-tools"].map((name) => `tests/e2e/${name}.test.ts`);

test("the compiled executable answers every recorded request and carries both SDKs through their tool loops", () => {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, SCRIPT, ...FILES]);
  const output = stdout.toString() + stderr.toString();
  expect(output).toMatch(/^ *[1-9]\d* pass$/m);
  expect({ exitCode, failed: /^ *(\d+) fail$/m.exec(output)?.[1] }).toEqual({ exitCode: 0, failed: "0" });
}, 120_000);
