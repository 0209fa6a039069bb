import { isAbsolute, join, resolve } from "node:path";
import { ConfigError } from "./config-error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Paths {
  configFile: string;
  dataDirectory: string;
  database: string;
}

/** Where configuration and data live: `AG_HOME` for both, else the XDG directories. Touches no file. */
export function resolvePaths(env: Environment, workingDirectory: string): Paths {
  const home = env.HOME || env.USERPROFILE;
  if (env.AG_HOME) {
    const directory = resolve(workingDirectory, expandTilde(env.AG_HOME, home));
    return paths(directory, directory);
  }
  return paths(
    join(xdgDirectory(env.XDG_CONFIG_HOME, home, ".config"), "ag"),
    join(xdgDirectory(env.XDG_DATA_HOME, home, ".local/share"), "ag"),
  );
}

function paths(configDirectory: string, dataDirectory: string): Paths {
  return {
    configFile: join(configDirectory, "config.jsonc"),
    dataDirectory,
    database: join(dataDirectory, "ag.db"),
  };
}

function xdgDirectory(value: string | undefined, home: string | undefined, fallback: string): string {
  // The XDG specification: a relative path is invalid and must be ignored.
  if (value && isAbsolute(value)) return value;
  if (!home) {
    throw new ConfigError("environment", "HOME is not set, so there is no place for the data", {
      hint: "Set AG_HOME to the directory that ag shall use.",
    });
  }
  return join(home, fallback);
}

function expandTilde(path: string, home: string | undefined): string {
  // The shell expands ~, but systemd units and container files hand it over as it stands.
  return home && (path === "~" || path.startsWith("~/")) ? join(home, path.slice(1)) : path;
}
