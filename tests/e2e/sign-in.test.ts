import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type CloudCodeServer,
  DEFAULT_ACCOUNT,
  httpAnswer,
  type ServedAccount,
  startCloudCode,
} from "../support/cloudcode/index.ts";
import { storedAccounts } from "../support/ag-process.ts";
import { browse, consent } from "../support/scripted-browser.ts";
import { temporaryHome } from "../support/temporary.ts";
import { takenPorts } from "../support/taken-ports.ts";
import { signInEnvironment, startSignIn } from "./support/sign-in.ts";

const servers: CloudCodeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function scene(account: Partial<ServedAccount> = {}) {
  const server = await startCloudCode({ accounts: [{ ...DEFAULT_ACCOUNT, ...account }] });
  servers.push(server);
  const home = temporaryHome();
  const env = signInEnvironment(server, home);
  return {
    server,
    home,
    env,
    signIn: (words: string[] = ["--accept-terms"], more: Record<string, string> = {}) =>
      startSignIn(home, words, { ...env, ...more }),
    stored: () => storedAccounts(server, home),
  };
}

const STORED = {
  handle: "a1",
  kind: "antigravity",
  email: DEFAULT_ACCOUNT.email,
  secret: DEFAULT_ACCOUNT.refreshToken,
  projectId: DEFAULT_ACCOUNT.project,
  enabled: true,
};

describe("ag accounts add", () => {
  test("opens the browser that BROWSER names, takes the code, stores the account and asks what it can use", async () => {
    const { server, home, signIn, stored } = await scene();
    const page = join(home, "page.txt");
    const program = resolve(import.meta.dir, "../support/browser-program.ts");
    const ended = await signIn(["--accept-terms", "--label", "team"], {
      BROWSER: `"${process.execPath}" ${program} ${page} %s`,
    }).ended;
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("Please read this before you sign in.");
    expect(ended.stdout).toContain(`Added a1  ${DEFAULT_ACCOUNT.email}  team`);
    expect(ended.stdout).toMatch(/a1 .*: ready\n {4}tier free, project sample-project-a1b2c, \d+ models/);
    expect(ended.stdout).not.toContain(DEFAULT_ACCOUNT.refreshToken);
    expect(readFileSync(page, "utf8")).toContain(`${DEFAULT_ACCOUNT.email} has been added to ag.`);
    expect(await stored()).toMatchObject([{ ...STORED, label: "team" }]);
    expect(server.refusals()).toEqual([]);
  });

  test("--json leaves one document on stdout, and all the rest to stderr", async () => {
    const { signIn } = await scene();
    const process = signIn(["--accept-terms", "--json", "--label", "team"]);
    await browse(await process.url());
    const { code, stdout, stderr } = await process.ended;
    expect({ code, document: JSON.parse(stdout) }).toEqual({
      code: 0,
      document: { handle: "a1", kind: "antigravity", email: DEFAULT_ACCOUNT.email, label: "team", state: "ready" },
    });
    expect(stderr).toContain("Please read this before you sign in.");
  });

  test("finds another port when its six are taken", async () => {
    await using _taken = takenPorts(51_121, 51_126);
    const { server, signIn, stored } = await scene();
    const process = signIn();
    await browse(await process.url());
    expect((await process.ended).code).toBe(0);
    expect(await stored()).toMatchObject([STORED]);
    expect(server.refusals()).toEqual([]);
  });

  test("says it when no browser can be opened, and goes on", async () => {
    const { signIn } = await scene();
    const process = signIn(["--accept-terms"], { BROWSER: "no-such-browser-here" });
    const url = await process.url();
    await process.hasWritten(/No browser could be opened here/);
    await browse(url);
    expect((await process.ended).code).toBe(0);
  });

  test("hands the address to the browser as one word, whatever it holds", async () => {
    const { home, signIn } = await scene();
    const process = signIn(["--accept-terms"], { BROWSER: `${join(home, "nothing")} $(touch pwned) ; touch pwned` });
    await browse(await process.url());
    expect((await process.ended).code).toBe(0);
    expect(await Bun.file(join(home, "pwned")).exists()).toBe(false);
  });

  test("shows the notice once, and takes the agreement as given after that", async () => {
    const { signIn, stored } = await scene();
    const first = signIn();
    await browse(await first.url());
    await first.ended;
    const second = signIn([]);
    await browse(await second.url());
    const { code, stdout } = await second.ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain("Please read this");
    expect(stdout).toContain(`Signed in again: a1  ${DEFAULT_ACCOUNT.email}`);
    expect(await stored()).toMatchObject([STORED]);
  });

  test("with nobody to agree, asks Google nothing, opens nothing, and exits with 2", async () => {
    const { server, signIn, stored } = await scene();
    const { code, stdout, stderr } = await signIn([]).ended;
    expect(code).toBe(2);
    expect(stdout).toContain("ag accounts add --gemini-key");
    expect(stderr).toContain("add --accept-terms");
    expect(stdout).not.toContain(server.authorizeUrl);
    expect([server.log, await stored()]).toEqual([[], []]);
  });

  test("without an OAuth client says first of all how to supply one", async () => {
    const { env, home } = await scene();
    const { AG_OAUTH_CLIENT_ID: _, ...rest } = env;
    const { code, stdout, stderr } = await startSignIn(home, [], rest).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("AG_OAUTH_CLIENT_ID not set");
    expect(stderr).toContain(join(home, "config.jsonc"));
  });

  test("signs a known e-mail in again in place, with its dead sign-in and its label", async () => {
    const { server, signIn, stored } = await scene();
    const first = signIn(["--accept-terms", "--label", "team"]);
    await browse(await first.url());
    await first.ended;
    for (const account of server.world.accounts) account.revoked = true;
    const second = signIn();
    const { page } = await browse(await second.url());
    expect((await second.ended).stdout).toContain("Signed in again: a1");
    expect(page).toContain("its sign-in has been renewed");
    expect(await stored()).toMatchObject([
      { ...STORED, label: "team", secret: `${DEFAULT_ACCOUNT.refreshToken}-again` },
    ]);
  });

  test("stores an account that its owner must verify, and shows the link", async () => {
    const validationUrl = "https://accounts.google.com/signin/continue?sarp=1";
    const { signIn, stored } = await scene({ validationUrl });
    const process = signIn(["--accept-terms", "--json"]);
    await browse(await process.url());
    const { code, stdout, stderr } = await process.ended;
    expect({ code, state: JSON.parse(stdout).state }).toEqual({ code: 0, state: "needs-verification" });
    expect(stderr).toMatch(
      /needs verification by its owner\n[^]*Open https:\/\/accounts\.google\.com\/signin\/continue\?sarp=1\s/,
    );
    expect(await stored()).toMatchObject([{ problem: { type: "needs-verification", url: validationUrl } }]);
  });

  test("stops at Ctrl-C with 130, and nothing stored", async () => {
    const { signIn, stored } = await scene();
    const process = signIn();
    await process.url();
    await process.hasWritten(/Ctrl-C stops/);
    process.interrupt();
    const { code, stderr } = await process.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: "ag: Interrupted; nothing was stored\n" });
    expect(await stored()).toEqual([]);
  });

  const FAILURES: [string, Partial<ServedAccount>, [number, { error: string }] | undefined, string, string][] = [
    [
      "a no on Google's page",
      { consentError: "access_denied" },
      undefined,
      "cancelled on Google's page",
      "choose Continue or Allow",
    ],
    ["no refresh token", { withholdsRefreshToken: true }, undefined, "gave no refresh token", "myaccount.google.com"],
    ["another way back", {}, [400, { error: "redirect_uri_mismatch" }], "does not allow the way back", "Desktop app"],
    [
      "a wrong client",
      {},
      [401, { error: "invalid_client" }],
      "refuses the configured OAuth client",
      "AG_OAUTH_CLIENT_SECRET",
    ],
    ["a used code", {}, [400, { error: "invalid_grant" }], "does not take this code", "Run ag accounts add again"],
  ];
  test.each(FAILURES)("%s ends it with a sentence and a next step", async (_, account, refusal, sentence, step) => {
    const { server, signIn, stored } = await scene(account);
    if (refusal) server.next(httpAnswer(...refusal), { method: "token" });
    const process = signIn();
    const { page } = await browse(await process.url());
    const { code, stderr } = await process.ended;
    expect(code).toBe(1);
    expect(stderr).toContain(sentence);
    expect(stderr).toContain(step);
    expect(page).toContain(sentence.replaceAll("'", "&#x27;"));
    expect(await stored()).toEqual([]);
  });
});

