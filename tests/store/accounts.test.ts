import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import type { Account } from "../../src/core/accounts.ts";
import type { Store } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { addOne, login, temporaryPath } from "./support.ts";

const PROBLEM = {
  type: "needs-login",
  message: "Sign in again",
  url: "https://accounts.google.com/x",
  since: 5,
} as const;
const AGAIN = { again: true };
const NOT_AGAIN = { again: false };

describe("accounts", () => {
  test("an account comes back as it was added, under the next handle", async () => {
    const { accounts } = openStore(":memory:");
    const key = { kind: "gemini-api-key", secret: "AIza-test-1", tier: "paid" } as const;
    const { added, known, removed } = await accounts.add(
      [login("1//test-1"), login("1//test-2", { email: "b@example.org", projectId: "p", label: "work" }), key],
      1_000,
      AGAIN,
    );
    const base = { kind: "antigravity", enabled: true, addedAt: 1_000, id: expect.any(String) } as const;
    expect(added).toEqual([
      { ...base, handle: "a1", secret: "1//test-1" },
      { ...base, handle: "a2", secret: "1//test-2", email: "b@example.org", projectId: "p", label: "work" },
      { ...base, ...key, handle: "a3" },
    ]);
    expect([known, removed]).toEqual([[], []]);
    expect(await accounts.list()).toEqual(added);
  });

  test("a secret that is stored already only fills the gaps of its account", async () => {
    const store = openStore(":memory:");
    const first = await addOne(store, login("1//test-1", { label: "mine" }));
    const more = { label: "other", email: "a@example.org", tier: "free" };
    const again = await store.accounts.add([login("1//test-1", more)], 2, NOT_AGAIN);
    expect(again).toEqual({ added: [], known: [{ ...first, email: "a@example.org", tier: "free" }], removed: [] });
    expect(await store.accounts.list()).toHaveLength(1);
  });

  test("a new secret for a known e-mail re-authenticates that account in place and ends its problem", async () => {
    const store = openStore(":memory:");
    const first = await addOne(store, login("1//test-old", { email: "A@example.org", projectId: "p" }));
    await store.accounts.update(first.id, { problem: PROBLEM, tier: "free" });
    const { added, known } = await store.accounts.add([login("1//test-new", { email: "a@Example.org" })], 2, AGAIN);
    expect(added).toEqual([]);
    expect(known).toEqual([{ ...first, secret: "1//test-new", tier: "free" }]);
  });

  test("an e-mail is known within its kind only, and no e-mail is nobody's", async () => {
    const { accounts } = openStore(":memory:");
    const { added } = await accounts.add(
      [
        login("1//test-1", { email: "a@example.org" }),
        { kind: "gemini-api-key", secret: "AIza-test-1", email: "a@example.org" },
        login("1//test-2", { email: "" }),
        login("1//test-3", { email: "" }),
      ],
      1,
      NOT_AGAIN,
    );
    expect(added.map(({ handle, email }) => [handle, email])).toEqual([
      ["a1", "a@example.org"],
      ["a2", "a@example.org"],
      ["a3", undefined],
      ["a4", undefined],
    ]);
  });

  test("a known secret added again says that its account is in order, unless it is stopped for a breach of terms", async () => {
    const store = openStore(":memory:");
    const first = await addOne(store, login("1//test-1"));
    await store.accounts.update(first.id, { problem: PROBLEM });
    expect((await store.accounts.add([login("1//test-1")], 2, AGAIN)).known).toEqual([first]);
    const stopped = { type: "terms-block", message: "stopped", since: 1 } as const;
    await store.accounts.update(first.id, { problem: stopped });
    expect((await store.accounts.add([login("1//test-1")], 3, AGAIN)).known).toEqual([{ ...first, problem: stopped }]);
  });

  test("an account named twice in one call is added once", async () => {
    const { accounts } = openStore(":memory:");
    const { added, known } = await accounts.add([login("1//test-1"), login("1//test-1", { label: "x" })], 1, NOT_AGAIN);
    expect([added.map(({ label }) => label), known]).toEqual([["x"], []]);
  });

  test("a secret that an account had before neither doubles the account nor replaces a good one", async () => {
    const store = openStore(":memory:");
    const first = await addOne(store, login("1//test-old"));
    await store.accounts.update(first.id, { secret: "1//test-new" });
    const { known } = await store.accounts.add([login("1//test-old")], 2, NOT_AGAIN);
    expect(known).toEqual([{ ...first, secret: "1//test-new" }]);
    await store.accounts.update(first.id, { problem: PROBLEM });
    expect((await store.accounts.add([login("1//test-old")], 3, NOT_AGAIN)).known).toEqual([first]);
    expect((await store.accounts.add([login("1//test-new")], 4, NOT_AGAIN)).known).toEqual([first]);
  });

  test("an update writes only the fields it names; undefined clears; what may not be empty stays", async () => {
    const store = openStore(":memory:");
    const account = await addOne(store, login("1//test-1", { email: "a@example.org", label: "x" }));
    const { accounts } = store;
    await accounts.update(account.id, {
      problem: PROBLEM,
      projectId: "p",
      tier: "pro",
      lastUsedAt: 9,
      enabled: false,
      secret: "1//test-2",
    });
    const changed = { ...account, projectId: "p", tier: "pro", enabled: false, secret: "1//test-2" };
    expect(await accounts.list()).toEqual([{ ...changed, problem: PROBLEM, lastUsedAt: 9 }]);
    await accounts.update(account.id, {
      problem: undefined,
      label: undefined,
      lastUsedAt: undefined,
      secret: undefined,
      enabled: undefined,
    });
    const { label: _, ...unlabelled } = changed;
    expect(await accounts.list()).toEqual([unlabelled]);
  });

  test("updating or removing an account that is gone does nothing", async () => {
    const { accounts } = openStore(":memory:");
    const before = accounts.version();
    await accounts.update("gone", { label: "x", secret: "1//test-1" });
    await accounts.remove("gone", 1);
    expect([await accounts.list(), accounts.version()]).toEqual([[], before]);
  });

  test("a write waits, without blocking the event loop for long, until another process lets go", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    const other = new Database(place.path);
    other.run("begin immediate");
    const adding = addOne(store, login("1//test-1"));
    const state = await Promise.race([adding.then(() => "added"), Bun.sleep(0).then(() => "waiting")]);
    other.run("rollback");
    expect(state).toBe("waiting");
    expect((await adding).handle).toBe("a1");
    other.close();
    await store.close();
  });
});

