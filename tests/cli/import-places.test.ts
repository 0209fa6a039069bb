import { describe, expect, test } from "bun:test";
import { knownPlaces } from "../../src/cli/import/places.ts";

describe("the usual places of other tools", () => {
  const app = (env: Record<string, string>, platform: NodeJS.Platform) =>
    knownPlaces(env, platform).flatMap(({ format, path }) => (format === "antigravity" ? [path] : []));

  const cliFile = "/home/me/.gemini/antigravity-cli/antigravity-oauth-token";
  const rows: [what: string, env: Record<string, string>, platform: NodeJS.Platform, paths: string[]][] = [
    [
      "on Linux",
      { HOME: "/home/me" },
      "linux",
      [
        "/home/me/.config/Antigravity/User/globalStorage/state.vscdb",
        "/home/me/.config/Antigravity IDE/User/globalStorage/state.vscdb",
        cliFile,
      ],
    ],
    [
      "on Linux with its configuration elsewhere",
      { HOME: "/home/me", XDG_CONFIG_HOME: "/etc/me" },
      "linux",
      [
        "/etc/me/Antigravity/User/globalStorage/state.vscdb",
        "/etc/me/Antigravity IDE/User/globalStorage/state.vscdb",
        cliFile,
      ],
    ],
    [
      "on Linux with a relative XDG_CONFIG_HOME, which does not count",
      { HOME: "/home/me", XDG_CONFIG_HOME: "etc" },
      "linux",
      [
        "/home/me/.config/Antigravity/User/globalStorage/state.vscdb",
        "/home/me/.config/Antigravity IDE/User/globalStorage/state.vscdb",
        cliFile,
      ],
    ],
    [
      "on macOS",
      { HOME: "/Users/me", XDG_CONFIG_HOME: "/etc/me" },
      "darwin",
      [
        "/Users/me/Library/Application Support/Antigravity/User/globalStorage/state.vscdb",
        "/Users/me/Library/Application Support/Antigravity IDE/User/globalStorage/state.vscdb",
        "/Users/me/.gemini/antigravity-cli/antigravity-oauth-token",
      ],
    ],
    [
      "on Windows",
      { USERPROFILE: "C:\\Users\\me", APPDATA: "D:\\Data" },
      "win32",
      [
        "D:\\Data\\Antigravity\\User\\globalStorage\\state.vscdb",
        "D:\\Data\\Antigravity IDE\\User\\globalStorage\\state.vscdb",
        "C:\\Users\\me\\.gemini\\antigravity-cli\\antigravity-oauth-token",
      ],
    ],
    [
      "on Windows without APPDATA",
      { USERPROFILE: "C:\\Users\\me" },
      "win32",
      [
        "C:\\Users\\me\\AppData\\Roaming\\Antigravity\\User\\globalStorage\\state.vscdb",
        "C:\\Users\\me\\AppData\\Roaming\\Antigravity IDE\\User\\globalStorage\\state.vscdb",
        "C:\\Users\\me\\.gemini\\antigravity-cli\\antigravity-oauth-token",
      ],
    ],
    ["without a home", {}, "linux", []],
  ];
  for (const [what, env, platform, paths] of rows) {
    test(`are known of the app ${what}`, () => expect(app(env, platform)).toEqual(paths));
  }

  test("are known of the other tools, the manager's as it was told", () => {
    const others = (env: Record<string, string>) =>
      knownPlaces(env, "linux").flatMap(({ format, path }) => (format === "antigravity" ? [] : [[format, path]]));
    expect(others({ HOME: "/home/me" })).toEqual([
      ["antigravity-manager", "/home/me/.antigravity_tools"],
      ["antigravity-claude-proxy", "/home/me/.config/antigravity-proxy/accounts.json"],
      ["cliproxyapi", "/home/me/.cli-proxy-api"],
    ]);
    expect(others({ HOME: "/home/me", ABV_DATA_DIR: "/data" })[0]).toEqual(["antigravity-manager", "/data"]);
  });
});
