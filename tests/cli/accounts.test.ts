import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { composeStore } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Account } from "../../src/core/accounts.ts";
import type { AccountChange, NewAccount, Store } from "../../src/core/store.ts";
import { type CloudCodeServer, failure, type ServedAccount, startCloudCode } from "../support/cloudcode/index.ts";
import { gatewayEnvironment } from "../support/gateway.ts";
import { freshHome, runAg } from "./support.ts";

// Each command is a process of its own, and all tests start theirs at once.
setDefaultTimeout(30_000);

const TOKEN = "1//test-refresh-token-of-account-";
const LINK = "https://accounts.google.com/signin/continue?plt=test";

const three: NewAccount[] = [
  { kind: "antigravity", secret: `${TOKEN}1`, email: "one@example.com", projectId: "project-1", label: "team" },
  { kind: "antigravity", secret: `${TOKEN}2`, email: "two@example.com", label: "team" },
  { kind: "gemini-api-key", secret: "AIza-test-key", label: "official" },
];

/** A home with accounts in it, and the commands run over it; `env` is what they see besides. */
async function bench(accounts: readonly NewAccount[], env: Record<string, string> = {}) {
  const home = freshHome();
  const config = loadConfig({ env: { AG_HOME: home.path }, oauthClient: undefined });
  const withStore = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const store = await composeStore(config);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  const stored = () => withStore((store) => store.accounts.list());
  const byHandle = async (handle: string): Promise<Account> => {
    const account = (await stored()).find((one) => one.handle === handle);
    if (account === undefined) throw new Error(`${handle} is gone`);
    return account;
  };
  await withStore((store) => store.accounts.add(accounts, Date.now(), { again: false }));
  return {
    stored,
    byHandle,
    withStore,
    ag: (...words: string[]) => runAg(home.path, ["accounts", ...words], { env: { AG_HOME: home.path, ...env } }),
    async change(handle: string, change: AccountChange) {
      const { id } = await byHandle(handle);
      await withStore((store) => store.accounts.update(id, change));
    },
    [Symbol.dispose]: () => home[Symbol.dispose](),
  };
}

describe.concurrent("ag accounts list", () => {
  test("shows the limits that the gateway has stored, and no secret", async () => {
    using bed = await bench(three);
    const { id } = await bed.byHandle("a2");
    const until = Date.now() + 90 * 60_000;
    await bed.withStore((store) =>
      store.limits.save({
        accountId: id,
        model: "model-a",
        cooldown: { kind: "quota-exhausted", until, since: Date.now(), evidence: "429 QUOTA_EXHAUSTED" },
        unnamedFailures: 0,
        liftedByReading: false,
      }),
    );
    const { code, stdout, stderr } = await bed.ag("list");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^a1 .* ready /m);
    expect(stdout).toMatch(/^a2 .* resting /m);
    expect(stdout).toMatch(/^a2 +model-a rests for 1 h 30 min, until .*: 429 QUOTA_EXHAUSTED$/m);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    const json = await bed.ag("list", "--json");
    const { accounts } = JSON.parse(json.stdout) as { accounts: { cooldowns: unknown[] }[] };
    expect(accounts.map(({ cooldowns }) => cooldowns.length)).toEqual([0, 1, 0]);
    expect(stdout + json.stdout).not.toMatch(/1\/\/|AIza/);
  });
});

