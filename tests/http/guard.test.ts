import { expect, test } from "bun:test";
import { asGatewayError } from "../../src/core/errors.ts";
import { guardKey, guardOrigin, type GuardOptions } from "../../src/http/guard.ts";

const key = "sk-ag-test-0123456789";

function verdict(headers: Record<string, string>, options: Partial<GuardOptions> = {}): string {
  try {
    const request = new Request("http://localhost/v1/models", { headers });
    guardOrigin(request, { hosts: [], ...options });
    guardKey(request, { hosts: [], ...options });
    return "in";
  } catch (error) {
    return asGatewayError(error).kind;
  }
}

const rows: [name: string, headers: Record<string, string>, options: Partial<GuardOptions>, expected: string][] = [
  ["anyone on loopback comes in while no key exists", {}, {}, "in"],
  ["any key is fine while none is asked for", { authorization: "Bearer whatever" }, {}, "in"],
  ["a Bearer key opens", { authorization: `Bearer ${key}` }, { apiKey: key }, "in"],
  ["x-api-key opens", { "x-api-key": key }, { apiKey: key }, "in"],
  ["x-goog-api-key opens", { "x-goog-api-key": key }, { apiKey: key }, "in"],
  ["the right key beside a wrong one opens", { authorization: "Bearer x", "x-api-key": key }, { apiKey: key }, "in"],
  ["a missing key is unauthorized", {}, { apiKey: key }, "unauthorized"],
  ["a wrong key is unauthorized", { "x-api-key": `${key}x` }, { apiKey: key }, "unauthorized"],
  ["an empty Bearer is unauthorized", { authorization: "Bearer " }, { apiKey: key }, "unauthorized"],
  ["loopback by address is a known Host", { host: "127.0.0.1:48123" }, {}, "in"],
  ["loopback by IPv6 is a known Host", { host: "[::1]:48123" }, {}, "in"],
  ["a rebound Host name is refused", { host: "evil.example:48123" }, {}, "forbidden"],
  ["a configured Host name is known", { host: "ag.home:48123" }, { hosts: ["ag.home"] }, "in"],
  ["a name that only begins like loopback is refused", { host: "127.0.0.1.evil.example" }, {}, "forbidden"],
  ["an address is a known Host: nobody can rebind it", { host: "192.168.1.5:48123" }, {}, "in"],
  ["an IPv6 address is a known Host", { host: "[fd00::5]:48123" }, {}, "in"],
  [
    "a page at a foreign address is refused",
    { origin: "http://203.0.113.9", host: "127.0.0.1:48123" },
    {},
    "forbidden",
  ],
  [
    "a page at the gateway's own address may ask",
    { origin: "http://192.168.1.5:48123", host: "192.168.1.5:48123" },
    {},
    "in",
  ],
  ["a page under a configured name may ask", { origin: "https://ag.home" }, { hosts: ["ag.home"] }, "in"],
  ["a foreign Origin is refused", { origin: "https://evil.example" }, {}, "forbidden"],
  ["the null Origin of a sandboxed page is refused", { origin: "null" }, {}, "forbidden"],
  ["a local page may ask", { origin: "http://localhost:48123" }, {}, "in"],
  [
    "the key does not excuse a foreign Origin",
    { origin: "https://evil.example", "x-api-key": key },
    { apiKey: key },
    "forbidden",
  ],
];

for (const [name, headers, options, expected] of rows) {
  test(name, () => {
    expect(verdict(headers, options)).toBe(expected);
  });
}
