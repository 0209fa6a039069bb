import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { keyTable } from "../../src/cli/commands/keys-list.ts";
import type { UserError } from "../../src/cli/failure.ts";
import { chooseKey } from "../../src/cli/keys/choose.ts";
import { expiryOfKey, publicKey } from "../../src/cli/keys/view.ts";
import { readWishes, type Wishes } from "../../src/cli/keys/wishes.ts";
import { composeStore } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { ApiKey, NewKey } from "../../src/core/keys.ts";
import { filesWith } from "../store/support.ts";
import { freshHome, readUntil, runAg, spawnAg } from "./support.ts";

// Each command is a process of its own, and all tests start theirs at once.
setDefaultTimeout(30_000);

const NOW = new Date(2026, 0, 15, 12).getTime();
const DAY_MS = 86_400_000;

function keyOf(more: Partial<ApiKey> = {}): ApiKey {
  return {
    handle: "k1",
    digest: "digest-of-a-test",
    hint: "sk-ag-test…",
    scopes: ["inference"],
    models: [],
    createdAt: NOW,
    ...more,
  };
}

describe("what is asked of a key", () => {
  const rows: [wishes: Wishes, expected: Partial<NewKey>][] = [
    [{}, { scopes: ["inference"], models: [] }],
    [{ name: " laptop " }, { name: "laptop" }],
    [{ scope: "metrics" }, { scopes: ["metrics"] }],
    [{ scope: " Metrics, admin ,metrics," }, { scopes: ["admin", "metrics"] }],
    [
      { rpm: "1", concurrency: "16000" },
      { rpm: 1, concurrency: 16_000 },
    ],
    [{ models: "gemini-*, claude-x,gemini-*" }, { models: ["gemini-*", "claude-x"] }],
    [{ models: "gemini-*,*" }, { models: [] }],
    [{ expires: "30d" }, { expiresAt: NOW + 30 * DAY_MS }],
    [{ expires: "12h" }, { expiresAt: NOW + DAY_MS / 2 }],
    [{ expires: "1d 12h" }, { expiresAt: NOW + 1.5 * DAY_MS }],
    [{ expires: "2w" }, { expiresAt: NOW + 14 * DAY_MS }],
    [{ expires: "6 weeks" }, { expiresAt: NOW + 42 * DAY_MS }],
    [{ expires: "2026-01-15" }, { expiresAt: new Date(2026, 0, 16).getTime() }],
    [{ expires: "2026-12-31" }, { expiresAt: new Date(2027, 0, 1).getTime() }],
    [{ expires: "2026-01-31T10:00:00Z" }, { expiresAt: Date.UTC(2026, 0, 31, 10) }],
    [{ expires: "2026-01-31 10:00+02:00" }, { expiresAt: Date.UTC(2026, 0, 31, 8) }],
  ];
  for (const [wishes, expected] of rows) {
    test(`${JSON.stringify(wishes)} is understood`, () => {
      const plain = { scopes: ["inference"], models: [], createdAt: NOW };
      expect(readWishes(wishes, NOW)).toEqual({ ...plain, ...expected } as never);
    });
  }

  const refused: [wishes: Wishes, message: string][] = [
    [{ name: "" }, "--name must not be empty"],
    [{ name: "k12" }, "--name must not look like a handle"],
    [{ name: "x".repeat(61) }, "--name has at most 60 characters, this one 61"],
    [{ name: "sk-ag-test-of-a-key-that-was-pasted" }, "--name looks like a key or token"],
    [{ scope: "everything" }, '--scope is made of inference, admin, metrics, not "everything"'],
    [{ scope: "," }, "--scope must not be empty"],
    [{ models: " , " }, "--models must not be empty"],
    [{ rpm: "0" }, '--rpm must be a whole number from 1 to 100000, not "0"'],
    [{ rpm: "-5" }, "--rpm must be"],
    [{ rpm: "1.5" }, "--rpm must be"],
    [{ rpm: "1e3" }, "--rpm must be"],
    [{ rpm: "99999999999" }, "--rpm must be"],
    [{ concurrency: "many" }, "--concurrency must be a whole number from 1 to 16000"],
    [{ expires: "30" }, "--expires is a length of time or a date"],
    [{ expires: "tomorrow" }, "--expires is"],
    [{ expires: "2026-02-30" }, "--expires is"],
    [{ expires: "2026-13-01" }, "--expires is"],
    [{ expires: "0000-00-00" }, "--expires is"],
    [{ expires: "999999999999d" }, "--expires is"],
    [{ expires: "2026-01-14" }, "--expires 2026-01-14 is over already"],
    [{ expires: "0d" }, "--expires 0d is over already"],
    [{ scope: "metrics", rpm: "5" }, "--rpm is about requests for models, which a key with metrics alone cannot send"],
    [{ scope: "admin,metrics", models: "x" }, "--models is about requests for models, which a key with admin and"],
  ];
  for (const [wishes, message] of refused) {
    test(`${JSON.stringify(wishes)} is wrong usage`, () => {
      expect(() => readWishes(wishes, NOW)).toThrow(message);
    });
  }
});