describe.concurrent("ag accounts disable and enable", () => {
  test("switch an account by any of its names, and say it a second time", async () => {
    using bed = await bench(three);
    expect(await bed.ag("disable", "TWO@example.com")).toEqual({
      code: 0,
      stdout:
        "Disabled a2  two@example.com  team\n" +
        "Running requests finish, no new one starts. To take it back: ag accounts enable a2\n",
      stderr: "",
    });
    expect((await bed.stored()).map(({ enabled }) => enabled)).toEqual([true, false, true]);
    expect(await bed.ag("disable", "a2")).toEqual({ code: 0, stdout: "a2 is disabled already\n", stderr: "" });
    expect((await bed.ag("enable", "A2")).stdout).toBe("Enabled a2  two@example.com  team\n");
    expect((await bed.ag("enable", "official")).stdout).toBe("a3 is enabled already\n");
    expect((await bed.stored()).map(({ enabled }) => enabled)).toEqual([true, true, true]);
  });

  test("as JSON say whether anything changed", async () => {
    using bed = await bench(three);
    const first = JSON.parse((await bed.ag("disable", "a1", "--json")).stdout) as unknown;
    expect(first).toMatchObject({ account: { handle: "a1", state: "disabled", enabled: false }, changed: true });
    expect(JSON.parse((await bed.ag("disable", "a1", "--json")).stdout)).toMatchObject({ changed: false });
  });

  test("enabling does not pretend to end a problem, and says what does", async () => {
    using bed = await bench(three);
    const problem = {
      type: "terms-block",
      message: "why",
      since: 1,
      url: "https://support.google.com/appeal",
    } as const;
    await bed.change("a1", { enabled: false, problem });
    const { code, stdout } = await bed.ag("enable", "a1");
    expect(code).toBe(0);
    expect(stdout).toBe(
      "Enabled a1  one@example.com  team\n" +
        "Enabling does not make it usable: a1 is stopped for good: Google reports a breach of its terms.\n" +
        "Appeal to Google: https://support.google.com/appeal\n" +
        "Once Google has granted it: ag accounts verify a1 --appeal-granted\n",
    );
    expect((await bed.byHandle("a1")).problem).toEqual(problem);
  });
});

describe.concurrent("ag accounts label", () => {
  test("gives a label, takes it away with an empty one, and repeats either without harm", async () => {
    using bed = await bench(three);
    expect((await bed.ag("label", "a3", " north ")).stdout).toBe("Labelled a3  north\n");
    expect((await bed.byHandle("a3")).label).toBe("north");
    expect((await bed.ag("label", "a3", "north")).stdout).toBe("a3 has this label already\n");
    expect((await bed.ag("label", "north", "")).stdout).toBe("Took the label from a3\n");
    expect((await bed.byHandle("a3")).label).toBeUndefined();
    expect((await bed.ag("label", "a3", "")).stdout).toBe("a3 has no label\n");
  });

  const refused: [name: string, words: string[], code: number, stderr: RegExp][] = [
    ["a handle", ["a1", "A7"], 1, /^ag: A label cannot look like a handle: A7\n/],
    ["what looks like a key", ["a1", "AIza-test-made-up"], 1, /^ag: That looks like a key or token(?!.*AIza)/],
    ["what is far too long", ["a1", "x".repeat(61)], 1, /^ag: A label has at most 60 characters, this one 61\n/],
    ["two words that are not quoted", ["a1", "team", "north"], 2, /^ag: Unexpected argument "north"\n/],
    ["no text at all", ["a1"], 2, /^ag: TEXT is missing\n/],
    ["nothing", [], 2, /^ag: ID is missing\n/],
  ];
  for (const [name, words, code, stderr] of refused) {
    test(`refuses ${name}`, async () => {
      using bed = await bench(three);
      const outcome = await bed.ag("label", ...words);
      expect(outcome.code).toBe(code);
      expect(outcome.stderr).toMatch(stderr);
      expect((await bed.byHandle("a1")).label).toBe("team");
    });
  }
});

