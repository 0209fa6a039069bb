import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ArchiveCipher,
  type ArchivedAccount,
  checkArchive,
  isArchive,
  openArchive,
  sealArchive,
} from "../../src/accounts/archive.ts";
import { archiveCipher } from "../../src/cli/archive-cipher.ts";
import type { Account } from "../../src/core/accounts.ts";
import { GatewayError } from "../../src/core/errors.ts";

const PASSPHRASE = "test passphrase, long enough";

/** The real one but for the time it takes: the derivation is the only slow part, and has a test of its own. */
const quick: ArchiveCipher = {
  ...archiveCipher,
  async deriveKey(passphrase, salt) {
    return new Bun.CryptoHasher("sha256").update(passphrase).update(salt).digest();
  },
};

const ACCOUNTS: ArchivedAccount[] = [
  {
    kind: "antigravity",
    secret: "1//test-refresh-token",
    email: "a@example.org",
    label: "team",
    projectId: "p",
    tier: "pro",
    enabled: true,
  },
  {
    kind: "antigravity",
    secret: "1//test-stopped-token",
    enabled: false,
    problem: {
      type: "terms-block",
      message: "Stopped",
      url: "https://support.google.com/appeal",
      since: 1786000000000,
    },
  },
  { kind: "gemini-api-key", secret: "AIza-test-key", enabled: true },
];

describe("an archive", () => {
  test("gives back what was put in, with the real key derivation", async () => {
    const text = await sealArchive(ACCOUNTS, PASSPHRASE, archiveCipher);
    expect(isArchive(text)).toBe(true);
    expect(() => checkArchive(text)).not.toThrow();
    expect(await openArchive(text, PASSPHRASE, archiveCipher)).toEqual(ACCOUNTS);
  });

  test("shows how it was sealed and nothing of what is in it", async () => {
    const text = await sealArchive(ACCOUNTS, PASSPHRASE, quick);
    expect(text).not.toMatch(/1\/\/test|AIza-|example\.org|team|antigravity/);
    expect(JSON.parse(text)).toEqual({
      format: "ag-accounts",
      version: 1,
      kdf: { name: "scrypt", cost: 131072, blockSize: 8, parallelization: 1, salt: expect.any(String) },
      cipher: { name: "aes-256-gcm", nonce: expect.any(String) },
      sealed: expect.any(String),
    });
  });

  test("is another one each time", async () => {
    const [first, second] = [
      await sealArchive(ACCOUNTS, PASSPHRASE, quick),
      await sealArchive(ACCOUNTS, PASSPHRASE, quick),
    ];
    expect(JSON.parse(first).kdf.salt).not.toBe(JSON.parse(second).kdf.salt);
    expect(JSON.parse(first).cipher.nonce).not.toBe(JSON.parse(second).cipher.nonce);
  });

  test("keeps nothing of an account but what it names", async () => {
    const account: Account = {
      id: "id",
      handle: "a7",
      kind: "antigravity",
      secret: "1//test-refresh-token",
      enabled: true,
      addedAt: 1,
      lastUsedAt: 2,
    };
    const text = await sealArchive([account], PASSPHRASE, quick);
    expect(await openArchive(text, PASSPHRASE, quick)).toEqual([
      { kind: "antigravity", secret: "1//test-refresh-token", enabled: true },
    ]);
  });

  test("opens with the passphrase typed on another keyboard", async () => {
    const text = await sealArchive(ACCOUNTS, "pässwörter".normalize("NFC"), quick);
    expect(await openArchive(text, "pässwörter".normalize("NFD"), quick)).toEqual(ACCOUNTS);
  });

  test("says one thing of a wrong passphrase", async () => {
    const text = await sealArchive(ACCOUNTS, PASSPHRASE, quick);
    expect(await refusalOf(openArchive(text, `${PASSPHRASE} `, quick))).toBe(
      "The passphrase is wrong, or the archive was changed after it was made",
    );
  });

  test("does not open after any change to it", async () => {
    const text = await sealArchive(ACCOUNTS.slice(0, 1), PASSPHRASE, quick);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.constantFrom("A", "9", "+", " ", "}", "2"),
        async (at, character) => {
          const changed = text.slice(0, at) + character + text.slice(at + 1);
          // White space around the members says nothing.
          if (sameDocument(changed, text)) return;
          // Nor do the bits that base64 leaves over before its padding.
          if (text[at + 1] === "=") return;
          expect(await refusalOf(openArchive(changed, PASSPHRASE, quick))).toMatch(/wrong|damaged|newer/);
        },
      ),
      { numRuns: 300 },
    );
  });

  const cut = (text: string) => text.slice(0, -20);
  const set = (path: string[], value: unknown) => (text: string) => {
    const document = JSON.parse(text);
    const owner = path.slice(0, -1).reduce((object, key) => object[key], document);
    owner[path.at(-1) ?? ""] = value;
    return JSON.stringify(document);
  };
  const refused: [what: string, change: (text: string) => string, message: RegExp][] = [
    ["was cut", cut, /damaged/],
    ["is of a newer version", set(["version"], 2), /newer version/],
    ["asks for gigabytes of memory", set(["kdf", "cost"], 2 ** 24), /damaged/],
    ["asks for gigabytes by its blocks", set(["kdf", "blockSize"], 1024), /damaged/],
    ["asks for hours", set(["kdf", "parallelization"], 1_000_000), /damaged/],
    ["is too cheap to guess at", set(["kdf", "cost"], 2), /damaged/],
    ["has a cost that is no power of two", set(["kdf", "cost"], 100_000), /damaged/],
    ["has another derivation", set(["kdf", "name"], "pbkdf2"), /damaged/],
    ["has a short salt", set(["kdf", "salt"], "AAAA"), /damaged/],
    ["has a nonce of the wrong length", set(["cipher", "nonce"], "AAAA"), /damaged/],
    ["has no seal", set(["sealed"], ""), /damaged/],
  ];
  for (const [what, change, message] of refused) {
    test(`is refused without its passphrase being needed when it ${what}`, async () => {
      const text = change(await sealArchive(ACCOUNTS, PASSPHRASE, quick));
      expect(() => checkArchive(text)).toThrow(GatewayError);
      const neverAsked: ArchiveCipher = { ...quick, deriveKey: () => Promise.reject(new Error("derived a key")) };
      expect(await refusalOf(openArchive(text, PASSPHRASE, neverAsked))).toMatch(message);
    });
  }

  test("is refused, and not half taken, when what was sealed is no list of accounts", async () => {
    const odd: ArchiveCipher = { ...quick, open: () => new TextEncoder().encode('{"accounts":[{"secret":"hush"}]}') };
    const message = await refusalOf(openArchive(await sealArchive([], PASSPHRASE, quick), PASSPHRASE, odd));
    expect(message).toMatch(/cannot be read by this version/);
    expect(message).not.toContain("hush");
  });

  test("is not seen in other texts", () => {
    for (const text of ["", "1//test-token", "[]", '{"accounts":[]}', "null"]) expect(isArchive(text)).toBe(false);
  });
});

function sameDocument(changed: string, text: string): boolean {
  try {
    return JSON.stringify(JSON.parse(changed)) === JSON.stringify(JSON.parse(text));
  } catch {
    return false;
  }
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const cause = await work.then(
    () => new Error("nothing was refused"),
    (thrown: unknown) => thrown,
  );
  if (!(cause instanceof GatewayError)) throw cause;
  expect(cause.kind).toBe("invalid-request");
  return cause.message;
}
