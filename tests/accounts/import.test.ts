import { describe, expect, test } from "bun:test";
import { parseAccounts } from "../../src/accounts/import.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { NewAccount } from "../../src/core/store.ts";

const A = "1//test-aaaaaaaa";
const B = "1//test-bbbbbbbb";

describe("parseAccounts reads", () => {
  const rows: [what: string, text: string, accounts: NewAccount[]][] = [
    ["nothing", " \n\n# only a comment\n", []],
    ["one token", A, [{ refreshToken: A }]],
    ["a token per line, with Windows line ends", `${A}\r\n${B}\r\n`, [{ refreshToken: A }, { refreshToken: B }]],
    ["comments and blank lines", `# mine\n\n${A}   # at work\n  ${B}  \n`, [{ refreshToken: A }, { refreshToken: B }]],
    ["quoted lines with commas", `"${A}",\n'${B}'`, [{ refreshToken: A }, { refreshToken: B }]],
    ["a byte order mark", `\uFEFF${A}`, [{ refreshToken: A }]],
    ["token|project", `${A}|my-project`, [{ refreshToken: A, projectId: "my-project" }]],
    [
      "token|project|managed: the user's own project counts",
      `${A}|own|managed`,
      [{ refreshToken: A, projectId: "own" }],
    ],
    ["token||managed", `${A}||managed`, [{ refreshToken: A, projectId: "managed" }]],
    ["a token copied out of a form body", A.replaceAll("/", "%2F"), [{ refreshToken: A }]],
    ["the longest token", A.padEnd(2048, "a"), [{ refreshToken: A.padEnd(2048, "a") }]],
    ["a JSON string", JSON.stringify(A), [{ refreshToken: A }]],
    ["a JSON array of strings", JSON.stringify([A, B]), [{ refreshToken: A }, { refreshToken: B }]],
    [
      "objects in snake case",
      JSON.stringify([{ refresh_token: A, project_id: "p", email: "a@example.org", name: "work" }]),
      [{ refreshToken: A, projectId: "p", email: "a@example.org", label: "work" }],
    ],
    [
      "objects in camel case, spread over lines",
      JSON.stringify({ refreshToken: A, projectId: "p", label: "l", name: "n" }, null, 2),
      [{ refreshToken: A, projectId: "p", label: "l" }],
    ],
    [
      "a nested token and null fields",
      JSON.stringify({ email: null, token: { refresh_token: A, access_token: "ya29.test", project_id: "p" } }),
      [{ refreshToken: A, projectId: "p" }],
    ],
    [
      "a token as plain text in `token`",
      JSON.stringify({ token: A, project: "p" }),
      [{ refreshToken: A, projectId: "p" }],
    ],
    [
      "a file of accounts, wrapped in an array, among unknown fields",
      JSON.stringify([{ version: 3, accounts: [{ refreshToken: `${A}|p`, extra: [1] }, { refreshToken: B }] }]),
      [{ refreshToken: A, projectId: "p" }, { refreshToken: B }],
    ],
    [
      "one JSON document per line",
      `{"refresh_token":"${A}"}\n"${B}"\n["${B}"]\n`,
      [{ refreshToken: A }, { refreshToken: B }],
    ],
    [
      "duplicates as one account, gaps filled by the later mention",
      `${A}\n{"refresh_token":"${A}","email":"a@example.org"}\n${A}|p`,
      [{ refreshToken: A, email: "a@example.org", projectId: "p" }],
    ],
  ];
  for (const [what, text, accounts] of rows) {
    test(what, () => expect(parseAccounts(text)).toEqual(accounts));
  }
});

describe("parseAccounts refuses, naming the place and never the value,", () => {
  const rows: [what: string, text: string, message: string][] = [
    ["an access token", `${A}\nya29.test-hush`, "Line 2 looks like an access token"],
    ["an API key", `# x\n\nAIzaTestHushHush`, "Line 3 looks like an API key"],
    ["another API key", "sk-test-hush-hush", "Line 1 looks like an API key"],
    ["an identity token", "eyJhbGciOi.hush.hush", "Line 1 looks like an identity token"],
    ["a client secret", "GOCSPX-test-hush", "Line 1 looks like an OAuth client secret"],
    ["a sign-in code", "4/0Ahushhush", "Line 1 looks like a one-time sign-in code"],
    ["an e-mail address", "hush@example.org", "Line 1 looks like an e-mail address"],
    ["a web address", "https://example.org/?code=hush", "Line 1 looks like a web address"],
    ["words", "my hush account", "Line 1 contains spaces"],
    ["letters of other scripts", "1//tést-hush-hush", "Line 1 contains characters that no refresh token has"],
    ["a scrap", "hush", "Line 1 is too short"],
    ["a novel", `1//hush${"h".repeat(2042)}`, "Line 1 is too long"],
    ["broken JSON", '{\n "refresh_token": "hush"\n', "Line 1 looks like the start of JSON that cannot be read"],
    ["a broken line of JSON", `"${A}"\n{"refresh_token": "hush`, "Line 2 looks like the start of JSON"],
    ["an entry without a token", JSON.stringify([A, { email: "hush@example.org" }]), "Entry 2 has no refresh token"],
    ["an entry of another type", JSON.stringify([A, 7]), "Entry 2 is not an account"],
    [
      "an entry with a wrong token",
      `{"accounts":["${A}",{"token":"ya29.hush"}]}`,
      "Entry 2 looks like an access token",
    ],
    ["a line's single entry", `${A}\n{"email":"hush"}`, "Line 2 has no refresh token"],
    ["one of a line's entries", `${A}\n["${A}","AIzahush"]`, "Line 2, Entry 2 looks like an API key"],
  ];
  for (const [what, text, message] of rows) {
    test(what, () => {
      const error = refusalOf(() => parseAccounts(text));
      expect(error.kind).toBe("invalid-request");
      expect(error.message).toStartWith(message);
      expect(error.message).not.toMatch(/hush/i);
    });
  }
});

function refusalOf(work: () => unknown): GatewayError {
  try {
    work();
  } catch (cause) {
    if (cause instanceof GatewayError) return cause;
    throw cause;
  }
  throw new Error("nothing was refused");
}
