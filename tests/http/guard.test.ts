import { describe, expect, test } from "bun:test";
import { asGatewayError } from "../../src/core/errors.ts";
import { guardOrigin, type GuardOptions, presentedKeys } from "../../src/http/guard.ts";

function verdict(headers: Record<string, string>, options: Partial<GuardOptions> = {}): string {
  try {
    guardOrigin(new Request("http://localhost/v1/models", { headers }), { hosts: [], allowedOrigins: [], ...options });
    return "in";
  } catch (error) {
    return asGatewayError(error).kind;
  }
}

describe("by Host and Origin", () => {
  const rows: [name: string, headers: Record<string, string>, options: Partial<GuardOptions>, expected: string][] = [
    ["a program that sends no Origin comes in", {}, {}, "in"],
    ["loopback by address is a known Host", { host: "127.0.0.1:48123" }, {}, "in"],
    ["loopback by IPv6 is a known Host", { host: "[::1]:48123" }, {}, "in"],
    ["a rebound Host name is refused", { host: "evil.example:48123" }, {}, "forbidden"],
    ["a configured Host name is known", { host: "ag.home:48123" }, { hosts: ["ag.home"] }, "in"],
    ["a configured Host name is known in any case", { host: "AG.Home" }, { hosts: ["ag.home"] }, "in"],
    ["a name below a configured one is not", { host: "evil.ag.home" }, { hosts: ["ag.home"] }, "forbidden"],
    ["a name that only begins like loopback is refused", { host: "127.0.0.1.evil.example" }, {}, "forbidden"],
    ["a name that only ends like loopback is refused", { host: "evil.localhost" }, {}, "forbidden"],
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
    [
      "a page under a configured name may ask there, whatever brings https",
      { origin: "https://ag.home", host: "ag.home" },
      { hosts: ["ag.home"] },
      "in",
    ],
    [
      "a page under a configured name is foreign elsewhere",
      { origin: "https://ag.home", host: "127.0.0.1:48123" },
      { hosts: ["ag.home"] },
      "forbidden",
    ],
    ["a foreign Origin is refused", { origin: "https://evil.example" }, {}, "forbidden"],
    ["the null Origin of a sandboxed page is refused", { origin: "null" }, {}, "forbidden"],
    ["an Origin that is none is refused", { origin: "no origin" }, {}, "forbidden"],
    ["a browser's extension is foreign", { origin: "chrome-extension://abcdefgh" }, {}, "forbidden"],
    ["its own page may ask", { origin: "http://localhost:48123", host: "localhost:48123" }, {}, "in"],
    [
      "its own page may ask when a proxy names the port that goes without saying",
      { origin: "https://ag.home", host: "AG.home:443" },
      { hosts: ["ag.home"] },
      "in",
    ],
    [
      "a port that goes without saying for another scheme is another port",
      { origin: "https://ag.home", host: "ag.home:80" },
      { hosts: ["ag.home"] },
      "forbidden",
    ],
    [
      "a page of another program on this machine is foreign",
      { origin: "http://localhost:5173", host: "localhost:48123" },
      {},
      "forbidden",
    ],
    ["without a Host no page is known", { origin: "http://localhost:48123" }, {}, "forbidden"],
    [
      "the key does not excuse a foreign Origin",
      { origin: "https://evil.example", "x-api-key": "sk-ag-test" },
      {},
      "forbidden",
    ],
    [
      "a configured Origin comes in",
      { origin: "https://chat.example.com" },
      { allowedOrigins: ["https://chat.example.com"] },
      "in",
    ],
    [
      "another scheme than that of the configured Origin is foreign",
      { origin: "http://chat.example.com" },
      { allowedOrigins: ["https://chat.example.com"] },
      "forbidden",
    ],
    [
      "another port than that of the configured Origin is foreign",
      { origin: "https://chat.example.com:8443" },
      { allowedOrigins: ["https://chat.example.com"] },
      "forbidden",
    ],
    [
      "a name that begins like the configured Origin is foreign",
      { origin: "https://chat.example.com.evil.example" },
      { allowedOrigins: ["https://chat.example.com"] },
      "forbidden",
    ],
    [
      "a configured Origin does not excuse a rebound Host name",
      { origin: "https://chat.example.com", host: "evil.example" },
      { allowedOrigins: ["https://chat.example.com"] },
      "forbidden",
    ],
  ];
  for (const [name, headers, options, expected] of rows) {
    test(name, () => expect(verdict(headers, options)).toBe(expected));
  }
});

describe("keys are found", () => {
  const rows: [name: string, headers: Record<string, string>, query: string, expected: string[]][] = [
    ["in none of the places", {}, "", []],
    ["in Authorization, whatever the case of its word", { authorization: "bearer sk-ag-test" }, "", ["sk-ag-test"]],
    ["in Authorization only as a Bearer", { authorization: "Basic c2st" }, "", []],
    ["in x-api-key", { "x-api-key": "sk-ag-test" }, "", ["sk-ag-test"]],
    ["in x-goog-api-key", { "x-goog-api-key": "sk-ag-test" }, "", ["sk-ag-test"]],
    ["in the address", {}, "?alt=sse&key=sk-ag-test", ["sk-ag-test"]],
    ["nowhere when they are empty", { authorization: "Bearer ", "x-api-key": "" }, "?key=", []],
    [
      "in all places at once",
      { authorization: "Bearer one", "x-api-key": "two", "x-goog-api-key": "three" },
      "?key=four",
      ["one", "two", "three", "four"],
    ],
  ];
  for (const [name, headers, query, expected] of rows) {
    test(name, () => {
      const request = new Request(`http://localhost/v1beta/models${query}`, { headers });
      expect(presentedKeys(request)).toEqual(expected);
    });
  }
});
