import type { Account } from "../core/accounts.ts";
import type { AccountProblem } from "../core/errors.ts";
import type { AccountChange, AccountStore, NewAccount } from "../core/store.ts";
import {
  accountOf,
  type AccountRow,
  assignmentsOf,
  fieldsOf,
  handleOf,
  problemColumns,
  problemOf,
} from "./account-rows.ts";
import { changeCounter } from "./change-counter.ts";
import type { DataFile } from "./data-file.ts";
import { removals } from "./removals.ts";
import type { Secrets } from "./secrets.ts";

/** What another secret may mend. */
const NEEDS_SECRET: ReadonlySet<AccountProblem | null> = new Set(["needs-login", "key-rejected"]);

const IS_BLOCKED = "id = ? and problem_type = 'terms-block'";

/** What became of one account that was to be added. */
type Outcome = { type: "added" | "known"; row: AccountRow } | { type: "removed"; handles: string[] };

type Problem = Account["problem"];

/**
 * What is wrong with a known account that is added. Adding it is how its owner says that it has been put in order; a breach
 * of terms, known from whichever side, is not put in order that way.
 */
function remaining(row: AccountRow, brought: Problem, block: Problem): Problem {
  const known = problemOf(row);
  const stop = [known, block, brought].find((problem) => problem?.type === "terms-block");
  return stop ?? (brought === undefined ? undefined : known);
}

export function accountStore(file: DataFile, secrets: Secrets): AccountStore {
  const { database } = file;
  const removed = removals(database, secrets);

  const byId = (id: string) => {
    const row = database.query<AccountRow, [string]>("select * from accounts where id = ?").get(id);
    if (!row) throw new Error("an account is gone within the transaction that wrote it");
    return row;
  };

  const find = (column: string, ...values: string[]) =>
    database.query<AccountRow, string[]>(`select * from accounts where ${column} order by number`).get(...values);

  const findOwner = ({ kind, email }: NewAccount) =>
    email ? find("kind = ? and email = ? collate nocase", kind, email) : null;

  /** The account had this secret once, and has a newer one. */
  const findFormer = (digest: string) => find("id = (select account_id from former_secrets where digest = ?)", digest);

  const write = (id: string, change: AccountChange) => {
    const assignments = assignmentsOf(change, id, secrets);
    if (assignments.length === 0) return;
    const columns = assignments.map(([column]) => `${column} = ?`).join(", ");
    const values = assignments.map(([, value]) => value);
    database.query(`update accounts set ${columns} where id = ?`).run(...values, id);
  };

  const fillGaps = (row: AccountRow, fresh: NewAccount, block?: Problem): Outcome => {
    write(row.id, {
      email: (row.email ?? fresh.email) || undefined,
      projectId: row.project_id ?? fresh.projectId,
      tier: row.tier ?? fresh.tier,
      label: row.label ?? fresh.label,
      problem: remaining(row, fresh.problem, block),
    });
    return { type: "known", row: byId(row.id) };
  };

  /** The owner signed in again: the new secret counts. */
  const signInAgain = (row: AccountRow, fresh: NewAccount, block?: Problem): Outcome => {
    const { projectId, tier, label } = fresh;
    fillGaps(row, fresh, block);
    write(row.id, {
      secret: fresh.secret,
      ...(projectId !== undefined && { projectId }),
      ...(tier !== undefined && { tier }),
      ...(label !== undefined && { label }),
    });
    return { type: "known", row: byId(row.id) };
  };

  const insert = (fresh: NewAccount, block: Problem, now: number): Outcome => {
    const { kind, secret, email, projectId = null, tier = null, label = null, enabled = true } = fresh;
    const id = crypto.randomUUID();
    const columns = {
      id,
      kind,
      label,
      email: email || null,
      secret: secrets.seal(secret, id),
      secret_digest: secrets.digestOfSecret(secret),
      project_id: projectId,
      tier,
      enabled: enabled ? 1 : 0,
      ...problemColumns(block ?? fresh.problem),
      added_at: now,
    };
    const names = Object.keys(columns);
    database
      .query(`insert into accounts (${names.join(", ")}) values (${names.map((name) => `$${name}`).join(", ")})`)
      .run(columns);
    return { type: "added", row: byId(id) };
  };

  const store = (fresh: NewAccount, now: number, again: boolean): Outcome => {
    const digest = secrets.digestOfSecret(fresh.secret);
    const sameSecret = find("secret_digest = ?", digest);
    if (sameSecret) return fillGaps(sameSecret, fresh);

    const former = findFormer(digest);
    // From an older file. It is of use only to an account whose newer secret has died.
    if (former) return NEEDS_SECRET.has(former.problem_type) ? signInAgain(former, fresh) : fillGaps(former, fresh);

    const block = again ? removed.forget(fresh) : undefined;
    const bySecret = removed.bySecret(fresh);
    if (bySecret.length > 0) return { type: "removed", handles: bySecret };

    const sameOwner = findOwner(fresh);
    if (sameOwner) return signInAgain(sameOwner, fresh, block);

    const byOwner = removed.byOwner(fresh);
    if (byOwner.length > 0) return { type: "removed", handles: byOwner };
    return insert(fresh, block, now);
  };

  return {
    async list() {
      return file.read(() =>
        database
          .query<AccountRow, []>("select * from accounts order by number")
          .all()
          .map((row) => accountOf(row, secrets)),
      );
    },

    async add(accounts, now, { again }) {
      const outcomes = await file.writeDurably(() => {
        secrets.assertCurrent();
        return accounts.map((fresh) => store(fresh, now, again));
      });
      // Named twice in one call, an account is reported once, as it is at the end.
      const added = new Map<string, Account>();
      const known = new Map<string, Account>();
      const left = new Set<string>();
      for (const outcome of outcomes) {
        if (outcome.type === "removed") {
          for (const handle of outcome.handles) left.add(handle);
          continue;
        }
        const { type, row } = outcome;
        (type === "added" || added.has(row.id) ? added : known).set(row.id, accountOf(row, secrets));
      }
      return { added: [...added.values()], known: [...known.values()], removed: [...left] };
    },

    async update(id, change) {
      if (fieldsOf(change).length === 0) return;
      const apply = () => {
        if (change.secret !== undefined) secrets.assertCurrent();
        const { problem: _, ...others } = change;
        write(id, "problem" in change && find(IS_BLOCKED, id) ? others : change);
      };
      // When an account was last used may be lost in a power cut; it is written often, so it does not wait for the disk.
      const isMinor = fieldsOf(change).every((field) => field === "lastUsedAt");
      await (isMinor ? file.write(apply) : file.writeDurably(apply));
    },

    async endTermsBlock(id) {
      await file.writeDurably(() => {
        if (find(IS_BLOCKED, id)) write(id, { problem: undefined });
      });
    },

    async remove(id, now) {
      await file.writeDurably(() => {
        const row = database.query<AccountRow, [string]>("select * from accounts where id = ?").get(id);
        if (!row) return;
        removed.remember(row, handleOf(row), now);
        database.query("delete from accounts where id = ?").run(id);
      });
    },

    version: changeCounter(file, "changes"),
  };
}