describe.concurrent("ag accounts remove", () => {
  test("removes with --yes, and says where the sign-in lives on", async () => {
    using bed = await bench(three);
    const { code, stdout } = await bed.ag("remove", "a1", "--yes");
    expect(code).toBe(0);
    expect(stdout).toStartWith("Removed a1  one@example.com  team\n");
    expect(stdout).toContain("https://myaccount.google.com/connections");
    expect((await bed.stored()).map(({ handle }) => handle)).toEqual(["a2", "a3"]);
    expect((await bed.ag("remove", "official", "-y")).stdout).toContain("https://aistudio.google.com/apikey");
  });

  test("as JSON names what was removed", async () => {
    using bed = await bench(three);
    const { stdout } = await bed.ag("remove", "a1", "--yes", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ removed: { handle: "a1", email: "one@example.com" } });
  });

  test("needs a yes where nobody can be asked", async () => {
    using bed = await bench(three);
    const { code, stdout, stderr } = await bed.ag("remove", "a1");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      "ag: Removing a1 needs a yes, and nobody can be asked here\n    If you are sure: ag accounts remove a1 --yes\n",
    );
    expect(await bed.stored()).toHaveLength(3);
  });

  test("removes nobody when the name fits several or none", async () => {
    using bed = await bench(three);
    const several = await bed.ag("remove", "team", "--yes");
    expect(several.code).toBe(1);
    expect(several.stderr).toMatch(/^ag: "team" names 2 accounts\n +Name one by its handle: a1 .*, a2 /);
    const none = await bed.ag("remove", "twoo@example.com", "--yes");
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("Did you mean two@example.com?");
    expect(await bed.stored()).toHaveLength(3);
  });
});

test("ag accounts alone in a script is help, not a menu", async () => {
  using bed = await bench([]);
  const { code, stdout } = await bed.ag();
  expect(code).toBe(0);
  expect(stdout).toContain("Usage: ag accounts [COMMAND]");
});