describe("a terms block", () => {
  const BLOCK = {
    type: "terms-block",
    message: "Stopped",
    url: "https://support.google.com/appeal",
    since: 5,
  } as const;
  const EMAIL = "a@example.org";

  /** An account that is stopped; it had an older secret once. */
  async function blocked(store: Store): Promise<Account> {
    const account = await addOne(store, login("1//test-older", { email: EMAIL }));
    await store.accounts.update(account.id, { secret: "1//test-1" });
    await store.accounts.update(account.id, { problem: BLOCK });
    return account;
  }

  const problems = async ({ accounts }: Store) => (await accounts.list()).map(({ problem }) => problem);

  for (const [how, fresh] of [
    ["secret", login("1//test-1")],
    ["older secret", login("1//test-older")],
    ["e-mail", login("1//test-2", { email: "A@example.org" })],
  ] as const) {
    test(`comes along with an account that is known by its ${how}`, async () => {
      const store = openStore(":memory:");
      const { id } = await blocked(store);
      await store.accounts.endTermsBlock(id);
      expect(await problems(store)).toEqual([undefined]);
      const { known } = await store.accounts.add([{ ...fresh, problem: BLOCK }], 2, NOT_AGAIN);
      expect(known.map(({ problem }) => problem)).toEqual([BLOCK]);
    });

    test(`is there again when a removed account is added again by its ${how}`, async () => {
      const store = openStore(":memory:");
      await store.accounts.remove((await blocked(store)).id, 9);
      expect((await store.accounts.add([fresh], 10, NOT_AGAIN)).removed).toEqual(["a1"]);
      const { added } = await store.accounts.add([fresh], 10, AGAIN);
      expect(added.map(({ handle, problem }) => [handle, problem])).toEqual([["a2", BLOCK]]);
    });
  }

  test("reaches the account that a removed secret is added to", async () => {
    const store = openStore(":memory:");
    await store.accounts.remove((await blocked(store)).id, 9);
    await addOne(store, login("1//test-new", { email: "other@example.org" }));
    const again = await store.accounts.add([login("1//test-1", { email: "other@example.org" })], 10, AGAIN);
    expect(again.known.map(({ problem }) => problem)).toEqual([BLOCK]);
  });

  test("gives way to nothing that is learned later, while the rest of such a change is written", async () => {
    const store = openStore(":memory:");
    const { id } = await blocked(store);
    await store.accounts.update(id, { problem: PROBLEM, label: "mine" });
    await store.accounts.update(id, { problem: undefined, enabled: false });
    expect(await store.accounts.list()).toMatchObject([{ label: "mine", enabled: false, problem: BLOCK }]);
  });

  test("is ended by its owner's word, for good: the account may then be removed and added without it", async () => {
    const store = openStore(":memory:");
    const { id } = await blocked(store);
    await store.accounts.endTermsBlock(id);
    await store.accounts.endTermsBlock("gone");
    await store.accounts.remove(id, 9);
    await store.accounts.add([login("1//test-1", { email: EMAIL })], 10, AGAIN);
    expect(await problems(store)).toEqual([undefined]);
  });

  test("is all that its owner's word ends", async () => {
    const store = openStore(":memory:");
    const { id } = await addOne(store, login("1//test-1", { problem: PROBLEM }));
    await store.accounts.endTermsBlock(id);
    expect(await problems(store)).toEqual([PROBLEM]);
  });
});

