import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../src/config/config-error.ts";
import { resolvePaths } from "../../src/config/paths.ts";

describe("where files live", () => {
  const rows: [name: string, env: Record<string, string>, configFile: string, database: string][] = [
    ["by default", { HOME: "/home/me" }, "/home/me/.config/ag/config.jsonc", "/home/me/.local/share/ag/ag.db"],
    ["AG_HOME holds both", { HOME: "/h", AG_HOME: "/srv/ag" }, "/srv/ag/config.jsonc", "/srv/ag/ag.db"],
    ["AG_HOME needs no HOME", { AG_HOME: "/srv/ag" }, "/srv/ag/config.jsonc", "/srv/ag/ag.db"],
    ["AG_HOME relative to where it was started", { AG_HOME: "x" }, "/start/x/config.jsonc", "/start/x/ag.db"],
    ["AG_HOME with a tilde no shell expanded", { HOME: "/h", AG_HOME: "~/x" }, "/h/x/config.jsonc", "/h/x/ag.db"],
    ["an empty AG_HOME is none", { HOME: "/h", AG_HOME: "" }, "/h/.config/ag/config.jsonc", "/h/.local/share/ag/ag.db"],
    ["XDG directories", { XDG_CONFIG_HOME: "/c", XDG_DATA_HOME: "/d/" }, "/c/ag/config.jsonc", "/d/ag/ag.db"],
    [
      "a relative XDG directory is ignored, as its specification says",
      { HOME: "/h", XDG_CONFIG_HOME: "c", XDG_DATA_HOME: "/d" },
      "/h/.config/ag/config.jsonc",
      "/d/ag/ag.db",
    ],
    ["Windows", { USERPROFILE: "/u" }, "/u/.config/ag/config.jsonc", "/u/.local/share/ag/ag.db"],
  ];
  for (const [name, env, configFile, database] of rows) {
    test(name, () => expect(resolvePaths(env, "/start")).toMatchObject({ configFile, database }));
  }

  test("without HOME and AG_HOME there is no guess", () => {
    expect(() => resolvePaths({}, "/start")).toThrow(ConfigError);
  });
});
