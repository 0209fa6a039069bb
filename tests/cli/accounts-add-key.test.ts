import { describe, expect, test } from "bun:test";
import { addGeminiKey, type GeminiKeyOptions, readGeminiKey } from "../../src/cli/sign-in/gemini-key.ts";
import type { Account } from "../../src/core/accounts.ts";
import { type FailureKind, GatewayError } from "../../src/core/errors.ts";
import type { AccountChange, NewAccount } from "../../src/core/store.ts";
import { fakeClock } from "../support/clock.ts";

const KEY = "AIza-test-made-up-key-0001";

function ownerOf(secret?: string) {
  const said: string[] = [];
  return {
    said,
    owner: {
      say: (text: string) => void said.push(text),
      heard: async () => {},
      ...(secret !== undefined && { prompts: { confirm: async () => true, secret: async () => secret } }),
    },
  };
}

async function add(check: () => Promise<{ models: number }>, options: Partial<GeminiKeyOptions> = {}, known = false) {
  const stored: NewAccount[] = [];
  const changes: [string, AccountChange][] = [];
  const { owner, said } = ownerOf();
  const outcome = addGeminiKey(
    KEY,
    { label: undefined, unchecked: false, ...options },
    owner,
    {
      checkKey: check,
      clock: fakeClock(),
      accounts: {
        async add(fresh, now, { again }) {
          if (!again) throw new Error("an explicit key takes back what was removed");
          stored.push(...fresh);
          const accounts = fresh.map((each): Account => {
            return { ...each, id: "id-1", handle: "a3", enabled: true, addedAt: now };
          });
          if (known) return { added: [], known: accounts.map((each) => ({ ...each, label: "old" })), removed: [] };
          return { added: accounts, known: [], removed: [] };
        },
        update: async (id, change) => void changes.push([id, change]),
      },
    },
    new AbortController().signal,
  );
  const error = await outcome.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return { error, stored, said, changes };
}

const failing =
  (kind: FailureKind, message = "It failed") =>
  () =>
    Promise.reject(new GatewayError(kind, message));

describe("a key", () => {
  test("that the service takes is stored, with its label", async () => {
    const { stored, said } = await add(async () => ({ models: 24 }), { label: "official" });
    expect(stored).toEqual([{ kind: "gemini-api-key", secret: KEY, label: "official" }]);
    expect(said).toEqual(["Added a3  official", "    official API key, 24 models"]);
  });

  test("that is stored already is said to be", async () => {
    const { said, changes } = await add(async () => ({ models: 1 }), {}, true);
    expect(said).toEqual(["Known already: a3  old", "    official API key, 1 model"]);
    expect(changes).toEqual([]);
  });

  test("that is stored already takes the label that is given now", async () => {
    const { said, changes } = await add(async () => ({ models: 1 }), { label: "new" }, true);
    expect(said[0]).toBe("Known already: a3  new");
    expect(changes).toEqual([["id-1", { label: "new" }]]);
  });

  test.each<FailureKind>(["rate-limited", "quota-exhausted"])("that is %s is a good key", async (kind) => {
    expect((await add(failing(kind))).stored).toHaveLength(1);
  });

  test.each<FailureKind>(["account-unusable", "access-denied", "region-blocked", "invalid-request"])(
    "that is refused (%s) is not stored, even unchecked",
    async (kind) => {
      for (const unchecked of [false, true]) {
        const { error, stored } = await add(failing(kind, "Google refuses it"), { unchecked });
        expect(error).toMatchObject({ exitCode: 1, message: "The key was not stored: Google refuses it" });
        expect(stored).toEqual([]);
      }
    },
  );

  test.each<FailureKind>(["unavailable", "overloaded", "deadline"])(
    "that cannot be checked (%s) is stored only when told to",
    async (kind) => {
      const { error, stored } = await add(failing(kind));
      expect(error).toMatchObject({ exitCode: 1, hint: expect.stringContaining("--unchecked") });
      expect(stored).toEqual([]);
      const unchecked = await add(failing(kind), { unchecked: true });
      expect(unchecked.stored).toHaveLength(1);
      expect(unchecked.said.join()).toContain("not checked");
    },
  );

  test("whose check is interrupted is not stored", async () => {
    const { error, stored } = await add(failing("cancelled"), { unchecked: true });
    expect(error).toMatchObject({ exitCode: 130 });
    expect(stored).toEqual([]);
  });

  test("shows in nothing that is said", async () => {
    const { said } = await add(async () => ({ models: 1 }));
    const { error } = await add(failing("unavailable"));
    expect(`${said.join()} ${String(error)}`).not.toContain(KEY);
  });
});

describe("reading a key", () => {
  const fromInput = (text: string) => readGeminiKey(ownerOf().owner, async () => text);

  test.each([`${KEY}\n`, `  ${KEY}\r\n`, `"${KEY}"`, `\uFEFF${KEY}`])(
    "%j is taken without what is around it",
    async (text) => {
      expect(await fromInput(text)).toBe(KEY);
    },
  );

  test.each(["", "\n", '""'])("%j holds none", async (text) => {
    await expect(fromInput(text)).rejects.toMatchObject({ message: "The input holds no key", exitCode: 1 });
  });

  test.each(["two words-that-are-long", "short", "x".repeat(300), `${KEY}\n${KEY}`])("%j is none", async (text) => {
    const refused = fromInput(text);
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining("not an API key") });
    await expect(refused).rejects.not.toThrow(text);
  });

  test("asks on a terminal, and does not touch the input", async () => {
    const { owner, said } = ownerOf(KEY);
    expect(await readGeminiKey(owner, () => Promise.reject(new Error("must not be read")))).toBe(KEY);
    expect(said.join()).toContain("https://aistudio.google.com/apikey");
  });
});
