import { buildInfo } from "../config/build-info.ts";

/** `ag 0.1.0 (a1b2c3d)`; as JSON also the platform and the runtime. Imported by the start of every run: keep it light. */
export function versionText(json: boolean): string {
  const { version, commit } = buildInfo;
  if (!json) return `ag ${version}${commit === undefined ? "" : ` (${commit})`}`;
  return JSON.stringify(
    { name: "ag", version, commit: commit ?? null, platform: `${process.platform}-${process.arch}`, bun: Bun.version },
    undefined,
    2,
  );
}
