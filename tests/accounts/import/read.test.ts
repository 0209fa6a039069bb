import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { IMPORT_FORMATS, type ImportFormat, type Reading } from "../../../src/accounts/import/entry.ts";
import { isManagerIndex, readAccounts, readFolder } from "../../../src/accounts/import/read.ts";
import { GatewayError } from "../../../src/core/errors.ts";
import type { NewAccount } from "../../../src/core/store.ts";

const A = "1//test-refresh-token-a";
const B = "1//test-refresh-token-b";
const ACCESS = "ya29.test-access-token";

function account(secret: string, rest: Partial<NewAccount> = {}): NewAccount {
  return { kind: "antigravity", secret, ...rest };
}

/** An account as antigravity-claude-proxy keeps it. */
function proxyEntry(rest: object): object {
  return {
    source: "oauth",
    enabled: true,
    dbPath: null,
    addedAt: "2026-01-01T00:00:00.000Z",
    isInvalid: false,
    invalidReason: null,
    modelRateLimits: {},
    lastUsed: 1786000000000,
    subscription: { tier: "pro", projectId: null, detectedAt: null },
    ...rest,
  };
}

function proxyFile(...accounts: object[]): string {
  return JSON.stringify({ accounts, settings: { cooldownDurationMs: 60000 }, activeIndex: 0 }, undefined, 2);
}

/** An account as Antigravity-Manager keeps it, in a file of its own. */
function managerFile(rest: object, token: object = {}): string {
  return JSON.stringify({
    id: "11111111-test",
    email: "a@example.org",
    name: "A Person",
    token: {
      access_token: ACCESS,
      refresh_token: A,
      expires_in: 3599,
      expiry_timestamp: 1786000000,
      token_type: "Bearer",
      email: "a@example.org",
      ...token,
    },
    quota: null,
    disabled: false,
    disabled_reason: null,
    proxy_disabled: false,
    created_at: 1780000000,
    last_used: 1786000000,
    ...rest,
  });
}

function managerIndex(...ids: string[]): string {
  const accounts = ids.map((id) => ({ id, email: "a@example.org", name: null, created_at: 1, last_used: 2 }));
  return JSON.stringify({ version: "2.0", accounts, current_account_id: ids[0] ?? null });
}

/** A sign-in as CLIProxyAPI keeps it, in a file of its own. */
function cliProxyFile(rest: object = {}): string {
  return JSON.stringify({
    access_token: ACCESS,
    email: "a@example.org",
    expired: "2026-08-20T10:11:12Z",
    expires_in: 3599,
    project_id: "project-a",
    refresh_token: A,
    timestamp: 1786000000000,
    type: "antigravity",
    ...rest,
  });
}

const KEYRING = JSON.stringify({
  token: { access_token: ACCESS, token_type: "Bearer", refresh_token: A, expiry: "2026-08-20T10:11:12.000000Z" },
  auth_method: "consumer",
});

interface Row {
  what: string;
  text: string;
  accounts?: NewAccount[];
  skipped?: [place: string, reason: RegExp, email?: string][];
}

const MAIL = { email: "a@example.org" };

