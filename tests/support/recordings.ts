import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/lib/json.ts";

export interface Recording {
  /** "claude-code/tool-bash-02" */
  name: string;
  /** "GET (upgrade)" for a WebSocket's first request. */
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: JsonObject;
}

const FOLDER = join(import.meta.dir, "../../../shared/recordings");

/** Requests of real clients, kept beside the project; `undefined` when they are not there. Only those by POST unless told otherwise. */
export function recordings(
  isWanted: (path: string) => boolean,
  isMethod: (method: string) => boolean = (method) => method === "POST",
): Recording[] | undefined {
  if (!existsSync(FOLDER)) return undefined;
  const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));
  return files
    .sort()
    .map((file) => ({ name: file.replace(/\.json$/, ""), ...JSON.parse(readFileSync(join(FOLDER, file), "utf8")) }))
    .filter(({ method, path }) => isMethod(method) && isWanted(path));
}
