import type { CoolingKind } from "../core/errors.ts";
import type { LimitRecord, LimitStore } from "../core/store.ts";
import type { DataFile } from "./data-file.ts";

interface LimitRow {
  account_id: string;
  model: string;
  cooldown_kind: CoolingKind | null;
  cooldown_until: number | null;
  cooldown_since: number | null;
  cooldown_evidence: string | null;
  unnamed_failures: number;
  lifted_by_reading: 0 | 1;
}

export function limitStore(file: DataFile): LimitStore {
  const { database } = file;
  return {
    async load() {
      return file.read(() =>
        database.query<LimitRow, []>("select * from limits order by account_id, model").all().map(limitOf),
      );
    },

    async save({ accountId, model, cooldown, unnamedFailures, liftedByReading }) {
      await file.write(
        () =>
          void database
            .query(
              "insert or replace into limits (account_id, model, cooldown_kind, cooldown_until, cooldown_since, " +
                "cooldown_evidence, unnamed_failures, lifted_by_reading) " +
                "select id, $model, $kind, $until, $since, $evidence, $failures, $lifted from accounts where id = $accountId",
            )
            .run({
              accountId,
              model,
              kind: cooldown?.kind ?? null,
              until: cooldown?.until ?? null,
              since: cooldown?.since ?? null,
              evidence: cooldown?.evidence ?? null,
              failures: unnamedFailures,
              lifted: liftedByReading ? 1 : 0,
            }),
      );
    },
  };
}

function limitOf(row: LimitRow): LimitRecord {
  return {
    accountId: row.account_id,
    model: row.model,
    ...(row.cooldown_kind !== null && {
      cooldown: {
        kind: row.cooldown_kind,
        until: row.cooldown_until ?? 0,
        since: row.cooldown_since ?? 0,
        evidence: row.cooldown_evidence ?? "",
      },
    }),
    unnamedFailures: row.unnamed_failures,
    liftedByReading: row.lifted_by_reading === 1,
  };
}