const ROWS: Readonly<Record<ImportFormat, readonly Row[]>> = {
  antigravity: [
    { what: "the keyring's entry", text: KEYRING, accounts: [account(A)] },
    {
      what: "the keyring's entry as macOS wraps it",
      text: `go-keyring-base64:${Buffer.from(KEYRING).toString("base64")}\n`,
      accounts: [account(A)],
    },
    {
      what: "an entry with an access token only",
      text: JSON.stringify({ token: { access_token: ACCESS }, auth_method: "consumer" }),
      skipped: [["Entry 1", /^has an access token only/]],
    },
  ],
  "antigravity-claude-proxy": [
    {
      what: "an account with its project",
      text: proxyFile(proxyEntry({ ...MAIL, refreshToken: A, projectId: "project-a" })),
      accounts: [account(A, { ...MAIL, projectId: "project-a" })],
    },
    {
      what: "token, project and managed project in one string",
      text: proxyFile(proxyEntry({ ...MAIL, refreshToken: `${A}||managed-a` })),
      accounts: [account(A, { ...MAIL, projectId: "managed-a" })],
    },
    {
      what: "the project of the subscription",
      text: proxyFile(proxyEntry({ refreshToken: A, subscription: { projectId: "project-s" } })),
      accounts: [account(A, { projectId: "project-s" })],
    },
    {
      what: "no project where it is the one that the tool lent",
      text: proxyFile(proxyEntry({ ...MAIL, refreshToken: A, projectId: "rising-fact-p41fc" })),
      accounts: [account(A, MAIL)],
    },
    {
      what: "the good ones of a mixed file",
      text: proxyFile(
        proxyEntry({ ...MAIL, refreshToken: A }),
        proxyEntry({ email: "b@example.org", refreshToken: B, enabled: false }),
        proxyEntry({ email: "c@example.org", source: "database", dbPath: "/x/state.vscdb" }),
        proxyEntry({ email: "d@example.org", source: "manual", apiKey: ACCESS }),
        proxyEntry({ email: "e@example.org", refreshToken: "AIzaTest-hush-hush" }),
        proxyEntry({ email: "f@example.org", provider: "openai", refreshToken: "rt-hush-hush-hush" }),
        proxyEntry({ email: 7 }),
      ),
      accounts: [account(A, MAIL)],
      skipped: [
        ["Entry 2", /^is disabled there$/, "b@example.org"],
        ["Entry 3", /--from antigravity$/, "c@example.org"],
        ["Entry 4", /^has an access token only/, "d@example.org"],
        ["Entry 5", /^looks like an API key/, "e@example.org"],
        ["Entry 6", /^is a sign-in of another provider$/, "f@example.org"],
        ["Entry 7", /^has no refresh token$/],
      ],
    },
  ],
  "antigravity-manager": [
    {
      what: "an account with its project and the label that its owner gave",
      text: managerFile({ custom_label: "team" }, { project_id: "project-a" }),
      accounts: [account(A, { ...MAIL, projectId: "project-a", label: "team" })],
    },
    {
      what: "one that is disabled",
      text: managerFile({ disabled: true }),
      skipped: [["Entry 1", /^is disabled there/, MAIL.email]],
    },
    {
      what: "one out of use",
      text: managerFile({ proxy_disabled: true }),
      skipped: [["Entry 1", /^is disabled there/, MAIL.email]],
    },
    {
      what: "one without a refresh token",
      text: managerFile({}, { refresh_token: "" }),
      skipped: [["Entry 1", /^has an access token only/, MAIL.email]],
    },
    {
      what: "one of another provider",
      text: managerFile({ provider: "kiro" }),
      skipped: [["Entry 1", /another provider/, MAIL.email]],
    },
  ],
  cliproxyapi: [
    { what: "a sign-in", text: cliProxyFile(), accounts: [account(A, { ...MAIL, projectId: "project-a" })] },
    {
      what: "a sign-in with its owner's note",
      text: cliProxyFile({ note: "team" }),
      accounts: [account(A, { ...MAIL, projectId: "project-a", label: "team" })],
    },
    {
      what: "a disabled one",
      text: cliProxyFile({ disabled: true }),
      skipped: [["Entry 1", /^is disabled there/, MAIL.email]],
    },
    {
      what: "one without a refresh token",
      text: cliProxyFile({ refresh_token: undefined }),
      skipped: [["Entry 1", /^has an access token only/, MAIL.email]],
    },
    {
      what: "one without any token",
      text: cliProxyFile({ refresh_token: null, access_token: null }),
      skipped: [["Entry 1", /^has no refresh token/, MAIL.email]],
    },
  ],
};

for (const format of IMPORT_FORMATS) {
  describe(`readAccounts reads of ${format}`, () => {
    for (const { what, text, accounts = [], skipped = [] } of ROWS[format]) {
      const expected: Reading = {
        accounts,
        skipped: skipped.map(([place, reason, email]) => ({
          place,
          ...(email !== undefined && { email }),
          reason: expect.stringMatching(reason),
        })),
      };
      test(`${what}, told by its structure`, () => expect(readAccounts(text)).toEqual(expected));
      test(`${what}, when it is named`, () => expect(readAccounts(`\uFEFF${text}`, format)).toEqual(expected));
    }
  });
}

