import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { importAccounts } from "../../../src/accounts/import/import-accounts.ts";
import type { Account } from "../../../src/core/accounts.ts";
import type { NewAccount, Store } from "../../../src/core/store.ts";
import { openStore } from "../../../src/store/open-store.ts";

const A = "1//test-refresh-token-a";
const TERMS = { type: "terms-block", message: "Stopped", since: 5 } as const;
const LOGIN = { type: "needs-login", message: "Sign in again", since: 5 } as const;

let store: Store;
beforeEach(() => void (store = openStore(":memory:")));
afterEach(() => store.close());

function bring(...incoming: NewAccount[]) {
  return importAccounts(store.accounts, incoming, 1, { again: false });
}

function account(rest: Partial<NewAccount> = {}): NewAccount {
  return { kind: "antigravity", secret: A, email: "a@example.org", ...rest };
}

async function stored(): Promise<Account | undefined> {
  return (await store.accounts.list())[0];
}

/** The account as it is stored before the import. */
async function given(change: Partial<Account>): Promise<void> {
  await bring(account());
  await store.accounts.update((await stored())?.id ?? "", change);
}

describe("an import", () => {
  test("tells new accounts from known ones, and those with a new token from those without", async () => {
    await bring(account(), account({ secret: "1//test-b", email: "b@example.org" }));
    const { added, updated, known } = await bring(
      account({ secret: "1//test-newer" }),
      account({ secret: "1//test-b" }),
      account({ secret: "1//test-c", email: "c@example.org" }),
    );
    expect(added.map(({ handle }) => handle)).toEqual(["a3"]);
    expect(updated.map(({ handle, secret }) => [handle, secret])).toEqual([["a1", "1//test-newer"]]);
    expect(known.map(({ handle }) => handle)).toEqual(["a2"]);
  });

  test("ends a problem that a sign-in ends, and says that it did", async () => {
    await given({ problem: LOGIN });
    const { updated } = await bring(account());
    expect(updated.map(({ problem }) => problem)).toEqual([undefined]);
  });

  for (const problem of [TERMS, LOGIN]) {
    test(`brings a new account in as it was archived: ${problem.type}, disabled`, async () => {
      const { added } = await bring(account({ enabled: false, problem }));
      expect(added).toEqual([expect.objectContaining({ enabled: false, problem })]);
      expect(await stored()).toMatchObject({ enabled: false, problem });
    });
  }

  test("stops a known account that the archive knows to be stopped for good", async () => {
    await given({});
    const { updated } = await bring(account({ secret: "1//test-other", enabled: true, problem: TERMS }));
    expect(updated.map(({ problem }) => problem)).toEqual([TERMS]);
    expect(await stored()).toMatchObject({ enabled: true, problem: TERMS });
  });

  test("brings everything in one step: no other process ever sees a stopped account as ready", async () => {
    const steps: Account[][] = [];
    const { accounts } = store;
    const watched = {
      list: async () => accounts.list(),
      add: async (...given: Parameters<typeof accounts.add>) => {
        const result = await accounts.add(...given);
        steps.push(await accounts.list());
        return result;
      },
    };
    const stopped = [
      account({ enabled: false }),
      account({ secret: "1//test-b", email: "b@example.org", problem: TERMS }),
    ];
    await importAccounts(watched, stopped, 1, { again: false });
    expect(steps.map((accountsThen) => accountsThen.map(({ enabled, problem }) => [enabled, problem]))).toEqual([
      [
        [false, undefined],
        [true, TERMS],
      ],
    ]);
  });

  test("never sets an account going that is stopped for good here", async () => {
    await given({ problem: TERMS });
    await bring(account({ secret: "1//test-after-the-block", enabled: true }));
    expect((await stored())?.problem).toEqual(TERMS);
  });

  test("leaves it to the owner whether a known account is enabled", async () => {
    await given({ enabled: false });
    await bring(account({ enabled: true }));
    expect((await stored())?.enabled).toBe(false);
    await store.accounts.update((await stored())?.id ?? "", { enabled: true });
    await bring(account({ enabled: false }));
    expect((await stored())?.enabled).toBe(true);
  });

  test("does not put an old problem of the archive on a known account that is well", async () => {
    await given({});
    await bring(account({ problem: LOGIN }));
    expect((await stored())?.problem).toBeUndefined();
  });

  test("does not end a problem that the archive has too", async () => {
    const problem = { ...LOGIN, since: 9 };
    await given({ problem });
    await bring(account({ problem: LOGIN }));
    expect((await stored())?.problem).toEqual(problem);
  });

  test("leaves out what was removed, by its old handle, until it is asked for again", async () => {
    await given({});
    await store.accounts.remove((await stored())?.id ?? "", 2);
    const left = await bring(account());
    expect(left).toEqual({ added: [], updated: [], known: [], removed: ["a1"] });
    const taken = await importAccounts(store.accounts, [account()], 3, { again: true });
    expect(taken.added).toHaveLength(1);
  });
});
