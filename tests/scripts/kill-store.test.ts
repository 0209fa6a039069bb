import { expect, test } from "bun:test";
import { join } from "node:path";

test("a store whose process is killed at random moments has every change that was acknowledged", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../scripts/kill-store.ts"), "15"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(errors).toBe("");
  expect(output).toMatch(
    /^15 kills, \d+ of them before the first change: no account lost\. [1-9]\d* changes acknowledged/,
  );
  expect(await child.exited).toBe(0);
}, 60_000);
