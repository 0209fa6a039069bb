import { describe, expect, test } from "bun:test";
import { parseTokens } from "../../../src/accounts/import/tokens.ts";
import type { NewAccount } from "../../../src/core/store.ts";
import { refusalOf } from "../../support/refusal.ts";

const A = "1//test-aaaaaaaa";
const B = "1//test-bbbbbbbb";

const GEMINI_CLI = {
  access_token: "ya29.test-hush",
  refresh_token: A,
  scope: "https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/cloud-platform",
  token_type: "Bearer",
  id_token: "eyJ-hush",
  expiry_date: 1786000000000,
};

function account(secret: string, rest: Partial<NewAccount> = {}): NewAccount {
  return { kind: "antigravity", secret, ...rest };
}

describe("parseTokens reads", () => {
  const rows: [what: string, text: string, accounts: NewAccount[]][] = [
    ["nothing", " \n\n# only a comment\n", []],
    ["one token", A, [account(A)]],
    ["a token per line, with Windows line ends", `${A}\r\n${B}\r\n`, [account(A), account(B)]],
    ["comments and blank lines", `# mine\n\n${A}   # at work\n  ${B}  \n`, [account(A), account(B)]],
    ["quoted lines with commas", `"${A}",\n'${B}'`, [account(A), account(B)]],
    ["a byte order mark", `\uFEFF${A}`, [account(A)]],
    ["token|project", `${A}|my-project`, [account(A, { projectId: "my-project" })]],
    ["token|project|managed: the user's own project counts", `${A}|own|managed`, [account(A, { projectId: "own" })]],
    ["token||managed", `${A}||managed`, [account(A, { projectId: "managed" })]],
    ["a token copied out of a form body", A.replaceAll("/", "%2F"), [account(A)]],
    ["the longest token", A.padEnd(2048, "a"), [account(A.padEnd(2048, "a"))]],
    ["a JSON string", JSON.stringify(A), [account(A)]],
    ["a JSON array of strings", JSON.stringify([A, B]), [account(A), account(B)]],
    [
      "objects in snake case",
      JSON.stringify([{ refresh_token: A, project_id: "p", email: "a@example.org", name: "work" }]),
      [account(A, { projectId: "p", email: "a@example.org", label: "work" })],
    ],
    [
      "objects in camel case, spread over lines",
      JSON.stringify({ refreshToken: A, projectId: "p", label: "l", name: "n" }, null, 2),
      [account(A, { projectId: "p", label: "l" })],
    ],
    [
      "a nested token and null fields",
      JSON.stringify({ email: null, token: { refresh_token: A, access_token: "ya29.test", project_id: "p" } }),
      [account(A, { projectId: "p" })],
    ],
    ["a token as plain text in `token`", JSON.stringify({ token: A, project: "p" }), [account(A, { projectId: "p" })]],
    [
      "a file of accounts, wrapped in an array, among unknown fields",
      JSON.stringify([{ version: 3, accounts: [{ refreshToken: `${A}|p`, extra: [1] }, { refreshToken: B }] }]),
      [account(A, { projectId: "p" }), account(B)],
    ],
    [
      "a token without the project that the tool lent it",
      `${A}|rising-fact-p41fc|own`,
      [account(A, { projectId: "own" })],
    ],
    ["one JSON document per line", `{"refresh_token":"${A}"}\n"${B}"\n["${B}"]\n`, [account(A), account(B)]],
    [
      "duplicates as one account, gaps filled by the later mention",
      `${A}\n{"refresh_token":"${A}","email":"a@example.org"}\n${A}|p`,
      [account(A, { email: "a@example.org", projectId: "p" })],
    ],
  ];
  for (const [what, text, accounts] of rows) {
    test(what, () => expect(parseTokens(text)).toEqual(accounts));
  }
});

describe("parseTokens refuses, naming the place and never the value,", () => {
  const rows: [what: string, text: string, message: string][] = [
    ["an access token", `${A}\nya29.test-hush`, "Line 2 looks like an access token"],
    ["an API key", `# x\n\nAIzaTestHushHush`, "Line 3 looks like an API key"],
    [
      "an API key, with the way to add it",
      "AIzaTestHushHush",
      "Line 1 looks like an API key, not like a refresh token; keys are added with: ag accounts add --gemini-key",
    ],
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
    ["the sign-in of Gemini CLI", JSON.stringify(GEMINI_CLI), "Entry 1 is the sign-in of another program"],
    [
      "the sign-in of gcloud",
      JSON.stringify({ type: "authorized_user", refresh_token: A, client_id: "hush" }),
      "Entry 1 is the sign-in of another program",
    ],
    [
      "another provider's sign-in among ours",
      JSON.stringify([A, { type: "codex", refresh_token: "rt_hush_hush_hush" }]),
      "Entry 2 is a sign-in of another provider",
    ],
    ["endless nesting", `${"[".repeat(5000)}${"]".repeat(5000)}`, "The input is nested too deep"],
    ["one of a line's entries", `${A}\n["${A}","AIzahush"]`, "Line 2, Entry 2 looks like an API key"],
  ];
  for (const [what, text, message] of rows) {
    test(what, () => {
      const error = refusalOf(() => parseTokens(text));
      expect(error.kind).toBe("invalid-request");
      expect(error.message).toStartWith(message);
      expect(error.message).not.toMatch(/hush/i);
    });
  }
});