describe("removal", () => {
  test("a removed account is gone with its limits and bindings, and so it is after a restart", async () => {
    using place = temporaryPath();
    const first = openStore(place.path);
    const [gone, kept] = [await addOne(first, login("1//test-1")), await addOne(first, login("1//test-2"))];
    for (const { id: accountId } of [gone, kept]) {
      await first.limits.save({ accountId, model: "m", unnamedFailures: 1, liftedByReading: false });
      first.sessions.remember({ session: `s-${accountId}`, model: "m", accountId, usedAt: 5 });
    }
    await first.sessions.prune(0);
    first.sessions.remember({ session: "buffered", model: "m", accountId: gone.id, usedAt: 5 });
    await first.accounts.remove(gone.id, 9);
    await first.close();

    const second = openStore(place.path);
    expect(await second.accounts.list()).toEqual([kept]);
    expect((await second.limits.load()).map(({ accountId }) => accountId)).toEqual([kept.id]);
    expect((await second.sessions.load(0)).map(({ accountId }) => accountId)).toEqual([kept.id]);
    await second.close();
  });

  test("an old file brings no removed account back: neither by secret, nor by an older secret, nor by e-mail", async () => {
    const store = openStore(":memory:");
    const { accounts } = store;
    const account = await addOne(store, login("1//test-1", { email: "A@example.org" }));
    await accounts.update(account.id, { secret: "1//test-2" });
    await accounts.remove(account.id, 2);
    const old = [login("1//test-1"), login("1//test-2"), login("1//test-3", { email: "a@example.org" })];
    const { added, known, removed } = await accounts.add([...old, login("1//test-4")], 3, NOT_AGAIN);
    expect(added.map(({ secret }) => secret)).toEqual(["1//test-4"]);
    expect([known, removed]).toEqual([[], ["a1"]]);
  });

  test("an e-mail removed under one kind may be added under another", async () => {
    const store = openStore(":memory:");
    const account = await addOne(store, login("1//test-1", { email: "a@example.org" }));
    await store.accounts.remove(account.id, 2);
    const key = { kind: "gemini-api-key", secret: "AIza-test-1", email: "a@example.org" } as const;
    expect((await store.accounts.add([key], 3, NOT_AGAIN)).added).toHaveLength(1);
  });

  test("an account that is wanted again comes back under a new handle, and its removal is forgotten as a whole", async () => {
    const store = openStore(":memory:");
    const { accounts } = store;
    const account = await addOne(store, login("1//test-1", { email: "a@example.org" }));
    await accounts.update(account.id, { secret: "1//test-2" });
    await accounts.remove(account.id, 2);
    expect((await accounts.add([login("1//test-1")], 3, AGAIN)).added.map(({ handle }) => handle)).toEqual(["a2"]);
    const rest = [login("1//test-2"), login("1//test-3", { email: "a@example.org" })];
    expect((await accounts.add(rest, 4, NOT_AGAIN)).added.map(({ handle }) => handle)).toEqual(["a3", "a4"]);
  });

  test("a removed secret does not replace the one its owner has signed in with since", async () => {
    const store = openStore(":memory:");
    const first = await addOne(store, login("1//test-1"));
    await store.accounts.remove(first.id, 2);
    const second = await addOne(store, login("1//test-2", { email: "a@example.org" }), 3);
    const old = login("1//test-1", { email: "a@example.org" });
    expect((await store.accounts.add([old], 4, NOT_AGAIN)).removed).toEqual(["a1"]);
    expect(await store.accounts.list()).toEqual([second]);
    expect((await store.accounts.add([old], 5, AGAIN)).known).toEqual([{ ...second, secret: "1//test-1" }]);
  });

  test("a handle is never given out twice, not even after a removal and a restart", async () => {
    using place = temporaryPath();
    const first = openStore(place.path);
    for (const secret of ["1//test-1", "1//test-2"]) await addOne(first, login(secret));
    for (const { id } of await first.accounts.list()) await first.accounts.remove(id, 2);
    await first.close();
    const second = openStore(place.path);
    expect((await addOne(second, login("1//test-2"))).handle).toBe("a3");
    await second.close();
  });
});