describe.concurrent("ag accounts verify", () => {
  const served = (number: number, more: Partial<ServedAccount> = {}): ServedAccount => ({
    email: `owner-${number}@example.com`,
    refreshToken: `${TOKEN}${number}`,
    project: `project-${number}`,
    ...more,
  });

  /** Accounts of a strict upstream, stored as it serves them. */
  async function upstreamBench(accounts: readonly ServedAccount[], env: Record<string, string> = {}) {
    const upstream = await startCloudCode({ accounts });
    const { AG_HOME: _, ...environment } = gatewayEnvironment(upstream, "");
    const bed = await bench(
      accounts.map(({ refreshToken, email, project }) => ({
        kind: "antigravity",
        secret: refreshToken,
        email,
        ...(project !== undefined && { projectId: project }),
      })),
      { ...environment, ...env },
    );
    return {
      ...bed,
      upstream,
      async [Symbol.asyncDispose]() {
        bed[Symbol.dispose]();
        await upstream.stop();
      },
    };
  }

  const methods = ({ log }: CloudCodeServer) => log.map(({ method }) => method);

  test("says what each account has, without any model answering", async () => {
    await using bed = await upstreamBench([served(1, { paidTier: "g1-pro-tier" }), served(2)]);
    const { code, stdout, stderr } = await bed.ag("verify");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^a1 {2}owner-1@example\.com: ready\n {4}tier pro, project project-1, \d+ models\n/);
    expect(stdout).toContain("\na2  owner-2@example.com: ready\n");
    expect(stdout).toMatch(/^ {4}Gemini: 5h 100 % left, weekly 100 % left$/m);
    expect(methods(bed.upstream)).not.toContain("streamGenerateContent");
    expect(stdout).not.toMatch(/1\/\/|ya29/);
  });

  test("names the link that Google wants opened, asks once, and clears it when the owner has done so", async () => {
    await using bed = await upstreamBench([served(1, { validationUrl: LINK })]);
    const blocked = await bed.ag("verify", "a1");
    expect(blocked.code).toBe(3);
    expect(blocked.stdout).toContain("needs verification by its owner\n");
    expect(blocked.stdout).toContain(`Open ${LINK}\n    Then run: ag accounts verify a1\n`);
    expect(methods(bed.upstream).filter((method) => method === "loadCodeAssist")).toHaveLength(1);
    expect((await bed.byHandle("a1")).problem).toMatchObject({ type: "needs-verification", url: LINK });
    expect((await bed.ag("list")).stdout).toContain(`Open ${LINK}\n     Then run: ag accounts verify a1\n`);

    delete bed.upstream.world.accounts[0]?.validationUrl;
    const over = await bed.ag("verify", "a1", "--json");
    expect(over.code).toBe(0);
    expect(JSON.parse(over.stdout)).toMatchObject({
      accounts: [{ handle: "a1", verification: "ready", ended: "needs-verification", state: "ready" }],
    });
    expect((await bed.byHandle("a1")).problem).toBeUndefined();
  });

  test("never asks about a terms block, and leaves a disabled account alone", async () => {
    await using bed = await upstreamBench([served(1), served(2)]);
    await bed.change("a1", { problem: { type: "terms-block", message: "why", since: 1, url: LINK } });
    await bed.change("a2", { enabled: false });
    const { code, stdout } = await bed.ag("verify");
    expect(code).toBe(3);
    expect(stdout).toContain("is stopped for good");
    expect(stdout).toContain(`Appeal to Google: ${LINK}`);
    expect(stdout).toContain("a2  owner-2@example.com: disabled, so it was not asked\n");
    expect(bed.upstream.log).toEqual([]);
    expect((await bed.byHandle("a1")).problem?.type).toBe("terms-block");
  });

  test("asks about a terms block when its owner says that the appeal was granted, and only about that account", async () => {
    await using bed = await upstreamBench([served(1), served(2)]);
    for (const handle of ["a1", "a2"]) {
      await bed.change(handle, { problem: { type: "terms-block", message: "why", since: 1, url: LINK } });
    }
    const unnamed = await bed.ag("verify", "--appeal-granted");
    expect([unnamed.code, unnamed.stderr]).toEqual([
      2,
      expect.stringContaining("--appeal-granted needs the account it is about"),
    ]);
    expect(bed.upstream.log).toEqual([]);
    bed.upstream.always(failure("terms"), { method: "fetchAvailableModels" });
    const refused = await bed.ag("verify", "a1", "--appeal-granted");
    expect([refused.code, (await bed.byHandle("a1")).problem?.type]).toEqual([3, "terms-block"]);
    bed.upstream.reset();
    const { code, stdout } = await bed.ag("verify", "a1", "--appeal-granted");
    expect([code, stdout]).toEqual([0, expect.stringContaining("ready again, terms-block is over")]);
    expect((await bed.stored()).map(({ problem }) => problem?.type)).toEqual([undefined, "terms-block"]);
  });

  test("stores a terms block that the probe meets", async () => {
    await using bed = await upstreamBench([served(1)]);
    bed.upstream.always(failure("terms"), { method: "fetchAvailableModels" });
    const { code, stdout } = await bed.ag("verify");
    expect(code).toBe(3);
    expect(stdout).toContain("is stopped for good");
    expect((await bed.byHandle("a1")).problem?.type).toBe("terms-block");
  });

  test("exits with 1 when some are in order and others not, and tells a dead sign-in from a broken network", async () => {
    await using bed = await upstreamBench([served(1), served(2, { revoked: true })]);
    const mixed = await bed.ag("verify");
    expect(mixed.code).toBe(1);
    expect(mixed.stdout).toContain("a2  owner-2@example.com: needs a new sign-in\n");
    expect(mixed.stdout).toContain("Sign in with it again: ag accounts add\n");
    expect(mixed.stderr).toBe("");
    expect((await bed.ag("verify", "a2")).code).toBe(3);
  });

  test("changes nothing when Google cannot be reached", async () => {
    await using bed = await upstreamBench([served(1)], { AG_OAUTH_TOKEN_URL: "http://127.0.0.1:1/token" });
    const { code, stdout } = await bed.ag("verify");
    expect(code).toBe(1);
    expect(stdout).toContain("could not be verified\n");
    expect((await bed.byHandle("a1")).problem).toBeUndefined();
  });

  test("without any account exits with 3 and says how to add one", async () => {
    using bed = await bench([]);
    const { code, stderr } = await bed.ag("verify");
    expect(code).toBe(3);
    expect(stderr).toBe(
      "ag: No account is stored\n    Sign in: ag accounts add   (or bring sign-ins along: ag accounts import)\n",
    );
  });
});
