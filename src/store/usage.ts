import type { Database } from "bun:sqlite";
import { isFailed, type RequestRecord } from "../core/record.ts";
import type { UsageGroup, UsageStore, UsageTotal } from "../core/store.ts";
import type { DataFile } from "./data-file.ts";

/** What one request adds to the usage: a row of the table. */
export interface UsageRow {
  day: string;
  model: string;
  account: string;
  key: string;
  requests: number;
  failed: number;
  input: number;
  cachedInput: number;
  output: number;
  thinking: number;
}

/** Sums of a million such counts still are whole numbers, which the columns insist on. */
const MOST_TOKENS = 2 ** 33;
/** The last moment that has a date. */
const LATEST_MS = 8_640_000_000_000_000;

const COLUMNS: Readonly<Record<UsageGroup, string>> = { day: "day", model: "model", account: "account", key: "key" };

/** What the record adds to the usage. `undefined`: it is of no request for a model. */
export function usageRowOf(record: RequestRecord): UsageRow | undefined {
  const { at, protocol, served = "", account = "", key = "", usage } = record;
  if (protocol === undefined) return undefined;
  return {
    day: new Date(wholeNumber(at, LATEST_MS)).toISOString().slice(0, "2026-01-31".length),
    model: served,
    account,
    key,
    requests: 1,
    failed: isFailed(record) ? 1 : 0,
    input: wholeNumber(usage?.input, MOST_TOKENS),
    cachedInput: wholeNumber(usage?.cachedInput, MOST_TOKENS),
    output: wholeNumber(usage?.output, MOST_TOKENS),
    thinking: wholeNumber(usage?.thinking, MOST_TOKENS),
  };
}

/** A number that a column for whole ones takes: what is none counts as 0. */
export function wholeNumber(value: number | undefined, largest = Number.MAX_SAFE_INTEGER): number {
  return Math.min(Math.max(Math.trunc(value ?? 0) || 0, 0), largest);
}

/** One row for those of the same day, model, account and key: as a rule there are few of these. */
function sums(rows: readonly UsageRow[]): UsageRow[] {
  const groups = new Map<string, UsageRow>();
  for (const row of rows) {
    const group = JSON.stringify([row.day, row.model, row.account, row.key]);
    const sum = groups.get(group);
    if (sum === undefined) {
      groups.set(group, { ...row });
      continue;
    }
    sum.requests += row.requests;
    sum.failed += row.failed;
    sum.input += row.input;
    sum.cachedInput += row.cachedInput;
    sum.output += row.output;
    sum.thinking += row.thinking;
  }
  return [...groups.values()];
}

/** Adds rows to the table, or takes them back, within the caller's transaction. */
export function usageLedger(database: Database) {
  const upsert = database.query<unknown, { [Column in keyof UsageRow]: UsageRow[Column] }>(
    "insert into usage (day, model, account, key, requests, failed, input, cached_input, output, thinking) " +
      "values ($day, $model, $account, $key, $requests, $failed, $input, $cachedInput, $output, $thinking) " +
      "on conflict (day, model, account, key) do update set requests = requests + excluded.requests, " +
      "failed = failed + excluded.failed, input = input + excluded.input, " +
      "cached_input = cached_input + excluded.cached_input, output = output + excluded.output, " +
      "thinking = thinking + excluded.thinking",
  );
  return {
    add(rows: readonly UsageRow[]) {
      for (const sum of sums(rows)) upsert.run({ ...sum });
    },
    takeBack({ requests, failed, input, cachedInput, output, thinking, ...of }: UsageRow) {
      upsert.run({
        ...of,
        requests: -requests,
        failed: -failed,
        input: -input,
        cachedInput: -cachedInput,
        output: -output,
        thinking: -thinking,
      });
    },
  };
}

/** `writeWaiting` writes what requests that have ended still have to add, if it can be written now. */
export function usageStore(file: DataFile, writeWaiting: () => void): UsageStore {
  const { database } = file;
  return {
    async totals(by, sinceDay = "") {
      writeWaiting();
      // Days as they come; of the others the one with the most tokens first.
      const order = by === "day" ? '"group"' : 'sum(input + output) desc, sum(requests) desc, "group"';
      return file.patiently(() =>
        database
          .query<UsageTotal, [string]>(
            `select ${COLUMNS[by]} as "group", sum(requests) as requests, sum(failed) as failed, sum(input) as input, ` +
              "sum(cached_input) as cachedInput, sum(output) as output, sum(thinking) as thinking " +
              `from usage where day >= ? group by 1 having sum(requests) > 0 order by ${order}`,
          )
          .all(sinceDay),
      );
    },
  };
}