describe("ag accounts add --no-browser", () => {
  const WAYS: [string, (back: URL) => string][] = [
    ["the whole address", (back) => back.href],
    ["its query", (back) => back.search],
    ["the bare code, as it stands in the address", (back) => encodeURIComponent(back.searchParams.get("code") ?? "")],
  ];
  test.each(WAYS)("takes %s on stdin", async (_, pasted) => {
    const { server, signIn, stored } = await scene();
    const process = signIn(["--no-browser", "--accept-terms"], { BROWSER: "no-such-browser-here" });
    await process.type(pasted(await consent(await process.url())));
    const { code, stdout } = await process.ended;
    expect(code).toBe(0);
    expect(stdout).toContain("paste it here and press Enter");
    expect(stdout).not.toContain("No browser could be opened");
    expect(await stored()).toMatchObject([STORED]);
    expect(server.refusals()).toEqual([]);
  });

  test("refuses the answer to another sign-in, and asks again", async () => {
    const { signIn } = await scene();
    const process = signIn(["--no-browser", "--accept-terms"]);
    const back = await consent(await process.url());
    await process.type(back.href.replace(/state=[^&]*/, `state=${"x".repeat(43)}`));
    await process.hasWritten(/belongs to another sign-in/);
    await process.type(back.href);
    expect((await process.ended).code).toBe(0);
  });

  test("ends when the input ends without a code", async () => {
    const { signIn } = await scene();
    const process = signIn(["--no-browser", "--accept-terms"]);
    await process.url();
    await process.endInput();
    const { code, stderr } = await process.ended;
    expect(code).toBe(1);
    expect(stderr).toContain("The input ended before it held a code or an address");
  });
});
