import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataFileError } from "../../src/core/store.ts";
import { createKeyFile, readKeyFile } from "../../src/store/key-file.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createSealer, keyIdOf } from "../../src/store/sealer.ts";
import { addOne, copyFiles, filesWith, login, temporaryPath } from "./support.ts";

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const CANARY = "1//test-canary";

function failure(act: () => unknown): DataFileError {
  try {
    act();
  } catch (cause) {
    if (cause instanceof DataFileError) return cause;
    throw cause;
  }
  throw new Error("nothing was refused");
}

/** A data file with one account, sealed by its key file or by the given key. */
async function filled(path: string, secretKey?: Uint8Array): Promise<void> {
  const store = openStore(path, { secretKey });
  await addOne(store, login(CANARY, { email: "a@example.org" }));
  await store.close();
}

async function secretsIn(path: string, secretKey?: Uint8Array): Promise<string[]> {
  const store = openStore(path, { secretKey });
  try {
    return (await store.accounts.list()).map(({ secret }) => secret);
  } finally {
    await store.close();
  }
}

describe("sealer", () => {
  const sealer = createSealer(KEY);

  test("a sealed text opens under its key and subject only, and not when a character of it was changed", () => {
    const sealed = sealer.seal("tëxt", "id-1");
    expect(sealed).toMatch(/^v1\.[0-9a-f]{16}\.[\w-]+$/);
    expect(sealer.unseal(sealed, "id-1")).toBe("tëxt");
    expect(() => sealer.unseal(sealed, "id-2")).toThrow();
    expect(() => createSealer(OTHER_KEY).unseal(sealed, "id-1")).toThrow("another key");
    for (let at = 0; at < sealed.length - 1; at++) {
      const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
      expect(() => sealer.unseal(changed, "id-1")).toThrow();
    }
    expect(() => sealer.unseal("", "id-1")).toThrow();
    expect(() => sealer.unseal(`v1.${sealer.keyId}.AAAA`, "id-1")).toThrow();
  });

  test("the same text is sealed differently each time, under the same key id", () => {
    const [one, two] = [sealer.seal("text", "id-1"), sealer.seal("text", "id-1")];
    expect(one).not.toBe(two);
    expect([keyIdOf(one), keyIdOf(two)]).toEqual([sealer.keyId, sealer.keyId]);
    expect(createSealer(OTHER_KEY).keyId).not.toBe(sealer.keyId);
  });
});

describe("key file", () => {
  test("it is made once, whole, for its owner only, and leaves no draft", () => {
    using place = temporaryPath();
    mkdirSync(place.folder);
    const path = join(place.folder, "ag.key");
    const umask = process.umask(0);
    const first = createKeyFile(path);
    process.umask(umask);
    expect(first).toHaveLength(32);
    expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
    expect(createKeyFile(path)).toEqual(first);
    expect(readKeyFile(path)).toEqual(first);
    expect(readdirSync(place.folder)).toEqual(["ag.key"]);
  });

  test("a file that holds no key is refused, and left alone", () => {
    using place = temporaryPath();
    mkdirSync(place.folder);
    const path = join(place.folder, "ag.key");
    for (const text of ["", "not a key", "ab".repeat(31), "zz".repeat(32)]) {
      writeFileSync(path, text);
      const error = failure(() => openStore(place.path));
      expect(error.message).toBe(`The key file ${path} holds no key: 64 hexadecimal digits are expected`);
      expect(readFileSync(path, "utf8")).toBe(text);
    }
  });
});

