import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../src/config/config-error.ts";
import { proxyFromEnvironment } from "../../src/config/proxy.ts";

describe("the proxy in use", () => {
  const rows: [name: string, env: Record<string, string>, display: string | undefined, variable?: string][] = [
    ["none", {}, undefined],
    ["HTTPS_PROXY", { HTTPS_PROXY: "http://p:1" }, "http://p:1", "HTTPS_PROXY"],
    [
      "lower case first, as fetch has it",
      { https_proxy: "http://a:1", HTTPS_PROXY: "http://b:1" },
      "http://a:1",
      "https_proxy",
    ],
    ["an empty one is none", { https_proxy: "", HTTPS_PROXY: "http://b:1" }, "http://b:1", "HTTPS_PROXY"],
    ["ALL_PROXY", { ALL_PROXY: "http://p:1" }, "http://p:1", "ALL_PROXY"],
    ["only for plain HTTP", { HTTP_PROXY: "http://p:1" }, "http://p:1", "HTTP_PROXY"],
    ["without a scheme", { HTTPS_PROXY: "p:1" }, "http://p:1", "HTTPS_PROXY"],
    ["its password is not shown", { HTTPS_PROXY: "http://me:hush@p:1/" }, "http://p:1", "HTTPS_PROXY"],
    [
      "a SOCKS address that nothing will use is no obstacle",
      { HTTPS_PROXY: "http://p:1", HTTP_PROXY: "http://p:1", ALL_PROXY: "socks5://p:2" },
      "http://p:1",
      "HTTPS_PROXY",
    ],
  ];
  for (const [name, env, display, variable] of rows) {
    test(name, () => {
      const expected = display === undefined || variable === undefined ? undefined : { display, variable };
      expect(proxyFromEnvironment(env)).toEqual(expected);
    });
  }
});

describe("a proxy that cannot be used is refused by name, without showing its password", () => {
  const rows: [env: Record<string, string>, message: RegExp][] = [
    [{ ALL_PROXY: "socks5://me:hush@p:1" }, /^ALL_PROXY names a SOCKS proxy/],
    [{ all_proxy: "SOCKS5H://me:hush@p:1" }, /^all_proxy names a SOCKS proxy/],
    [{ HTTPS_PROXY: "socks://me:hush@p:1" }, /^HTTPS_PROXY names a SOCKS proxy/],
    [{ HTTPS_PROXY: "http://p:1", all_proxy: "socks4://me:hush@p:1" }, /^all_proxy names a SOCKS proxy/],
    [{ HTTPS_PROXY: "ftp://me:hush@p:1" }, /^HTTPS_PROXY is not the address of an HTTP proxy/],
    [{ HTTPS_PROXY: "http://hush hush" }, /^HTTPS_PROXY is not the address of an HTTP proxy/],
  ];
  for (const [env, message] of rows) {
    test(Object.keys(env).join(" and "), () => {
      try {
        proxyFromEnvironment(env);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        const { message: shown, hint } = error as ConfigError;
        expect(shown).toMatch(message);
        expect(hint).toBeDefined();
        expect(`${shown} ${hint}`).not.toContain("hush");
        return;
      }
      throw new Error("The proxy was accepted");
    });
  }
});