describe("a key that is meant", () => {
  const keys = [
    keyOf({ name: "laptop", revokedAt: NOW }),
    keyOf({ handle: "k2", name: "Laptop" }),
    keyOf({ handle: "k3", name: "guest" }),
    keyOf({ handle: "k4", name: "guest" }),
    keyOf({ handle: "k5", name: "old", revokedAt: NOW }),
  ];

  test("is found by handle or name, in any case, one that is in use before one that was revoked", () => {
    const meant = ["K3", "k1", "laptop", "old"].map((text) => chooseKey(text, keys, NOW).handle);
    expect(meant).toEqual(["k3", "k1", "k2", "k5"]);
  });

  const refused: [text: string, message: string, hint: string][] = [
    ["guest", '"guest" names 2 keys', "Name one by its handle: k3 guest, k4 guest"],
    ["gest", 'There is no key "gest"', "Did you mean guest?"],
    ["k9", 'There is no key "k9"', "There are: k1 laptop, k2 Laptop, k3 guest, k4 guest, k5 old"],
    ["sk-ag-test-of-a-whole-key", "A key is named by its handle or its name, not by itself", "ag keys list"],
  ];
  for (const [text, message, hint] of refused) {
    test(`is not found: ${message}`, () => {
      try {
        chooseKey(text, keys, NOW);
        expect.unreachable();
      } catch (cause) {
        expect((cause as UserError).message).toBe(message);
        expect((cause as UserError).hint).toContain(hint);
      }
    });
  }
});

describe("the table of keys", () => {
  const keys = [
    keyOf({
      name: "laptop",
      rpm: 5,
      concurrency: 2,
      models: ["gemini-*"],
      expiresAt: NOW + 30 * DAY_MS,
      lastUsedAt: NOW - 3_600_000,
    }),
    keyOf({ handle: "k2", scopes: ["admin", "metrics"], expiresAt: NOW }),
    keyOf({ handle: "k3", revokedAt: NOW }),
  ];

  test("tells the state of each and what it may", () => {
    const lines = keyTable(keys, NOW, 200).split("\n");
    expect(lines.map((line) => line.split(/\s{2,}/))).toEqual([
      ["KEY", "NAME", "BEGINS", "STATE", "SCOPES", "LIMITS", "MODELS", "EXPIRES", "LAST USED"],
      ["k1", "laptop", "sk-ag-test…", "active", "inference", "5/min, 2 at once", "gemini-*", "14 Feb 12:00", "1 h ago"],
      ["k2", "sk-ag-test…", "expired", "admin, metrics", "Thu 15 Jan 2026, 12:00", "never"],
      ["k3", "sk-ag-test…", "revoked", "inference", "never"],
    ]);
  });

  test("fits a terminal of 80 columns", () => {
    expect(
      Math.max(
        ...keyTable(keys, NOW, 80)
          .split("\n")
          .map((line) => Bun.stringWidth(line)),
      ),
    ).toBeLessThanOrEqual(80);
  });

  test("names the year of an end that is far away or over", () => {
    expect(expiryOfKey({ expiresAt: NOW + 400 * DAY_MS }, NOW)).toContain("2027");
    expect(expiryOfKey({ expiresAt: NOW - 1 }, NOW)).toContain("2026");
    expect(expiryOfKey({ expiresAt: NOW + 2 * DAY_MS }, NOW)).toBe("Sat 12:00");
  });

  test("never shows a digest, nor does the JSON", () => {
    expect(keyTable(keys, NOW, 200)).not.toContain("digest");
    for (const key of keys) expect(JSON.stringify(publicKey(key, NOW))).not.toContain("digest");
  });
});

/** A home of its own, and the commands run over it. */
function bench() {
  const home = freshHome();
  const env = { AG_HOME: home.path };
  return {
    home: home.path,
    ag: (...words: string[]) => runAg(home.path, ["keys", ...words], { env }),
    async stored(): Promise<ApiKey[]> {
      const store = await composeStore(loadConfig({ env, oauthClient: undefined }));
      const keys = await store.keys.list();
      await store.close();
      return keys;
    },
    [Symbol.dispose]: () => home[Symbol.dispose](),
  };
}

