import type { Database } from "bun:sqlite";
import type { Secrets } from "../secrets.ts";
import { requestScrub } from "../scrub.ts";

interface PlainAccountRow {
  number: number;
  id: string;
  refresh_token: string;
}

/** The code step of 002-sealed.sql: moves the accounts into their new table, sealing each secret, and drops the old one. */
export function sealPlainAccounts(database: Database, unlocked: () => Secrets): void {
  const plain = database
    .query<PlainAccountRow, []>("select number, id, refresh_token from plain_accounts order by number")
    .all();
  if (plain.length > 0) {
    const secrets = unlocked();
    const insert = database.query(
      "insert into accounts select number, id, kind, label, email, $secret, $digest, project_id, tier, enabled, " +
        "problem_type, problem_message, problem_url, problem_since, added_at, last_used_at " +
        "from plain_accounts where number = $number",
    );
    for (const { number, id, refresh_token: token } of plain) {
      insert.run({ number, secret: secrets.seal(token, id), digest: secrets.digestOfSecret(token) });
    }
    requestScrub(database);
  }
  // The handles that were given out once, to accounts that are gone too, stay given out.
  database.run("delete from sqlite_sequence where name = 'accounts'");
  database.run("update sqlite_sequence set name = 'accounts' where name = 'plain_accounts'");
  database.run("drop table plain_accounts");
}
