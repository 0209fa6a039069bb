import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A command-line client in the npm registry. */
export interface Package {
  name: string;
  version: string;
  /** Of the executable, below node_modules. */
  path: string;
}

export interface Installed {
  executable: string;
  version: string;
}

/** What is installed in the directory already, whatever its version. */
export function findInstalled(directory: string, { name, path }: Package): Installed | undefined {
  const modules = join(folderOf(directory, name), "node_modules");
  const executable = join(modules, path);
  if (!existsSync(executable)) return undefined;
  const { version }: { version: string } = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));
  return { executable, version };
}

/** Installs it with npm, without its install scripts. Returns why that did not work, or `undefined`. */
export function install(directory: string, { name, version }: Package): string | undefined {
  if (Bun.which("npm") === null) return "npm is not there to install it";
  const words = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"];
  const folder = folderOf(directory, name);
  const { exitCode, stderr } = Bun.spawnSync(["npm", "install", ...words, "--prefix", folder, `${name}@${version}`], {
    stdout: "ignore",
    stderr: "pipe",
  });
  return exitCode === 0 ? undefined : (stderr.toString().trim().split("\n")[0] ?? `npm exited with ${exitCode}`);
}

function folderOf(directory: string, name: string): string {
  return join(directory, name.replaceAll(/[@/]+/g, "_").replace(/^_/, ""));
}
