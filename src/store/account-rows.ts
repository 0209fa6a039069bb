import type { AccountKind } from "../core/account-kind.ts";
import type { Account } from "../core/accounts.ts";
import type { AccountProblem } from "../core/errors.ts";
import type { AccountChange } from "../core/store.ts";
import type { Secrets } from "./secrets.ts";

type Problem = Account["problem"];

export interface AccountRow {
  number: number;
  id: string;
  kind: AccountKind;
  label: string | null;
  email: string | null;
  /** Sealed. */
  secret: string;
  secret_digest: string;
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

type Assignment = [column: string, value: string | number | null];
type Writer = (change: AccountChange, id: string, secrets: Secrets) => Assignment[];

/** How each field is written. A field that must not be empty keeps its value when "cleared". */
const WRITERS: Record<keyof AccountChange, Writer> = {
  label: ({ label }) => [["label", label ?? null]],
  email: ({ email }) => [["email", email ?? null]],
  secret: ({ secret }, id, secrets) => {
    if (secret === undefined) return [];
    return [
      ["secret", secrets.seal(secret, id)],
      ["secret_digest", secrets.digestOfSecret(secret)],
    ];
  },
  projectId: ({ projectId }) => [["project_id", projectId ?? null]],
  tier: ({ tier }) => [["tier", tier ?? null]],
  enabled: ({ enabled }) => (enabled === undefined ? [] : [["enabled", enabled ? 1 : 0]]),
  problem: ({ problem }) => Object.entries(problemColumns(problem)),
  lastUsedAt: ({ lastUsedAt }) => [["last_used_at", lastUsedAt ?? null]],
};

export function problemColumns(problem: Problem) {
  return {
    problem_type: problem?.type ?? null,
    problem_message: problem?.message ?? null,
    problem_url: problem?.url ?? null,
    problem_since: problem?.since ?? null,
  };
}

/** The columns that the change writes. */
export function assignmentsOf(change: AccountChange, id: string, secrets: Secrets): Assignment[] {
  return fieldsOf(change).flatMap((field) => WRITERS[field](change, id, secrets));
}

export function fieldsOf(change: AccountChange): (keyof AccountChange)[] {
  return Object.keys(WRITERS).filter((field): field is keyof AccountChange => field in change);
}

export function handleOf({ number }: Pick<AccountRow, "number">): string {
  return `a${number}`;
}

export function problemOf(row: AccountRow): Problem {
  if (row.problem_type === null) return undefined;
  return {
    type: row.problem_type,
    message: row.problem_message ?? "",
    since: row.problem_since ?? 0,
    ...(row.problem_url !== null && { url: row.problem_url }),
  };
}

/** Throws DataFileError when the secret cannot be unsealed. */
export function accountOf(row: AccountRow, secrets: Secrets): Account {
  const problem = problemOf(row);
  return {
    id: row.id,
    handle: handleOf(row),
    kind: row.kind,
    secret: secrets.unseal(row.secret, row.id),
    enabled: row.enabled === 1,
    addedAt: row.added_at,
    ...(row.label !== null && { label: row.label }),
    ...(row.email !== null && { email: row.email }),
    ...(row.project_id !== null && { projectId: row.project_id }),
    ...(row.tier !== null && { tier: row.tier }),
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at }),
    ...(problem !== undefined && { problem }),
  };
}