describe("readAccounts", () => {
  for (const format of IMPORT_FORMATS) {
    for (const other of IMPORT_FORMATS.filter((each) => each !== format)) {
      test(`takes a store of ${format} for no store of ${other}`, () => {
        const message = refusalOf(() => readAccounts(ROWS[format][0]?.text ?? "", other));
        expect(message).toBe(`The input is a store of ${format}, not of ${other}`);
      });
    }
  }

  test("reads a manager's own export, a plain list, under its name", () => {
    const text = JSON.stringify([{ email: "a@example.org", refresh_token: A }, { email: "b@example.org" }]);
    expect(readAccounts(text, "antigravity-manager")).toEqual({
      accounts: [account(A, MAIL)],
      skipped: [{ place: "Entry 2", email: "b@example.org", reason: "has no refresh token" }],
    });
  });

  test("refuses tokens, one a line, as the store of a tool", () => {
    expect(refusalOf(() => readAccounts(`${A}\n`, "cliproxyapi"))).toBe("The input is no store of cliproxyapi");
  });

  test("says of the manager's list that the tokens are elsewhere", () => {
    expect(isManagerIndex(managerIndex("x"))).toBe(true);
    expect(isManagerIndex(proxyFile())).toBe(false);
    expect(refusalOf(() => readAccounts(managerIndex("x")))).toContain("give its folder instead");
  });

  test("says of Gemini CLI's sign-in that it belongs to another client", () => {
    const scope = "https://www.googleapis.com/auth/cloud-platform openid";
    const creds = { access_token: ACCESS, refresh_token: A, scope, token_type: "Bearer", expiry_date: 1786000000000 };
    for (const format of [undefined, "antigravity"] as const) {
      const message = refusalOf(() => readAccounts(JSON.stringify(creds), format));
      expect(message).toContain("is the sign-in of another program");
      expect(message).toContain("ag accounts add");
    }
  });

  test("leaves a codex sign-in out of what it takes for tokens", () => {
    const text = JSON.stringify({ type: "codex", refresh_token: "rt_test_aaaaaaaaaaaa", access_token: "x" });
    expect(refusalOf(() => readAccounts(text))).toBe("The input is a sign-in of another provider");
  });

  test("throws nothing but a GatewayError that repeats nothing, whatever it is given", () => {
    const word = fc.constantFrom(
      `${"hush"}-hush-hush`,
      "ya29.hush",
      "AIzahush-hush",
      "hush@hush.hush",
      "1//hush hush",
      A,
    );
    const members =
      "accounts token refresh_token refreshToken access_token type email id enabled auth_method activeIndex disabled provider source created_at";
    const key = fc.constantFrom(...members.split(" "));
    const { document } = fc.letrec((tie) => ({
      document: fc.oneof(
        { maxDepth: 4 },
        word,
        fc.constantFrom("antigravity", "codex", "oauth", 0, true, false, null, ""),
        fc.array(tie("document"), { maxLength: 4 }),
        fc.dictionary(key, tie("document"), { maxKeys: 6 }),
      ),
    }));
    const text = fc.oneof(
      document.map((value) => JSON.stringify(value)),
      fc.string(),
      word,
    );
    fc.assert(
      fc.property(text, fc.option(fc.constantFrom(...IMPORT_FORMATS), { nil: undefined }), (input, format) => {
        const said: string[] = [];
        try {
          said.push(...readAccounts(input, format).skipped.map(({ place, reason }) => place + reason));
        } catch (cause) {
          if (!(cause instanceof GatewayError)) throw cause;
          expect(cause.kind).toBe("invalid-request");
          said.push(cause.message);
        }
        said.push(
          ...readFolder([{ name: "x.json", text: input }], format).skipped.map(({ place, reason }) => place + reason),
        );
        expect(said.join("\n")).not.toMatch(/hush|1\/\/test/);
      }),
      { numRuns: 500 },
    );
  });
});

describe("readFolder", () => {
  test("takes what it can out of CLIProxyAPI's folder and names the other files", () => {
    const files = [
      { name: "antigravity-a.json", text: cliProxyFile() },
      { name: "antigravity-b.json", text: cliProxyFile({ email: "b@example.org", refresh_token: B, disabled: true }) },
      { name: "codex-c.json", text: JSON.stringify({ type: "codex", email: "c@example.org", refresh_token: "rt-x" }) },
      { name: "cut.json", text: cliProxyFile().slice(0, 40) },
      { name: "else.json", text: JSON.stringify({ name: "something" }) },
    ];
    expect(readFolder(files)).toEqual({
      accounts: [account(A, { ...MAIL, projectId: "project-a" })],
      skipped: [
        { place: "antigravity-b.json", email: "b@example.org", reason: "is disabled there" },
        { place: "codex-c.json", email: "c@example.org", reason: "is a sign-in of another provider" },
        { place: "cut.json", reason: "is not JSON that can be read" },
        { place: "else.json", reason: "is not an account of a tool that is known" },
      ],
    });
  });

  const kept = { name: "kept.json", text: managerFile({ id: "kept" }) };
  const gone = { name: "gone.json", text: managerFile({ id: "gone", email: "b@example.org" }, { refresh_token: B }) };

  test("does not bring back what the manager's list does not name any more", () => {
    const index = { name: "accounts.json", text: managerIndex("kept") };
    const { accounts, skipped } = readFolder([index, kept, gone], "antigravity-manager");
    expect(accounts).toEqual([account(A, MAIL)]);
    expect(skipped).toEqual([{ place: "gone.json", reason: "is not in that tool's own list of accounts any more" }]);
  });

  for (const [what, text] of [
    ["is damaged", `${managerIndex("kept")}}`],
    ["was emptied", managerIndex()],
  ] as const) {
    test(`takes all accounts when the manager's list ${what}`, () => {
      const { accounts } = readFolder([{ name: "accounts.json", text }, kept, gone]);
      expect(accounts.map(({ secret }) => secret)).toEqual([A, B]);
    });
  }

  test("knows an account that is there twice as one", () => {
    const files = ["1.json", "2.json"].map((name) => ({ name, text: cliProxyFile() }));
    expect(readFolder(files, "cliproxyapi").accounts).toHaveLength(1);
  });
});

function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (cause) {
    if (cause instanceof GatewayError) return cause.message;
    throw cause;
  }
  throw new Error("nothing was refused");
}
