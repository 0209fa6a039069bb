import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { openStore } from "../../src/store/open-store.ts";
import { temporaryPath } from "./support.ts";

const PROBLEM = {
  type: "needs-login",
  message: "Sign in again",
  url: "https://accounts.google.com/x",
  since: 5,
} as const;

describe("accounts", () => {
  test("an account comes back as it was added, under the next handle", async () => {
    const { accounts } = openStore(":memory:");
    const { added, known } = await accounts.add(
      [
        { refreshToken: "1//test-1" },
        { refreshToken: "1//test-2", email: "b@example.org", projectId: "p", label: "work" },
      ],
      1_000,
    );
    const base = { kind: "antigravity", enabled: true, addedAt: 1_000, id: expect.any(String) } as const;
    expect(added).toEqual([
      { ...base, handle: "a1", refreshToken: "1//test-1" },
      { ...base, handle: "a2", refreshToken: "1//test-2", email: "b@example.org", projectId: "p", label: "work" },
    ]);
    expect(known).toEqual([]);
    expect(await accounts.list()).toEqual(added);
  });

  test("a refresh token that is stored already only fills the gaps of its account", async () => {
    const { accounts } = openStore(":memory:");
    const [first] = (await accounts.add([{ refreshToken: "1//test-1", label: "mine" }], 1)).added;
    const again = await accounts.add([{ refreshToken: "1//test-1", label: "other", email: "a@example.org" }], 2);
    expect(again).toEqual({ added: [], known: [{ ...first!, email: "a@example.org" }] });
    expect(await accounts.list()).toHaveLength(1);
  });

  test("a new token for a known e-mail re-authenticates that account in place and ends its problem", async () => {
    const { accounts } = openStore(":memory:");
    const [first] = (await accounts.add([{ refreshToken: "1//test-old", email: "A@example.org", projectId: "p" }], 1))
      .added;
    await accounts.update(first!.id, { problem: PROBLEM, tier: "free" });
    const { added, known } = await accounts.add([{ refreshToken: "1//test-new", email: "a@Example.org" }], 2);
    expect(added).toEqual([]);
    expect(known).toEqual([{ ...first!, refreshToken: "1//test-new", tier: "free" }]);
  });

  test("a known token added again says that its account is in order, unless it is stopped for a breach of terms", async () => {
    const { accounts } = openStore(":memory:");
    const [first] = (await accounts.add([{ refreshToken: "1//test-1" }], 1)).added;
    await accounts.update(first!.id, { problem: PROBLEM });
    expect((await accounts.add([{ refreshToken: "1//test-1" }], 2)).known).toEqual([first!]);
    const stopped = { type: "terms-block", message: "stopped", since: 1 } as const;
    await accounts.update(first!.id, { problem: stopped });
    expect((await accounts.add([{ refreshToken: "1//test-1" }], 3)).known).toEqual([{ ...first!, problem: stopped }]);
  });

  test("an account named twice in one call is added once", async () => {
    const { accounts } = openStore(":memory:");
    const { added, known } = await accounts.add(
      [{ refreshToken: "1//test-1" }, { refreshToken: "1//test-1", label: "x" }],
      1,
    );
    expect([added.map(({ label }) => label), known]).toEqual([["x"], []]);
  });

  test("a handle is never given out twice, not even after a removal and a restart", async () => {
    using place = temporaryPath();
    const first = openStore(place.path);
    await first.accounts.add([{ refreshToken: "1//test-1" }, { refreshToken: "1//test-2" }], 1);
    await first.close();
    const editor = new Database(place.path);
    editor.run("delete from accounts");
    editor.close();
    const second = openStore(place.path);
    const { added } = await second.accounts.add([{ refreshToken: "1//test-2" }], 1);
    expect(added.map(({ handle }) => handle)).toEqual(["a3"]);
    await second.close();
  });

  test("an update writes only the fields it names; undefined clears; what may not be empty stays", async () => {
    const { accounts } = openStore(":memory:");
    const [account] = (await accounts.add([{ refreshToken: "1//test-1", email: "a@example.org", label: "x" }], 1))
      .added;
    const id = account!.id;
    await accounts.update(id, { problem: PROBLEM, projectId: "p", tier: "pro", lastUsedAt: 9, enabled: false });
    expect(await accounts.list()).toEqual([
      { ...account!, problem: PROBLEM, projectId: "p", tier: "pro", lastUsedAt: 9, enabled: false },
    ]);
    await accounts.update(id, {
      problem: undefined,
      label: undefined,
      lastUsedAt: undefined,
      refreshToken: undefined,
      enabled: undefined,
    });
    const { label: _, ...unlabelled } = account!;
    expect(await accounts.list()).toEqual([{ ...unlabelled, projectId: "p", tier: "pro", enabled: false }]);
  });

  test("updating an account that is gone does nothing", async () => {
    const { accounts } = openStore(":memory:");
    const before = await accounts.version();
    await accounts.update("gone", { label: "x" });
    expect([await accounts.list(), await accounts.version()]).toEqual([[], before]);
  });

  test("the version rises with this store's changes and with those of another one, and only then", async () => {
    using place = temporaryPath();
    const here = openStore(place.path);
    const there = openStore(place.path);
    const versions = [await here.accounts.version(), await here.accounts.version()];
    const [account] = (await here.accounts.add([{ refreshToken: "1//test-1" }], 1)).added;
    versions.push(await here.accounts.version());
    await there.accounts.update(account!.id, { enabled: false });
    versions.push(await here.accounts.version());
    await here.accounts.update(account!.id, { lastUsedAt: 4 });
    versions.push(await here.accounts.version(), await here.accounts.version());
    const [start = 0] = versions;
    expect(versions.map((version) => version - start)).toEqual([0, 0, 1, 2, 3, 3]);
    expect((await here.accounts.list()).map(({ enabled }) => enabled)).toEqual([false]);
    await here.close();
    await there.close();
  });

  test("a write waits, without blocking the event loop for long, until another process lets go", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    const other = new Database(place.path);
    other.run("begin immediate");
    const adding = store.accounts.add([{ refreshToken: "1//test-1" }], 1);
    const state = await Promise.race([adding.then(() => "added"), Bun.sleep(0).then(() => "waiting")]);
    other.run("rollback");
    expect(state).toBe("waiting");
    expect((await adding).added).toHaveLength(1);
    other.close();
    await store.close();
  });
});
