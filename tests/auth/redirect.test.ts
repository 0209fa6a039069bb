import { describe, expect, test } from "bun:test";
import { readPasted, readRedirect } from "../../src/auth/redirect.ts";

const STATE = "state-of-this-sign-in";
const CODE = "4/0Test-code-of-google";
const code = { type: "code", code: CODE };
const denied = { type: "error", error: "access_denied" };

describe("the redirect", () => {
  test.each([
    [`state=${STATE}&code=${encodeURIComponent(CODE)}&scope=email`, code],
    [`state=${STATE}&error=access_denied`, denied],
    [`state=${STATE}&error=access_denied&code=${CODE}`, denied],
    [`state=${STATE}`, "empty"],
    [`state=${STATE}&code=`, "empty"],
    [`state=other&code=${CODE}`, "foreign"],
    [`state=other&error=access_denied`, "foreign"],
    [`state=${STATE.toUpperCase()}&code=${CODE}`, "foreign"],
    [`state=${STATE}x&code=${CODE}`, "foreign"],
    [`code=${CODE}`, "foreign"],
    [``, "foreign"],
  ])("?%s is %j", (query, expected) => {
    expect(readRedirect(new URLSearchParams(query), STATE)).toEqual(expected as never);
  });
});

describe("what is pasted", () => {
  const address = `http://localhost:51121/oauth-callback?state=${STATE}&code=4%2F0Test-code-of-google&scope=email`;
  test.each([
    ["the whole address", address],
    ["with blanks around it", `  ${address}\t`],
    ["in quotes", `"${address}"`],
    ["in angle brackets", `<${address}>`],
    ["with a fragment", `${address}#`],
    ["with an IPv6 host", address.replace("localhost", "[::1]")],
    ["without its scheme", address.replace("http://", "")],
    ["the query", `?state=${STATE}&code=4%2F0Test-code-of-google`],
    ["the query without its mark", `code=4%2F0Test-code-of-google&state=${STATE}`],
    ["the bare code", CODE],
    ["the code as it stands in an address", "4%2F0Test-code-of-google"],
    ["the code in quotes", `'${CODE}'`],
  ])("%s is taken", (_, text) => {
    expect(readPasted(text, STATE)).toEqual({ type: "code", code: CODE });
  });

  test("a code is decoded once only", () => {
    expect(readPasted("4%252F0Test-code", STATE)).toEqual({ type: "code", code: "4%2F0Test-code" });
    expect(readPasted("4/0Test-100%code", STATE)).toEqual({ type: "code", code: "4/0Test-100%code" });
  });

  test.each([
    ["with the state", `http://localhost:51121/oauth-callback?error=access_denied&state=${STATE}`],
    ["without it", "http://localhost:51121/oauth-callback?error=access_denied"],
    ["as a query", "error=access_denied"],
  ])("Google's refusal %s ends the sign-in", (_, text) => {
    expect(readPasted(text, STATE)).toEqual({ type: "error", error: "access_denied" });
  });

  test("the address of Google's error page tells what is wrong", () => {
    const field = Buffer.from("\n\u0015redirect_uri_mismatch\u0012\u0010Some explanation").toString("base64");
    const page = (authError: string) =>
      `https://accounts.google.com/signin/oauth/error?authError=${encodeURIComponent(authError)}&client_id=x`;
    expect(readPasted(page(field), STATE)).toEqual({ type: "error", error: "redirect_uri_mismatch" });
    expect(readPasted(page("AAAA"), STATE)).toEqual({ type: "error", error: "unknown" });
  });

  test.each([
    ["another sign-in", address.replace(STATE, "other"), "another sign-in"],
    ["another sign-in's refusal", "?error=access_denied&state=other", "another sign-in"],
    ["no state", "http://localhost:51121/oauth-callback?code=4%2F0Test-code", "not complete"],
    ["a code that was cut off", `?state=${STATE}&code=4%2F0T`, "not complete"],
    ["no code", `https://accounts.google.com/o/oauth2/v2/auth?state=${STATE}`, "no code"],
    ["an address without a query", "http://localhost:51121/oauth-callback", "no code"],
    ["a short word", "4/0Test", "neither"],
    ["a sentence", "please sign me in", "neither"],
  ])("%s is of no use", (_, text, reason) => {
    expect(readPasted(text, STATE)).toMatchObject({ type: "useless", reason: expect.stringContaining(reason) });
  });

  test("an empty line says nothing", () => {
    for (const text of ["", "   ", '""', "\r"]) expect(readPasted(text, STATE)).toEqual({ type: "blank" });
  });
});
