/**
 * The child of scripts/kill-store.ts: changes accounts without end, and says on its output, one JSON line each, what it is
 * about to do and that it is done. Arguments: the database, the number of the run, the key (hex) or nothing.
 */
import { writeSync } from "node:fs";
import type { NewAccount } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open-store.ts";

/** E-mail → secret: all that must not get lost. */
export type Accounts = Readonly<Record<string, string>>;

/** Begins the e-mail of an account that came in disabled and stopped for good, and never is anything else. */
export const STOPPED = "stopped-";

/** What a change makes of the accounts: `undefined` deletes. */
export type Effect = Readonly<Record<string, string | null>>;

export type Line = { type: "ready" } | { type: "begin"; what: string; effect: Effect } | { type: "done" };

if (import.meta.main) {
  const [path = "", run = "0", key] = process.argv.slice(2);
  await work(path, run, key ? Buffer.from(key, "hex") : undefined);
}

async function work(path: string, run: string, secretKey: Uint8Array | undefined): Promise<void> {
  const store = openStore(path, { secretKey });
  const known = new Map((await store.accounts.list()).map(({ id, email = "", secret }) => [email, { id, secret }]));
  let serial = 0;
  const freshAccount = (): NewAccount => {
    const name = `${run}-${++serial}`;
    return { kind: "antigravity", secret: `1//test-${name}`, email: `${name}@example.org` };
  };
  const someone = () => [...known.entries()][Math.floor(Math.random() * known.size)];

  const announced = async (what: string, effect: Effect, act: () => Promise<unknown>) => {
    say({ type: "begin", what, effect });
    await act();
    say({ type: "done" });
    for (const [email, secret] of Object.entries(effect)) if (secret === null) known.delete(email);
    for (const { id, email = "", secret } of await store.accounts.list()) known.set(email, { id, secret });
  };

  const stoppedAccount = (): NewAccount => {
    const name = `${STOPPED}${run}-${++serial}`;
    const problem = { type: "terms-block", message: "Stopped", since: 1 } as const;
    return { kind: "antigravity", secret: `1//test-${name}`, email: `${name}@example.org`, enabled: false, problem };
  };

  const importAll = (what: string, accounts: readonly NewAccount[]) =>
    announced(what, effectOf(accounts), () => store.accounts.add(accounts, Date.now(), { again: true }));

  const moves: (() => Promise<void>)[] = [
    () => importAll("add", [freshAccount()]),
    async () => {
      const [email, account] = someone() ?? [];
      if (email === undefined || !account) return;
      const secret = `1//test-${run}-${++serial}`;
      await announced("refresh", { [email]: secret }, () => store.accounts.update(account.id, { secret }));
    },
    async () => {
      const [email, account] = someone() ?? [];
      if (email === undefined || !account || known.size < 5) return;
      await announced("remove", { [email]: null }, () => store.accounts.remove(account.id, Date.now()));
    },
    () => {
      const [email] = someone() ?? [];
      const again = email === undefined ? [] : [{ ...freshAccount(), email }];
      return importAll("import", [...Array.from({ length: 4 }, freshAccount), stoppedAccount(), ...again]);
    },
  ];

  say({ type: "ready" });
  for (;;) {
    const move = moves[Math.floor(Math.random() * moves.length)];
    await move?.();
    // Beside what must not get lost, the rest of a gateway's writing goes on.
    const [, account] = someone() ?? [];
    if (!account) continue;
    store.signatures.remember([{ key: `call:${run}-${serial}`, family: "gemini", value: "v".repeat(200), at: serial }]);
    store.sessions.remember({ session: `${serial % 7}`, model: "m", accountId: account.id, usedAt: serial });
    await store.limits.save({ accountId: account.id, model: "m", unnamedFailures: serial, liftedByReading: false });
    if (Math.random() < 0.1) await store.backUp((Number(run) * 1_000 + serial) * 86_400_000);
  }
}

function effectOf(accounts: readonly NewAccount[]): Effect {
  return Object.fromEntries(accounts.map(({ email = "", secret }) => [email, secret]));
}

/** Synchronously, so that what is announced is out before it is done. */
function say(line: Line): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}
