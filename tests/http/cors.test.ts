import { describe, expect, test } from "bun:test";
import { corsHeaders, preflightReply } from "../../src/http/cors.ts";
import type { GuardOptions } from "../../src/http/guard.ts";

const PAGE = "https://chat.example.com";
const CLOSED: GuardOptions = { hosts: [], allowedOrigins: [] };
const OPEN: GuardOptions = { hosts: [], allowedOrigins: [PAGE, "http://localhost:3000"] };

function asked(headers: Record<string, string>, method = "POST") {
  return new Request("http://127.0.0.1:48123/v1/messages", { method, headers });
}

describe("a reply", () => {
  test("may be read by a configured page, with the headers that tell of the request", () => {
    const { "access-control-expose-headers": exposed, ...rest } = corsHeaders(asked({ origin: PAGE }), OPEN);
    expect(rest).toEqual({ "access-control-allow-origin": PAGE, vary: "Origin" });
    for (const name of ["x-ag-request-id", "x-ag-model", "x-ag-loss", "request-id", "x-request-id", "retry-after"]) {
      expect(exposed?.split(", ")).toContain(name);
    }
  });

  const unread: [
    name: string,
    headers: Record<string, string>,
    options: GuardOptions,
    expected: Record<string, string>,
  ][] = [
    ["of a gateway without the configuration by nobody", { origin: PAGE }, CLOSED, {}],
    ["by no local page that is not configured", { origin: "http://localhost:5173" }, OPEN, { vary: "Origin" }],
    ["by no other page", { origin: "https://evil.example" }, OPEN, { vary: "Origin" }],
    ["by no page of the same name under http", { origin: "http://chat.example.com" }, OPEN, { vary: "Origin" }],
    ["by no sandboxed page", { origin: "null" }, OPEN, { vary: "Origin" }],
    ["by programs without any of it", {}, OPEN, { vary: "Origin" }],
  ];
  for (const [name, headers, options, expected] of unread) {
    test(`is read ${name}`, () => expect(corsHeaders(asked(headers), options)).toEqual(expected));
  }

  test("never lets a page use cookies, nor any page at all", () => {
    for (const origin of [PAGE, "https://evil.example", "null"]) {
      const headers = corsHeaders(asked({ origin }), OPEN);
      expect(headers).not.toHaveProperty("access-control-allow-credentials");
      expect(Object.values(headers)).not.toContain("*");
    }
  });
});

describe("a preflight", () => {
  const question = (more: Record<string, string> = {}) =>
    asked({ origin: PAGE, "access-control-request-method": "POST", ...more }, "OPTIONS");

  test("of a configured page is answered with what it may send", () => {
    const names = "authorization,content-type,x-stainless-lang, anthropic-version";
    const reply = preflightReply(question({ "access-control-request-headers": names }), OPEN);
    expect(reply?.status).toBe(204);
    expect(Object.fromEntries(reply?.headers ?? [])).toEqual({
      "access-control-allow-origin": PAGE,
      "access-control-allow-methods": "GET, HEAD, POST, DELETE",
      "access-control-allow-headers": names,
      "access-control-max-age": "86400",
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    });
  });

  test("that names no headers, or what are none, is allowed none", () => {
    for (const names of [undefined, "", "a b", "a,,b", "<script>", `x${",x".repeat(3_000)}`]) {
      const more = names === undefined ? undefined : { "access-control-request-headers": names };
      expect(preflightReply(question(more), OPEN)?.headers.has("access-control-allow-headers")).toBe(false);
    }
  });

  test("from a public page to this private address is told that it may", () => {
    const reply = preflightReply(question({ "access-control-request-private-network": "true" }), OPEN);
    expect(reply?.headers.get("access-control-allow-private-network")).toBe("true");
  });

  const refused: [name: string, request: Request, options: GuardOptions][] = [
    ["of any page without the configuration", question(), CLOSED],
    ["of a foreign page", question({ origin: "https://evil.example" }), OPEN],
    ["of a local page that is not configured", question({ origin: "http://localhost:5173" }), OPEN],
    ["under a rebound Host name", question({ host: "evil.example" }), OPEN],
    ["that is none: it asks for no method", asked({ origin: PAGE }, "OPTIONS"), OPEN],
    ["that is none: it comes from no page", asked({ "access-control-request-method": "POST" }, "OPTIONS"), OPEN],
    ["that is none: it is the request itself", asked({ origin: PAGE, "access-control-request-method": "POST" }), OPEN],
  ];
  for (const [name, request, options] of refused) {
    test(`gets no such answer ${name}`, () => expect(preflightReply(request, options)).toBeUndefined());
  }
});
