import { defineCommand } from "citty";
import { loadConfig } from "../../config/load.ts";
import type { Account } from "../../core/accounts.ts";
import { ADD_ACCOUNT } from "../failure.ts";
import { renderTable } from "../table.ts";
import { plain, print, printJson, stdoutPaint } from "../terminal.ts";

export default defineCommand({
  meta: { name: "list", description: "List the accounts and the state of each; never shows a token" },
  args: { json: { type: "boolean", description: "one JSON document" } },
  async run({ args }) {
    const { composeStore } = await import("../../compose.ts");
    const store = await composeStore(loadConfig());
    let accounts: Account[];
    try {
      accounts = await store.accounts.list();
    } finally {
      await store.close();
    }
    if (args.json) return printJson({ accounts: accounts.map(publicView) });
    await print(accounts.length === 0 ? `No accounts yet. ${ADD_ACCOUNT}` : accountTable(accounts, Date.now()));
  },
});

/** What may leave the process: every field by name, so that a new secret in `Account` cannot slip out. */
export function publicView(account: Account): Record<string, unknown> {
  const { problem } = account;
  return {
    handle: account.handle,
    kind: account.kind,
    label: account.label,
    email: account.email,
    tier: account.tier,
    projectId: account.projectId,
    state: stateOf(account),
    reason: problem?.message,
    url: problem?.url,
    addedAt: new Date(account.addedAt).toISOString(),
    lastUsedAt: account.lastUsedAt === undefined ? undefined : new Date(account.lastUsedAt).toISOString(),
  };
}

export function accountTable(accounts: readonly Account[], now: number): string {
  const table = renderTable(
    accounts,
    [
      { title: "account", cell: ({ handle }) => handle },
      { title: "kind", cell: ({ kind }) => kind },
      { title: "label", cell: ({ label = "" }) => plain(label) },
      { title: "e-mail", cell: ({ email = "" }) => plain(email) },
      { title: "tier", cell: ({ tier = "" }) => plain(tier) },
      { title: "state", cell: stateOf },
      { title: "last used", cell: ({ lastUsedAt }) => (lastUsedAt === undefined ? "never" : age(now - lastUsedAt)) },
      { title: "reason", cell: ({ problem }) => plain(problem?.message ?? "") },
    ],
    { paintTitle: stdoutPaint.dim },
  );
  const links = accounts.flatMap(({ handle, problem }) =>
    problem?.url === undefined ? [] : [`${handle}: its owner must open ${plain(problem.url)}`],
  );
  return [table, ...(links.length > 0 ? ["", ...links] : [])].join("\n");
}

function stateOf({ enabled, problem }: Account): string {
  if (!enabled) return "disabled";
  return problem?.type ?? "ready";
}

const AGE_UNITS = [
  { ms: 86_400_000, name: "d" },
  { ms: 3_600_000, name: "h" },
  { ms: 60_000, name: "min" },
] as const;

function age(elapsedMs: number): string {
  const unit = AGE_UNITS.find(({ ms }) => elapsedMs >= ms);
  return unit === undefined ? "just now" : `${Math.floor(elapsedMs / unit.ms)} ${unit.name} ago`;
}
