import type { Database } from "bun:sqlite";
import type { AccountKind } from "../core/account-kind.ts";
import type { Account } from "../core/accounts.ts";
import type { AccountRow } from "./account-rows.ts";
import type { Secrets } from "./secrets.ts";

interface Identity {
  kind: AccountKind;
  secret: string;
  email?: string;
}

interface BlockRow {
  block_message: string | null;
  block_url: string | null;
  block_since: number | null;
}

/** Which accounts their owner removed, by digest: an old file must not bring them back. Within the caller's transactions. */
export function removals(database: Database, secrets: Secrets) {
  const ownerDigest = ({ kind, email }: { kind: AccountKind; email?: string | null }) =>
    email ? secrets.digestOfOwner(kind, email) : null;

  const handles = (column: "secret_digest" | "owner_digest", digest: string | null): string[] =>
    database
      .query<{ handle: string }, [string | null]>(
        `select distinct handle from removed where ${column} = ? order by removed_at`,
      )
      .all(digest)
      .map(({ handle }) => handle);

  return {
    /** The account is about to be deleted: each secret it ever had is remembered. */
    remember(row: AccountRow, handle: string, now: number): void {
      database
        .query(
          "insert or replace into removed " +
            "(secret_digest, owner_digest, handle, removed_at, block_message, block_url, block_since) " +
            "select digest, $owner, $handle, $now, $message, $url, $since from former_secrets where account_id = $id " +
            "union select $digest, $owner, $handle, $now, $message, $url, $since",
        )
        .run({
          id: row.id,
          digest: row.secret_digest,
          owner: ownerDigest(row),
          handle,
          now,
          ...(row.problem_type === "terms-block"
            ? { message: row.problem_message, url: row.problem_url, since: row.problem_since }
            : { message: null, url: null, since: null }),
        });
    },

    /** Handles of the accounts that had this secret. */
    bySecret: ({ secret }: Identity): string[] => handles("secret_digest", secrets.digestOfSecret(secret)),

    /** Handles of the accounts that belonged to this e-mail. */
    byOwner: (identity: Identity): string[] => handles("owner_digest", ownerDigest(identity)),

    /** The owner wants the account back, by whichever of its secrets. Returns the terms block that it was removed with. */
    forget(identity: Identity): Account["problem"] {
      const forgotten = database
        .query<BlockRow, { secret: string; owner: string | null }>(
          "delete from removed where secret_digest = $secret or owner_digest = $owner " +
            "or handle in (select handle from removed where secret_digest = $secret) " +
            "returning block_message, block_url, block_since",
        )
        .all({ secret: secrets.digestOfSecret(identity.secret), owner: ownerDigest(identity) });
      const block = forgotten.find(({ block_since: since }) => since !== null);
      if (block === undefined) return undefined;
      const { block_message: message, block_url: url, block_since: since } = block;
      return { type: "terms-block", message: message ?? "", since: since ?? 0, ...(url !== null && { url }) };
    },
  };
}
