import type { Database } from "bun:sqlite";
import type { Account } from "../core/accounts.ts";
import type { AccountProblem } from "../core/errors.ts";
import type { AccountChange, AccountStore, NewAccount } from "../core/store.ts";
import { patiently } from "./busy.ts";

interface AccountRow {
  number: number;
  id: string;
  kind: "antigravity";
  label: string | null;
  email: string | null;
  refresh_token: string;
  project_id: string | null;
  tier: string | null;
  enabled: 0 | 1;
  problem_type: AccountProblem | null;
  problem_message: string | null;
  problem_url: string | null;
  problem_since: number | null;
  added_at: number;
  last_used_at: number | null;
}

type Value = string | number | null;

/** How each field is written: column and value pairs. A field that must not be empty keeps its value when "cleared". */
const WRITERS: Record<keyof AccountChange, (change: AccountChange) => [column: string, value: Value][]> = {
  label: ({ label }) => [["label", label ?? null]],
  email: ({ email }) => [["email", email ?? null]],
  refreshToken: ({ refreshToken }) => (refreshToken === undefined ? [] : [["refresh_token", refreshToken]]),
  projectId: ({ projectId }) => [["project_id", projectId ?? null]],
  tier: ({ tier }) => [["tier", tier ?? null]],
  enabled: ({ enabled }) => (enabled === undefined ? [] : [["enabled", enabled ? 1 : 0]]),
  problem: ({ problem }) => [
    ["problem_type", problem?.type ?? null],
    ["problem_message", problem?.message ?? null],
    ["problem_url", problem?.url ?? null],
    ["problem_since", problem?.since ?? null],
  ],
  lastUsedAt: ({ lastUsedAt }) => [["last_used_at", lastUsedAt ?? null]],
};

/**
 * Adding an account that is known already is how its owner says that it has been put in order. A breach of terms is not
 * put in order that way: such an account stays stopped.
 */
const PROBLEM_IS_OVER = ["type", "message", "url", "since"]
  .map((field) => `problem_${field} = case when problem_type = 'terms-block' then problem_${field} end`)
  .join(", ");

export function accountStore(database: Database): AccountStore {
  let ownChanges = 0;

  /**
   * Commits with the log on disk. A refresh token that a rotation has just replaced cannot be had again, so a power cut
   * must not undo these writes; `synchronous` belongs to the connection and changes only between transactions.
   */
  const durably = <T>(write: () => T): Promise<T> =>
    patiently(() => {
      database.run("pragma synchronous = full");
      try {
        return database.transaction(write).immediate();
      } finally {
        database.run("pragma synchronous = normal");
      }
    });

  const byId = (id: string) => database.query<AccountRow, [string]>("select * from accounts where id = ?").get(id);

  const store = (fresh: NewAccount, now: number): { row: AccountRow | null; isNew: boolean } => {
    const { refreshToken, email = null, projectId = null, label = null } = fresh;
    const sameToken = database
      .query<AccountRow, [string]>("select * from accounts where refresh_token = ?")
      .get(refreshToken);
    if (sameToken) {
      database
        .query(
          "update accounts set email = coalesce(email, $email), project_id = coalesce(project_id, $projectId), " +
            `label = coalesce(label, $label), ${PROBLEM_IS_OVER} where id = $id`,
        )
        .run({ id: sameToken.id, email, projectId, label });
      return { row: byId(sameToken.id), isNew: false };
    }
    const sameOwner = database
      .query<AccountRow, [string | null]>("select * from accounts where email = ? collate nocase order by number")
      .get(email);
    if (sameOwner) {
      // The owner signed in again: the new token counts.
      database
        .query(
          "update accounts set refresh_token = $refreshToken, project_id = coalesce($projectId, project_id), " +
            `label = coalesce($label, label), ${PROBLEM_IS_OVER} where id = $id`,
        )
        .run({ id: sameOwner.id, refreshToken, projectId, label });
      return { row: byId(sameOwner.id), isNew: false };
    }
    const id = crypto.randomUUID();
    database
      .query(
        "insert into accounts (id, kind, label, email, refresh_token, project_id, added_at) " +
          "values ($id, 'antigravity', $label, $email, $refreshToken, $projectId, $now)",
      )
      .run({ id, label, email, refreshToken, projectId, now });
    return { row: byId(id), isNew: true };
  };

  return {
    async list() {
      return database.query<AccountRow, []>("select * from accounts order by number").all().map(accountOf);
    },

    async add(accounts, now) {
      const results = await durably(() => accounts.map((fresh) => store(fresh, now)));
      ownChanges++;
      // Named twice in one call, an account is reported once, as it is at the end.
      const added = new Map<string, Account>();
      const known = new Map<string, Account>();
      for (const { row, isNew } of results) {
        if (row) (isNew || added.has(row.id) ? added : known).set(row.id, accountOf(row));
      }
      return { added: [...added.values()], known: [...known.values()] };
    },

    async update(id, change) {
      const pairs = fieldsOf(change).flatMap((field) => WRITERS[field](change));
      if (pairs.length === 0) return;
      const assignments = pairs.map(([column]) => `${column} = ?`).join(", ");
      const values = pairs.map(([, value]) => value);
      const write = () => database.query(`update accounts set ${assignments} where id = ?`).run(...values, id).changes;
      // When an account was last used may be lost in a power cut; it is written often, so it does not wait for the disk.
      const isMinor = fieldsOf(change).every((field) => field === "lastUsedAt");
      if ((await (isMinor ? patiently(write) : durably(write))) > 0) ownChanges++;
    },

    async version() {
      // data_version counts other connections' commits, of this process or another, but not our own.
      const row = database.query<{ data_version: number }, []>("pragma data_version").get();
      return (row?.data_version ?? 0) + ownChanges;
    },
  };
}

function fieldsOf(change: AccountChange): (keyof AccountChange)[] {
  return Object.keys(WRITERS).filter((field): field is keyof AccountChange => field in change);
}

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    handle: `a${row.number}`,
    kind: row.kind,
    refreshToken: row.refresh_token,
    enabled: row.enabled === 1,
    addedAt: row.added_at,
    ...(row.label !== null && { label: row.label }),
    ...(row.email !== null && { email: row.email }),
    ...(row.project_id !== null && { projectId: row.project_id }),
    ...(row.tier !== null && { tier: row.tier }),
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at }),
    ...(row.problem_type !== null && {
      problem: {
        type: row.problem_type,
        message: row.problem_message ?? "",
        since: row.problem_since ?? 0,
        ...(row.problem_url !== null && { url: row.problem_url }),
      },
    }),
  };
}
