import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A path for a data file in a folder that exists only for one test. */
export function temporaryPath(): { path: string; folder: string; [Symbol.dispose](): void } {
  const root = mkdtempSync(join(tmpdir(), "ag-store-"));
  const folder = join(root, "data");
  return { folder, path: join(folder, "ag.db"), [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
}
