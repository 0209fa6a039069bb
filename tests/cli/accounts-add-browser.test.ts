import { describe, expect, test } from "bun:test";
import { browserCommands, type Desktop } from "../../src/cli/sign-in/browser.ts";

const URL = "https://accounts.example.test/auth?client_id=a&scope=b%20c&state='x'";

const commands = (desktop: Partial<Desktop>) =>
  browserCommands(URL, { platform: "linux", env: {}, isWsl: false, hasCommand: () => true, ...desktop });

describe("the browser is opened by", () => {
  test.each<[string, Partial<Desktop>, string[][]]>([
    ["open on macOS", { platform: "darwin" }, [["open", URL]]],
    ["rundll32 on Windows", { platform: "win32" }, [["rundll32", "url.dll,FileProtocolHandler", URL]]],
    ["xdg-open under X11", { env: { DISPLAY: ":0" } }, [["xdg-open", URL]]],
    ["xdg-open under Wayland", { env: { WAYLAND_DISPLAY: "wayland-0" } }, [["xdg-open", URL]]],
    ["nothing on Linux without a desktop", {}, []],
    ["nothing where xdg-open is missing", { env: { DISPLAY: ":0" }, hasCommand: () => false }, []],
    [
      "wslview on WSL, else Windows itself",
      { isWsl: true },
      [
        ["wslview", URL],
        ["rundll32.exe", "url.dll,FileProtocolHandler", URL],
      ],
    ],
    [
      "Windows itself on WSL without wslview",
      { isWsl: true, hasCommand: (name) => name !== "wslview" },
      [["rundll32.exe", "url.dll,FileProtocolHandler", URL]],
    ],
  ])("%s", (_, desktop, expected) => {
    expect(commands(desktop)).toEqual(expected);
  });
});

describe("BROWSER", () => {
  test.each<[string, string[][]]>([
    ["firefox", [["firefox", URL]]],
    ["firefox --new-window %s", [["firefox", "--new-window", URL]]],
    ["open -a 'Google Chrome' %s", [["open", "-a", "Google Chrome", URL]]],
    [`"/opt/my browser/run" --url=%s`, [["/opt/my browser/run", `--url=${URL}`]]],
    [
      "first:second %s",
      [
        ["first", URL],
        ["second", URL],
      ],
    ],
    ["  ", []],
    ["curl $(id) ; rm", [["curl", "$(id)", ";", "rm", URL]]],
  ])("%j is a command, never a line for a shell", (BROWSER, expected) => {
    expect(commands({ env: { BROWSER } })).toEqual(expected);
  });

  test("comes before the platform's own", () => {
    expect(commands({ platform: "darwin", env: { BROWSER: "firefox" } })).toEqual([["firefox", URL]]);
  });

  test("may hold a drive letter on Windows", () => {
    const BROWSER = String.raw`"C:\Program Files\Browser\browser.exe"`;
    expect(commands({ platform: "win32", env: { BROWSER } })).toEqual([
      [String.raw`C:\Program Files\Browser\browser.exe`, URL],
    ]);
  });
});
