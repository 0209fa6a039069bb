import { join, posix, win32 } from "node:path";
import type { ImportFormat } from "../../accounts/import/entry.ts";
import type { Environment } from "../../config/paths.ts";

/** Where a tool keeps its accounts when nobody told it otherwise. */
export interface Place {
  format: ImportFormat;
  /** What is there: "the Antigravity app". */
  name: string;
  /** A file or a folder, which may not exist. */
  path: string;
}

/** The app's folder was renamed on the way; both may be there, with a sign-in each. */
const APP_FOLDERS = ["Antigravity", "Antigravity IDE"] as const;
const APP_STATE = ["User", "globalStorage", "state.vscdb"] as const;

/** The default places of all tools on this platform, in the order in which they are offered. Touches no file. */
export function knownPlaces(env: Environment, platform: NodeJS.Platform): Place[] {
  const paths = platform === "win32" ? win32 : posix;
  const home = platform === "win32" ? env.USERPROFILE || env.HOME : env.HOME || env.USERPROFILE;
  const applicationData = () => {
    if (platform === "win32") return env.APPDATA || (home && paths.join(home, "AppData", "Roaming"));
    if (platform === "darwin") return home && paths.join(home, "Library", "Application Support");
    // The XDG specification: a relative path is invalid and must be ignored.
    return env.XDG_CONFIG_HOME && paths.isAbsolute(env.XDG_CONFIG_HOME)
      ? env.XDG_CONFIG_HOME
      : home && paths.join(home, ".config");
  };
  const appsDirectory = applicationData();
  const places: Place[] = [];
  if (appsDirectory) {
    for (const folder of APP_FOLDERS) {
      places.push({
        format: "antigravity",
        name: `the ${folder} app`,
        path: paths.join(appsDirectory, folder, ...APP_STATE),
      });
    }
  }
  const managerDirectory = env.ABV_DATA_DIR || (home && paths.join(home, ".antigravity_tools"));
  if (managerDirectory) {
    places.push({ format: "antigravity-manager", name: "Antigravity-Manager", path: managerDirectory });
  }
  if (!home) return places;
  return [
    ...places,
    {
      format: "antigravity",
      name: "the Antigravity command line",
      path: paths.join(home, ".gemini", "antigravity-cli", "antigravity-oauth-token"),
    },
    {
      format: "antigravity-claude-proxy",
      name: "antigravity-claude-proxy",
      path: paths.join(home, ".config", "antigravity-proxy", "accounts.json"),
    },
    { format: "cliproxyapi", name: "CLIProxyAPI", path: paths.join(home, ".cli-proxy-api") },
  ];
}

/** Below a folder that the app was put into, as portable installations are. */
export function appStateBelow(folder: string): string[] {
  return [
    join(folder, "state.vscdb"),
    join(folder, ...APP_STATE),
    join(folder, "data", "user-data", ...APP_STATE),
    join(folder, "user-data", ...APP_STATE),
  ];
}
