import { defineCommand } from "citty";
import { USAGE_GROUPS, type Store, type UsageGroup } from "../../core/store.ts";
import { parseDuration } from "../../lib/duration.ts";
import { UsageError } from "../failure.ts";
import { noRecordsHint } from "../records/hints.ts";
import { type NamedTotal, totalOf, usageTable } from "../records/usage-text.ts";
import { withRecords } from "../records/with-records.ts";
import { outputWidth, print, printError, printJson, stdoutPaint } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "usage",
    description: `Show how many requests there were, and their tokens

Counted are requests for models, by day (UTC), model, account or key. The numbers are kept for good, also when the
records of single requests are gone. Input includes what was cached, output includes thinking.

Examples:
  ag usage --since 7d
  ag usage --by model --since 2026-01-31
  ag usage --by key --json | jq '.groups[] | {name, output}'`,
  },
  args: {
    by: { type: "enum", options: [...USAGE_GROUPS], default: "day", description: "what is summed up" },
    since: { type: "string", valueHint: "WHEN", description: "the first day: 7d, 24h or 2026-01-31 (default: all)" },
    json: { type: "boolean", description: "one JSON document" },
  },
  async run({ args }) {
    const by = USAGE_GROUPS.find((group) => group === args.by) ?? "day";
    const since = args.since === undefined ? undefined : dayOf(args.since, Date.now());
    const groups = await withRecords(async (store) => {
      const names = await namesFor(by, store);
      return (await store.usage.totals(by, since)).map((total): NamedTotal => ({ ...total, ...names(total.group) }));
    });
    if (args.json) return printJson({ by, since, groups, total: totalOf(groups) });
    if (groups.length === 0) return printError(nothingText(since));
    await print(usageTable(groups, { by, width: outputWidth(), paint: stdoutPaint }));
  },
});

function nothingText(since: string | undefined): string {
  return since === undefined
    ? `No requests for models yet. ${noRecordsHint()}.`
    : `No requests for models since ${since}.`;
}

/** The day (2026-01-31, UTC) that `--since` means. */
export function dayOf(written: string, now: number): string {
  const day = /^\d{4}-\d\d-\d\d$/.test(written) ? written : undefined;
  if (day !== undefined && isDay(day)) return day;
  const agoMs = day === undefined ? parseDuration(written) : undefined;
  if (agoMs === undefined) {
    throw new UsageError(
      "--since must be a length of time such as 7d or 24h, or a day such as 2026-01-31",
      "See ag usage --help",
    );
  }
  return new Date(Math.max(0, now - agoMs)).toISOString().slice(0, "2026-01-31".length);
}

function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}

/** What groups are called: by label or name where they have one, never by e-mail. */
async function namesFor(
  by: UsageGroup,
  { accounts, keys }: Pick<Store, "accounts" | "keys">,
): Promise<(group: string) => Pick<NamedTotal, "name" | "removed">> {
  if (by === "account") {
    const labels = new Map((await accounts.list()).map(({ handle, label }) => [handle, label]));
    return (handle) => namedBy(labels, handle);
  }
  if (by === "key") {
    const stored = await keys.list();
    const names = new Map(stored.map(({ handle, name }) => [handle, name]));
    const revoked = new Set(stored.flatMap(({ handle, revokedAt }) => (revokedAt === undefined ? [] : [handle])));
    return (handle) => {
      if (handle === "env") return { name: "AG_API_KEY" };
      if (handle === "owner") return { name: "commands on this machine" };
      return { ...namedBy(names, handle), ...(revoked.has(handle) && { removed: true as const }) };
    };
  }
  return () => ({});
}

function namedBy(names: ReadonlyMap<string, string | undefined>, handle: string): Pick<NamedTotal, "name" | "removed"> {
  if (handle === "") return {};
  const name = names.get(handle);
  return { ...(name !== undefined && { name }), ...(!names.has(handle) && { removed: true as const }) };
}
