import type { Account } from "../core/accounts.ts";
import type { AccountProblem } from "../core/errors.ts";
import type { AccountStore, NewAccount } from "../core/store.ts";
import { accountOf, type AccountRow, assignmentsOf, fieldsOf, handleOf } from "./account-rows.ts";
import { isBusy } from "./busy.ts";
import type { DataFile } from "./data-file.ts";
import { removals } from "./removals.ts";
import type { Secrets } from "./secrets.ts";

/** What another secret may mend. */
const NEEDS_SECRET: ReadonlySet<AccountProblem | null> = new Set(["needs-login", "key-rejected"]);

/** What became of one account that was to be added. */
type Outcome = { type: "added" | "known"; row: AccountRow } | { type: "removed"; handles: string[] };

/**
 * Adding an account that is known already is how its owner says that it has been put in order. A breach of terms is not
 * put in order that way: such an account stays stopped.
 */
const PROBLEM_IS_OVER = ["type", "message", "url", "since"]
  .map((field) => `problem_${field} = case when problem_type = 'terms-block' then problem_${field} end`)
  .join(", ");

export function accountStore(file: DataFile, secrets: Secrets): AccountStore {
  const { database } = file;
  const removed = removals(database, secrets);
  const changes = database.query<{ number: number }, []>("select number from changes");
  let lastVersion = 0;

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

  const fillGaps = ({ id }: AccountRow, fresh: NewAccount): Outcome => {
    const { email = null, projectId = null, tier = null, label = null } = fresh;
    database
      .query(
        "update accounts set email = coalesce(email, $email), project_id = coalesce(project_id, $projectId), " +
          `tier = coalesce(tier, $tier), label = coalesce(label, $label), ${PROBLEM_IS_OVER} where id = $id`,
      )
      .run({ id, email, projectId, tier, label });
    return { type: "known", row: byId(id) };
  };

  /** The owner signed in again: the new secret counts. */
  const signInAgain = ({ id }: AccountRow, fresh: NewAccount): Outcome => {
    const { secret, email = null, projectId = null, tier = null, label = null } = fresh;
    database
      .query(
        "update accounts set secret = $secret, secret_digest = $digest, email = coalesce(email, $email), " +
          "project_id = coalesce($projectId, project_id), tier = coalesce($tier, tier), " +
          `label = coalesce($label, label), ${PROBLEM_IS_OVER} where id = $id`,
      )
      .run({
        id,
        secret: secrets.seal(secret, id),
        digest: secrets.digestOfSecret(secret),
        email,
        projectId,
        tier,
        label,
      });
    return { type: "known", row: byId(id) };
  };

  const insert = (fresh: NewAccount, now: number): Outcome => {
    const { kind, secret, email, projectId = null, tier = null, label = null } = fresh;
    const id = crypto.randomUUID();
    database
      .query(
        "insert into accounts (id, kind, label, email, secret, secret_digest, project_id, tier, added_at) " +
          "values ($id, $kind, $label, $email, $secret, $digest, $projectId, $tier, $now)",
      )
      .run({
        id,
        kind,
        label,
        email: email || null,
        secret: secrets.seal(secret, id),
        digest: secrets.digestOfSecret(secret),
        projectId,
        tier,
        now,
      });
    return { type: "added", row: byId(id) };
  };

  const store = (fresh: NewAccount, now: number, again: boolean): Outcome => {
    const digest = secrets.digestOfSecret(fresh.secret);
    const sameSecret = find("secret_digest = ?", digest);
    if (sameSecret) return fillGaps(sameSecret, fresh);

    const former = findFormer(digest);
    // From an older file. It is of use only to an account whose newer secret has died.
    if (former) return NEEDS_SECRET.has(former.problem_type) ? signInAgain(former, fresh) : fillGaps(former, fresh);

    if (again) removed.forget(fresh);
    const bySecret = removed.bySecret(fresh);
    if (bySecret.length > 0) return { type: "removed", handles: bySecret };

    const sameOwner = findOwner(fresh);
    if (sameOwner) return signInAgain(sameOwner, fresh);

    const byOwner = removed.byOwner(fresh);
    if (byOwner.length > 0) return { type: "removed", handles: byOwner };
    return insert(fresh, now);
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
      const write = () => {
        if (change.secret !== undefined) secrets.assertCurrent();
        const assignments = assignmentsOf(change, id, secrets);
        if (assignments.length === 0) return;
        const columns = assignments.map(([column]) => `${column} = ?`).join(", ");
        const values = assignments.map(([, value]) => value);
        database.query(`update accounts set ${columns} where id = ?`).run(...values, id);
      };
      // When an account was last used may be lost in a power cut; it is written often, so it does not wait for the disk.
      const isMinor = fieldsOf(change).every((field) => field === "lastUsedAt");
      await (isMinor ? file.write(write) : file.writeDurably(write));
    },

    async remove(id, now) {
      await file.writeDurably(() => {
        const row = database.query<AccountRow, [string]>("select * from accounts where id = ?").get(id);
        if (!row) return;
        removed.remember(row, handleOf(row), now);
        database.query("delete from accounts where id = ?").run(id);
      });
    },

    version() {
      try {
        lastVersion = file.read(() => changes.get()?.number ?? 0);
      } catch (cause) {
        if (!isBusy(cause)) throw cause;
        // Another process is putting the log in order: no change is being made meanwhile.
      }
      return lastVersion;
    },
  };
}