describe("version", () => {
  test("it changes with every change to an account or a limit, by this store or another, and with nothing else", async () => {
    using place = temporaryPath();
    const here = openStore(place.path);
    const there = openStore(place.path);
    const moves: [what: string, act: () => unknown, changes: boolean][] = [];
    const account = await addOne(here, login("1//test-1"));
    const limit = { accountId: account.id, model: "m", unnamedFailures: 1, liftedByReading: false };
    for (const [name, store] of Object.entries({ here, there })) {
      const use = { session: name, model: "m", accountId: account.id, usedAt: 1 };
      moves.push(
        [`${name}: nothing`, () => {}, false],
        [`${name}: add`, () => store.accounts.add([login(`1//test-${name}`)], 1, AGAIN), true],
        [`${name}: update`, () => store.accounts.update(account.id, { label: name }), true],
        [`${name}: last use`, () => store.accounts.update(account.id, { lastUsedAt: 4 }), true],
        [`${name}: limit`, () => store.limits.save(limit), true],
        [`${name}: limit again`, () => store.limits.save({ ...limit, unnamedFailures: 2 }), true],
        [
          `${name}: signature`,
          () => store.signatures.remember([{ key: name, family: "gemini", value: "v", at: 1 }]),
          false,
        ],
        [`${name}: signatures written`, () => store.signatures.prune(0, 10), false],
        [`${name}: session`, () => (store.sessions.remember(use), store.sessions.prune(0)), false],
        [`${name}: discovery`, () => store.discovery.save({ models: [], replacedIds: {} }, 1), false],
        [`${name}: consent`, () => store.consents.give("terms", 1, 1), false],
        [`${name}: remove`, async () => store.accounts.remove((await store.accounts.list())[1]?.id ?? "", 1), true],
      );
    }
    for (const [what, act, changes] of moves) {
      const before = [here.accounts.version(), there.accounts.version()];
      await act();
      const after = [here.accounts.version(), there.accounts.version()];
      expect([what, after[0] !== before[0], after[1] !== before[1]]).toEqual([what, changes, changes]);
    }
    await here.close();
    await there.close();
  });

  test("while another process writes, it answers as before", async () => {
    using place = temporaryPath();
    const store = openStore(place.path);
    await addOne(store, login("1//test-1"));
    const before = store.accounts.version();
    using other = new Database(place.path);
    other.run("begin exclusive");
    expect(store.accounts.version()).toBe(before);
    other.run("rollback");
    await store.close();
  });
});