describe("secrets at rest", () => {
  test("no plain secret is in any file, neither of a present account nor of a changed or removed one", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    const first = await addOne(store, login(`${CANARY}-1`));
    await addOne(store, { kind: "gemini-api-key", secret: "AIza-test-canary" });
    await store.accounts.update(first.id, { secret: `${CANARY}-2` });
    await store.accounts.remove(first.id, 2);
    await store.backUp(0);
    for (const canary of [CANARY, "AIza-test-canary"]) expect(filesWith(place.folder, canary)).toEqual([]);
    await store.close();
    for (const canary of [CANARY, "AIza-test-canary"]) expect(filesWith(place.folder, canary)).toEqual([]);
  });

  test("with AG_SECRET_KEY no key file is made, and the secrets open with it", async () => {
    using place = temporaryPath();
    await filled(place.path, KEY);
    expect(readdirSync(place.folder)).toEqual(["ag.db"]);
    expect(await secretsIn(place.path, KEY)).toEqual([CANARY]);
  });

  test("without the right key the data file is refused, unchanged, with what to do", async () => {
    using place = temporaryPath();
    const keyFile = join(place.folder, "ag.key");
    await filled(place.path);
    renameSync(keyFile, `${keyFile}.away`);
    const missing = failure(() => openStore(place.path));
    expect(missing.message).toBe(`The key to the secrets in ${place.path} is missing`);
    expect(missing.hint).toStartWith(`Put the key file ${keyFile} back, or set AG_SECRET_KEY`);
    expect(readdirSync(place.folder)).not.toContain("ag.key");

    const notGiven = failure(() => openStore(place.path, { secretKey: KEY }));
    expect(notGiven.message).toBe(`The secrets in ${place.path} are sealed with another key than AG_SECRET_KEY`);
    expect(notGiven.hint).toContain(keyFile);

    writeFileSync(keyFile, "ab".repeat(32));
    const wrong = failure(() => openStore(place.path));
    expect(wrong.message).toContain(`another key than the one in ${keyFile}`);
    expect(wrong.hint).toContain("put the key file back");
    expect(failure(() => openStore(place.path, { secretKey: KEY })).hint).toContain("AG_SECRET_KEY");

    renameSync(`${keyFile}.away`, keyFile);
    expect(await secretsIn(place.path)).toEqual([CANARY]);
  });

  test("where nothing is sealed yet, a lost key is no loss: a new one is made", async () => {
    using place = temporaryPath();
    await openStore(place.path).close();
    rmSync(join(place.folder, "ag.key"));
    await filled(place.path);
    expect(await secretsIn(place.path)).toEqual([CANARY]);
  });

  test("a remembered removal depends on the key like an account does", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    await store.accounts.remove((await addOne(store, login(CANARY))).id, 2);
    await store.close();
    rmSync(join(place.folder, "ag.key"));
    expect(failure(() => openStore(place.path)).message).toContain("is missing");
  });

  test("AG_SECRET_KEY seals anew what the key file sealed: no other key opens it, and removals are still known", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    await addOne(store, login(CANARY));
    await store.accounts.remove((await addOne(store, login("1//test-removed"))).id, 2);
    await store.close();
    const keyFile = join(place.folder, "ag.key");
    const oldKeyId = createSealer(readKeyFile(keyFile) ?? KEY).keyId;
    expect(filesWith(place.folder, oldKeyId)).toEqual(["ag.db"]);

    const resealed = openStore(place.path, { secretKey: KEY });
    expect(filesWith(place.folder, oldKeyId)).toEqual([]);
    expect((await resealed.accounts.list()).map(({ secret }) => secret)).toEqual([CANARY]);
    const old = await resealed.accounts.add([login("1//test-removed"), login(CANARY)], 3, { again: false });
    expect([old.removed, old.known.length]).toEqual([["a2"], 1]);
    await resealed.close();

    expect(readdirSync(place.folder)).toContain("ag.key");
    const back = failure(() => openStore(place.path));
    expect(back.hint).toStartWith("Set AG_SECRET_KEY again");
    rmSync(keyFile);
    expect(await secretsIn(place.path, KEY)).toEqual([CANARY]);
  });

  for (const [what, edited] of [
    ["without an end of line", (text: string) => text.trim()],
    ["with another end of line", (text: string) => `${text.trim()}\r\n`],
    ["with a byte order mark", (text: string) => `\uFEFF${text}`],
  ] as const) {
    test(`a key file that an editor has saved ${what} is the same key`, async () => {
      using place = temporaryPath();
      await filled(place.path);
      const keyFile = join(place.folder, "ag.key");
      writeFileSync(keyFile, edited(readFileSync(keyFile, "utf8")));
      expect(await secretsIn(place.path)).toEqual([CANARY]);
    });
  }

  test("the key file's own key may be given as AG_SECRET_KEY, and the file then taken away", async () => {
    using place = temporaryPath();
    await filled(place.path);
    const keyFile = join(place.folder, "ag.key");
    const secretKey = readKeyFile(keyFile);
    rmSync(keyFile);
    expect(await secretsIn(place.path, secretKey)).toEqual([CANARY]);
  });

  test("a process that still has the old key neither reads nor writes once another has sealed anew", async () => {
    using place = temporaryPath();
    const late = openStore(place.path);
    const account = await addOne(late, login(CANARY));
    const resealed = openStore(place.path, { secretKey: KEY });
    const refusal = expect.objectContaining({ message: expect.stringContaining("while this program ran") });
    await expect(late.accounts.list()).rejects.toEqual(refusal);
    await expect(late.accounts.add([login("1//test-2")], 2, { again: true })).rejects.toEqual(refusal);
    await expect(late.accounts.update(account.id, { secret: "1//test-2" })).rejects.toEqual(refusal);
    expect((await resealed.accounts.list()).map(({ secret }) => secret)).toEqual([CANARY]);
    for (const store of [late, resealed]) await store.close();
  });

  test("a sealed secret moved to another account does not open there", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    for (const secret of ["1//test-1", "1//test-2"]) await addOne(store, login(secret));
    using editor = new Database(place.path);
    editor.run("update accounts set secret = (select secret from accounts where number = 1)");
    await expect(store.accounts.list()).rejects.toThrow("was damaged and cannot be unsealed");
    await store.close();
  });

  test("two secrets are compared without either being unsealed: digests are equal for equal secrets and keyed", async () => {
    using place = temporaryPath();
    using elsewhere = temporaryPath();
    for (const path of [place.path, elsewhere.path]) await filled(path, KEY);
    const digests = [place.path, elsewhere.path].map((path) => {
      using database = new Database(path);
      return database.query("select secret_digest from accounts").values();
    });
    expect(digests[0]).not.toEqual(digests[1] ?? []);
    copyFiles(place.folder, join(elsewhere.folder, "copy"), ["ag.db"]);
    expect(await secretsIn(join(elsewhere.folder, "copy", "ag.db"), KEY)).toEqual([CANARY]);
  });
});