const keyIn = (text: string) => /sk-ag-[\w-]{43}/.exec(text)?.[0] ?? "";

describe.concurrent("ag keys", () => {
  test("a key is shown once, is on disk as a digest only, and the first one is told to close the gateway", async () => {
    using bed = bench();
    const first = await bed.ag("create", "--name", "laptop", "--rpm", "5", "--models", "gemini-*");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const text = keyIn(first.stdout);
    expect(first.stdout).toStartWith(`${text}\n`);
    expect(first.stdout).toContain("not shown again");
    expect(first.stdout).toContain("from now on every request needs one");
    const digest = createHash("sha256").update(text).digest("hex");
    expect(await bed.stored()).toMatchObject([
      { handle: "k1", name: "laptop", digest, hint: `${text.slice(0, 10)}…`, rpm: 5, models: ["gemini-*"] },
    ]);
    expect(filesWith(bed.home, text)).toEqual([]);
    for (const shown of [await bed.ag("list"), await bed.ag("list", "--json")]) {
      expect(shown.stdout).toContain("laptop");
      expect(shown.stdout).not.toContain(text);
      expect(shown.stdout).not.toContain(digest);
    }

    const second = await bed.ag("create", "--scope", "metrics", "--json");
    const { key, created, first: isFirst } = JSON.parse(second.stdout);
    expect(key).toBe(keyIn(second.stdout));
    expect(created).toMatchObject({ handle: "k2", scopes: ["metrics"], state: "active" });
    expect(isFirst).toBe(false);
    expect(key).not.toBe(text);
  });

  test("a key is revoked by name, stays in the list, and the last one's end is told", async () => {
    using bed = bench();
    await bed.ag("create", "--name", "laptop");
    const { code, stdout } = await bed.ag("revoke", "laptop");
    expect(code).toBe(0);
    expect(stdout).toStartWith("Revoked k1 laptop\n");
    expect(stdout).toContain("requests are refused until ag keys create makes one");
    expect((await bed.ag("revoke", "k1")).stdout).toBe("k1 was revoked already\n");
    expect(JSON.parse((await bed.ag("list", "--json")).stdout)).toMatchObject({
      keys: [{ handle: "k1", state: "revoked" }],
    });
    const json = JSON.parse((await bed.ag("revoke", "k1", "--json")).stdout);
    expect(json).toMatchObject({ key: { handle: "k1", state: "revoked" }, changed: false });
  });

  test("an unknown key is no success, wrong usage is another code, and neither writes to stdout", async () => {
    using bed = bench();
    expect(await bed.ag("revoke", "k1")).toMatchObject({ code: 1, stdout: "" });
    expect(await bed.ag("create", "--rpm", "many")).toMatchObject({ code: 2, stdout: "" });
    expect(await bed.ag("revoke")).toMatchObject({ code: 2, stdout: "" });
    expect((await bed.ag("list")).stdout).toContain("ag keys create");
    expect(JSON.parse((await bed.ag("list", "--json")).stdout)).toEqual({ keys: [] });
    expect(await bed.stored()).toEqual([]);
  });
});

describe.concurrent("ag serve beyond loopback", () => {
  const serve = (home: string, ...more: string[]) =>
    runAg(home, ["serve", "--host", "0.0.0.0", "--port", "0", ...more], { env: { AG_HOME: home } });

  test("refuses without a key, and says how to make one", async () => {
    using bed = bench();
    const { code, stdout, stderr } = await serve(bed.home);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("Listening on 0.0.0.0 (--host) would let anyone who reaches it use your accounts");
    expect(stderr).toContain("ag keys create");
    expect(stderr).toContain("AG_API_KEY");
    expect(existsSync(join(bed.home, "ag.db"))).toBe(false);
  });

  test("refuses when no key is left that may ask models", async () => {
    using bed = bench();
    await bed.ag("create", "--scope", "admin");
    await bed.ag("create");
    await bed.ag("revoke", "k2");
    const { code, stderr } = await serve(bed.home);
    expect(code).toBe(1);
    expect(stderr).toContain("would serve nobody");
    expect(stderr).toContain("ag keys create");
  });

  test("starts with one, and says that keys are asked for", async () => {
    using bed = bench();
    await bed.ag("create");
    const child = spawnAg(bed.home, ["serve", "--host", "0.0.0.0", "--port", "0"], { AG_HOME: bed.home });
    const text = await readUntil(child.stdout, /Stop with Ctrl-C/);
    expect(text).toContain("API key   required (1 stored key)\n");
    child.kill("SIGKILL");
    await child.exited;
  });
});
