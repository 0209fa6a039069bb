import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const homes: string[] = [];

/** A data directory that outlives its gateway, so that another one can be started over it; removed after the last test. */
export function temporaryHome(): string {
  const home = mkdtempSync(join(tmpdir(), "ag-test-"));
  homes.push(home);
  return home;
}

export function removeTemporaryHomes(): void {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
}
